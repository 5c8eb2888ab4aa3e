"""Other systems' records: what they mean for us, what is refused, and what never gets in."""

import json
from typing import Any

import pytest

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.framing import Fields, SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.contracts.source_records import (
    correlation_key,
    read_delivery,
    read_order,
    read_payment,
)
from state.certificate.commands import NotificationChannel, NotificationResult, Origin
from state.correlation.facts import OrderSeen, OrderStatus, OrdinaryOrderSeen, PaymentType, Tender
from tests.contracts.actions import AT_MS, fact
from tests.contracts.samples import SAMPLES, wire_amount
from tests.contracts.violations import WRONG_IDS, assert_refused

FRAMING = SingleObjectFraming()
ORDER = SAMPLES[RecordName.SALES_ORDER]
PAYMENT = SAMPLES[RecordName.PAYMENT]
CLIENT = SAMPLES[RecordName.CLIENT]
SOLD = ORDER["lines"][0]
GOODS = ORDER["lines"][1]


def order(**changes: object) -> Fields:
    return {**ORDER, **changes}


def payment(**changes: object) -> Fields:
    return {**PAYMENT, **changes}


def delivery(**changes: object) -> Fields:
    return {**CLIENT, "delivery": {**CLIENT["delivery"], **changes}}


def test_order_that_sells_certificates_keeps_only_those_lines() -> None:
    seen = read_order(ORDER)
    assert isinstance(seen, OrderSeen)
    assert [(line.line_id, line.amount_minor) for line in seen.lines] == [("1", 150_000)]
    assert [tender.certificate_id for tender in seen.tenders] == ["GC-0000-0007"]
    assert seen.total_minor == 159_900, "goods are part of what must be paid"
    assert seen.notification_channel is NotificationChannel(ORDER["notification"]["channel"])


@pytest.mark.parametrize("status", [status.value for status in OrderStatus])
def test_order_without_certificates_is_one_line(status: str) -> None:
    ordinary = order(lines=[GOODS], certificateTenders=[], status=status)
    assert read_order(ordinary) == OrdinaryOrderSeen(
        order_id="order-1", version=3, status=OrderStatus(status)
    )


def test_order_paid_with_a_certificate_only_is_seen_whole() -> None:
    seen = read_order(order(lines=[GOODS]))
    assert isinstance(seen, OrderSeen)
    assert (seen.lines, len(seen.tenders)) == ((), 1)


def test_order_without_a_notification_has_no_channel_for_it() -> None:
    seen = read_order(order(notification=None))
    assert isinstance(seen, OrderSeen)
    assert seen.notification_channel is None


def test_address_token_never_gets_past_reading() -> None:
    """Neither in the fact, nor in any byte of it; the sample has one, so this can fail."""
    token = "address-token-5f3c"
    source = order(notification={"channel": "SMS", "addressToken": token})
    assert token in json.dumps(source, default=str)
    seen = read_order(source)
    assert token not in repr(seen)
    framed = FRAMING.encode(RecordName.FACT, fact_to_record(fact(seen)))
    assert token.encode() not in framed


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lines": [{**SOLD, "quantity": 2}]}, "quantity"),
        ({"lines": [{**SOLD, "quantity": 0}]}, "quantity"),
        ({"lines": [{**SOLD, "amount": b"\x00"}]}, "amount"),
        ({"lines": [{**SOLD, "amount": wire_amount(-10_000)}]}, "negative"),
        ({"lines": [SOLD, SOLD]}, "lineId"),
        ({"lines": [{**SOLD, "certificateId": ""}]}, "certificateId"),
        ({"lines": [{**SOLD, "lineId": str(row)} for row in range(501)]}, "certificate lines"),
        ({"certificateTenders": ORDER["certificateTenders"] * 501}, "tenders"),
        ({"currency": "RUR"}, "currency"),
        ({"currency": None}, "currency"),
        ({"status": "UNKNOWN"}, "status"),
        ({"channel": "UNKNOWN"}, "channel"),
        ({"version": -1}, "version"),
        ({"notification": {"channel": "UNKNOWN", "addressToken": None}}, "notificationChannel"),
        *(({"orderId": wrong}, "orderId") for wrong in WRONG_IDS.values()),
    ],
)
def test_wrong_order_is_broken(changes: dict[str, object], says: str) -> None:
    assert_refused(read_order, order(**changes), says)


def test_what_is_wrong_with_goods_is_not_our_business() -> None:
    """An ordinary line may say anything: only what concerns certificates is checked."""
    seen = read_order(order(lines=[SOLD, {**GOODS, "quantity": -5, "lineId": "", "amount": b""}]))
    assert isinstance(seen, OrderSeen)


def test_payment_of_version_two_is_read_whole() -> None:
    seen = read_payment(PAYMENT)
    assert seen.marked
    assert seen.amount_minor == int.from_bytes(PAYMENT["amount"], "big") // 100
    assert seen.authorization_id == PAYMENT["authorizationId"]


def test_payment_of_version_one_says_nothing_of_certificates() -> None:
    """Written by the old schema and read by the new: the last five fields are absent."""
    later = ("certificateId", "certificateOperation", "authorizationId", "originalPaymentId")
    first = {
        name: value for name, value in PAYMENT.items() if name not in (*later, "failureReason")
    }
    framed = FRAMING.encode(RecordName.PAYMENT, {**first, "tender": "CARD"}, version=1)
    seen = read_payment(FRAMING.decode(RecordName.PAYMENT, framed))
    assert (seen.marked, seen.certificate_id, seen.operation) == (False, None, None)
    assert (seen.tender, seen.type) == (Tender.CARD, PaymentType(PAYMENT["type"]))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"amount": wire_amount(-10_000)}, "negative"),
        ({"amount": wire_amount(1)}, "decimals"),
        ({"currency": "XAU"}, "currency"),
        ({"type": "UNKNOWN"}, "type"),
        ({"tender": "UNKNOWN"}, "tender"),
        ({"certificateOperation": "UNKNOWN"}, "certificateOperation"),
        *(({"paymentId": wrong}, "paymentId") for wrong in WRONG_IDS.values()),
    ],
)
def test_wrong_payment_is_broken(changes: dict[str, object], says: str) -> None:
    assert_refused(read_payment, payment(**changes), says)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"correlationId": "c-1", "orderId": "o-1"}, "c-1"),
        ({"correlationId": None, "orderId": "o-1"}, "o-1"),
    ],
)
def test_correlation_key_is_the_correlation_or_else_the_order(fields: Fields, key: str) -> None:
    assert correlation_key(fields) == key


@pytest.mark.parametrize("name", ["correlationId", "orderId"])
@pytest.mark.parametrize("wrong", WRONG_IDS.values(), ids=list(WRONG_IDS))
def test_wrong_correlation_key_is_broken(name: str, wrong: object) -> None:
    fields = {"correlationId": None, "orderId": "o-1", name: wrong}
    assert_refused(correlation_key, fields, name)


@pytest.mark.parametrize(("outcome", "sent"), [("SENT", True), ("FAILED", False)])
def test_delivery_is_a_result_of_its_notification(outcome: str, sent: bool) -> None:
    command = read_delivery(delivery(outcome=outcome, reason="no such phone"), AT_MS)
    assert command is not None
    assert command.action == NotificationResult(
        notification_id=CLIENT["delivery"]["notificationId"], sent=sent, reason="no such phone"
    )
    assert (command.origin, command.at_ms) == (Origin.FACT, AT_MS)
    assert command.command_id == f"delivery/{CLIENT['eventId']}"


def test_delivery_without_a_reason_has_an_empty_one() -> None:
    command = read_delivery(delivery(reason=None), AT_MS)
    assert command is not None
    assert isinstance(command.action, NotificationResult)
    assert command.action.reason == ""


def test_longest_ids_of_a_delivery_make_a_readable_command() -> None:
    """The notification's id is one of ours, made of two of theirs."""
    made = f"{'c' * 200}/issue/{'l' * 200}"
    source = {**delivery(notificationId=made), "eventId": "e" * 200}
    command = read_delivery(source, AT_MS)
    assert command is not None
    framed = FRAMING.encode(RecordName.COMMAND, command_to_record(command))
    assert made.encode() in framed


def test_word_of_the_crm_about_something_else_is_none_of_ours() -> None:
    assert read_delivery({**CLIENT, "delivery": None}, AT_MS) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"outcome": "UNKNOWN"}, "delivery.outcome"),
        *(({"certificateId": wrong}, "certificateId") for wrong in WRONG_IDS.values()),
        ({"notificationId": ""}, "notificationId"),
        ({"notificationId": "n" * 1_001}, "notificationId"),
    ],
)
def test_wrong_delivery_is_broken(changes: dict[str, Any], says: str) -> None:
    def read(fields: Fields) -> object:
        return read_delivery(fields, AT_MS)

    assert_refused(read, delivery(**changes), says)
