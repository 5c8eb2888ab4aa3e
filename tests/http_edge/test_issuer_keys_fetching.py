"""Where the issuer's keys are fetched from, and what of an answer is not believed."""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import trustme
from structlog.testing import capture_logs

from http_edge.access.issuer_keys import ANSWER_BYTES_MAX, RETRY_S, IssuerKeys
from http_edge.api.problems import KEYS_UNAVAILABLE, Problem
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from tests.http_edge.key_server import (
    DISCOVERY_PATH,
    KEYS_PATH,
    KeyServer,
    Served,
    document,
    serving,
)
from tests.http_edge.signed_tokens import RSA

pytestmark = pytest.mark.anyio

PUBLISHED = document({"keys": [RSA.public]})


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with serving() as started:
        yield started.publish(RSA.public)


def keys_by(*, timeout_s: float = 10, **settings: object) -> IssuerKeys:
    return IssuerKeys(Settings.model_validate(settings), fetch_timeout_s=timeout_s)


async def found(keys: IssuerKeys) -> tuple[bool, str]:
    """Whether the key came rather than a 503, and what the log says of why not."""
    came = False
    with capture_logs() as lines:
        try:
            came = await keys.holding(RSA.name) is not None
        except Problem as problem:
            if problem.kind is not KEYS_UNAVAILABLE:
                raise
    return came, " ".join(line.get("reason", "") for line in lines)


async def test_keys_url_of_the_settings_is_asked_alone(server: KeyServer) -> None:
    keys = keys_by(token_issuer="https://issuer.test", token_jwks_url=server.keys_url)
    assert await found(keys) == (True, "")
    assert server.asked == [KEYS_PATH]


async def test_keys_url_left_out_is_discovered(server: KeyServer) -> None:
    assert await found(keys_by(token_issuer=server.url)) == (True, "")
    assert server.asked == [DISCOVERY_PATH, KEYS_PATH]


async def test_issuer_with_a_path_is_discovered_below_it(server: KeyServer) -> None:
    issuer = f"{server.url}/realms/retail"
    server.documents[f"/realms/retail{DISCOVERY_PATH}"] = document(
        {"issuer": f"{issuer}/", "jwks_uri": server.keys_url}
    )
    assert await found(keys_by(token_issuer=f"{issuer}/")) == (True, "")


REDIRECT = Served(body=b"", status=302, headers={"Location": "/elsewhere"})
NOT_TAKEN = [
    ("nothing there", Served(body=b"", status=404), "the answer has status 404"),
    ("a failure", Served(body=PUBLISHED.body, status=500), "the answer has status 500"),
    ("another success", Served(body=PUBLISHED.body, status=203), "the answer has status 203"),
    ("a redirect", REDIRECT, "the answer has status 302"),
    ("a page", Served(body=b"<html>"), "what is there is no JSON Web Key Set"),
    ("no set", document({"key": RSA.public}), "what is there is no JSON Web Key Set"),
    (
        "too much",
        Served(body=PUBLISHED.body + b" " * ANSWER_BYTES_MAX),
        f"the answer is longer than {ANSWER_BYTES_MAX} bytes",
    ),
]


@pytest.mark.parametrize(
    ("served", "reason"), [pytest.param(*rest, id=name) for name, *rest in NOT_TAKEN]
)
async def test_answer_that_is_no_key_set_lets_nobody_in(
    server: KeyServer, served: Served, reason: str
) -> None:
    server.documents[KEYS_PATH] = served
    server.documents["/elsewhere"] = PUBLISHED
    keys = keys_by(token_issuer=server.url, token_jwks_url=server.keys_url)
    assert await found(keys) == (False, reason)
    assert server.asked == [KEYS_PATH]


def discovery(server: KeyServer, **changed: object) -> Mapping[str, object]:
    usual = {"issuer": server.url, "jwks_uri": server.keys_url}
    return {name: value for name, value in (usual | changed).items() if value is not ...}


ANOTHERS = "the discovery document is another issuer's"
INCOMPLETE = "the discovery document has no issuer and jwks_uri"
UNSAFE = "the discovery document names a jwks_uri that is not https://"
NOT_BELIEVED: list[tuple[str, Mapping[str, object], str]] = [
    ("another issuer", {"issuer": "https://other.test"}, ANOTHERS),
    ("an issuer below", {"issuer": "http://127.0.0.1/realms/x"}, ANOTHERS),
    ("no issuer", {"issuer": ...}, INCOMPLETE),
    ("an issuer of another type", {"issuer": ["http://127.0.0.1"]}, INCOMPLETE),
    ("no place for keys", {"jwks_uri": ...}, INCOMPLETE),
    ("a place of another type", {"jwks_uri": None}, INCOMPLETE),
    ("keys in the clear elsewhere", {"jwks_uri": "http://192.0.2.1/jwks"}, UNSAFE),
    ("keys by another name", {"jwks_uri": "http://localhost.test/jwks"}, UNSAFE),
    ("keys in a file", {"jwks_uri": "file:///etc/jwks.json"}, UNSAFE),
    ("keys behind a password", {"jwks_uri": "https://a:b@issuer.test/jwks"}, UNSAFE),
    ("keys at no address", {"jwks_uri": "jwks"}, UNSAFE),
]


@pytest.mark.parametrize(
    ("changed", "reason"), [pytest.param(*rest, id=name) for name, *rest in NOT_BELIEVED]
)
async def test_discovery_document_that_leads_astray_lets_nobody_in(
    server: KeyServer, changed: Mapping[str, object], reason: str
) -> None:
    server.documents[DISCOVERY_PATH] = document(discovery(server, **changed))
    assert await found(keys_by(token_issuer=server.url)) == (False, reason)
    assert server.asked == [DISCOVERY_PATH]


async def test_keys_in_the_clear_are_not_fetched_by_an_edge_that_others_reach(
    server: KeyServer, authority: trustme.CA, tmp_path: Path
) -> None:
    """Loopback is safe between processes of one machine that nobody else may ask."""
    with serving(tls=server_side(authority)) as secure:
        secure.documents[DISCOVERY_PATH] = document(
            {"issuer": secure.url, "jwks_uri": server.keys_url}
        )
        keys = keys_by(
            token_issuer=secure.url,
            http_host="0.0.0.0",
            advertised_url="https://edge.test",
            tls_ca_location=pem_of(authority, tmp_path),
        )
        assert await found(keys) == (False, UNSAFE)
    assert server.asked == []


async def test_answer_that_does_not_come_in_time_is_given_up(server: KeyServer) -> None:
    server.gate.clear()
    keys = keys_by(token_issuer=server.url, timeout_s=0.1)
    assert await found(keys) == (False, "TimeoutError")


async def test_answer_that_drips_is_given_up_as_a_whole(server: KeyServer) -> None:
    """Each byte would come in time, and the last one never."""
    server.documents[KEYS_PATH] = Served(body=PUBLISHED.body, endless=True)
    keys = keys_by(token_issuer=server.url, timeout_s=0.2)
    assert await found(keys) == (False, "TimeoutError")


async def test_proxy_of_the_environment_is_not_asked(
    server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
        monkeypatch.setenv(name.lower(), "http://192.0.2.1:3128")
    assert await found(keys_by(token_issuer=server.url)) == (True, "")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def server_side(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def pem_of(authority: trustme.CA, directory: Path) -> Path:
    path = directory / "authorities.pem"
    authority.cert_pem.write_to_path(path)
    return path


async def test_issuer_vouched_for_by_the_authority_of_the_settings_is_believed(
    authority: trustme.CA, tmp_path: Path
) -> None:
    with serving(tls=server_side(authority)) as secure:
        secure.publish(RSA.public)
        trusted = pem_of(authority, tmp_path)
        assert await found(keys_by(token_issuer=secure.url, tls_ca_location=trusted)) == (True, "")


async def test_issuer_that_nobody_vouches_for_is_believed_once_its_authority_is_there(
    authority: trustme.CA, tmp_path: Path
) -> None:
    class Clock:
        now_s = 0.0

    with serving(tls=server_side(authority)) as secure:
        secure.publish(RSA.public)
        settings = Settings.model_validate(
            {"token_issuer": secure.url, "tls_ca_location": pem_of(trustme.CA(), tmp_path)}
        )
        keys = IssuerKeys(settings, clock=lambda: Clock.now_s)
        came, reason = await found(keys)
        assert not came
        assert "CERTIFICATE_VERIFY_FAILED" in reason
        assert secure.asked == []
        pem_of(authority, tmp_path)
        Clock.now_s += RETRY_S
        came, _ = await found(keys)
        assert came


async def test_issuer_that_only_the_system_could_vouch_for_is_not_believed(
    authority: trustme.CA,
) -> None:
    with serving(tls=server_side(authority)) as secure:
        secure.publish(RSA.public)
        came, reason = await found(keys_by(token_issuer=secure.url))
        assert not came
        assert "CERTIFICATE_VERIFY_FAILED" in reason


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
async def test_authorities_that_cannot_be_read_are_one_line_at_the_start(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError) as caught:
        keys_by(token_issuer="https://issuer.test", tls_ca_location=path)
    assert str(caught.value).startswith("GIFTCERT_TLS_CA_LOCATION: ")
    assert str(path) in str(caught.value)
