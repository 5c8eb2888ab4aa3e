"""Poison at every stage while its worker is killed: each lies on the DLQ once, and all goes on.

Real Kafka, real processes, kill -9 at whatever moment the records are being performed.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.local.running_broker import Broker
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
    topic_name,
)
from state.certificate.commands import Command, Load, Origin
from state.pool.commands import Add, PoolCommand
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import Message, Service, now_ms, running_service
from tests.flow.source_messages import Delivery, Line, Order, Payment

ROUNDS = 6
WORKERS = ("correlator-0", "processor-0")
SOURCES = (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS)
KEYED = (FACTS, COMMANDS, POOL, INDEX)


@pytest.fixture
def poisoned(broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Service]:
    """One correlator and one processor on the shared broker, with topics of their own."""
    if broker.kind == "embedded":
        pytest.skip("the embedded broker proves nothing about exactly-once: no real transactions")
    with running_service(broker.bootstrap, tmp_path, topic_prefix) as running:
        yield running


def whole_records(scenario: Scenario, tag: str) -> dict[str, Message]:
    """A record of each input that would be taken in."""
    framing = scenario.service.framing
    number = f"{scenario.tag}-{tag}"
    command = Command(
        command_id=f"poison-{tag}",
        at_ms=now_ms(),
        certificate_id=number,
        origin=Origin.LOADER,
        action=Load(pool=scenario.pool),
    )
    add = PoolCommand(pool=scenario.pool, at_ms=now_ms(), action=Add(certificate_id=number))
    order = purchase(number, f"order-{tag}")
    entry = {"entry": f"order:{tag}", "certificateId": number, "at": now_ms()}
    return {
        message.topic.name: message
        for message in (
            scenario.message(order),
            scenario.message(Payment(payment_id=tag, order_id=f"order-{tag}", amount_minor=1)),
            scenario.message(Delivery(number=number, notification_id=tag)),
            scenario.facts(order, at_ms=now_ms())[0],
            Message(
                topic=COMMANDS,
                key=number.encode(),
                value=framing.encode(RecordName.COMMAND, command_to_record(command)),
            ),
            Message(
                topic=POOL,
                key=scenario.pool.encode(),
                value=framing.encode(RecordName.POOL_COMMAND, pool_command_to_record(add)),
            ),
            Message(
                topic=INDEX,
                key=f"order:{tag}".encode(),
                value=framing.encode(RecordName.INDEX_ENTRY, entry),
            ),
        )
    }


def poison(scenario: Scenario, tag: str) -> list[Message]:
    """Records of every input that no stage may take; no two of them are the same."""
    partitions = scenario.service.settings.partitions
    whole = whole_records(scenario, tag)
    found: list[Message] = []
    for topic in (*SOURCES, *KEYED):
        good = whole[topic.name]
        assert good.value is not None
        values = [
            f"noise {tag}".encode(),
            b"\xc3\x01" + b"\x07" * 8 + tag.encode(),
            good.value[:-1],
            good.value + b"\x00",
            good.value[:10] + b"\xff" * 4_096 + tag.encode(),
        ]
        found += [Message(topic=topic, key=good.key, value=value) for value in values]
        found.append(Message(topic=topic, key=f"empty-{tag}".encode(), value=None))
        if topic in KEYED:
            assert good.key is not None
            right = partition_of(good.key, partitions)
            found.append(Message(topic=topic, key=good.key + b"-X", value=good.value))
            found.append(
                Message(
                    topic=topic,
                    key=good.key,
                    value=good.value,
                    partition=(right + 1) % partitions,
                )
            )
    order = Order(order_id=f"wrong-{tag}", total_minor=1, lines=[Line(amount_minor=1)])
    return [*found, scenario.message(order, spoilt={"version": -1})]


def good_records(scenario: Scenario, number: str) -> list[Message]:
    """What has a certificate loaded, issued and activated, through every stage but the pool's."""
    order_id = f"good-{number}"
    load = Command(
        command_id=f"load/{number}",
        at_ms=now_ms(),
        certificate_id=number,
        origin=Origin.LOADER,
        action=Load(pool=scenario.pool),
    )
    value = scenario.service.framing.encode(RecordName.COMMAND, command_to_record(load))
    payment = Payment(payment_id=order_id, order_id=order_id, amount_minor=NOMINAL_MINOR)
    return [
        Message(topic=COMMANDS, key=number.encode(), value=value),
        scenario.message(purchase(number, order_id)),
        scenario.message(payment),
    ]


@pytest.mark.timeout(600)
def test_poison_at_every_stage_is_put_aside_once_though_its_worker_is_killed(
    poisoned: Service,
) -> None:
    """Six kills while poison and good records are performed; a delivery at the end of each story.

    The pool had the good numbers returned to it and taken again, which its own stage did.
    """
    scenario = Scenario(poisoned)
    written: list[Message] = []
    numbers: list[str] = []
    for turn in range(ROUNDS):
        number = f"{scenario.tag}-GOOD-{turn}"
        seen = len(poisoned.log.of(DLQ.name))
        batch = poison(scenario, f"{turn}")
        poisoned.write(*batch, *good_records(scenario, number))
        written += batch
        numbers.append(number)
        # From before the first of them is committed to after the last, whichever it comes to.
        poisoned.log.until(
            lambda want=seen + turn * 9: len(poisoned.log.of(DLQ.name)) >= want,  # type: ignore[misc]  # bound at once
            lambda: "no record was put aside",
        )
        victim = WORKERS[turn % len(WORKERS)]
        poisoned.stack.kill(victim)
        poisoned.stack.restart(victim, forget_state=turn >= ROUNDS // 2)
    for number in numbers:
        requested = scenario.await_story(number, "issue", "notification.requested", "activate")
        assert requested is not None
        scenario.tell(Delivery(number=number, notification_id=scenario.notification(number)))
        scenario.await_story(number, "activate", "notification.sent")
    scenario.take_until(now_ms() + 60_000)
    scenario.settle()

    check_letters(poisoned, written)
    for number in numbers:
        story = scenario.story(number)
        assert Counter(story)["issue"] == Counter(story)["load"] == 1, story


def check_letters(service: Service, written: list[Message]) -> None:
    """Every record that was poison is there once, by its bytes and its place; nothing else is."""
    letters = service.log.of(DLQ.name)
    assert Counter((each.key, each.value) for each in letters) == Counter(
        (each.key, each.value) for each in written
    )
    named = Counter(
        (each.header("sourceTopic"), each.header("sourcePartition"), each.header("sourceOffset"))
        for each in letters
    )
    assert set(named.values()) == {1}, "a record was put aside twice"
    by_topic = Counter(topic_name(each.topic, service.settings) for each in written)
    assert Counter(topic for topic, _, _ in named.elements()) == by_topic
