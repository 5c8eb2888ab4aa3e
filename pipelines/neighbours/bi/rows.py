"""The rows of the mart's tables, as typed tuples in the order of their columns.

Owns the shapes; a test holds them to `tables`. Times are UTC without a zone, as the database keeps
them.
"""

from datetime import date, datetime
from typing import NamedTuple


class Place(NamedTuple):
    """Where a record lies in its topic. The order of two of them is that of the mart's choice.

    A payment may be told again under the same id, marked with what it means for a certificate: then
    the marked one is chosen, wherever it lies. `unmarked` is False of all that is no payment.
    """

    unmarked: bool
    partition_no: int
    record_offset: int


class StreamEventRow(NamedTuple):
    """A row of `stream_event`."""

    event_id: str
    partition_no: int
    record_offset: int
    arrived_at: datetime | None
    record_key: str
    sequence: int
    event_type: str
    headline: str
    occurred_at: datetime
    booked_at: datetime
    day: date
    correlation_id: str | None
    actor: str | None
    reason_code: str | None
    reason_text: str | None
    certificate_id: str | None
    pool: str | None
    status: str | None
    lifecycle: str | None
    channel: str | None
    order_id: str | None
    client_id: str | None
    currency: str | None
    exponent: int | None
    nominal_minor: int | None
    remaining_minor: int | None
    held_minor: int | None
    reserved_until: datetime | None
    issued_at: datetime | None
    activated_at: datetime | None
    expires_at: datetime | None
    notification_id: str | None
    notification_channel: str | None
    notification_status: str | None
    locked: bool | None
    locked_at: datetime | None
    entry_kind: str | None
    amount_minor: int | None
    pool_change: int


class OrderVersionRow(NamedTuple):
    """A row of `order_version`."""

    event_id: str
    partition_no: int
    record_offset: int
    arrived_at: datetime | None
    occurred_at: datetime
    day: date
    order_id: str
    correlation_key: str
    version: int
    channel: str
    status: str
    client_id: str | None
    store_id: str | None
    currency: str
    exponent: int
    total_minor: int
    certificates_minor: int
    tendered_minor: int
    concerns_certificates: bool
    notification_channel: str | None


class OrderLineRow(NamedTuple):
    """A row of `order_line`."""

    event_id: str
    line_no: int
    line_id: str
    certificate_id: str | None
    amount_minor: int


class OrderTenderRow(NamedTuple):
    """A row of `order_tender`."""

    event_id: str
    tender_no: int
    certificate_id: str
    amount_minor: int


class PaymentEventRow(NamedTuple):
    """A row of `payment_event`."""

    event_id: str
    partition_no: int
    record_offset: int
    arrived_at: datetime | None
    occurred_at: datetime
    day: date
    payment_id: str
    order_id: str
    correlation_key: str
    channel: str
    type: str
    status: str
    amount_minor: int
    currency: str
    exponent: int
    tender: str
    certificate_id: str | None
    certificate_operation: str | None
    authorization_id: str | None
    original_payment_id: str | None


class ClientRecordRow(NamedTuple):
    """A row of `client_record`."""

    event_id: str
    partition_no: int
    record_offset: int
    arrived_at: datetime | None
    occurred_at: datetime
    day: date
    client_id: str
    correlation_id: str | None
    certificate_id: str | None
    notification_id: str | None
    notification_channel: str | None
    outcome: str | None


class DeadLetterRow(NamedTuple):
    """A row of `dead_letter`."""

    partition_no: int
    record_offset: int
    arrived_at: datetime | None
    day: date
    source_topic: str | None
    source_partition: int | None
    source_offset: int | None
    code: str
    text: str


class ResolutionRow(NamedTuple):
    """A row of `dead_letter_resolution`."""

    partition_no: int
    record_offset: int
    arrived_at: datetime | None
    letter_offset: int
    how: str


class BrokenRow(NamedTuple):
    """A row of `broken_record`."""

    topic: str
    partition_no: int
    record_offset: int
    arrived_at: datetime | None
    code: str
    text: str


class GapRow(NamedTuple):
    """A row of `mart_gap`."""

    topic: str
    partition_no: int
    from_offset: int
    to_offset: int
