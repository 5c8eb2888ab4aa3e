"""Finding certificates by what they are related to, page by page.

Owns the way from a criterion to an entry of the index, and the pages. What a caller may not know
of is passed over, so that a page looks alike whether such certificates exist or not.
"""

import asyncio
from typing import Final
from uuid import UUID

from http_edge.access.callers import Caller
from http_edge.api.models import SearchPage, SearchQuery, Snapshot
from http_edge.api.problems import invalid, moving
from http_edge.asking.asking import Answer, Ask, request_id_of
from http_edge.asking.services import EdgeServices
from http_edge.handlers.cursors import cursor_of, position_in
from http_edge.handlers.snapshots import read_snapshots
from pipelines.topics import INDEX
from state.stores.codec import decode_text
from state.stores.layout import position_key, stored_key
from state.stores.reader import StoreClosed

_ROUNDS: Final = 10
"""How many batches one call looks through for what the caller may know of."""
_MADE_VERSION: Final = 5


async def search_certificates(services: EdgeServices, ask: Ask) -> Answer:
    """A page of the certificates that one criterion leads to; an unknown one leads to none."""
    assert isinstance(ask.query, SearchQuery), "what the call takes"
    entry = _entry(ask.query, ask.caller)
    first = position_in(ask.query.cursor, 0)
    partition = services.partition_of(entry.encode())
    if not services.index.serves(partition):
        raise services.elsewhere(INDEX, partition)
    try:
        async with asyncio.timeout(ask.timeout_s):
            return Answer(content=await _page(services, ask, entry, first))
    except TimeoutError:
        raise moving() from None


def _entry(query: SearchQuery, caller: Caller) -> str:
    """The entry of the index that the query's one criterion names. Problem 422 when not one."""
    request = query.request_id
    criteria = {
        "order": query.order_id,
        "correlation": query.correlation_id,
        "client": query.client_id,
        "last4": query.last4,
        "request": None if request is None else _request_id(request, caller),
    }
    given = [f"{kind}:{value}" for kind, value in criteria.items() if value is not None]
    if len(given) != 1:
        raise invalid("give exactly one of orderId, correlationId, clientId, last4, requestId")
    return given[0]


def _request_id(text: str, caller: Caller) -> str:
    """The id of the caller's own request with that key.

    To support, an id as it is on a reservation is one, too: it has mostly no requests of its own.
    """
    if caller.is_support and (caller.channel is None or _is_made(text)):
        return text
    return request_id_of(caller.client_id, text)


def _is_made(text: str) -> bool:
    """Whether it looks like a request id of ours rather than like a caller's key."""
    try:
        return UUID(text).version == _MADE_VERSION
    except ValueError:
        return False


async def _page(services: EdgeServices, ask: Ask, entry: str, first: int) -> SearchPage:
    assert isinstance(ask.query, SearchQuery), "what the call takes"
    limit, position = ask.query.limit, first
    found: list[tuple[int, Snapshot]] = []
    for _ in range(_ROUNDS):
        numbers = await asyncio.to_thread(_numbers, services, entry, position, limit + 1)
        known = await read_snapshots(services, ask, numbers)
        found += [
            (at, known[number]) for at, number in enumerate(numbers, position) if number in known
        ]
        position += len(numbers)
        if len(found) > limit:
            return SearchPage(items=_first(found, limit), next=cursor_of(found[limit][0]))
        if len(numbers) <= limit:
            return SearchPage(items=_first(found, limit), next=None)
    return SearchPage(items=_first(found, limit), next=cursor_of(position))


def _first(found: list[tuple[int, Snapshot]], limit: int) -> list[Snapshot]:
    return [snapshot for _, snapshot in found[:limit]]


def _numbers(services: EdgeServices, entry: str, first: int, count: int) -> list[str]:
    """The numbers under an entry from a position on. Positions have no gaps: none ever leaves."""
    key = entry.encode()
    partition = services.partition_of(key)
    lower = stored_key(key, position_key(first))
    upper = stored_key(key, position_key(first + count))
    try:
        rows = services.index.scan(partition, lower, upper, count)
    except StoreClosed:
        raise moving() from None
    # Read first, then asked again: what was read from a partition that left meanwhile is void.
    if not services.index.serves(partition):
        raise moving()
    return [decode_text(value) for _, value in rows]
