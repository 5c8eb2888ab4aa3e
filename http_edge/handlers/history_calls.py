"""What happened to a certificate, event by event, and the certificate as of a time.

Owns the pages and the reading of times. The lines are the history's own, in the words of the API.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from http_edge.api import models
from http_edge.api.problems import invalid, moving, not_found
from http_edge.asking.asking import Answer, Ask, existing_state, may_know
from http_edge.asking.services import EdgeServices
from http_edge.handlers.cursors import cursor_of, position_in
from http_edge.handlers.outputs import snapshot, timestamp
from pipelines.contracts.amounts import minor_to_text
from state.certificate.history import HistoryEntry, HistoryLine, as_of, line_of, replayed
from state.stores.codec import HISTORY_ENTRY
from state.stores.layout import history_bounds
from state.stores.reader import StoreClosed

_FIRST: Final = 1
_BATCH: Final = 500
"""Events read at a time: a store is locked while it is scanned."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


async def read_history(services: EdgeServices, ask: Ask) -> Answer:
    """A page of the events, oldest first; or the certificate as of a time, which has no pages."""
    assert isinstance(ask.path, models.CertificatePath), "what the call takes"
    assert isinstance(ask.query, models.HistoryQuery), "what the call takes"
    query, number = ask.query, ask.path.certificate_id
    first = position_in(query.cursor, _FIRST)
    moment_ms = None if query.as_of is None else _moment_ms(query.as_of)
    await existing_state(services, ask, number)
    if moment_ms is not None:
        return Answer(content=await _as_of(services, ask, number, moment_ms))
    lines, following = await asyncio.to_thread(_page, services, number, first, query.limit)
    return Answer(content=models.History(certificate_id=number, items=lines, next=following))


def _moment_ms(text: str) -> int:
    """UTC epoch milliseconds, a part of one left out. Problem 422 where there is no such time."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid("asOf must be a time with its offset, like 2026-03-01T10:30:00Z") from None
    return (moment - _EPOCH) // _MILLISECOND


async def _as_of(services: EdgeServices, ask: Ask, number: str, moment_ms: int) -> models.History:
    """The certificate then. Problem 404 when the caller could not have known of it then."""
    state = await asyncio.to_thread(lambda: as_of(number, _entries(services, number), moment_ms))
    if state.certificate is None or not may_know(ask.caller, state.certificate):
        raise not_found()
    return models.History(
        certificate_id=number,
        items=[],
        next=None,
        as_of=timestamp(moment_ms),
        certificate=snapshot(state.certificate, state.sequence),
    )


def _page(
    services: EdgeServices, number: str, first: int, limit: int
) -> tuple[list[models.HistoryLine], str | None]:
    """A page and the cursor of the next. All before it is folded: a line tells balances."""
    lines: list[models.HistoryLine] = []
    for entry, certificate in replayed(number, _entries(services, number)):
        if entry.sequence < first:
            continue
        if len(lines) == limit:
            return lines, cursor_of(entry.sequence)
        lines.append(_told(line_of(entry, certificate)))
    return lines, None


def _entries(services: EdgeServices, number: str) -> Iterator[HistoryEntry]:
    """The events from the first on. Problem `moving` when the partition leaves meanwhile."""
    key = number.encode()
    partition = services.partition_of(key)
    after = 0
    while True:
        lower, upper = history_bounds(key, after)
        try:
            rows = services.certificates.scan(partition, lower, upper, _BATCH)
        except StoreClosed:
            raise moving() from None
        if not services.certificates.serves(partition):
            raise moving()
        yield from (HISTORY_ENTRY.decode(value) for _, value in rows)
        if len(rows) < _BATCH:
            return
        after += len(rows)


def _told(line: HistoryLine) -> models.HistoryLine:
    return models.HistoryLine(
        sequence=line.sequence,
        event_type=line.event_type,
        status=line.status,
        occurred_at=timestamp(line.occurred_at_ms),
        actor=line.actor,
        correlation_id=line.correlation_id,
        causation_id=line.causation_id,
        reason=_reason(line),
        entry=_entry(line),
    )


def _reason(line: HistoryLine) -> models.ReasonLine | None:
    reason = line.reason
    return None if reason is None else models.ReasonLine(code=reason.code, text=reason.text)


def _entry(line: HistoryLine) -> models.EntryLine | None:
    entry, currency = line.entry, line.currency
    if entry is None or currency is None:
        # A number ended before it was issued: what became of its money is that it never had any.
        return None
    return models.EntryLine(
        kind=entry.kind,
        amount=minor_to_text(entry.amount_minor, currency),
        remaining_balance=minor_to_text(entry.remaining_minor, currency),
        held=minor_to_text(entry.held_minor, currency),
    )
