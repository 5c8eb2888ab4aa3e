"""The CRM's settings: what is accepted, and the one line an operator reads about what is not."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipelines.faults import SettingsError
from pipelines.neighbours.crm.settings import ENV_PREFIX, CrmSettings, load_crm_settings
from pipelines.settings import Settings, load_settings
from pipelines.settings_table import settings_table


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GIFTCERT_* of whoever runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith("GIFTCERT_")]:
        monkeypatch.delenv(name)


def test_settings_without_any_variable_have_the_promise_and_no_gateway() -> None:
    settings = load_crm_settings()
    assert (settings.promise_s, settings.sms_url, settings.smtp_host) == (300, None, None)
    # Whoever says nothing of his gateway has one that may show a message twice.
    assert not settings.sms_deduplicates
    assert not settings.smtp_deduplicates
    assert settings.when_unsure == "give-up"


def test_group_is_of_the_installation_unless_it_is_named() -> None:
    settings = Settings(topic_prefix="shop-")
    assert CrmSettings().group_of(settings) == "shop-giftcert-crm"
    assert CrmSettings(group="another").group_of(settings) == "another"


def test_service_itself_leaves_the_crms_settings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIFTCERT_CRM_SMS_URL", "https://sms.example/messages")
    assert load_settings().partitions == 6
    assert load_crm_settings().sms_url == SecretStr("https://sms.example/messages")


WRONG = [
    ({"SMS_ULR": "x"}, "unknown setting GIFTCERT_CRM_SMS_ULR: did you mean GIFTCERT_CRM_SMS_URL?"),
    ({"PROMISE_S": "soon"}, "GIFTCERT_CRM_PROMISE_S='soon' is wrong"),
    ({"LANGUAGE": "de"}, "GIFTCERT_CRM_LANGUAGE='de' is wrong"),
    ({"SMS_URL": "sms.example"}, "it must be an address like https://host/path"),
    ({"SMS_URL": "https://user:word@sms.example/"}, "it must be an address like"),
    ({"SMS_URL": "https://{{ to }}/"}, "it must be an address like"),
    ({"SMS_URL": "https://sms.example/{{ adress }}"}, "'adress' is undefined"),
    ({"SMS_BODY": "{% for %}"}, "it is no template that can be filled in"),
    ({"SMS_BODY": "{{ id.__class__.__base__ }}"}, "it is no template that can be filled in"),
    ({"SMS_HEADERS": "Authorization: x"}, "it must be a JSON object of headers"),
    ({"SMS_HEADERS": '{"A": 1}'}, "it must be a JSON object of headers"),
    ({"SMS_HEADERS": '{"A b": "x"}'}, "a header's name has letters, digits and - only"),
    ({"SMS_HEADERS": '{"A": "{{ tok }}"}'}, "'tok' is undefined"),
    ({"SMS_SUCCESS_STATUSES": "2xx"}, "GIFTCERT_CRM_SMS_SUCCESS_STATUSES='2xx' is wrong"),
    ({"SMS_URL": "http://sms.example/"}, "sms_url must be https://"),
    ({"ADDRESS_URL": "https://crm.example/"}, "it must have {token}"),
    ({"ADDRESS_URL": "http://crm.example/{token}"}, "address_url must be https://"),
    (
        {"TOKEN_URL": "http://issuer.example/token", "CLIENT_SECRET_FILE": "/none"},
        "token_url must be https://",
    ),
    (
        {"TOKEN_URL": "https://issuer.example/token"},
        "token_url and client_secret_file go together",
    ),
    (
        {"ADDRESS_URL": "https://crm.example/{token}", "ADDRESS_FILE": "/none"},
        "two sources of one thing",
    ),
    ({"SMTP_HOST": "mail.example"}, "smtp_host needs smtp_from"),
    (
        {"SMTP_HOST": "mail.example", "SMTP_FROM": "a@b.example", "SMTP_USER": "u"},
        "smtp_user and smtp_password_file go together",
    ),
    (
        {"SMTP_HOST": "mail.example", "SMTP_FROM": "a@b.example", "SMTP_TLS": "none"},
        "smtp_tls must be starttls or tls",
    ),
    ({"CA_LOCATION": "/there/is/none.pem"}, "there is no such file"),
]


@pytest.mark.parametrize(("environment", "said"), WRONG)
def test_loading_settings_with_a_wrong_variable_says_so_in_one_line(
    environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"{ENV_PREFIX}{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_crm_settings()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["SMS_URL", "SMS_HEADERS", "SMS_BODY"])
def test_key_that_stands_in_a_wrong_setting_is_not_told(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway's key may come in the environment, inside these."""
    monkeypatch.setenv(f"{ENV_PREFIX}{name}", "{% for key-5f2c")
    with pytest.raises(SettingsError) as caught:
        load_crm_settings()
    assert "5f2c" not in str(caught.value)
    monkeypatch.delenv(f"{ENV_PREFIX}{name}")
    settings = CrmSettings(sms_headers=SecretStr('{"X-Key": "key-5f2c"}'))
    assert "key-5f2c" not in repr(settings)


def test_plain_ways_are_for_this_machine_alone() -> None:
    settings = CrmSettings(
        sms_url=SecretStr("http://127.0.0.1:8090/gateway/messages"),
        address_url="http://localhost:8090/gateway/addresses/{token}",
        token_url="http://127.0.0.1:9000/token",
        client_secret_file=Path("/none"),
        smtp_host="::1",
        smtp_tls="none",
        smtp_from="gifts@shop.example",
    )
    assert settings.smtp_host == "::1"


def test_secret_is_what_its_file_holds_now(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    settings = CrmSettings(sms_secret_file=path)
    with pytest.raises(SettingsError, match=r"^GIFTCERT_CRM_SMS_SECRET_FILE: cannot read"):
        settings.secret("sms_secret_file")
    path.write_text("one\n", encoding="utf-8")
    assert settings.secret("sms_secret_file") == "one"
    path.write_text("two\n", encoding="utf-8")
    assert settings.secret("sms_secret_file") == "two"
    assert settings.secret("smtp_password_file") is None


def test_table_of_the_settings_has_one_explained_row_each() -> None:
    table = settings_table(CrmSettings.model_fields, ENV_PREFIX)
    rows = table.splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [
        f"{ENV_PREFIX}{name.upper()}" for name in CrmSettings.model_fields
    ]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4, row
        assert all(cells), row
    assert "| above 0, to 60 |" in table
