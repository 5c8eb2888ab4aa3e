"""Settings: what is accepted, and the one line an operator reads about what is not."""

import os
from pathlib import Path

import pytest
from quixstreams.kafka import ConnectionConfig

from pipelines.faults import SettingsError
from pipelines.settings import Settings, load_settings, load_settings_of
from pipelines.settings_table import settings_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GIFTCERT_* of whoever runs the tests."""
    for name in [name for name in os.environ if name.upper().startswith("GIFTCERT_")]:
        monkeypatch.delenv(name)


def refusal(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, **over: object) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(over)
    return str(caught.value)


def test_loading_settings_without_any_variable_gives_the_defaults() -> None:
    settings = load_settings()
    assert settings.bootstrap == "127.0.0.1:9092"
    assert settings.partitions == 6
    assert settings.reservation_minutes == 30
    assert settings.accept_unmarked_payments is True
    assert settings.quix_guarantee() == "exactly-once"


def test_loading_settings_reads_variables_and_lets_overrides_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GIFTCERT_PARTITIONS", "12")
    monkeypatch.setenv("GIFTCERT_HTTP_PORT", "9000")
    settings = load_settings({"http_port": 9001, "bootstrap": None})
    assert settings.partitions == 12
    assert settings.http_port == 9001
    assert settings.bootstrap == "127.0.0.1:9092"


def test_loading_settings_leaves_variables_of_the_tests_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GIFTCERT_TEST_BROKER", "apache")
    monkeypatch.setenv("COVERAGE_PROCESS_START", "x")
    assert load_settings().partitions == 6


WRONG = [
    (
        {"GIFTCERT_BOOTSTRAPS": "h:1"},
        "unknown setting GIFTCERT_BOOTSTRAPS: did you mean GIFTCERT_BOOTSTRAP?",
    ),
    (
        {"GIFTCERT_COLOUR": "red"},
        "unknown setting GIFTCERT_COLOUR: unset it (settings are listed in docs/settings.md)",
    ),
    (
        {"GIFTCERT_PROCESSOR_SERVICE_HOST": "10.0.0.1"},
        (
            "unknown setting GIFTCERT_PROCESSOR_SERVICE_HOST: "
            "Kubernetes sets it for a service: set enableServiceLinks: false"
        ),
    ),
    (
        {"GIFTCERT_HTTP_PORT": "tcp://10.0.0.1:80"},
        (
            "GIFTCERT_HTTP_PORT='tcp://10.0.0.1:80' is wrong: it must be a valid integer "
            "(Kubernetes sets it for a service: set enableServiceLinks: false)"
        ),
    ),
    (
        {"GIFTCERT_PARTITIONS": "six"},
        "GIFTCERT_PARTITIONS='six' is wrong: it must be a valid integer",
    ),
    (
        {"GIFTCERT_PARTITIONS": "0"},
        "GIFTCERT_PARTITIONS='0' is wrong: it must be greater than or equal to 1",
    ),
    (
        {"GIFTCERT_CVC_DIGITS": "9"},
        "GIFTCERT_CVC_DIGITS='9' is wrong: it must be less than or equal to 8",
    ),
    (
        {"GIFTCERT_BOOTSTRAP": "broker"},
        (
            "GIFTCERT_BOOTSTRAP='broker' is wrong: it must be HOST:PORT, or several of them with "
            "commas between"
        ),
    ),
    (
        {"GIFTCERT_BOOTSTRAP": "a:92,b:70000"},
        (
            "GIFTCERT_BOOTSTRAP='a:92,b:70000' is wrong: it must be HOST:PORT, or several of them "
            "with commas between"
        ),
    ),
    (
        {"GIFTCERT_SCHEMA_REGISTRY_URL": "registry:8081"},
        (
            "GIFTCERT_SCHEMA_REGISTRY_URL='registry:8081' is wrong: it must be an address like "
            "http://host:8080"
        ),
    ),
    (
        {"GIFTCERT_SCHEMA_REGISTRY_URL": "http://me:hush@registry"},
        (
            "GIFTCERT_SCHEMA_REGISTRY_URL='http://***@registry' is wrong: it must not carry a user "
            "name or password"
        ),
    ),
    (
        {"GIFTCERT_LOG_LEVEL": "loud"},
        "GIFTCERT_LOG_LEVEL='loud' is wrong: it must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
    ),
    (
        {"GIFTCERT_PROCESSING_GUARANTEE": "at-least-once"},
        (
            "GIFTCERT_PROCESSING_GUARANTEE='at-least-once' is wrong: it must be 'exactly-once' or "
            "'UNSAFE-at-least-once-for-tests'"
        ),
    ),
    (
        {"GIFTCERT_ACCEPT_UNMARKED_PAYMENTS": "maybe"},
        "GIFTCERT_ACCEPT_UNMARKED_PAYMENTS='maybe' is wrong: it must be a valid boolean",
    ),
    (
        {"GIFTCERT_TOPIC_PREFIX": "a b"},
        "GIFTCERT_TOPIC_PREFIX='a b' is wrong: it must match pattern '^[A-Za-z0-9._-]*$'",
    ),
    (
        {"GIFTCERT_STATE_DIR": "state"},
        "GIFTCERT_STATE_DIR='state' is wrong: it must be an absolute path",
    ),
    (
        {"GIFTCERT_MIN_INSYNC_REPLICAS": "2"},
        "settings do not fit together: min_insync_replicas must not be above replication_factor",
    ),
    (
        {"GIFTCERT_PROCESSOR_GROUP": "giftcert-correlator"},
        "settings do not fit together: correlator_group and processor_group must differ",
    ),
    (
        {"GIFTCERT_COMMIT_INTERVAL_MS": "20000"},
        "settings do not fit together: commit_interval_ms must be below transaction_timeout_ms",
    ),
    (
        {"GIFTCERT_HTTP_HOST": "0.0.0.0"},
        "settings do not fit together: advertised_url is needed where http_host is 0.0.0.0",
    ),
    (
        {"GIFTCERT_CVC_KEYS": "{}", "GIFTCERT_CVC_KEY_FILE": "/k"},
        (
            "settings do not fit together: cvc_keys and cvc_key_file are two sources of one thing: "
            "unset one"
        ),
    ),
    (
        {"GIFTCERT_SECURITY_PROTOCOL": "SASL_SSL"},
        (
            "settings do not fit together: security_protocol SASL_SSL needs sasl_mechanism, "
            "sasl_username and sasl_password_file"
        ),
    ),
    (
        {"GIFTCERT_SASL_USERNAME": "me"},
        "settings do not fit together: sasl_* need security_protocol SASL_SSL or SASL_PLAINTEXT",
    ),
    (
        {"GIFTCERT_SSL_KEY_LOCATION": "/k"},
        "settings do not fit together: ssl_certificate_location and ssl_key_location go together",
    ),
    (
        {"GIFTCERT_PARTITION": "6", "GIFTCERT_HTTP_PORT": "0", "GIFTCERT_HOLD_MINUTES": "x"},
        (
            "unknown setting GIFTCERT_PARTITION: did you mean GIFTCERT_PARTITIONS?; "
            "GIFTCERT_HTTP_PORT='0' is wrong: it must be greater than or equal to 1; "
            "GIFTCERT_HOLD_MINUTES='x' is wrong: it must be a valid integer"
        ),
    ),
]


@pytest.mark.parametrize(("environment", "line"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_loading_settings_with_a_wrong_variable_says_so_in_one_line(
    environment: dict[str, str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(environment, monkeypatch) == line


def test_loading_settings_with_a_wrong_override_names_it_without_the_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refusal({}, monkeypatch, partitions=0)
    assert said == "partitions='0' is wrong: it must be greater than or equal to 1"
    assert (
        refusal({}, monkeypatch, partition=1)
        == "unknown setting partition: did you mean partitions?"
    )


def test_loading_settings_with_anything_wrong_never_shows_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refusal(
        {"GIFTCERT_CVC_KEYS": "hush", "GIFTCERT_CVC_KEYZ": "hush", "GIFTCERT_HTTP_PORT": "x"},
        monkeypatch,
    )
    assert "hush" not in said
    assert "did you mean GIFTCERT_CVC_KEYS?" in said


def test_loading_settings_of_an_environment_leaves_out_what_is_somebody_elses() -> None:
    """A neighbour's, a caller's and the tests' own variables are in the environment of a stack."""
    settings = load_settings_of(
        {
            "GIFTCERT_PARTITIONS": "3",
            "GIFTCERT_SHOP_TIME_ZONE": "Europe/Moscow",
            "GIFTCERT_CRM_LANGUAGE": "en",
            "GIFTCERT_TOKEN": "x",
            "GIFTCERT_TEST_BROKER": "x",
            "HOME": "/x",
        }
    )
    assert settings.partitions == 3
    with pytest.raises(SettingsError, match="unknown setting partition: did you mean"):
        load_settings_of({"GIFTCERT_PARTITION": "3"})


def test_showing_settings_never_shows_a_secret() -> None:
    settings = load_settings({"cvc_keys": "hush"})
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings.model_dump())


@pytest.mark.parametrize("inside", ["", "state", "state/certificate", "state/new", ".local/data"])
def test_loading_settings_with_state_inside_our_source_refuses_it(
    inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = refusal({"GIFTCERT_STATE_DIR": str(ROOT / inside)}, monkeypatch)
    assert f"it must be outside the program's source in {ROOT}" in said


def test_loading_settings_with_state_above_our_source_refuses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "outside the program's source" in refusal(
        {"GIFTCERT_STATE_DIR": str(ROOT.parent)}, monkeypatch
    )


def test_loading_settings_with_state_in_another_checkout_refuses_it_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "checkout" / "state" / "certificate"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "checkout" / "state")
    said = refusal({"GIFTCERT_STATE_DIR": str(tmp_path / "link")}, monkeypatch)
    assert f"outside the program's source in {tmp_path / 'checkout'}" in said


def test_loading_settings_with_a_file_as_state_directory_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    said = refusal({"GIFTCERT_STATE_DIR": str(tmp_path / "file")}, monkeypatch)
    assert said.endswith("it is a file, not a directory")


def test_asking_for_the_state_directory_gives_it_or_says_what_to_set(tmp_path: Path) -> None:
    assert load_settings({"state_dir": tmp_path}).required_state_dir() == tmp_path.resolve()
    with pytest.raises(SettingsError, match="GIFTCERT_STATE_DIR is not set"):
        load_settings().required_state_dir()


def test_setting_a_prefix_gives_both_groups_names_of_their_own() -> None:
    settings = load_settings({"topic_prefix": "qa."})
    assert settings.correlator_group == "qa.giftcert-correlator"
    assert settings.processor_group == "qa.giftcert-processor"
    assert load_settings({"topic_prefix": "qa.", "processor_group": "p"}).processor_group == "p"


@pytest.mark.parametrize(
    ("over", "address"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"http_host": "::1", "http_port": 81}, "http://[::1]:81"),
        ({"http_host": "0.0.0.0", "advertised_url": "https://pod-0.edge/"}, "https://pod-0.edge"),
    ],
)
def test_asking_for_the_edge_address_gives_where_others_reach_it(
    over: dict[str, object], address: str
) -> None:
    assert load_settings(over).edge_url() == address


def test_choosing_the_unsafe_guarantee_reaches_the_stream_library_as_at_least_once() -> None:
    settings = load_settings({"processing_guarantee": "UNSAFE-at-least-once-for-tests"})
    assert settings.quix_guarantee() == "at-least-once"


def test_kafka_config_of_a_secured_broker_is_understood_by_the_stream_library(
    tmp_path: Path,
) -> None:
    names = ("password", "ca.pem", "cert.pem", "key.pem")
    password, authority, certificate, key = (tmp_path / name for name in names)
    password.write_text("hush\n")
    for file in (authority, certificate, key):
        file.write_text("PEM")
    config = load_settings(
        {
            "bootstrap": "a:1,b:2",
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": "me",
            "sasl_password_file": password,
            "ssl_ca_location": authority,
            "ssl_certificate_location": certificate,
            "ssl_key_location": key,
        }
    ).kafka_config()
    assert config == {
        "bootstrap.servers": "a:1,b:2",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "hush",
        "ssl.ca.location": str(authority),
        "ssl.certificate.location": str(certificate),
        "ssl.key.location": str(key),
    }
    back = ConnectionConfig.from_librdkafka_dict(config).as_librdkafka_dict()
    assert back == {**config, "security.protocol": "sasl_ssl"}


def oauth(tmp_path: Path, **others: object) -> dict[str, object]:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_token_url": "https://issuer.example/token",
        "sasl_client_id": "processor",
        "sasl_client_secret_file": secret,
        **others,
    }


def test_kafka_config_with_tokens_is_understood_by_the_stream_library_and_its_clients(
    tmp_path: Path,
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM")
    settings = load_settings(oauth(tmp_path, sasl_scope="kafka", sasl_ca_location=authority))
    connection = {
        "bootstrap.servers": "127.0.0.1:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": "https://issuer.example/token",
        "sasl.oauthbearer.client.id": "processor",
        "sasl.oauthbearer.client.secret": "hush",
        "sasl.oauthbearer.scope": "kafka",
    }
    beside = {"https.ca.location": str(authority)}
    assert settings.kafka_config() == connection | beside
    assert settings.stream_library_config() == connection
    assert settings.beside_stream_library() == beside
    back = ConnectionConfig.from_librdkafka_dict(connection).as_librdkafka_dict()
    assert back == {**connection, "security.protocol": "sasl_ssl"}
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"sasl_client_id": None}, "needs sasl_token_url, sasl_client_id"),
        ({"sasl_username": "me"}, "has no user name and no password"),
        ({"sasl_token_url": "http://issuer.example/token"}, "sasl_token_url must be https://"),
        ({"sasl_mechanism": "SCRAM-SHA-512"}, "needs sasl_mechanism, sasl_username"),
        ({"security_protocol": "SSL"}, r"sasl_\* need security_protocol"),
    ],
)
def test_login_by_token_that_does_not_fit_together_is_refused(
    over: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(oauth(tmp_path, **over))


def test_login_by_password_with_settings_of_tokens_is_refused(tmp_path: Path) -> None:
    told = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_username": "me",
        "sasl_password_file": tmp_path / "password",
        "sasl_scope": "kafka",
    }
    with pytest.raises(SettingsError, match="need sasl_mechanism OAUTHBEARER"):
        load_settings(told)


def test_kafka_config_of_a_plain_broker_is_two_entries() -> None:
    assert load_settings().kafka_config() == {
        "bootstrap.servers": "127.0.0.1:9092",
        "security.protocol": "PLAINTEXT",
    }


def test_kafka_config_with_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    settings = load_settings({"security_protocol": "SSL", "ssl_ca_location": tmp_path / "no"})
    with pytest.raises(SettingsError, match="GIFTCERT_SSL_CA_LOCATION: there is no file"):
        settings.kafka_config()


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot read"), (b"\n", "is empty"), (b"\xff\xfe", "is not UTF-8 text")],
)
def test_kafka_config_with_an_unusable_password_file_says_what_is_wrong(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    settings = load_settings(
        {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_username": "me",
            "sasl_password_file": file,
        }
    )
    with pytest.raises(SettingsError, match=f"^GIFTCERT_SASL_PASSWORD_FILE: .*{said}"):
        settings.kafka_config()


def test_settings_table_has_one_explained_row_a_setting_and_hides_this_machine() -> None:
    rows = settings_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [
        f"GIFTCERT_{name.upper()}" for name in Settings.model_fields
    ]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 4, row
        assert all(cells), row
    table = "\n".join(rows)
    assert "| `6` | 1 to 10000 |" in table
    assert "| `true` | `true`, `false` |" in table
    assert "| `exactly-once` | `exactly-once`, `UNSAFE-at-least-once-for-tests` |" in table
    assert "| `GIFTCERT_WORKER_ID` | the host's name |" in table
