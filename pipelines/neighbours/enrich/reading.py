"""The first stage: one source record becomes a record of the join topic, or goes straight on.

Owns which orders tell anything (those that are binding or undone: a draft may still change), which
payments need no join (their writer could say what they mean), and the shard of an order id.
"""

from typing import Final

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.fields import broken, checked_instant, identifier
from pipelines.contracts.framing import ConfluentFraming, SingleObjectFraming
from pipelines.contracts.opened import Fields
from pipelines.contracts.schemas import RecordName, Schema
from pipelines.contracts.source_records import correlation_key, read_order, read_payment
from pipelines.neighbours.enrich.records import Destination, Given, Taken, dead_letter
from pipelines.neighbours.enrich.told import OrderTold, Part, PaymentTold, Row, encode
from pipelines.partitioning import murmur2
from state.correlation.facts import OrderSeen, OrderStatus

SHARDS: Final = 64
"""Fixed for good: an order id would move away from its state."""

AnyFraming = SingleObjectFraming | ConfluentFraming

_SAYS_WHAT_IT_MEANS: Final = "certificateOperation"

_LONGEST_KEY: Final = 4_096
"""Of a version 1 payment: its key waits with it in the state. Ids have 200 characters."""

_LARGEST_PAYMENT: Final = 512 * 1024
"""With key and headers. An output topic of others takes as little as a megabyte; what it refuses
would stop the worker for ever, and a payment has a few hundred bytes."""


def shard_of(order_id: str) -> bytes:
    """The key of the join topic under which all of one order comes, and its state is kept."""
    return shard_key(murmur2(order_id.encode()) % SHARDS)


def shard_key(shard: int) -> bytes:
    """The key of a shard by its number."""
    return b"shard-%02d" % shard


class OrdersReader:
    """Orders, to the join topic."""

    def __init__(self, framing: AnyFraming) -> None:
        self._framing = framing

    def __call__(self, taken: Taken) -> list[Given]:
        try:
            fields = self._framing.decode(RecordName.SALES_ORDER, taken.value)
            order = read_order(fields)
            _check_envelope(fields, taken)
        except BrokenRecord as error:
            return [dead_letter(taken, error)]
        if order.status is OrderStatus.CREATED:
            return []
        told = (
            _concerning(order)
            if isinstance(order, OrderSeen)
            else OrderTold(order_id=order.order_id)
        )
        return [_to_join(told)]


class PaymentsReader:
    """Version 1 payments to the join topic; all others straight on, byte for byte."""

    def __init__(self, framing: AnyFraming) -> None:
        self._framing = framing

    def __call__(self, taken: Taken) -> list[Given]:
        try:
            opened = self._framing.opened(RecordName.PAYMENT, taken.value)
            fields = opened.read(RecordName.PAYMENT)
            payment = read_payment(fields)
            _check_envelope(fields, taken)
            if could_say(opened.writer):
                return [_straight_on(taken)]
            if len(taken.key or b"") > _LONGEST_KEY:
                raise broken(f"the record's key has more than {_LONGEST_KEY} bytes")
        except BrokenRecord as error:
            return [dead_letter(taken, error)]
        told = PaymentTold(
            order_id=payment.order_id,
            type=payment.type,
            tender=payment.tender,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            key=taken.key,
            value=self._framing.encode(RecordName.PAYMENT, fields),
            timestamp_ms=taken.timestamp_ms,
            trace=taken.trace,
        )
        return [_to_join(told)]


def _straight_on(taken: Taken) -> Given:
    sizes = (len(name) + len(value or b"") for name, value in taken.headers)
    if len(taken.key or b"") + len(taken.value or b"") + sum(sizes) > _LARGEST_PAYMENT:
        raise broken(f"the payment has more than {_LARGEST_PAYMENT // 1024} KiB")
    return Given(
        destination=Destination.OUTPUT,
        key=taken.key,
        value=taken.value,
        headers=taken.headers,
        timestamp_ms=taken.timestamp_ms,
    )


def could_say(writer: Schema) -> bool:
    """Whether the schema a payment was written by has a place for what it means."""
    return any(field["name"] == _SAYS_WHAT_IT_MEANS for field in writer.declared["fields"])


def _check_envelope(fields: Fields, taken: Taken) -> None:
    """What the service, too, asks of every record beside its own fields."""
    identifier(fields, "eventId")
    correlation_key(fields)
    checked_instant(taken.timestamp_ms, "the record's timestamp")


def _concerning(order: OrderSeen) -> OrderTold:
    def part(rows: tuple[Row, ...]) -> Part | None:
        if not rows:
            return None
        return Part(
            version=order.version,
            rows=rows,
            total_minor=order.total_minor,
            currency=order.currency,
        )

    return OrderTold(
        order_id=order.order_id,
        sold=part(tuple((line.certificate_id, line.amount_minor) for line in order.lines)),
        paid_with=part(tuple((each.certificate_id, each.amount_minor) for each in order.tenders)),
    )


def _to_join(told: OrderTold | PaymentTold) -> Given:
    key = shard_of(told.order_id)
    return Given(destination=Destination.JOIN, key=key, value=encode(told))
