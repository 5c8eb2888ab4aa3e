"""How programs of ours call the edge: with a token, and with trust in those who vouch for it.

Owns showing the token and renewing it in time. Must not decide what is asked, nor log a token.
"""

import ssl
from collections.abc import Callable, Generator
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final, TypeAlias

import httpx

from pipelines.faults import SettingsError

TokenSource: TypeAlias = Callable[[], str]
"""Gives a token that is valid now; asked before every call, from any thread."""

_RENEWED_AFTER_S: Final = 1_800.0
"""Half the life of a usual token: nobody's clock is that wrong."""


class RenewedToken:
    """A token source that asks for a new one well before the last one ends."""

    def __init__(
        self,
        ask: TokenSource,
        *,
        renewed_after_s: float = _RENEWED_AFTER_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._ask = ask
        self._renewed_after_s = renewed_after_s
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._asked_s = float("-inf")

    def __call__(self) -> str:
        with self._lock:
            now_s = self._clock()
            if now_s - self._asked_s >= self._renewed_after_s:
                self._token = self._ask()
                self._asked_s = now_s
            return self._token


class BearerToken(httpx.Auth):
    """Shows a token with each call of an httpx client."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Called by httpx for each request."""
        request.headers["Authorization"] = f"Bearer {self._source()}"
        yield request


def trusted(authorities: Path | None) -> ssl.SSLContext | bool:
    """What `verify` of an httpx client must be, so that it trusts the authorities of a PEM file.

    Without a file those that httpx knows. SettingsError when the file cannot be used.
    """
    if authorities is None:
        return True
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise SettingsError(
            f"GIFTCERT_TLS_CA_LOCATION: {authorities} is no PEM file of authorities: "
            f"{error.strerror or error}"
        ) from error
