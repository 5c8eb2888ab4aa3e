"""When an event of the stream is booked, and what it does to its pool.

Owns the fold over the events of one key: their order, repeats and gaps, the moment that each counts
from, and which of them took a number out of its pool or put one in. Pure; what is known of a key
comes from the mart.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipelines.neighbours.bi.calendar import Calendar
from pipelines.neighbours.bi.rows import StreamEventRow

SEQUENCE_REPEATED: Final = "SEQUENCE_REPEATED"
SEQUENCE_GAP: Final = "SEQUENCE_GAP"
_FREE: Final = "AVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """The latest event of a key that is in the mart."""

    sequence: int
    booked_at: datetime
    lifecycle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An event with its booking, and how many events of its key are missing before it."""

    row: StreamEventRow
    missing: int


class Bookings:
    """The keys as they stand after what was booked so far."""

    def __init__(self, calendar: Calendar, known: dict[str, KnownKey]) -> None:
        self._day_of = calendar.day_of
        self._known = known

    def book(self, row: StreamEventRow) -> Booked | None:
        """The event as it counts; None when its place in the key's order is taken.

        A time by somebody's clock may be before what happened earlier, or in the future. It counts
        from when it came to the stream at the latest, and never before its forerunner: so what a
        day closed with is both the sum of its entries and what the certificates then showed.
        """
        known = self._known.get(row.record_key)
        booked_at = row.occurred_at
        if row.arrived_at is not None:
            booked_at = min(booked_at, row.arrived_at)
        missing = row.sequence - 1
        was_free = False
        if known is not None:
            if row.sequence <= known.sequence:
                return None
            missing = row.sequence - known.sequence - 1
            booked_at = max(booked_at, known.booked_at)
            was_free = known.lifecycle == _FREE
        is_free = row.lifecycle == _FREE
        self._known[row.record_key] = KnownKey(
            sequence=row.sequence, booked_at=booked_at, lifecycle=row.lifecycle
        )
        booked = row._replace(
            booked_at=booked_at,
            day=self._day_of(booked_at),
            pool_change=int(is_free) - int(was_free),
        )
        return Booked(row=booked, missing=missing)
