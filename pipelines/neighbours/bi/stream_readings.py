"""From an event of GiftCertificates.Stream to its row.

Owns what of an event the mart keeps, and what is a broken one. When it is booked, and what it does
to its pool, depends on what came before it: `booking` sees to that.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pipelines.contracts.amounts import amount_to_minor, exponent
from pipelines.contracts.fields import (
    LAST_INSTANT_MS,
    MAX_MADE_ID_LENGTH,
    MAX_TEXT_LENGTH,
    broken,
    count,
    identifier,
    instant,
    optional_instant,
)
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.bi.calendar import Calendar, utc
from pipelines.neighbours.bi.rows import StreamEventRow
from pipelines.neighbours.bi.topic_record import TopicRecord

AN_ADDRESS: Final = "(an address)"
"""What stands for the id of a customer that was a mail address or a telephone number."""

CORRELATION_PREFIX: Final = "correlation:"
_SERVICE_SPEAKS: Final = frozenset({"alert", "error", "issue.blocked"})
"""Events whose reason is told in the service's own words. On others it is support's or the CRM's,
and nobody knows what stands in it."""

Fields = Mapping[str, Any]


class StreamReadings:
    """Reads events. Remembers amounts, of which there are few different."""

    def __init__(self, framing: Framing, calendar: Calendar) -> None:
        self._framing = framing
        self._day_of = calendar.day_of
        self._amounts: dict[tuple[bytes, str | None], int] = {}

    def read(self, record: TopicRecord) -> StreamEventRow:
        """The event. BrokenRecord when it is none."""
        fields = self._framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value)
        key = key_of(record)
        payload, entry = fields["payload"], fields["entry"]
        if payload is None and entry is not None:
            raise broken("an entry has no certificate")
        if payload is not None and payload["certificateId"] != key:
            raise broken("the record's key is not the certificate's number")
        reason = fields["reason"]
        event_type = readable(fields["eventType"])
        occurred_at = utc(instant(fields, "occurredAt"))
        sequence = count(fields, "sequence")
        if sequence < 1:
            raise broken("sequence is zero")
        return StreamEventRow(
            event_id=identifier(fields, "eventId"),
            partition_no=record.partition,
            record_offset=record.offset,
            arrived_at=arrival(record),
            record_key=key,
            sequence=sequence,
            event_type=event_type,
            headline=fields["status"],
            occurred_at=occurred_at,
            booked_at=occurred_at,
            day=self._day_of(occurred_at),
            correlation_id=optional_text(fields["correlationId"]),
            actor=optional_text(fields["actor"]),
            reason_code=None if reason is None else readable(reason["code"]),
            reason_text=None
            if reason is None or event_type not in _SERVICE_SPEAKS
            else readable(reason["text"]),
            **self._certificate(fields, payload, key),
            entry_kind=None if entry is None else entry["kind"],
            amount_minor=None
            if entry is None
            else self._minor(entry["amount"], payload["currency"]),
            pool_change=0,
        )

    def _certificate(self, fields: Fields, payload: Fields | None, key: str) -> dict[str, Any]:
        if payload is None:
            return {**_NO_CERTIFICATE, "channel": fields["channel"], "pool": _pool_of(key)}
        currency = payload["currency"]
        notification, lock = payload["notification"], payload["lock"]
        return {
            "certificate_id": key,
            "pool": readable(payload["pool"]),
            "status": payload["status"],
            "lifecycle": payload["lifecycle"],
            "channel": payload["channel"],
            "order_id": optional_text(payload["orderId"]),
            "client_id": customer(payload["clientId"]),
            "currency": currency,
            "exponent": None if currency is None else digits(currency),
            "nominal_minor": self._minor(payload["nominal"], currency),
            "remaining_minor": self._minor(payload["remainingBalance"], currency),
            "held_minor": self._minor(payload["held"], currency),
            "reserved_until": _optional_time(payload, "reservedUntil"),
            "issued_at": _optional_time(payload, "issuedAt"),
            "activated_at": _optional_time(payload, "activatedAt"),
            "expires_at": _optional_time(payload, "expiresAt"),
            "notification_id": None if notification is None else readable(notification["id"]),
            "notification_channel": None if notification is None else notification["channel"],
            "notification_status": None if notification is None else notification["status"],
            "locked": lock is not None,
            "locked_at": None if lock is None else _optional_time(lock, "at"),
        }

    def _minor(self, raw: bytes, currency: str | None) -> int:
        known = self._amounts.get((raw, currency))
        if known is None:
            if currency is not None:
                known = amount_to_minor(raw, currency, negative=True)
            elif any(raw):
                raise broken("an amount has no currency")
            else:
                known = 0
            if len(self._amounts) < _AMOUNTS_MAX:
                self._amounts[raw, currency] = known
        return known


_AMOUNTS_MAX: Final = 100_000
_NO_CERTIFICATE: Final[Mapping[str, None]] = dict.fromkeys(
    (
        "certificate_id",
        "status",
        "lifecycle",
        "order_id",
        "client_id",
        "currency",
        "exponent",
        "nominal_minor",
        "remaining_minor",
        "held_minor",
        "reserved_until",
        "issued_at",
        "activated_at",
        "expires_at",
        "notification_id",
        "notification_channel",
        "notification_status",
        "locked",
        "locked_at",
    )
)


def key_of(record: TopicRecord) -> str:
    """The record's key as text. BrokenRecord when there is none, or it is no text."""
    try:
        key = (record.key or b"").decode()
    except UnicodeDecodeError:
        raise broken("the record's key is no text") from None
    if not 0 < len(key) <= MAX_MADE_ID_LENGTH or not key.isprintable():
        raise broken("the record's key is empty, too long, or no text")
    return key


def arrival(record: TopicRecord) -> datetime | None:
    """Kafka's time of a record, as the mart keeps times; None without a sensible one."""
    at_ms = record.timestamp_ms
    return None if at_ms is None or not 0 <= at_ms <= LAST_INSTANT_MS else utc(at_ms)


def readable(value: str) -> str:
    """Somebody's text, of sane length, with nothing in it that a database cannot keep."""
    if len(value) > MAX_TEXT_LENGTH:
        value = value[:MAX_TEXT_LENGTH]
    if value.isprintable():
        return value
    return "".join(each if each.isprintable() else "\ufffd" for each in value)


def customer(client_id: str | None) -> str | None:
    """A customer's id. Where its writer takes an address for one, it is not kept."""
    if client_id is None:
        return None
    is_address = "@" in client_id or client_id.startswith("+")
    return AN_ADDRESS if is_address else readable(client_id)


def optional_text(value: str | None) -> str | None:
    """The same of a text that may be absent."""
    return None if value is None else readable(value)


def digits(currency: str) -> int:
    """Digits after the point that a currency has. BrokenRecord when it is none."""
    try:
        return exponent(currency)
    except ValueError as error:
        raise broken(str(error)) from None


def _optional_time(fields: Fields, name: str) -> datetime | None:
    at_ms = optional_instant(fields, name)
    return None if at_ms is None else utc(at_ms)


def _pool_of(key: str) -> str | None:
    """The pool that an event without a certificate is about: its name has no digit and no colon."""
    if key.startswith(CORRELATION_PREFIX) or any(each.isdigit() for each in key):
        return None
    return key
