"""What cannot be read, or says what no contract allows, is put aside once, and the flow goes on."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    DLQ,
    FACTS,
    INDEX,
    POOL,
    Topic,
    topic_name,
)
from state.certificate.commands import Command, Lock, Origin
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import Message, now_ms
from tests.flow.source_messages import CURRENCY, Delivery, Line, Order, Payment
from tests.flow.topic_log import LogRecord

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
INPUTS = (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS, FACTS, COMMANDS, POOL, INDEX)
HALF_A_KOPECK = (50).to_bytes(1, "big")


def dead_letters(scenario: Scenario, message: Message) -> list[LogRecord]:
    """What lies on the DLQ of the records with exactly these bytes under this key."""
    scenario.settle()
    return [
        record
        for record in scenario.service.log.of(DLQ.name)
        if record.value == message.value and record.key == message.key
    ]


def put_aside(scenario: Scenario, message: Message, code: str) -> None:
    """Write the record and see it on the DLQ: once, untouched, with where it was and why."""
    traced = replace(message, headers=[("traceparent", TRACE.encode())])
    scenario.service.write(traced)
    [letter] = dead_letters(scenario, message)
    [source] = [
        record
        for record in scenario.service.log.of(message.topic.name)
        if record.value == message.value and record.key == message.key
    ]
    full_name = topic_name(message.topic, scenario.service.settings)
    assert letter.header("sourceTopic") == full_name
    assert letter.header("sourcePartition") == str(source.partition)
    assert letter.header("sourceOffset") == str(source.offset)
    assert letter.header("errorCode") == code
    assert letter.header("errorText")
    assert letter.header("traceparent") == TRACE


def goes_on(scenario: Scenario, order_id: str) -> None:
    """A purchase under the same key, in the same partitions, behind what was put aside."""
    scenario.load()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(
        purchase(number, order_id),
        Payment(payment_id="pay", order_id=order_id, amount_minor=NOMINAL_MINOR),
    )
    scenario.await_story(number, "issue", "notification.requested", "activate")


def broken_values(tag: str, whole: bytes) -> list[tuple[str, bytes | None]]:
    """Bytes that are no record, each with its code; `whole` is a good one to be spoilt."""
    return [
        ("EMPTY", None),
        ("UNKNOWN_FRAMING", f"no record at all {tag}".encode()),
        ("UNKNOWN_FRAMING", b"\x00\x00\x00\x00\x07" + tag.encode()),
        ("UNKNOWN_SCHEMA", b"\xc3\x01" + b"\x01" * 8 + tag.encode()),
        ("UNDECODABLE", whole[:-3]),
        ("TRAILING_BYTES", whole + tag.encode()),
    ]


@pytest.mark.parametrize("topic", [ALL_SALES_ORDER, ALL_PAYMENTS], ids=lambda topic: topic.name)
def test_bytes_that_are_no_record_are_put_aside_and_the_flow_goes_on(
    scenario: Scenario, topic: Topic
) -> None:
    """Every way in which bytes can be wrong, on the topics that others write."""
    order_id = scenario.new_order_id()
    order = Order(order_id=order_id, total_minor=100, lines=[Line(amount_minor=100)])
    payment = Payment(payment_id="spoilt", order_id=order_id, amount_minor=100)
    whole = scenario.message(order if topic is ALL_SALES_ORDER else payment).value
    assert whole is not None
    for code, value in broken_values(scenario.tag, whole):
        message = Message(topic=topic, key=order_id.encode(), value=value)
        put_aside(scenario, message, code)
    goes_on(scenario, order_id)


def test_garbage_on_every_input_is_put_aside_and_the_flow_goes_on(scenario: Scenario) -> None:
    """Ours and theirs, with a key, with one that is no text, and with none at all."""
    order_id = scenario.new_order_id()
    for key in (order_id.encode(), b"\xff\xfe" + scenario.tag.encode(), None):
        messages = [
            Message(topic=topic, key=key, value=f"{scenario.tag} {topic.name} {key!r}".encode())
            for topic in INPUTS
        ]
        scenario.service.write(*messages)
        for message in messages:
            [letter] = dead_letters(scenario, message)
            assert letter.header("errorCode") == "UNKNOWN_FRAMING", message
    goes_on(scenario, order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadField:
    """A record that decodes and says what the contract does not allow."""

    name: str
    topic: Topic
    spoil: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda fields: fields)


def line(**changes: object) -> dict[str, Any]:
    good = Line(amount_minor=100, number="NUMBER-1").told().fields(CURRENCY)
    return {"lines": [good | changes]}


BAD_FIELDS = [
    BadField(name="no order id", topic=ALL_SALES_ORDER, spoil=lambda f: f | {"orderId": ""}),
    BadField(
        name="control character", topic=ALL_SALES_ORDER, spoil=lambda f: f | line(lineId="\n")
    ),
    BadField(name="two of one number", topic=ALL_SALES_ORDER, spoil=lambda f: f | line(quantity=2)),
    BadField(
        name="unknown status", topic=ALL_SALES_ORDER, spoil=lambda f: f | {"status": "UNKNOWN"}
    ),
    BadField(
        name="unknown channel",
        topic=ALL_SALES_ORDER,
        spoil=lambda f: f | line() | {"channel": "UNKNOWN"},
    ),
    BadField(
        name="unknown currency",
        topic=ALL_SALES_ORDER,
        spoil=lambda f: f | line() | {"currency": "XXX"},
    ),
    BadField(
        name="certificate of nothing",
        topic=ALL_SALES_ORDER,
        spoil=lambda f: f | line(amount=b"\x00"),
    ),
    BadField(
        name="half a kopeck", topic=ALL_SALES_ORDER, spoil=lambda f: f | line(amount=HALF_A_KOPECK)
    ),
    BadField(
        name="no such form of number",
        topic=ALL_SALES_ORDER,
        spoil=lambda f: f | line(certificateId="lower-1"),
    ),
    BadField(
        name="no such form of number paid",
        topic=ALL_PAYMENTS,
        spoil=lambda f: f | {"certificateId": "NO-DIGIT"},
    ),
    BadField(name="negative version", topic=ALL_SALES_ORDER, spoil=lambda f: f | {"version": -1}),
    BadField(name="unknown type", topic=ALL_PAYMENTS, spoil=lambda f: f | {"type": "UNKNOWN"}),
    BadField(name="unknown state", topic=ALL_PAYMENTS, spoil=lambda f: f | {"status": "UNKNOWN"}),
    BadField(name="unknown tender", topic=ALL_PAYMENTS, spoil=lambda f: f | {"tender": "UNKNOWN"}),
    BadField(
        name="negative amount",
        topic=ALL_PAYMENTS,
        spoil=lambda f: f | {"amount": minor_to_amount(-1, CURRENCY, negative=True)},
    ),
    BadField(
        name="unknown outcome",
        topic=ALL_CLIENTS,
        spoil=lambda f: f | {"delivery": f["delivery"] | {"outcome": "UNKNOWN"}},
    ),
]


@pytest.mark.parametrize("bad", BAD_FIELDS, ids=lambda bad: bad.name)
def test_record_that_breaks_its_contract_is_put_aside(scenario: Scenario, bad: BadField) -> None:
    """It decodes, and what it says cannot be: nobody guesses what was meant."""
    order_id = scenario.new_order_id()
    record, fields = {
        ALL_SALES_ORDER: (
            RecordName.SALES_ORDER,
            Order(order_id=order_id, total_minor=100, lines=[Line(amount_minor=100)]).record,
        ),
        ALL_PAYMENTS: (
            RecordName.PAYMENT,
            Payment(payment_id="p", order_id=order_id, amount_minor=100).record,
        ),
        ALL_CLIENTS: (
            RecordName.CLIENT,
            Delivery(number="NUMBER-1", notification_id="n").record,
        ),
    }[bad.topic]
    spoilt = bad.spoil(dict(fields(f"{order_id}-event", now_ms())))
    value = scenario.service.framing.encode(record, spoilt)
    put_aside(scenario, Message(topic=bad.topic, key=order_id.encode(), value=value), "CONTRACT")


def test_command_under_a_foreign_key_or_in_a_foreign_partition_is_put_aside(
    scenario: Scenario,
) -> None:
    """Otherwise a second truth about the same certificate would come to be elsewhere."""
    number = scenario.sell()
    command = Command(
        command_id=f"{scenario.tag}-lock",
        at_ms=now_ms(),
        certificate_id=number,
        origin=Origin.HTTP,
        action=Lock(reason="misrouted"),
    )
    value = scenario.service.framing.encode(RecordName.COMMAND, command_to_record(command))
    foreign_key = Message(topic=COMMANDS, key=f"{number}-X".encode(), value=value)
    put_aside(scenario, foreign_key, "CONTRACT")
    partitions = scenario.service.settings.partitions
    elsewhere = (partition_of(number.encode(), partitions) + 1) % partitions
    misplaced = Message(topic=COMMANDS, key=number.encode(), value=value, partition=elsewhere)
    put_aside(scenario, misplaced, "CONTRACT")
    assert scenario.story(number)[-1] == "activate"
    assert scenario.balance(number)["locked"] is False
