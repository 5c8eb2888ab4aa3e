"""Tokens by OAuth2 client credentials (RFC 6749, section 4.4): how a system logs in as itself.

Owns asking the issuer and keeping the token until shortly before its end. Must not log, nor put
into an error, a secret or a token.
"""

import ssl
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import ClassVar, Final
from urllib.parse import quote_plus

import httpx
import msgspec
from msgspec import Struct

from pipelines.faults import OperatorError

_ANSWER_S: Final = 5.0
_SHORTEST_LIFE_S: Final = 1.0
_USED_SHARE: Final = 0.8
"""How much of a token's life it is used for: clocks differ, and a call takes its time."""


class TokenRefused(OperatorError):
    """The issuer gives no token: it is out of reach, or does not know the client."""

    exit_code: ClassVar[int] = 2


class _Grant(Struct, frozen=True, kw_only=True):
    """What the issuer answers; it may say more."""

    access_token: str
    expires_in: float = 300.0


class ClientCredentials:
    """A token source for one client: asked before every call, from any thread.

    `secret` is read at each renewal, so that a changed secret file needs no restart. TokenRefused
    when there is no token to be had.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        secret: Callable[[], str],
        *,
        scope: str | None = None,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._token_url = token_url
        self._client_id = client_id
        self._secret = secret
        self._scope = scope
        self._client = httpx.Client(
            timeout=_ANSWER_S, trust_env=False, verify=verify, transport=transport
        )
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._good_until_s = float("-inf")

    def __call__(self) -> str:
        """A token that is valid now."""
        with self._lock:
            if self._clock() >= self._good_until_s:
                asked_s = self._clock()
                grant = self._ask()
                life_s = max(grant.expires_in, _SHORTEST_LIFE_S)
                self._token, self._good_until_s = grant.access_token, asked_s + life_s * _USED_SHARE
            return self._token

    def forget(self) -> None:
        """Ask for a new token next time: this one was not taken, whatever its time says."""
        with self._lock:
            self._good_until_s = float("-inf")

    def close(self) -> None:
        """Give up the connection to the issuer."""
        self._client.close()

    def _ask(self) -> _Grant:
        form = {"grant_type": "client_credentials"}
        if self._scope is not None:
            form["scope"] = self._scope
        # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
        auth = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(self._secret()))
        try:
            answer = self._client.post(self._token_url, data=form, auth=auth)
        except httpx.HTTPError as error:
            # Not only the way there may fail: an answer may be packed wrongly, or lead in circles.
            reason = str(error) or type(error).__name__
            raise TokenRefused(f"no token from {self._token_url}: {reason}") from None
        if answer.status_code != httpx.codes.OK:
            raise TokenRefused(
                f"no token for {self._client_id} from {self._token_url}: it answers "
                f"{answer.status_code}; look at the client's id and secret"
            )
        try:
            return msgspec.json.decode(answer.content, type=_Grant)
        except (ValueError, RecursionError):
            # Not chained: that exception may quote what it could not read.
            raise TokenRefused(f"{self._token_url} answers no OAuth2 token") from None
