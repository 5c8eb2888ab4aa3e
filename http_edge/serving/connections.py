"""Connections to other workers' edges, kept for the next call.

Owns their making, keeping and end, and the one distinction that matters when one fails: whether the
call may have arrived. Knows no call.

The parts of the library below its pool: the pool looks at every connection for every call, which at
16 calls at once took five times as long as the call itself.
"""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpcore

from http_edge.serving.hop import Answered, passed_back

KEEP_ALIVE_S: Final = 30.0
"""How long a connection is kept for the next call: less than the edge that is asked keeps it, so
that no call is put on a connection that is being closed."""
ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
_SWEEP_S: Final = 10.0


class NotReached(Exception):
    """Nobody was there to take the call; the text says why."""


class Broken(Exception):
    """The connection ended before the answer did: the call may have arrived."""


class NotSendable(Exception):
    """The call holds something that HTTP does not allow, and was not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connection:
    """A connection, with the trust it was made with."""

    http: httpcore.AsyncHTTPConnection
    trust: ssl.SSLContext

    def is_good(self, trust: ssl.SSLContext) -> bool:
        """Whether the next call may go over it: idle, still open, and trusted by today's lights."""
        return self.http.is_idle() and not self.http.has_expired() and self.trust is trust


class Connections:
    """Connections by owner. `trust` gives the TLS context of the moment. For one event loop."""

    def __init__(self, trust: Callable[[], ssl.SSLContext]) -> None:
        self._trust = trust
        self._kept: dict[str, list[_Connection]] = {}
        self._swept_s = time.monotonic()

    async def exchange(self, owner: str, request: httpcore.Request) -> Answered:
        """Send a call and read its answer. NotReached, Broken or NotSendable when that fails."""
        connection = await self._taken(owner, request.url.origin)
        try:
            answered = await _exchanged(owner, connection.http, request)
        except BaseException:
            await connection.http.aclose()
            raise
        if connection.http.is_idle():
            self._kept.setdefault(owner, []).append(connection)
        await self._sweep()
        return answered

    def kept(self, owner: str) -> int:
        """How many connections wait for a call to this owner."""
        return len(self._kept.get(owner, ()))

    async def close(self) -> None:
        """End the connections that wait for a call."""
        connections = [connection for kept in self._kept.values() for connection in kept]
        self._kept.clear()
        for connection in connections:
            await connection.http.aclose()

    async def _taken(self, owner: str, origin: httpcore.Origin) -> _Connection:
        """The connection used last, for it is the likeliest to be open; else a new one."""
        trust = self._trust()
        while kept := self._kept.get(owner):
            connection = kept.pop()
            if connection.is_good(trust):
                return connection
            await connection.http.aclose()
        http = httpcore.AsyncHTTPConnection(origin, trust, keepalive_expiry=KEEP_ALIVE_S)
        return _Connection(http=http, trust=trust)

    async def _sweep(self) -> None:
        """Now and then end the connections that nobody needed: owners go, and crowds pass."""
        now_s = time.monotonic()
        if now_s - self._swept_s < _SWEEP_S:
            return
        self._swept_s = now_s
        trust = self._trust()
        ended: list[_Connection] = []
        for owner, kept in list(self._kept.items()):
            good = [connection for connection in kept if connection.is_good(trust)]
            ended += [connection for connection in kept if connection not in good]
            self._kept[owner] = good
            if not good:
                del self._kept[owner]
        for connection in ended:
            await connection.http.aclose()


async def _exchanged(
    owner: str, connection: httpcore.AsyncHTTPConnection, request: httpcore.Request
) -> Answered:
    try:
        answer = await connection.handle_async_request(request)
        content = bytearray()
        async for chunk in answer.aiter_stream():
            content += chunk
            if len(content) > ANSWER_BYTES_MAX:
                raise Broken("an answer without an end")
        await answer.aclose()
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        raise NotReached(_said(error)) from error
    except httpcore.LocalProtocolError as error:
        raise NotSendable(_said(error)) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        raise Broken(_said(error)) from error
    return Answered(
        owner=owner,
        status=answer.status,
        headers=passed_back(answer.headers),
        content=bytes(content),
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
