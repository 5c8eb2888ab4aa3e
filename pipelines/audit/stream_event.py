"""One event of the stream as the audit sees it, and its making from a decoded record.

Owns what of an event the audit judges: the rest is not looked at. Shares no code with the rules
that wrote the events, so that one mistake is not made twice. Amounts are minor units.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from pipelines.contracts.amounts import amount_to_minor
from pipelines.contracts.broken import BrokenCode, BrokenRecord

_AMOUNTS_MAX: Final = 100_000


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """The change of money the event says it is: signed amount, then balance and held after it."""

    kind: str
    amount_minor: int
    remaining_minor: int
    held_minor: int


class Snapshot(Struct, frozen=True, kw_only=True, gc=False):
    """The certificate after the event, as the event says."""

    certificate_id: str
    pool: str
    status: str
    lifecycle: str
    currency: str | None
    nominal_minor: int
    remaining_minor: int
    held_minor: int
    version: int


class StreamEvent(Struct, frozen=True, kw_only=True, gc=False):
    """One event and where on the stream it stands."""

    partition: int
    offset: int
    key: str
    event_id: str
    event_type: str
    sequence: int
    causation_id: str
    entry: Entry | None
    snapshot: Snapshot | None


class EventReader:
    """Makes events from decoded records. Remembers amounts, of which there are few different."""

    def __init__(self) -> None:
        self._amounts: dict[tuple[bytes, str | None], int] = {}

    def event_of(
        self, fields: Mapping[str, Any], partition: int, offset: int, key: bytes | None
    ) -> StreamEvent:
        """BrokenRecord when an amount is none, or the record has no key."""
        if not key:
            raise BrokenRecord(BrokenCode.CONTRACT, "the record has no key")
        payload, entry = fields["payload"], fields["entry"]
        currency = None if payload is None else payload["currency"]
        return StreamEvent(
            partition=partition,
            offset=offset,
            key=key.decode(errors="replace"),
            event_id=fields["eventId"],
            event_type=fields["eventType"],
            sequence=fields["sequence"],
            causation_id=fields["causationId"],
            entry=None if entry is None else self._entry(entry, currency),
            snapshot=None if payload is None else self._snapshot(payload, currency),
        )

    def _entry(self, entry: Mapping[str, Any], currency: str | None) -> Entry:
        return Entry(
            kind=entry["kind"],
            amount_minor=self._minor(entry["amount"], currency),
            remaining_minor=self._minor(entry["remainingBalance"], currency),
            held_minor=self._minor(entry["held"], currency),
        )

    def _snapshot(self, payload: Mapping[str, Any], currency: str | None) -> Snapshot:
        return Snapshot(
            certificate_id=payload["certificateId"],
            pool=payload["pool"],
            status=payload["status"],
            lifecycle=payload["lifecycle"],
            currency=currency,
            nominal_minor=self._minor(payload["nominal"], currency),
            remaining_minor=self._minor(payload["remainingBalance"], currency),
            held_minor=self._minor(payload["held"], currency),
            version=payload["version"],
        )

    def _minor(self, raw: bytes, currency: str | None) -> int:
        known = self._amounts.get((raw, currency))
        if known is not None:
            return known
        if currency is not None:
            # A balance below zero is for the audit to judge, not for the reader to refuse.
            amount_minor = amount_to_minor(raw, currency, negative=True)
        elif any(raw):
            raise BrokenRecord(BrokenCode.CONTRACT, "an amount has no currency")
        else:
            amount_minor = 0
        if len(self._amounts) < _AMOUNTS_MAX:
            self._amounts[raw, currency] = amount_minor
        return amount_minor
