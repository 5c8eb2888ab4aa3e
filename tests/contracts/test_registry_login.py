"""Logging in to a real registry behind a door that asks for it, over TLS."""

import base64
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from pipelines import cli
from pipelines.contracts.registry import Registry, RegistryRefused, RegistryUnreachable
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from tests.neighbours.crm.local_http import Answer, Got, LocalHttp

PASSWORD = "the-password"
TOKEN = "the-token"


class Door:
    """An HTTPS door before a registry: hands on what comes with a login it knows."""

    def __init__(self, registry_url: str, folder: Path) -> None:
        self.basic = "Basic " + base64.b64encode(f"giftcert:{PASSWORD}".encode()).decode()
        self.bearer = f"Bearer {TOKEN}"
        self._to = httpx.Client(base_url=registry_url, trust_env=False)
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self.http = LocalHttp(self._answer)
        self.http.protect(context)

    @property
    def url(self) -> str:
        return self.http.url.replace("http://", "https://")

    def _answer(self, got: Got) -> Answer:
        if got.headers.get("authorization") not in (self.basic, self.bearer):
            body = b'{"error_code": 401, "message": "Unauthorized"}'
            return Answer(status=401, body=body)
        told = self._to.request(
            got.method,
            got.path,
            content=got.body,
            headers={"content-type": got.headers.get("content-type", "application/json")},
        )
        return Answer(status=told.status_code, body=told.content)

    def close(self) -> None:
        self._to.close()


@pytest.fixture
def door(registry_url: str, tmp_path: Path) -> Iterator[Door]:
    made = Door(registry_url, tmp_path)
    with made.http.serving():
        yield made
    made.close()


Told = Callable[..., Settings]


@pytest.fixture
def told(door: Door, tmp_path: Path) -> Told:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "token").write_text(f"{TOKEN}\n")

    def settings(**changes: object) -> Settings:
        given: dict[str, object] = {
            "schema_registry_url": door.url,
            "schema_registry_ca_location": door.ca,
            **changes,
        }
        return Settings(**given)  # type: ignore[arg-type]  # the fields' own types judge them

    return settings


def by_password(folder: Path) -> dict[str, object]:
    file = folder / "password"
    return {"schema_registry_username": "giftcert", "schema_registry_password_file": file}


def held(settings: Settings) -> object:
    with Registry.of(settings) as registry:
        return registry.held("no-such-subject-value")


def test_password_and_token_open_the_door(told: Told, tmp_path: Path) -> None:
    assert held(told(**by_password(tmp_path))) == ()
    assert held(told(schema_registry_token_file=tmp_path / "token")) == ()


def test_secret_that_is_changed_is_taken_up_by_the_next_question(
    told: Told, tmp_path: Path, door: Door
) -> None:
    for settings, file in (
        (told(**by_password(tmp_path)), tmp_path / "password"),
        (told(schema_registry_token_file=tmp_path / "token"), tmp_path / "token"),
    ):
        right = file.read_text()
        with Registry.of(settings) as registry:
            assert registry.held("no-such-subject-value") == ()
            file.write_text("wrong")
            with pytest.raises(RegistryRefused, match="does not let us in, HTTP 401"):
                registry.held("no-such-subject-value")
            file.write_text(right)
            assert registry.held("no-such-subject-value") == ()


def test_without_a_login_the_refusal_says_what_to_set(told: Told) -> None:
    with pytest.raises(RegistryRefused, match="GIFTCERT_SCHEMA_REGISTRY_USERNAME"):
        held(told())


def test_registry_of_another_authority_is_not_told_the_secret(
    told: Told, tmp_path: Path, door: Door
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    settings = told(**by_password(tmp_path), schema_registry_ca_location=other)
    with pytest.raises(RegistryUnreachable, match="certificate"):
        held(settings)
    assert door.http.got == []


@pytest.mark.parametrize("content", [None, "no PEM at all"])
def test_file_of_authorities_that_is_none_is_told_by_its_setting(
    told: Told, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "authorities"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match="GIFTCERT_SCHEMA_REGISTRY_CA_LOCATION"):
        held(told(schema_registry_ca_location=file))


def test_secret_that_cannot_be_read_is_told_at_once(told: Told, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(SettingsError, match="GIFTCERT_SCHEMA_REGISTRY_TOKEN_FILE"):
        held(told(schema_registry_token_file=missing))
    with pytest.raises(SettingsError, match="GIFTCERT_SCHEMA_REGISTRY_PASSWORD_FILE"):
        held(told(schema_registry_username="giftcert", schema_registry_password_file=missing))


REMOTE = "http://registry:8081"
WRONG: list[tuple[dict[str, str], str]] = [
    ({"USERNAME": "me"}, "go together"),
    ({"PASSWORD_FILE": "/secret"}, "go together"),
    ({"USERNAME": "me", "PASSWORD_FILE": "/secret", "TOKEN_FILE": "/token"}, "two logins"),
    ({"TOKEN_FILE": "/token"}, "needs schema_registry_url"),
    ({"TOKEN_FILE": "/token", "URL": REMOTE}, "must be https://"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_half_a_login_or_one_in_the_clear_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: dict[str, str],
    said: str,
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"GIFTCERT_SCHEMA_REGISTRY_{name}", value)
    assert cli.run(["schemas", "check"]) == 2
    assert said in capsys.readouterr().err
