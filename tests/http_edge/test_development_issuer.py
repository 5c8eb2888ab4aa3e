"""The development issuer over HTTP: who gets a token, what a page may ask, where it listens."""

import asyncio
import base64
import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from http_edge.development_issuer import MAX_BODY_BYTES, PURPOSE, IssuerServer, create_issuer
from pipelines.faults import SettingsError
from pipelines.local.development_clients import SCOPES
from pipelines.local.development_tokens import DevelopmentTokens, prepared_tokens

URL = "http://127.0.0.1:9000"
GRANT = {"grant_type": "client_credentials"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tokens(tmp_path: Path) -> DevelopmentTokens:
    return prepared_tokens(tmp_path, url=URL, audience="ours")


@pytest.fixture
def secret(tokens: DevelopmentTokens) -> str:
    """The till's."""
    kept: dict[str, str] = json.loads(tokens.secrets_file.read_text())
    return kept["till"]


async def ask(
    tokens: DevelopmentTokens, method: str, path: str, **request: object
) -> httpx.Response:
    transport = httpx.ASGITransport(create_issuer(tokens))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        return await client.request(method, path, **request)  # type: ignore[arg-type]  # passed on


def get(tokens: DevelopmentTokens, path: str, **request: object) -> httpx.Response:
    return asyncio.run(ask(tokens, "GET", path, **request))


def post(tokens: DevelopmentTokens, **request: object) -> httpx.Response:
    return asyncio.run(ask(tokens, "POST", "/token", **request))


def test_discovery_says_where_keys_and_tokens_are_and_what_it_is_for(
    tokens: DevelopmentTokens,
) -> None:
    found = get(tokens, "/.well-known/openid-configuration").json()
    assert found["issuer"] == URL
    assert found["jwks_uri"] == f"{URL}/jwks"
    assert found["token_endpoint"] == f"{URL}/token"
    assert found["grant_types_supported"] == ["client_credentials"]
    assert found["scopes_supported"] == list(SCOPES)
    assert found["development_only"] == PURPOSE
    assert "Never for production" in PURPOSE


def test_keys_are_the_public_ones(tokens: DevelopmentTokens) -> None:
    answer = get(tokens, "/jwks")
    assert answer.json() == tokens.public_keys()
    assert "d" not in answer.json()["keys"][0]


@pytest.mark.parametrize("way", ["basic", "post"])
def test_client_with_its_secret_gets_a_token(
    tokens: DevelopmentTokens, secret: str, way: str
) -> None:
    """In the header, as Swagger UI does it, or in the body."""
    if way == "basic":
        answer = post(tokens, data=GRANT, auth=("till", secret))
    else:
        answer = post(tokens, data={**GRANT, "client_id": "till", "client_secret": secret})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    claims = jwt.decode(
        body["access_token"],
        KeySet.import_key_set(tokens.public_keys()),  # type: ignore[arg-type]  # plain JSON
        ["ES256"],
    ).claims
    assert (claims["client_id"], claims["iss"], claims["aud"]) == ("till", URL, "ours")
    assert claims["exp"] - claims["iat"] == body["expires_in"] == 3_600
    assert body["token_type"] == "Bearer"
    assert body["scope"] == claims["scope"]
    assert "certificates:redeem" in body["scope"].split()


@pytest.mark.parametrize("scope", ["", "balance:read cvc:read"])
def test_token_has_the_scopes_asked_for_and_an_empty_wish_gives_the_usual_ones(
    tokens: DevelopmentTokens, secret: str, scope: str
) -> None:
    """Swagger UI sends an empty one when nothing is ticked."""
    answer = post(tokens, data={**GRANT, "scope": scope}, auth=("till", secret))
    assert answer.json()["scope"] == (scope or " ".join(tokens.issue("till").scopes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A request for a token that gets none; SECRET stands for the till's."""

    name: str
    status: int
    error: str
    body: str = "grant_type=client_credentials&client_id=till&client_secret=SECRET"
    headers: Mapping[str, str] = field(default_factory=dict)


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


WRONG = [
    Wrong(
        name="wrong secret",
        status=401,
        error="invalid_client",
        body="grant_type=client_credentials&client_id=till&client_secret=wrong",
    ),
    Wrong(
        name="secret of another client",
        status=401,
        error="invalid_client",
        body="grant_type=client_credentials&client_id=store&client_secret=SECRET",
    ),
    Wrong(
        name="unknown client",
        status=401,
        error="invalid_client",
        body="grant_type=client_credentials&client_id=tll&client_secret=SECRET",
    ),
    Wrong(
        name="no client",
        status=401,
        error="invalid_client",
        body="grant_type=client_credentials",
    ),
    Wrong(
        name="wrong secret in the header",
        status=401,
        error="invalid_client",
        body="grant_type=client_credentials",
        headers=basic("till:wrong"),
    ),
    Wrong(
        name="header that is not Basic",
        status=401,
        error="invalid_client",
        body="grant_type=client_credentials",
        headers={"authorization": "Bearer x"},
    ),
    Wrong(
        name="header that is not base64",
        status=401,
        error="invalid_client",
        body="grant_type=client_credentials",
        headers={"authorization": "Basic %%%"},
    ),
    Wrong(
        name="secret in both places",
        status=400,
        error="invalid_request",
        headers=basic("till:SECRET"),
    ),
    Wrong(
        name="unknown scope",
        status=400,
        error="invalid_scope",
        body="grant_type=client_credentials&client_id=till&client_secret=SECRET&scope=all",
    ),
    Wrong(
        name="another grant",
        status=400,
        error="unsupported_grant_type",
        body="grant_type=password&client_id=till&client_secret=SECRET",
    ),
    Wrong(
        name="no grant",
        status=400,
        error="unsupported_grant_type",
        body="client_id=till&client_secret=SECRET",
    ),
    Wrong(
        name="field twice",
        status=400,
        error="invalid_request",
        body="grant_type=client_credentials&client_id=till&client_id=store&client_secret=SECRET",
    ),
    Wrong(
        name="another media type",
        status=400,
        error="invalid_request",
        headers={"content-type": "application/json"},
    ),
    Wrong(name="no text", status=400, error="invalid_request", body="grant_type=%ff"),
    Wrong(name="many fields", status=400, error="invalid_request", body="a=1&" * 50),
    Wrong(name="too large", status=413, error="invalid_request", body="a" * (MAX_BODY_BYTES + 1)),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_wrong_request_for_a_token_gets_none_and_is_told_why(
    tokens: DevelopmentTokens, secret: str, wrong: Wrong
) -> None:
    """RFC 6749, section 5.2; the secret is not in the answer."""
    headers = {name: text.replace("SECRET", secret) for name, text in wrong.headers.items()}
    body = wrong.body.replace("SECRET", secret)
    answer = post(tokens, content=body, headers={**FORM, **headers})
    assert (answer.status_code, answer.json()["error"]) == (wrong.status, wrong.error)
    assert answer.json()["error_description"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("www-authenticate", "").startswith("Basic") == (wrong.status == 401)
    assert secret not in answer.text


def test_unknown_scope_is_told_all_there_are(tokens: DevelopmentTokens, secret: str) -> None:
    answer = post(tokens, data={**GRANT, "scope": "all"}, auth=("till", secret))
    assert all(scope in answer.json()["error_description"] for scope in SCOPES)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("https://[::1]:8443", True),
        ("https://elsewhere.test", False),
        ("http://127.0.0.1.elsewhere.test", False),
        ("http://localhost.elsewhere.test:8080", False),
    ],
)
def test_page_of_this_machine_may_ask_for_a_token_and_no_other_may(
    tokens: DevelopmentTokens, origin: str, allowed: bool
) -> None:
    """The edge's Swagger UI comes from another port, so the browser asks first."""
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,x-requested-with",
    }
    answer = asyncio.run(ask(tokens, "OPTIONS", "/token", headers=asked))
    assert (answer.status_code == 200) == allowed
    assert (answer.headers.get("access-control-allow-origin") == origin) == allowed


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "[2001:db8::1]"])
def test_issuer_does_not_listen_beyond_this_machine(tmp_path: Path, host: str) -> None:
    tokens = prepared_tokens(tmp_path, url=f"http://{host}:9000", audience="ours")
    with pytest.raises(SettingsError, match="not a loopback address"):
        IssuerServer(tokens)


def test_issuer_on_a_port_that_is_taken_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tokens = prepared_tokens(tmp_path, url=f"http://127.0.0.1:{port}", audience="ours")
        with pytest.raises(SettingsError, match=f"cannot listen on port {port}: "):
            IssuerServer(tokens)


@pytest.mark.parametrize("command", ["processor", "correlator"])
def test_worker_has_no_code_of_the_issuer_in_it(command: str) -> None:
    """What is not loaded reads no private key and signs no token."""
    code = (
        f"import sys, pipelines.commands.{command}\n"
        "own = [name for name in sys.modules if name.startswith('pipelines.local')"
        " and name != 'pipelines.local_stores']\n"
        "print(sorted(own), 'http_edge.development_issuer' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] False\n"
