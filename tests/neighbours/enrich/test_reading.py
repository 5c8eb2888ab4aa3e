"""What becomes of a source record: joined, passed on as it is, left out, or a dead letter."""

from dataclasses import replace

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.enrich.reading import AnyFraming, OrdersReader, PaymentsReader, shard_of
from pipelines.neighbours.enrich.records import Destination, Taken
from pipelines.neighbours.enrich.told import OrderTold, PaymentTold, decode_told
from pipelines.neighbours.records.orders import OrderStatus
from pipelines.stages import record as service
from pipelines.topics import DLQ, LARGEST_RECORD_BYTES
from tests.contracts.framings import SINGLE_OBJECT, confluent
from tests.neighbours.enrich.enrichment_in_memory import NOW_MS, taken
from tests.neighbours.enrich.stories import GOODS, PURCHASE, SOLD, payment
from tests.neighbours.records.specimens import PURCHASE as PAYMENT_VERSION_2

ORDERS = OrdersReader(SINGLE_OBJECT)
PAYMENTS = PaymentsReader(SINGLE_OBJECT)
FRAMINGS = [
    pytest.param(SINGLE_OBJECT, id="single-object"),
    pytest.param(confluent(), id="confluent"),
]


def test_order_goes_to_the_join_topic_under_the_shard_of_its_id() -> None:
    (given,) = ORDERS(taken(PURCHASE.record()))
    assert (given.destination, given.key) == (Destination.JOIN, shard_of("order-1"))
    told = decode_told(given.value or b"")
    assert isinstance(told, OrderTold)
    assert told.sold is not None
    assert (told.order_id, told.sold.rows, told.paid_with) == (
        "order-1",
        ((SOLD, 1_500_00),),
        None,
    )


def test_ordinary_order_is_no_more_than_its_id() -> None:
    (given,) = ORDERS(taken(GOODS.record()))
    assert decode_told(given.value or b"") == OrderTold(order_id="order-1")


def test_draft_is_left_out() -> None:
    assert ORDERS(taken(replace(PURCHASE, status=OrderStatus.CREATED).record())) == []


@pytest.mark.parametrize("framing", FRAMINGS)
def test_payment_of_version_1_goes_to_the_join_topic_beside_its_order(framing: AnyFraming) -> None:
    (given,) = PaymentsReader(framing)(taken(payment(7_00).record(), framing))
    assert (given.destination, given.key) == (Destination.JOIN, shard_of("order-1"))
    assert isinstance(decode_told(given.value or b""), PaymentTold)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_payment_of_version_2_passes_byte_for_byte_with_all_its_headers(
    framing: AnyFraming,
) -> None:
    headers = [("a", b"1"), ("a", b"2"), ("empty", None)]
    source = taken(PAYMENT_VERSION_2.record(), framing, headers=headers)
    (given,) = PaymentsReader(framing)(source)
    assert given.destination is Destination.OUTPUT
    assert (given.key, given.value, given.headers, given.timestamp_ms) == (
        source.key,
        source.value,
        headers,
        source.timestamp_ms,
    )


def test_unmarked_payment_of_version_2_passes_too_because_its_writer_could_have_said_it() -> None:
    ordinary = replace(PAYMENT_VERSION_2, certificate_id=None, operation=None)
    (given,) = PAYMENTS(taken(ordinary.record()))
    assert given.destination is Destination.OUTPUT


def negative_amount() -> Taken:
    record = payment(1).record()
    value = SINGLE_OBJECT.encode(RecordName.PAYMENT, {**record.value, "amount": b"\xff"}, version=1)
    return replace(taken(record), value=value)


ENDLESS = [("why", b"x" * 1024)] * 512


def endless_reason() -> Taken:
    record = PAYMENT_VERSION_2.record()
    fields = {**record.value, "status": "FAILED", "failureReason": "no " * 200_000}
    return replace(taken(record), value=SINGLE_OBJECT.encode(RecordName.PAYMENT, fields))


BROKEN = [
    ("no value", PAYMENTS, replace(taken(payment(1).record()), value=None), "EMPTY"),
    ("no value, order", ORDERS, replace(taken(GOODS.record()), value=b""), "EMPTY"),
    ("text", PAYMENTS, replace(taken(payment(1).record()), value=b"{}"), "UNKNOWN_FRAMING"),
    ("an order among payments", PAYMENTS, taken(GOODS.record()), "UNKNOWN_SCHEMA"),
    ("a payment among orders", ORDERS, taken(payment(1).record()), "UNKNOWN_SCHEMA"),
    (
        "cut short",
        PAYMENTS,
        replace(taken(payment(1).record()), value=taken(payment(1).record()).value[:-1]),  # type: ignore[index]  # it has one
        "UNDECODABLE",
    ),
    ("negative", PAYMENTS, negative_amount(), "CONTRACT"),
    ("no time", PAYMENTS, taken(payment(1).record(), timestamp_ms=-1), "CONTRACT"),
    ("no time, order", ORDERS, taken(GOODS.record(), timestamp_ms=-1), "CONTRACT"),
    ("endless reason", PAYMENTS, endless_reason(), "CONTRACT"),
    ("endless headers", PAYMENTS, taken(PAYMENT_VERSION_2.record(), headers=ENDLESS), "CONTRACT"),
    ("endless key", PAYMENTS, replace(taken(payment(1).record()), key=b"k" * 4_097), "CONTRACT"),
]


@pytest.mark.parametrize(
    ("reader", "source", "code"), [pytest.param(*row, id=name) for name, *row in BROKEN]
)
def test_broken_record_is_a_dead_letter_as_it_came(
    reader: OrdersReader | PaymentsReader, source: Taken, code: str
) -> None:
    (letter,) = reader(source)
    assert letter.destination is Destination.DEAD_LETTERS
    assert (letter.key, letter.value) == (source.key, source.value)
    assert dict(letter.headers)["errorCode"] == code.encode()


@pytest.mark.parametrize("size", [10, LARGEST_RECORD_BYTES])
def test_dead_letter_has_the_headers_of_the_service_s_own(size: int) -> None:
    """One tool can then read both, and what is too large is cut in the same way."""
    source = Taken(
        topic="All_Payments",
        partition=2,
        offset=7,
        key=b"k",
        value=b"x" * size,
        headers=[("traceparent", b"00-trace")],
        timestamp_ms=NOW_MS,
    )
    (ours,) = PAYMENTS(source)
    incoming = service.Incoming(
        topic=source.topic,
        partition=source.partition,
        offset=source.offset,
        key=source.key,
        value=source.value,
        headers=source.headers,
        timestamp_ms=source.timestamp_ms,
    )
    said = dict(ours.headers)
    error = BrokenRecord(
        BrokenCode((said["errorCode"] or b"").decode()), (said["errorText"] or b"").decode()
    )
    theirs = service.dead_letter(incoming, error)
    assert theirs.topic is DLQ
    assert (ours.key, ours.value, list(ours.headers)) == (
        theirs.key,
        theirs.value,
        list(theirs.headers),
    )
