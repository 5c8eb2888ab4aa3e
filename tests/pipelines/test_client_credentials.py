"""Tokens by client credentials: one for many calls, renewed in time, and no secret in any word."""

import base64
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest

from pipelines.client_credentials import ClientCredentials, TokenRefused

URL = "http://issuer.test/token"


class Issuer:
    """Gives a new token each time, for as long as it is told."""

    def __init__(self, expires_in: float | None = 100.0) -> None:
        self.expires_in = expires_in
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        grant: dict[str, object] = {"access_token": f"t{len(self.asked)}", "token_type": "Bearer"}
        if self.expires_in is not None:
            grant["expires_in"] = self.expires_in
        return httpx.Response(200, json=grant)


def source(
    issuer: Callable[[httpx.Request], httpx.Response],
    clock: list[float],
    *,
    scope: str | None = None,
    secret: Callable[[], str] = lambda: "s/ecret+",
) -> ClientCredentials:
    return ClientCredentials(
        URL,
        "till",
        secret,
        scope=scope,
        transport=httpx.MockTransport(issuer),
        clock=lambda: clock[0],
    )


def test_token_is_asked_for_as_the_standard_says() -> None:
    issuer = Issuer()
    tokens = source(issuer, [0.0], scope="balance:read")
    assert tokens() == "t1"
    request = issuer.asked[0]
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["balance:read"],
    }
    shown = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert shown == "till:s%2Fecret%2B"
    tokens.close()


def test_token_is_used_until_shortly_before_its_end() -> None:
    issuer, clock = Issuer(expires_in=100.0), [0.0]
    tokens = source(issuer, clock)
    assert [tokens(), tokens()] == ["t1", "t1"]
    clock[0] = 79.0
    assert tokens() == "t1"
    clock[0] = 80.0
    assert tokens() == "t2"
    tokens.close()


@pytest.mark.parametrize("expires_in", [None, 0.0, -5.0])
def test_token_that_names_no_sensible_life_is_still_used_for_a_while(
    expires_in: float | None,
) -> None:
    issuer = Issuer(expires_in)
    tokens = source(issuer, [0.0])
    assert [tokens(), tokens()] == ["t1", "t1"]
    tokens.close()


def test_forgotten_token_is_asked_for_again() -> None:
    tokens = source(Issuer(), [0.0])
    assert tokens() == "t1"
    tokens.forget()
    assert tokens() == "t2"
    tokens.close()


def test_changed_secret_is_shown_at_the_next_renewal() -> None:
    secrets = ["one", "two"]
    issuer = Issuer()
    tokens = source(issuer, [0.0], secret=lambda: secrets.pop(0))
    tokens()
    tokens.forget()
    tokens()
    shown = [
        base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        for request in issuer.asked
    ]
    assert shown == ["till:one", "till:two"]
    tokens.close()


def away(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody is there", request=request)


def packed_wrongly() -> httpx.Response:
    return httpx.Response(
        200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip")
    )


@pytest.mark.parametrize(
    ("issuer", "told"),
    [
        (lambda _request: httpx.Response(401), "it answers 401; look at the client's id"),
        (lambda _request: httpx.Response(200, text='{"access_token": 7}'), "no OAuth2 token"),
        (lambda _request: httpx.Response(200, text="s/ecret+"), "no OAuth2 token"),
        (
            lambda _request: httpx.Response(200, content=b'{"access_token": "\xff"}'),
            "no OAuth2 token",
        ),
        (lambda _request: httpx.Response(200, text='{"a":' + "[" * 50_000), "no OAuth2 token"),
        (lambda _request: packed_wrongly(), "no token from"),
        (away, "nobody is there"),
    ],
)
def test_issuer_that_gives_none_is_an_operator_s_fault_that_quotes_no_secret(
    issuer: Callable[[httpx.Request], httpx.Response], told: str
) -> None:
    tokens = source(issuer, [0.0])
    with pytest.raises(TokenRefused) as caught:
        tokens()
    assert told in str(caught.value)
    assert "s/ecret" not in str(caught.value)
    assert caught.value.__cause__ is None
    tokens.close()
