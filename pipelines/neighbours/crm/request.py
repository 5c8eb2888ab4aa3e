"""What the stream says of messages to customers: one is asked for, or one is closed.

Owns reading those events and the identity that each step of a delivery carries. Decides nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid5

from pipelines.contracts.amounts import amount_to_minor
from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.fields import (
    MAX_MADE_ID_LENGTH,
    certificate_number,
    identifier,
    optional_identifier,
)
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.clients import NotificationChannel
from pipelines.tracing.trace_context import TRACEPARENT, TraceContext, span_id_of

REQUESTED: Final = "notification.requested"
_CLOSING: Final = frozenset({"notification.sent", "notification.failed"})
_EVENT_TYPE: Final = "eventType"
_LONGEST_TRACE: Final = 128
_KEYS: Final = UUID("7b1d9c52-9f0e-5c7a-8a43-6d0c3e2b5f90")
"""The name space of delivery keys: a constant, so that a repeated step carries the same key."""

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is left on the certificate, in minor units of its currency."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One message that is asked for, at its place on the stream.

    `asked_at_ms` is Kafka's time of the event: when the CRM was asked, however long the order and
    its payment had been under way before. `channel` absent: the order did not say.
    """

    partition: int
    offset: int
    certificate_id: str
    notification_id: str
    channel: NotificationChannel | None
    order_id: str | None
    client_id: str | None
    correlation_id: str | None
    balance: Balance
    asked_at_ms: int
    trace: bytes | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The identity of this delivery for whoever may be asked for it twice.

        Made of both ids, because support may use one key for two certificates, and then both have
        a notification of that id. Fit for any header; tells neither id.
        """
        return str(uuid5(_KEYS, f"{self.certificate_id}\n{self.notification_id}"))

    @property
    def trace_context(self) -> TraceContext | None:
        """The trace that the request belongs to, where it has one."""
        return TraceContext.parsed((self.trace or b"").decode("ascii", errors="replace"))

    @property
    def delivery_context(self) -> TraceContext | None:
        """The same trace, as the delivery's own span; the same whoever delivers it again."""
        context = self.trace_context
        if context is None or not context.sampled:
            return context
        return context.child(span_id_of("deliver", self.key))

    @property
    def last_four(self) -> str:
        """All of the number that people other than the customer see."""
        return f"…{self.certificate_id[-4:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The service has noted how a message ended, whoever said so."""

    certificate_id: str
    notification_id: str


Happening: TypeAlias = Request | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """One record of the stream as Kafka gave it."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None
    headers: Headers = ()


def happening_of(record: StreamRecord, framing: Framing) -> Happening | None:
    """What a record says of messages; None when it is about something else.

    BrokenRecord for one that cannot be what the service writes. Events of other types are not
    decoded: their header says what they are.
    """
    told = _header(record.headers, _EVENT_TYPE)
    if told is not None and told.decode(errors="replace") not in _CLOSING | {REQUESTED}:
        return None
    event = framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value)
    if event["eventType"] not in _CLOSING | {REQUESTED}:
        return None
    payload = event["payload"]
    if payload is None or payload["notification"] is None:
        raise BrokenRecord(BrokenCode.CONTRACT, "the event has no snapshot with a notification")
    certificate_id = certificate_number(payload, "certificateId")
    notification_id = identifier(payload["notification"], "id", MAX_MADE_ID_LENGTH)
    if event["eventType"] in _CLOSING:
        return Closed(certificate_id=certificate_id, notification_id=notification_id)
    return Request(
        partition=record.partition,
        offset=record.offset,
        certificate_id=certificate_id,
        notification_id=notification_id,
        channel=_channel(payload["notification"]["channel"]),
        order_id=optional_identifier(payload, "orderId"),
        client_id=optional_identifier(payload, "clientId"),
        correlation_id=optional_identifier(event, "correlationId"),
        balance=_balance(payload),
        asked_at_ms=record.timestamp_ms,
        trace=_trace(record.headers),
    )


def _balance(payload: Mapping[str, Any]) -> Balance:
    currency = payload["currency"]
    if currency is None:
        raise BrokenRecord(BrokenCode.CONTRACT, "a certificate that was sold has no currency")
    return Balance(
        amount_minor=amount_to_minor(payload["remainingBalance"], currency), currency=currency
    )


def _channel(symbol: str | None) -> NotificationChannel | None:
    """The way to the customer; one that a newer service knows is none that can be gone here."""
    return NotificationChannel(symbol) if symbol in set(NotificationChannel) else None


def _trace(headers: Headers) -> bytes | None:
    trace = _header(headers, TRACEPARENT)
    return trace if trace is not None and len(trace) <= _LONGEST_TRACE else None


def _header(headers: Headers, name: str) -> bytes | None:
    return next((value for each, value in headers if each == name), None)
