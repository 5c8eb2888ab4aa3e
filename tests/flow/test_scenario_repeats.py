"""Records come twice, late and in the wrong order: what comes of them is the same."""

from itertools import permutations

from pipelines.topics import COMMANDS, POOL
from tests.flow.scenario import NOMINAL_MINOR, Scenario, goods, purchase, redemption
from tests.flow.service_under_test import Message
from tests.flow.source_messages import Delivery, Order, Payment


def purchase_records(number: str, order_id: str) -> list[Order | Payment]:
    """Everything that sells one certificate: order, promise of money, money."""
    return [
        purchase(number, order_id),
        Payment(
            payment_id="auth", order_id=order_id, amount_minor=NOMINAL_MINOR, type="AUTHORIZATION"
        ),
        Payment(
            payment_id="capture", order_id=order_id, amount_minor=NOMINAL_MINOR, original="auth"
        ),
    ]


def redemption_records(number: str, order_id: str) -> list[Order | Payment]:
    """Everything that spends a part of it and gives that back."""
    return [
        goods(number, order_id, 1_000_00),
        redemption(number, order_id, 1_000_00),
        goods(number, order_id, 1_000_00, status="RETURNED", version=2),
        Payment(
            payment_id="refund",
            order_id=order_id,
            amount_minor=1_000_00,
            type="REFUND",
            tender="GIFT_CERTIFICATE",
            number=number,
            operation="REFUND",
            original=f"{order_id}-redeem",
        ),
    ]


def test_purchase_in_every_order_of_its_records_told_twice_is_the_same(scenario: Scenario) -> None:
    """Six orders of arrival, each record twice: one story."""
    orders_of_arrival = list(permutations(range(3)))
    scenario.load(len(orders_of_arrival))
    order_ids = [scenario.new_order_id() for _ in orders_of_arrival]
    numbers = [scenario.reserve(order_id=order_id) for order_id in order_ids]
    for position in range(3):
        for number, order_id, arrival in zip(numbers, order_ids, orders_of_arrival, strict=True):
            record = scenario.message(purchase_records(number, order_id)[arrival[position]])
            scenario.service.write(record, record)
        scenario.settle()
    told = {
        tuple((event.type, event.status, event.entry) for event in scenario.events(number))
        for number in numbers
    }
    assert told == {
        (
            ("load", "AVAILABLE", None),
            ("reserve", "RESERVED", None),
            ("issue", "ISSUED", ("ISSUE", NOMINAL_MINOR, NOMINAL_MINOR, 0)),
            ("notification.requested", "NOTIFICATION_REQUESTED", None),
            ("activate", "ACTIVE", None),
        )
    }


def test_redemption_and_refund_in_every_order_of_their_records_end_the_same(
    scenario: Scenario,
) -> None:
    """24 orders of arrival end with the whole balance and the money moved once there and back."""
    orders_of_arrival = list(permutations(range(4)))
    numbers = [scenario.sell() for _ in orders_of_arrival]
    order_ids = [scenario.new_order_id() for _ in orders_of_arrival]
    for position in range(4):
        for number, order_id, arrival in zip(numbers, order_ids, orders_of_arrival, strict=True):
            record = scenario.message(redemption_records(number, order_id)[arrival[position]])
            scenario.service.write(record, record)
        scenario.settle()
    for number, arrival in zip(numbers, orders_of_arrival, strict=True):
        entries = [event.entry for event in scenario.events(number)[5:] if event.entry]
        assert entries == [
            ("REDEEM", -1_000_00, 4_000_00, 0),
            ("REFUND", 1_000_00, 5_000_00, 0),
        ], f"arrival {arrival}: {scenario.story(number)}"
        assert "error" not in scenario.story(number), arrival


def test_every_record_of_a_life_told_again_changes_nothing(scenario: Scenario) -> None:
    """Orders, payments, deliveries, commands and pool commands, byte for byte and in reverse."""
    number = scenario.sell()
    scenario.tell(Delivery(number=number, notification_id=scenario.notification(number)))
    scenario.await_story(number, "notification.sent")
    order_id = scenario.new_order_id()
    for record in redemption_records(number, order_id):
        scenario.tell(record)
        scenario.settle()
    story, before = list(scenario.events(number)), scenario.certificate(number)
    assert story[-1].type == "refund"

    log = scenario.service.log
    internal = [
        Message(topic=topic, key=record.key, value=record.value)
        for topic in (COMMANDS, POOL)
        for record in log.of(topic.name)
        if record.key in (number.encode(), scenario.pool.encode())
    ]
    assert len(internal) > len(story), "every event had a command, and the pool had its own"
    scenario.service.write(*reversed(scenario.written), *scenario.written, *internal)
    scenario.settle()
    assert scenario.events(number) == story
    assert scenario.certificate(number) == before


def test_payment_told_again_under_another_event_id_asks_for_nothing(scenario: Scenario) -> None:
    """A producer that repeats itself with a new id: the payment's own id still tells."""
    number = scenario.sell()
    order_id = scenario.spend(number, 1_000_00)
    asked = commands_for(scenario, number)
    scenario.tell(redemption(number, order_id, 1_000_00), goods(number, order_id, 1_000_00))
    scenario.settle()
    assert commands_for(scenario, number) == asked
    assert scenario.story(number)[-1] == "redeem.partial"
    assert scenario.balance(number)["remainingBalance"] == "4000.00"


def commands_for(scenario: Scenario, number: str) -> int:
    """How often anything was asked of the certificate so far."""
    return sum(record.key == number.encode() for record in scenario.service.log.of(COMMANDS.name))


def test_older_version_of_an_order_that_comes_late_changes_nothing(scenario: Scenario) -> None:
    """Version 2 was seen: version 1 is history."""
    number = scenario.sell()
    order_id = scenario.new_order_id()
    scenario.tell(goods(number, order_id, 2_000_00, version=2))
    scenario.settle()
    scenario.tell(goods(number, order_id, 1_000_00, version=1))
    scenario.settle()
    scenario.tell(redemption(number, order_id, 2_000_00))
    assert scenario.await_story(number, "activate", "redeem.partial").remaining_minor == 3_000_00
