"""A wrong setting is told in a line before anything listens."""

import json
from pathlib import Path

import pytest

from pipelines.faults import SettingsError
from pipelines.neighbours.shop.settings import ShopSettings, load_shop_settings


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("GIFTCERT_SHOP_PORT", "0", "GIFTCERT_SHOP_PORT='0' is wrong"),
        ("GIFTCERT_SHOP_CURRENCY", "RUR", "ISO 4217"),
        ("GIFTCERT_SHOP_CURRENCY", "XAU", "ISO 4217"),
        ("GIFTCERT_SHOP_NOMINALS", "free", "GIFTCERT_SHOP_NOMINALS"),
        ("GIFTCERT_SHOP_TIME_ZONE", "Moscow", "a time zone that this machine knows"),
        ("GIFTCERT_SHOP_TIME_ZONE", "../etc/passwd", "a time zone that this machine knows"),
        ("GIFTCERT_SHOP_LANGUAGE", "de", "GIFTCERT_SHOP_LANGUAGE"),
        ("GIFTCERT_SHOP_EDGE_URL", "edge:8080", "an address like"),
        ("GIFTCERT_SHOP_COLOUR", "red", "unknown setting GIFTCERT_SHOP_COLOUR"),
        ("GIFTCERT_SHOP_NOMINAL", "1", "did you mean GIFTCERT_SHOP_NOMINALS?"),
    ],
)
def test_wrong_setting_is_named_with_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_shop_settings()
    assert told in str(caught.value)


def test_settings_need_nothing_but_what_lets_the_shop_in(tmp_path: Path) -> None:
    settings = load_shop_settings()
    assert settings.url() == "http://127.0.0.1:8090"
    assert settings.nominals_minor() == [100_000, 300_000, 500_000]
    with pytest.raises(SettingsError, match="GIFTCERT_SHOP_TOKEN_URL is not set"):
        settings.required_token_url()
    with pytest.raises(SettingsError, match="GIFTCERT_SHOP_CLIENT_SECRETS_FILE is not set"):
        settings.client_secret("store")


@pytest.mark.parametrize(
    ("host", "public_url"),
    [
        ("0.0.0.0", None),
        ("127.0.0.1", "https://shop.example"),
        ("0.0.0.0", "http://127.0.0.1:8090"),
        ("::", None),
    ],
)
def test_phone_page_is_refused_wherever_others_could_open_it(
    tmp_path: Path, host: str, public_url: str | None
) -> None:
    """Everybody who sees it sees everybody's codes."""
    with pytest.raises(ValueError, match="loopback"):
        ShopSettings(host=host, public_url=public_url, gateway_secret_file=tmp_path / "secret")


def test_shop_without_a_phone_page_may_be_anywhere() -> None:
    settings = ShopSettings(host="0.0.0.0", public_url="https://shop.example")
    assert settings.host_names() == ["shop.example"]
    assert ShopSettings(host="::1").url() == "http://[::1]:8090"


@pytest.mark.parametrize(
    ("host", "public_url", "told", "shown"),
    [
        ("127.0.0.1", None, None, True),
        ("::1", None, None, True),
        ("127.0.0.1", None, False, False),
        ("0.0.0.0", None, None, False),
        ("127.0.0.1", "https://shop.example", None, False),
        ("127.0.0.1", "https://shop.example", True, True),
    ],
)
def test_till_is_for_others_only_where_somebody_said_so(
    host: str, public_url: str | None, told: bool | None, shown: bool
) -> None:
    """It asks nobody who they are, and gives money back."""
    settings = ShopSettings(host=host, public_url=public_url, staff_pages=told)
    assert settings.shows_staff_pages() is shown


def test_secrets_are_read_anew_and_never_quoted(tmp_path: Path) -> None:
    kept = tmp_path / "secrets.json"
    settings = ShopSettings(client_secrets_file=kept)
    kept.write_text(json.dumps({"store": "first", "till": 7}))
    assert settings.client_secret("store") == "first"
    kept.write_text(json.dumps({"store": "second"}))
    assert settings.client_secret("store") == "second"
    for content in ('{"store": "hidden', "[1]", '{"till": "hidden"}', '{"store": ""}'):
        kept.write_text(content)
        with pytest.raises(SettingsError) as caught:
            settings.client_secret("store")
        assert "hidden" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_currency_without_cents_has_nominals_without_cents() -> None:
    assert ShopSettings(currency="JPY").nominals_minor() == [1_000, 3_000, 5_000]
