"""Forwarding: a call about what another process keeps goes there, in one hop, and its answer back.

Owns the connections to other processes' edges, who is asked when the owner is not where it was, and
what a caller is told when nobody answers. Knows no call, and decides nothing about one: the owner
checks the caller's token, scope and share itself, as if it had been asked first.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final, Protocol
from urllib.parse import urlencode

import msgspec
import structlog

from http_edge.api.problems import (
    TOO_MANY,
    malformed_request,
    moving,
    no_answer,
    overloaded,
    stopping,
    too_many_requests,
)
from http_edge.serving.connections import Broken, Connections, NotReached, NotSendable
from http_edge.serving.hop import HOP, Answered, Forwarded, outgoing

LISTING_MS: Final = 2_000
UNDER_WAY_MAX: Final = 256
"""Calls at one owner at once: one that hangs must not take this process's memory with it."""
_TELL_AGAIN_S: Final = 5.0
_MILLISECONDS: Final = 1_000

_log = structlog.get_logger(__name__)


class Whereabouts(Protocol):
    """Where the owner of what a call is about is now."""

    def owner(self) -> Future[str | None]:
        """Its address; None while nobody is known to be it."""
        ...

    def mistaken(self, owner: str) -> None:
        """It was not there: the next question must not be answered the same from memory."""
        ...


class _NotThere(Exception):
    """The owner did not get the call, or its losing it matters to nobody."""


class Forwarder:
    """Puts calls to the other processes' edges. For one event loop.

    `own_url` is where this process answers itself; where that is HTTPS, others are asked over HTTPS
    only, for a call carries a token. `trust` gives the TLS context of the moment.
    """

    def __init__(self, own_url: str, trust: Callable[[], ssl.SSLContext]) -> None:
        self._own_url = own_url
        self._connections = Connections(trust)
        self._scheme = "https://" if own_url.startswith("https://") else ("http://", "https://")
        self._refusing = False
        self._limits: set[asyncio.Timeout] = set()
        self._under_way: Counter[str] = Counter()
        self._told_s: dict[str, float] = {}

    async def forward(self, outbound: Forwarded, place: Whereabouts) -> Answered:
        """Ask the owner. Problem when there is none to ask, or no answer.

        One that turns us away, or is not there, has a successor perhaps: that one is asked too,
        once. Whoever is asked sees one hop.
        """
        if HOP in outbound.headers:
            raise moving()
        if self._refusing:
            raise stopping()
        try:
            with self._until(outbound.timeout_s) as limit:
                async with limit:
                    return await self._first_or_second(outbound, place, limit)
        except TimeoutError:
            raise (no_answer() if outbound.acts else moving()) from None

    async def get_json(
        self,
        owner: str,
        path: str,
        query: Mapping[str, str],
        authorization: str | None,
        *,
        timeout_ms: int = LISTING_MS,
    ) -> object:
        """What another process lists. Problem `moving` when it does not answer with 200."""
        headers = {} if authorization is None else {"authorization": authorization}
        target = f"{path}?{urlencode(query)}" if query else path
        outbound = Forwarded(
            method="GET",
            target=target.encode(),
            headers=headers,
            body=b"",
            acts=False,
            timeout_s=timeout_ms / _MILLISECONDS,
        )
        if self._refusing:
            raise stopping()
        try:
            with self._until(outbound.timeout_s) as limit:
                async with limit:
                    answered = await self._ask(owner, outbound, limit)
        except (TimeoutError, _NotThere):
            raise moving() from None
        if answered.status == TOO_MANY.status:
            # The caller's own fault, and the same call to us would be refused next.
            raise too_many_requests(_whole_seconds(answered.headers.get("retry-after")), {})
        if answered.status != 200:
            self._tell(owner, f"it answered {answered.status}")
            raise moving()
        try:
            return msgspec.json.decode(answered.content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._tell(owner, "what it answered is no JSON")
            raise moving() from None

    def refuse_new(self) -> None:
        """From now on ask nobody; what is under way may still be answered."""
        self._refusing = True

    def give_up(self) -> None:
        """End what is under way as if its time were over. In the loop's own thread."""
        now_s = asyncio.get_running_loop().time()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(now_s)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    @contextmanager
    def _until(self, timeout_s: float) -> Iterator[asyncio.Timeout]:
        """A limit that `give_up` can bring forward."""
        limit = asyncio.timeout(timeout_s)
        self._limits.add(limit)
        try:
            yield limit
        finally:
            self._limits.remove(limit)

    async def _first_or_second(
        self, outbound: Forwarded, place: Whereabouts, limit: asyncio.Timeout
    ) -> Answered:
        first = await self._owner_at(place)
        try:
            answered = await self._ask(first, outbound, limit)
        except _NotThere:
            answered = None
        if answered is not None and not answered.turned_away():
            return answered
        place.mistaken(first)
        second = await asyncio.wrap_future(place.owner())
        if second in (None, first, self._own_url):
            if answered is None:
                raise moving()
            return answered
        try:
            return await self._ask(second, outbound, limit)
        except _NotThere:
            place.mistaken(second)
            raise moving() from None

    async def _owner_at(self, place: Whereabouts) -> str:
        owner = await asyncio.wrap_future(place.owner())
        # What the group says is ours and we do not have yet is on its way to us.
        if owner is None or owner == self._own_url:
            raise moving()
        return owner

    async def _ask(self, owner: str, outbound: Forwarded, limit: asyncio.Timeout) -> Answered:
        """One question to one owner. _NotThere when it changes nothing to ask another."""
        if not owner.startswith(self._scheme):
            self._tell(owner, "it does not speak HTTPS, and a token must not go there")
            raise _NotThere
        if self._under_way[owner] >= UNDER_WAY_MAX:
            raise overloaded()
        self._under_way[owner] += 1
        try:
            request = outgoing(owner, outbound, _left_ms(limit))
            return await self._connections.exchange(owner, request)
        except NotReached as error:
            self._tell(owner, str(error))
            raise _NotThere from None
        except NotSendable:
            raise malformed_request("a header holds what HTTP does not allow there") from None
        except Broken as error:
            self._tell(owner, str(error))
            if outbound.acts:
                raise no_answer() from None
            raise _NotThere from None
        finally:
            self._under_way[owner] -= 1
            if not self._under_way[owner]:
                del self._under_way[owner]

    def _tell(self, owner: str, why: str) -> None:
        """Log why an owner did not answer: once in a while, not once a call."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._told_s.get(owner, float("-inf")) >= _TELL_AGAIN_S:
            self._told_s = {
                other: told_s
                for other, told_s in self._told_s.items()
                if now_s - told_s < _TELL_AGAIN_S
            }
            self._told_s[owner] = now_s
            _log.warning("another worker's edge did not answer", owner=owner, why=why)


def _whole_seconds(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 1


def _left_ms(limit: asyncio.Timeout) -> int:
    deadline_s = limit.when()
    assert deadline_s is not None, "every limit has an end"
    return int((deadline_s - asyncio.get_running_loop().time()) * _MILLISECONDS)
