"""Tokens of an authorization server as retailers run them: taken, refused, and its keys changed.

Everything here goes over HTTP between the two: discovery, key set and tokens are what oidc-provider
makes of them. Where Node.js or npm is missing the tests are skipped, with that reason.
"""

import base64
import json
from collections.abc import Iterator

import pytest
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from http_edge.access.callers import Caller, Scope
from http_edge.access.issuer_keys import REFRESH_S, RETRY_S
from http_edge.access.tokens import TokenVerifier
from http_edge.api.problems import Problem
from pipelines.settings import Settings
from state.certificate.commands import Channel
from tests.oauth.authorization_server import (
    AuthorizationServer,
    AuthorizationServerUnavailable,
    Resource,
    authorization_server,
)

pytestmark = pytest.mark.anyio

CLIENTS = {"till": Channel.POS, "support": None}
EDGE = "https://certificates.test/"
ORDERS = "https://orders.test/"
RESOURCES = {
    EDGE: Resource(audience="gift-certificates", algorithm="RS256"),
    ORDERS: Resource(audience="orders", algorithm="RS256"),
    **{
        f"{EDGE}{algorithm}": Resource(audience="gift-certificates", algorithm=algorithm)
        for algorithm in ("PS256", "ES256", "EdDSA", "RS512")
    },
}


def rsa_key(name: str) -> Key:
    return RSAKey.generate_key(parameters={"kid": name, "use": "sig"})


FIRST, SECOND = rsa_key("first"), rsa_key("second")
CURVE = ECKey.generate_key("P-256", parameters={"kid": "curve", "use": "sig"})
EDWARDS = OKPKey.generate_key("Ed25519", parameters={"kid": "edwards", "use": "sig"})


class Clock:
    """Seconds that pass when the test says so: how old our knowledge of the keys is."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    """One server a module; each test starts it with the keys that it is about."""
    server = authorization_server(
        tmp_path_factory.mktemp("issuer"),
        clients=[*CLIENTS, "stranger"],
        scopes=[*Scope, "orders:read"],
        resources=RESOURCES,
    )
    try:
        started = server.__enter__()
    except AuthorizationServerUnavailable as reason:
        pytest.skip(f"no real authorization server: {reason}")
    try:
        yield started
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def issuer(installed: AuthorizationServer) -> AuthorizationServer:
    installed.start(*(private(key) for key in (FIRST, CURVE, EDWARDS)))
    return installed


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(issuer: AuthorizationServer, clock: Clock) -> TokenVerifier:
    """It knows the issuer's address and finds the keys by itself."""
    settings = Settings.model_validate({"token_issuer": issuer.url})
    return TokenVerifier(settings, CLIENTS, monotonic_clock=clock)


def private(key: Key) -> dict[str, object]:
    return dict(key.as_dict(private=True))


def key_name(token: str) -> str:
    header = token.partition(".")[0]
    name = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    assert isinstance(name, str)
    return name


async def refused(tokens: TokenVerifier, token: str) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        await tokens.caller_of(f"Bearer {token}")
    return caught.value.kind.status, caught.value.detail


async def test_token_of_a_client_becomes_its_caller(
    issuer: AuthorizationServer, tokens: TokenVerifier
) -> None:
    token = issuer.token("till", "certificates:redeem balance:read orders:read", EDGE)
    assert await tokens.caller_of(f"Bearer {token}") == Caller(
        client_id="till",
        channel=Channel.POS,
        scopes=frozenset({Scope.REDEEM, Scope.BALANCE}),
    )


@pytest.mark.parametrize("algorithm", ["PS256", "ES256", "EdDSA"])
async def test_token_is_taken_by_every_algorithm_of_the_settings(
    issuer: AuthorizationServer, tokens: TokenVerifier, algorithm: str
) -> None:
    token = issuer.token("support", "certificates:support", f"{EDGE}{algorithm}")
    caller = await tokens.caller_of(f"Bearer {token}")
    assert (caller.client_id, caller.channel, caller.is_support) == ("support", None, True)


async def test_token_that_is_not_for_this_service_is_refused(
    issuer: AuthorizationServer, tokens: TokenVerifier
) -> None:
    scope = "balance:read"
    opaque = issuer.token("till", scope, None)
    assert await refused(tokens, opaque) == (401, "the token is not a signed JWT")
    others = issuer.token("till", scope, ORDERS)
    assert await refused(tokens, others) == (401, "the token is for another audience")
    unpinned = issuer.token("till", scope, f"{EDGE}RS512")
    assert await refused(tokens, unpinned) == (
        401,
        "the token is signed with an algorithm that is not accepted here",
    )
    assert await refused(tokens, issuer.token("stranger", scope, EDGE)) == (403, "")


async def test_new_key_is_taken_and_the_old_one_goes_out_without_a_restart(
    issuer: AuthorizationServer, tokens: TokenVerifier, clock: Clock
) -> None:
    old = issuer.token("till", "balance:read", EDGE)
    till = await tokens.caller_of(f"Bearer {old}")

    issuer.start(private(SECOND), private(FIRST))
    new = issuer.token("till", "balance:read", EDGE)
    assert (key_name(old), key_name(new)) == ("first", "second")
    clock.now_s += RETRY_S
    assert await tokens.caller_of(f"Bearer {new}") == till
    assert await tokens.caller_of(f"Bearer {old}") == till

    issuer.start(private(SECOND))
    assert await tokens.caller_of(f"Bearer {old}") == till, "what is withdrawn is not known yet"
    clock.now_s += 2 * REFRESH_S
    assert await refused(tokens, old) == (
        401,
        "the token is signed with a key that its issuer does not publish",
    )
    assert await tokens.caller_of(f"Bearer {new}") == till


async def test_issuer_that_is_gone_for_long_lets_nobody_in_until_it_is_back(
    issuer: AuthorizationServer, tokens: TokenVerifier, clock: Clock
) -> None:
    token = issuer.token("till", "balance:read", EDGE)
    await tokens.warm()
    issuer.stop()
    clock.now_s += REFRESH_S
    assert (await tokens.caller_of(f"Bearer {token}")).client_id == "till"
    clock.now_s += 12 * REFRESH_S
    assert (await refused(tokens, token))[0] == 503
    issuer.start(private(FIRST))
    clock.now_s += RETRY_S
    assert (await tokens.caller_of(f"Bearer {token}")).client_id == "till"
    await tokens.close()
