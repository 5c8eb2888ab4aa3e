"""What the mart takes from each record, and that what it cannot take is listed and no more."""

import pytest

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.bi.calendar import Calendar, utc
from pipelines.neighbours.bi.readings import Readings
from pipelines.neighbours.bi.rows import (
    BrokenRow,
    ClientRecordRow,
    DeadLetterRow,
    PaymentEventRow,
    ResolutionRow,
    StreamEventRow,
)
from pipelines.neighbours.bi.topic_record import OrderTold, Reading, TopicRecord
from pipelines.neighbours.records import clients
from pipelines.topics import ALL_PAYMENTS, ALL_SALES_ORDER, DLQ, STREAM
from state.certificate import commands
from tests.neighbours.bi.told_topics import (
    FRAMING,
    NOON_MS,
    NUMBER,
    OTHER,
    ToldTopics,
    sold,
)

READINGS = Readings(FRAMING, Calendar("UTC"), topic_prefix="shop-")


def read(record: TopicRecord) -> Reading:
    return READINGS.read(record)


def broken(record: TopicRecord) -> tuple[str, str]:
    row = read(record)
    assert isinstance(row, BrokenRow)
    return row.code, row.text


def test_read_of_an_event_has_certificate_entry_and_place() -> None:
    told = sold().redeem(1_234_56)
    row = read(told.records[-1])
    assert isinstance(row, StreamEventRow)
    assert (row.event_type, row.headline, row.status) == (
        "redeem.partial",
        "PARTIALLY_REDEEMED",
        "PARTIALLY_REDEEMED",
    )
    assert (row.entry_kind, row.amount_minor, row.remaining_minor) == (
        "REDEEM",
        -1_234_56,
        3_765_44,
    )
    assert (row.certificate_id, row.channel, row.order_id, row.client_id) == (
        NUMBER,
        "ONLINE_STORE",
        "sale-1",
        "client-7",
    )
    assert (row.currency, row.exponent, row.correlation_id) == ("RUB", 2, "basket-1")
    assert (row.arrived_at, row.issued_at) == (utc(NOON_MS), utc(NOON_MS))


def test_read_of_a_pools_event_names_the_pool_and_no_certificate() -> None:
    told = ToldTopics()
    told.blocked()
    row = read(told.records[-1])
    assert isinstance(row, StreamEventRow)
    assert (row.record_key, row.pool, row.certificate_id) == ("ELECTRONIC", "ELECTRONIC", None)
    assert (row.reason_code, row.reason_text, row.channel) == (
        "POOL_EMPTY",
        "the pool is empty",
        "POS",
    )


def test_read_of_what_support_wrote_keeps_the_code_and_not_the_words() -> None:
    """Nobody knows what a person writes there; an address perhaps."""
    told = sold()
    told.perform(NUMBER, commands.Lock(reason="call me at +7 900 000-00-00"))
    row = read(told.records[-1])
    assert isinstance(row, StreamEventRow)
    assert (row.reason_code, row.reason_text, row.locked) == ("SUPPORT", None, True)
    assert "900" not in repr(row)


def test_read_of_an_order_has_its_certificate_lines_and_tenders_and_a_sum_of_goods() -> None:
    told = ToldTopics().selling_order(goods_minor=300_00).spending_order(100_00, number=OTHER)
    selling, spending = (read(record) for record in told.records)
    assert isinstance(selling, OrderTold)
    assert isinstance(spending, OrderTold)
    order = selling.order
    assert (order.total_minor, order.certificates_minor, order.tendered_minor) == (
        5_300_00,
        5_000_00,
        0,
    )
    ((_, _, line_id, number, minor),) = selling.lines
    assert (line_id, number, minor) == ("1", NUMBER, 5_000_00)
    ((_, _, number, minor),) = spending.tenders
    assert (number, minor) == (OTHER, 100_00)
    assert order.concerns_certificates
    assert spending.order.concerns_certificates


@pytest.mark.parametrize("address", ["ann@shop.example", "+7 900 000-00-00"])
def test_read_of_a_customer_whose_id_is_an_address_keeps_no_address(address: str) -> None:
    told = sold().selling_order().spoil(RecordName.SALES_ORDER, clientId=address)
    order = read(told.records[-1])
    assert isinstance(order, OrderTold)
    seen = clients.Client(client_id="client-8", at_ms=NOON_MS, event_id="seen")
    told.tell(seen.record())
    told.spoil(RecordName.CLIENT, clientId=address)
    client = read(told.records[-1])
    assert isinstance(client, ClientRecordRow)
    assert {order.order.client_id, client.client_id} == {"(an address)"}


def test_read_of_payments_of_both_versions_says_what_each_can() -> None:
    told = ToldTopics().payment(5_000_00, number=NUMBER).payment(100, version_1=True, suffix="1")
    second, first = (read(record) for record in told.records)
    assert isinstance(first, PaymentEventRow)
    assert isinstance(second, PaymentEventRow)
    assert (second.certificate_id, second.certificate_operation) == (NUMBER, "PURCHASE")
    assert (first.certificate_id, first.certificate_operation) == (None, None)
    assert (first.correlation_key, first.amount_minor) == ("sale-1", 100)


def test_read_of_a_delivery_has_its_outcome_and_not_its_reason() -> None:
    told = ToldTopics()
    delivery = clients.Delivery(
        certificate_id=NUMBER,
        notification_id="sale-1/issue/1",
        channel=clients.NotificationChannel.SMS,
        outcome=clients.DeliveryOutcome.FAILED,
        reason="the gateway refused it",
    )
    record = clients.Client(client_id="client-7", at_ms=NOON_MS, delivery=delivery).record()
    row = read(told.tell(record))
    assert isinstance(row, ClientRecordRow)
    assert (row.client_id, row.outcome, row.certificate_id) == ("client-7", "FAILED", NUMBER)
    assert "refused" not in repr(row)
    bare = read(
        told.tell(clients.Client(client_id="client-8", at_ms=NOON_MS, event_id="seen").record())
    )
    assert isinstance(bare, ClientRecordRow)
    assert (bare.client_id, bare.outcome, bare.notification_id) == ("client-8", None, None)


def letter(**headers: str) -> TopicRecord:
    raw = tuple((name, value.encode()) for name, value in headers.items())
    return ToldTopics().add(DLQ, b"anything", headers=raw)


LETTER = {
    "sourceTopic": "shop-All_Payments",
    "sourcePartition": "3",
    "sourceOffset": "42",
    "errorCode": "CONTRACT",
    "errorText": "amount is negative",
}


def test_read_of_a_letter_has_its_source_without_the_prefix() -> None:
    row = read(letter(**LETTER))
    assert isinstance(row, DeadLetterRow)
    assert (row.source_topic, row.source_partition, row.source_offset) == ("All_Payments", 3, 42)
    assert (row.code, row.text) == ("CONTRACT", "amount is negative")


def test_read_of_a_strangers_letter_keeps_nothing_that_it_says() -> None:
    row = read(letter(errorText="call +7 900 000-00-00", sourcePartition="9" * 30))
    assert isinstance(row, DeadLetterRow)
    assert (row.code, row.text, row.source_topic, row.source_partition) == ("NONE", "", None, None)


def test_read_of_a_resolution_names_its_letter() -> None:
    row = read(letter(resolution="RETRIED", letterPartition="0", letterOffset="7", by="ann"))
    assert isinstance(row, ResolutionRow)
    assert (row.letter_offset, row.how) == (7, "RETRIED")
    assert "ann" not in repr(row)


@pytest.mark.parametrize(
    "headers",
    [
        {"letterPartition": "0", "letterOffset": "x"},
        {"letterPartition": "1", "letterOffset": "7"},
        {"letterOffset": "7"},
    ],
)
def test_read_of_a_resolution_of_no_letter_is_broken(headers: dict[str, str]) -> None:
    assert broken(letter(resolution="RETRIED", **headers))[0] == "CONTRACT"
    assert broken(letter(resolution="BURNT", letterPartition="0", letterOffset="7"))


def forged(number: str = NUMBER, key: bytes | None = None, **changes: object) -> TopicRecord:
    told = sold()
    fields = FRAMING.decode(RecordName.GIFT_CERTIFICATE_EVENT, told.records[-1].value)
    fields |= changes
    value = FRAMING.encode(RecordName.GIFT_CERTIFICATE_EVENT, fields)
    return told.add(STREAM, value, key=number.encode() if key is None else key)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        pytest.param(forged(number=OTHER), "key is not the certificate", id="another key"),
        pytest.param(forged(key=b""), "key is empty", id="no key"),
        pytest.param(forged(key=b"\xff\xfe"), "key is no text", id="key of bytes"),
        pytest.param(forged(sequence=0), "sequence is zero", id="sequence zero"),
        pytest.param(forged(sequence=-1), "sequence is negative", id="sequence below zero"),
        pytest.param(forged(eventId=""), "eventId is empty", id="no id"),
        pytest.param(forged(occurredAt=-1), "occurredAt is negative", id="time before all times"),
        pytest.param(forged(occurredAt=10**16), "to the year 9999", id="time after all times"),
    ],
)
def test_read_of_an_event_that_breaks_its_contract_says_why(record: TopicRecord, text: str) -> None:
    code, said = broken(record)
    assert code == "CONTRACT"
    assert text in said


def test_read_of_an_entry_without_a_certificate_is_broken() -> None:
    told = sold().redeem(100)
    fields = FRAMING.decode(RecordName.GIFT_CERTIFICATE_EVENT, told.records[-1].value)
    value = FRAMING.encode(RecordName.GIFT_CERTIFICATE_EVENT, fields | {"payload": None})
    assert broken(told.add(STREAM, value, key=NUMBER.encode())) == (
        "CONTRACT",
        "an entry has no certificate",
    )


def order_with(minor: int, lines: int, currency: str = "RUB") -> TopicRecord:
    told = ToldTopics().selling_order()
    fields = FRAMING.decode(RecordName.SALES_ORDER, told.records[-1].value)
    (line,) = fields["lines"]
    fields["currency"] = currency
    fields["lines"] = [
        {**line, "lineId": str(place), "amount": minor_to_amount(minor, currency)}
        for place in range(lines)
    ]
    return told.add(ALL_SALES_ORDER, FRAMING.encode(RecordName.SALES_ORDER, fields))


def test_read_of_an_order_of_more_than_a_database_can_hold_is_broken() -> None:
    # Amounts of four decimals: the largest count of minor units that a record may have.
    assert broken(order_with(999_999_999_999_999_999, 10, "CLF")) == (
        "CONTRACT",
        "the amounts of an order sum to too much",
    )
    assert broken(order_with(1, 501))[1] == "more than 500 certificate lines or tenders"


def test_read_of_a_newer_writers_words_keeps_them_as_unknown() -> None:
    told = ToldTopics().payment(100)
    fields = FRAMING.decode(RecordName.PAYMENT, told.records[-1].value)
    value = FRAMING.encode(RecordName.PAYMENT, fields | {"tender": "UNKNOWN"})
    row = read(told.add(ALL_PAYMENTS, value))
    assert isinstance(row, PaymentEventRow)
    assert row.tender == "UNKNOWN"


@pytest.mark.parametrize("topic", ["All_SalesOrder", "All_Payments", "All_Clients"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "EMPTY"),
        (b"", "EMPTY"),
        (b"text", "UNKNOWN_FRAMING"),
        (b"\xc3\x01 no such fingerprint", "UNKNOWN_SCHEMA"),
    ],
)
def test_read_of_bytes_that_are_no_record_lists_them(
    topic: str, value: bytes | None, code: str
) -> None:
    assert broken(ToldTopics().add(topic, value))[0] == code


def test_read_of_a_record_without_a_sensible_time_has_none() -> None:
    told = ToldTopics().payment(100)
    for at_ms in (-1, 10**17):
        row = read(told.add(ALL_PAYMENTS, told.records[0].value, timestamp_ms=at_ms))
        assert isinstance(row, PaymentEventRow)
        assert row.arrived_at is None
