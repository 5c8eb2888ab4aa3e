"""A token becomes a caller when all of it is right, and every wrong one is refused by its fault."""

import asyncio
import traceback
from collections.abc import Iterator, Mapping

import pytest

from http_edge.access.callers import Caller, Scope
from http_edge.access.tokens import AUTHORIZATION_LENGTH_MAX, TokenVerifier
from http_edge.api.problems import Problem
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from state.certificate.commands import Channel
from tests.http_edge.key_server import KeyServer, serving
from tests.http_edge.signed_tokens import (
    AUDIENCE,
    EC,
    EDWARDS,
    ISSUER,
    NOW_S,
    RSA,
    RSA_PSS,
    bearer,
    claims,
    shared_secret,
    token,
    unpadded,
)
from tests.http_edge.wrong_tokens import (
    BAD_ALGORITHM,
    EXPIRED,
    LEEWAY_S,
    NO_FIT,
    NO_SUCH_KEY,
    OTHER_AUDIENCE,
    WRONG_TOKENS,
)

pytestmark = pytest.mark.anyio

CLIENTS = {"till": Channel.POS, "store": Channel.ONLINE_STORE, "support": None}
TILL = Caller(
    client_id="till",
    channel=Channel.POS,
    scopes=frozenset({Scope.RESERVE, Scope.BALANCE}),
)


@pytest.fixture(scope="module")
def published() -> Iterator[KeyServer]:
    with serving() as server:
        yield server.publish(*(key.public for key in (RSA, RSA_PSS, EC, EDWARDS)))


def settings_for(server: KeyServer, **changed: object) -> Settings:
    usual = {"token_issuer": ISSUER, "token_jwks_url": server.keys_url}
    return Settings.model_validate(usual | changed)


def verifier(server: KeyServer, **settings: object) -> TokenVerifier:
    return TokenVerifier(settings_for(server, **settings), CLIENTS, clock=lambda: NOW_S + 0.5)


@pytest.fixture(scope="module")
def tokens(published: KeyServer) -> TokenVerifier:
    """One that has its keys: no test waits for them."""
    prepared = verifier(published)
    asyncio.run(prepared.warm())
    return prepared


async def refused(tokens: TokenVerifier, authorization: str | None) -> Problem:
    with pytest.raises(Problem) as caught:
        await tokens.caller_of(authorization)
    return caught.value


def parts(problem: Problem) -> tuple[int, str, str]:
    return problem.kind.status, problem.kind.name, problem.detail


async def test_good_token_gives_its_caller(tokens: TokenVerifier) -> None:
    assert await tokens.caller_of(bearer(token())) == TILL


GOOD = [
    ("PS256", token(key=RSA_PSS)),
    ("ES256", token(key=EC)),
    ("EdDSA", token(key=EDWARDS)),
    ("type JWT", token(typ="JWT")),
    ("type in full", token(typ="application/at+jwt")),
    ("type in capitals", token(typ="AT+JWT")),
    ("type left out, as some issuers do", token(typ=...)),
    ("header parameters that mean nothing here", token(x5t="abc", nonce="1")),
    ("another's key in the header, not used", token(jwk=EC.public)),
    ("another's key behind an address, not asked", token(jku="https://evil.test/jwks")),
    ("issuer with a closing slash", token(claims(iss=f"{ISSUER}/"))),
    ("one audience of several", token(claims(aud=["other", AUDIENCE]))),
    ("no subject", token(claims(sub=...))),
    ("client as azp", token(claims(client_id=..., azp="till"))),
    ("client_id before azp", token(claims(azp="store"))),
    ("scopes as scp", token(claims(scope=..., scp=["balance:read", "certificates:reserve"]))),
    ("scopes as words in scp", token(claims(scope=..., scp="balance:read certificates:reserve"))),
    (
        "scopes of others too",
        token(claims(scope="openid certificates:reserve  orders:read balance:read")),
    ),
    ("expired within the leeway", token(claims(exp=NOW_S - LEEWAY_S + 1))),
    ("not yet valid within the leeway", token(claims(nbf=NOW_S + LEEWAY_S))),
    ("issued ahead within the leeway", token(claims(iat=NOW_S + LEEWAY_S))),
    ("times with fractions", token(claims(exp=NOW_S + 0.75, iat=NOW_S - 0.25))),
    ("no issue time", token(claims(iat=...))),
]


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in GOOD])
async def test_token_that_is_right_in_another_way_gives_the_same_caller(
    tokens: TokenVerifier, text: str
) -> None:
    assert await tokens.caller_of(bearer(text)) == TILL


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
async def test_scheme_is_known_in_any_letters(tokens: TokenVerifier, scheme: str) -> None:
    assert await tokens.caller_of(f"{scheme} {token()}") == TILL


@pytest.mark.parametrize(
    "authorization",
    [None, "", " ", "Basic dGlsbDpzZWNyZXQ=", token(), f"DPoP {token()}", f"Bearer\t{token()}"],
)
async def test_call_without_a_bearer_token_is_told_to_bring_one(
    tokens: TokenVerifier, authorization: str | None
) -> None:
    problem = await refused(tokens, authorization)
    assert (problem.kind.status, problem.kind.name) == (401, "token-missing")
    assert problem.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "error" not in problem.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("text", "detail"), [pytest.param(text, detail, id=name) for name, text, detail in WRONG_TOKENS]
)
async def test_token_that_is_wrong_is_refused_by_its_fault(
    tokens: TokenVerifier, text: str, detail: str
) -> None:
    problem = await refused(tokens, bearer(text))
    assert parts(problem) == (401, "token-invalid", detail)
    assert 'error="invalid_token"' in problem.headers["WWW-Authenticate"]


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text, _ in WRONG_TOKENS])
async def test_refusal_never_quotes_the_token(tokens: TokenVerifier, text: str) -> None:
    problem = await refused(tokens, bearer(text))
    told = "".join(traceback.format_exception(problem, chain=True))
    told += f"{problem.response().body!r}{problem.headers}"
    pieces = [piece for piece in text.replace(",", ".").split(".") if len(piece) > 20]
    assert [piece for piece in pieces if piece in told] == []


async def test_authorization_over_the_limit_is_refused_unread(tokens: TokenVerifier) -> None:
    longest = AUTHORIZATION_LENGTH_MAX - len(bearer(""))
    padded = token(claims(roles="x"))
    room = (longest - len(padded)) * 3 // 4
    fits = token(claims(roles="x" * (room - 3)))
    assert longest - 8 <= len(fits) <= longest
    assert await tokens.caller_of(bearer(fits)) == TILL
    problem = await refused(tokens, bearer(fits + "x" * (longest - len(fits) + 1)))
    assert parts(problem) == (401, "token-invalid", "the token is longer than 8192 characters")


async def test_token_that_could_not_be_accepted_asks_the_issuer_for_nothing(
    published: KeyServer,
) -> None:
    asked = len(published.asked)
    tokens = verifier(published)
    for text in (token(alg="none", kid="x"), token(typ="JOSE"), token(kid=...), "x.y.z"):
        await refused(tokens, bearer(text))
    assert len(published.asked) == asked


async def test_client_that_is_not_in_the_map_is_forbidden(tokens: TokenVerifier) -> None:
    for client_id in ("intruder", "Till", "till ", ""):
        problem = await refused(tokens, bearer(token(claims(client_id=client_id))))
        assert parts(problem) == (403, "client-unknown", "")


@pytest.mark.parametrize(("client_id", "channel"), CLIENTS.items())
async def test_channel_is_the_clients_own_whatever_the_token_says(
    tokens: TokenVerifier, client_id: str, channel: Channel | None
) -> None:
    text = token(claims(client_id=client_id, channel="ONLINE_STORE"))
    caller = await tokens.caller_of(bearer(text))
    assert (caller.client_id, caller.channel) == (client_id, channel)


NO_SCOPES: list[Mapping[str, object]] = [
    {"scope": ...},
    {"scope": ""},
    {"scope": None},
    {"scope": 7},
    {"scope": {"certificates:reserve": True}},
    {"scope": "certificates:*"},
    {"scope": "CERTIFICATES:RESERVE"},
    {"scope": "certificates:reserve,balance:read"},
    {"scope": [["certificates:reserve"]]},
    {"scope": "openid", "scp": ["certificates:reserve"]},
    {"scope": ..., "scopes": "certificates:reserve", "roles": ["certificates:reserve"]},
]


@pytest.mark.parametrize("changed", NO_SCOPES, ids=str)
async def test_token_without_words_of_ours_may_do_nothing(
    tokens: TokenVerifier, changed: Mapping[str, object]
) -> None:
    caller = await tokens.caller_of(bearer(token(claims(**changed))))
    assert caller.scopes == frozenset()


async def test_every_scope_there_is_can_be_told(tokens: TokenVerifier) -> None:
    text = token(claims(scope=" ".join(Scope)))
    assert (await tokens.caller_of(bearer(text))).scopes == frozenset(Scope)


SUBJECTS = [
    ("anna", "anna"),
    ("auth0|5f7c", "auth0|5f7c"),
    ("Анна", "Анна"),
    ("x" * 100, "x" * 100),
    ("till", None),
    ("", None),
    ("x" * 101, None),
    ("anna\nadmin", None),
    ("anna\u202eadmin", None),
    ("\ud800", None),
    ("anna@example.test", None),
]


@pytest.mark.parametrize(("subject", "kept"), SUBJECTS)
async def test_subject_is_kept_where_it_tells_more_than_the_client(
    tokens: TokenVerifier, subject: str, kept: str | None
) -> None:
    """It stands in events for good: no mail address, and nothing that a log cannot show."""
    caller = await tokens.caller_of(bearer(token(claims(sub=subject))))
    assert caller.subject == kept


async def test_algorithms_are_those_of_the_settings_alone(published: KeyServer) -> None:
    tokens = verifier(published, token_algorithms="ES256")
    assert await tokens.caller_of(bearer(token(key=EC))) == TILL
    for text in (token(), token(key=RSA_PSS), token(key=EDWARDS)):
        assert (await refused(tokens, bearer(text))).detail == BAD_ALGORITHM


async def test_audience_and_leeway_are_those_of_the_settings(published: KeyServer) -> None:
    tokens = verifier(published, token_audience="https://cards.test", token_leeway_s=0)
    good = claims(aud="https://cards.test")
    assert await tokens.caller_of(bearer(token(good))) == TILL
    assert (await refused(tokens, bearer(token()))).detail == OTHER_AUDIENCE
    expired = token(good | {"exp": NOW_S})
    assert (await refused(tokens, bearer(expired))).detail == EXPIRED


async def test_token_expires_while_the_verifier_lives(published: KeyServer) -> None:
    """A token that was good a moment ago is not remembered as good."""
    now_s = float(NOW_S)
    tokens = TokenVerifier(settings_for(published), CLIENTS, clock=lambda: now_s)
    text = bearer(token(claims(exp=NOW_S + 1)))
    assert await tokens.caller_of(text) == TILL
    now_s += 1 + LEEWAY_S
    assert (await refused(tokens, text)).detail == EXPIRED


KEYS_AT_ODDS = [
    ("published for another algorithm", {"alg": "PS256"}, NO_FIT),
    ("published for encryption", {"use": "enc"}, None),
    ("published with its private part", {"d": "AQAB"}, None),
]


@pytest.mark.parametrize(
    ("changed", "detail"), [pytest.param(*rest, id=name) for name, *rest in KEYS_AT_ODDS]
)
async def test_key_that_is_not_for_this_checks_nothing(
    changed: Mapping[str, str], detail: str | None
) -> None:
    with serving() as server:
        server.publish({**RSA.public, **changed})
        problem = await refused(verifier(server), bearer(token()))
        expected = "keys-unavailable" if detail is None else "token-invalid"
        assert (problem.kind.name, problem.detail) == (expected, detail or "")


async def test_shared_secret_published_by_mistake_opens_nothing() -> None:
    secret = b"a secret of thirty-two bytes long"
    public = {"kty": "oct", "kid": "shared", "k": unpadded(secret), "alg": "HS256"}
    with serving() as server:
        server.publish(public, RSA.public)
        tokens = verifier(server)
        text = token(alg="HS256", kid="shared", sign=shared_secret(secret))
        assert (await refused(tokens, bearer(text))).detail == BAD_ALGORITHM
        text = token(alg="RS256", kid="shared", sign=shared_secret(secret))
        assert (await refused(tokens, bearer(text))).detail == NO_SUCH_KEY


async def test_keys_that_cannot_be_fetched_let_nobody_in_and_everybody_once_they_can() -> None:
    now_s = 0.0
    with serving() as server:
        server.publish(RSA.public)
        settings = settings_for(server)
        server.stop()
        tokens = TokenVerifier(
            settings, CLIENTS, clock=lambda: NOW_S, monotonic_clock=lambda: now_s
        )
        await tokens.warm()
        problem = await refused(tokens, bearer(token()))
        assert (problem.kind.status, problem.kind.name) == (503, "keys-unavailable")
        server.start()
        now_s += 10
        assert await tokens.caller_of(bearer(token())) == TILL
        await tokens.close()


def test_verifier_without_an_issuer_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match=r"^GIFTCERT_TOKEN_ISSUER is not set"):
        TokenVerifier(Settings(), CLIENTS)
