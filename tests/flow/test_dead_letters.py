"""Operators and the dead letters of a running service: seen, retried once, discarded once.

Real Kafka, and the command as an operator runs it, in a process of its own.
"""

import json
import secrets
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.desk import Desk, DeskTaken, Step, read_queue
from pipelines.dlq.letters import Letter, LetterQueue, Resolved, resolution_record
from pipelines.dlq.repair import Repair, attempt
from pipelines.faults import TopicDiffers
from pipelines.local.running_broker import Broker
from pipelines.partitioning import partition_of
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    DLQ,
    FACTS,
    Topic,
    topic_name,
)
from state.certificate.commands import Action, Annul, Command, Lock, Origin
from tests.flow.giftcert_command import ROOT, Done, giftcert
from tests.flow.scenario import NOMINAL_MINOR, Scenario, purchase
from tests.flow.service_under_test import Message, now_ms
from tests.flow.source_messages import Payment
from tests.flow.topic_log import LogRecord

REASON = "the channel sent it again"


def letters_of(scenario: Scenario, message: Message) -> list[LogRecord]:
    """The dead letters with exactly these bytes under this key; resolutions have no value."""
    scenario.settle()
    return [
        record
        for record in scenario.service.log.of(DLQ.name)
        if record.value == message.value and record.key == message.key
    ]


def put_aside(scenario: Scenario, message: Message) -> str:
    """Write a record that no stage takes; the name of its letter."""
    scenario.service.write(message)
    [letter] = letters_of(scenario, message)
    return f"{letter.partition}:{letter.offset}"


def dlq(scenario: Scenario, *arguments: str) -> Done:
    return giftcert(scenario.service, "dlq", *arguments)


def listed(scenario: Scenario, name: str, *options: str) -> dict[str, Any] | None:
    """The row of one letter in a list, if it is there."""
    done = dlq(scenario, "list", "--json", *options)
    assert done.code == 0, done.err
    rows = [row for row in json.loads(done.out) if row["letter"] == name]
    assert len(rows) <= 1
    return rows[0] if rows else None


def fate(done: Done, name: str) -> str:
    """What a command says it did about a letter."""
    [row] = [row for row in json.loads(done.out) if row["letter"] == name]
    return str(row["fate"])


def put_aside_earlier(scenario: Scenario, topic: Topic, message: Message) -> str:
    """A letter that an earlier version of the worker wrote about what today's can read."""
    source = topic_name(topic, scenario.service.settings)
    headers = [
        ("sourceTopic", source.encode()),
        ("sourcePartition", b"0"),
        ("sourceOffset", str(secrets.randbelow(10**9)).encode()),
        ("errorCode", b"UNKNOWN_SCHEMA"),
        ("errorText", b"fingerprint 0707070707070707 is no version of it"),
    ]
    return put_aside(scenario, replace(message, topic=DLQ, headers=headers))


def misplaced(scenario: Scenario, number: str, action: Action) -> Message:
    """A command in a partition that its key does not lead to."""
    partitions = scenario.service.settings.partitions
    command = Command(
        command_id=f"{scenario.tag}-{type(action).__name__}-{secrets.token_hex(3)}",
        at_ms=now_ms(),
        certificate_id=number,
        origin=Origin.HTTP,
        action=action,
        actor="support",
    )
    return Message(
        topic=COMMANDS,
        key=number.encode(),
        value=scenario.service.framing.encode(RecordName.COMMAND, command_to_record(command)),
        partition=(partition_of(number.encode(), partitions) + 1) % partitions,
    )


def garbage(scenario: Scenario, topic: Topic = ALL_PAYMENTS) -> Message:
    text = f"no record {scenario.tag} {secrets.token_hex(4)}"
    return Message(topic=topic, key=scenario.tag.encode(), value=text.encode())


def test_letter_is_listed_shown_and_discarded_once(scenario: Scenario) -> None:
    name = put_aside(scenario, garbage(scenario))
    row = listed(scenario, name, "--topic", "All_Payments", "--code", "UNKNOWN_FRAMING")
    assert row is not None
    assert (row["state"], row["topic"]) == ("open", "All_Payments")
    assert listed(scenario, name, "--code", "EMPTY") is None
    assert listed(scenario, name, "--since", "1h") == row

    tried = dlq(scenario, "discard", name, "--reason", REASON, "--dry-run", "--json")
    assert (tried.code, fate(tried, name)) == (0, "WOULD")
    assert listed(scenario, name) == row, "a dry run has done something"

    done = dlq(scenario, "discard", name, "--reason", REASON, "--by", "anna", "--json")
    assert (done.code, fate(done, name)) == (0, "DONE")
    assert listed(scenario, name) is None
    ended = listed(scenario, name, "--all")
    assert ended is not None
    assert (ended["state"], ended["resolvedBy"], ended["reason"]) == ("discarded", "anna", REASON)

    again = dlq(scenario, "discard", name, "--reason", "another", "--by", "boris", "--json")
    assert (again.code, fate(again, name)) == (0, "ALREADY")
    retried = dlq(scenario, "retry", name, "--json")
    assert (retried.code, fate(retried, name)) == (0, "ALREADY")
    assert listed(scenario, name, "--all") == ended


def test_letter_that_is_still_broken_stays_open_and_says_why(scenario: Scenario) -> None:
    name = put_aside(scenario, garbage(scenario, ALL_CLIENTS))
    done = dlq(scenario, "retry", name)
    assert done.code == 1
    assert done.out.rstrip().endswith("1 stays open")
    [said] = json.loads(dlq(scenario, "retry", name, "--dry-run", "--json").out)
    assert said["fate"] == "STAYS"
    assert said["says"].startswith("still broken: UNKNOWN_FRAMING")
    row = listed(scenario, name)
    assert row is not None
    assert row["state"] == "open"


def test_letter_that_is_not_there_is_told_in_one_line(scenario: Scenario) -> None:
    done = dlq(scenario, "retry", "0:999999999")
    assert done.code == 1
    assert done.err.strip().startswith("giftcert: no dead letter lies at 0:999999999")


def test_shown_letter_hides_numbers_and_addresses(scenario: Scenario) -> None:
    """An order whose last byte is lost, and one that says what it may not: both are looked into."""
    order_id = scenario.new_order_id()
    number = f"{scenario.tag}-SHOWN-0042"
    whole = scenario.message(purchase(number, order_id)).value
    assert whole is not None
    wrong = scenario.message(purchase(number, order_id), spoilt={"version": -1})
    for value in (whole[:-1], wrong.value):
        message = Message(topic=ALL_SALES_ORDER, key=order_id.encode(), value=value)
        name = put_aside(scenario, message)
        for options in ((), ("--json",)):
            shown = dlq(scenario, "show", name, *options)
            assert shown.code == 0, shown.err
            assert order_id in shown.out
            assert "…0042" in shown.out
            assert number not in shown.out
            assert "token-of-an-address" not in shown.out
            assert b"token-of-an-address".hex() not in shown.out.replace(" ", "")


def test_misplaced_command_is_performed_once_however_often_it_is_retried(
    scenario: Scenario,
) -> None:
    number = scenario.sell()
    name = put_aside(scenario, misplaced(scenario, number, Lock(reason="misrouted")))
    assert scenario.story(number)[-1] == "activate"

    tried = dlq(scenario, "retry", name, "--dry-run", "--json")
    assert (tried.code, fate(tried, name)) == (0, "WOULD")
    assert json.loads(tried.out)[0]["says"] == "1 to GiftCertificates.Commands"
    scenario.settle()
    assert scenario.story(number)[-1] == "activate", "a dry run has done something"

    everything = ("--every", "--topic", COMMANDS.name, "--since", "1h")
    left = dlq(scenario, "retry", *everything, "--json")
    assert (left.code, fate(left, name)) == (1, "STAYS")
    assert "origin HTTP: name it to retry it" in left.out
    scenario.settle()
    assert scenario.story(number)[-1] == "activate", "performed, though nobody named it"

    done = dlq(scenario, "retry", name, "--by", "anna", "--json")
    assert (done.code, fate(done, name)) == (0, "DONE")
    scenario.await_story(number, "activate", "lock")
    again = dlq(scenario, "retry", name, "--json")
    assert (again.code, fate(again, name)) == (0, "ALREADY")
    assert "retried by anna" in again.out
    scenario.settle()
    assert scenario.story(number).count("lock") == 1


@pytest.mark.parametrize("options", [(), ("--dry-run",)], ids=["retry", "dry run"])
def test_retry_with_another_number_of_partitions_is_refused_and_writes_nothing(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """It would put the record where its key does not lead to, and make another letter of it."""
    number = scenario.sell()
    message = misplaced(scenario, number, Lock(reason="other settings"))
    name = put_aside(scenario, message)
    row = listed(scenario, name)
    partitions = scenario.service.settings.partitions
    environment = scenario.service.stack.environment
    with monkeypatch.context() as changed:
        changed.setitem(environment, "GIFTCERT_PARTITIONS", str(2 * partitions))
        done = dlq(scenario, "retry", name, *options)
    assert done.code == TopicDiffers.exit_code
    assert f"has {partitions} partitions and GIFTCERT_PARTITIONS says" in done.err
    assert listed(scenario, name) == row
    written = [
        each for each in scenario.service.log.of(COMMANDS.name) if each.value == message.value
    ]
    assert len(written) == 1, "the misplaced one alone"


def test_record_that_was_retried_and_comes_again_is_not_performed_twice(
    scenario: Scenario,
) -> None:
    """Two letters of one command: its identity, not the queue, is what keeps it from doubling."""
    number = scenario.sell()
    message = misplaced(scenario, number, Annul(reason="printed twice"))
    first = put_aside(scenario, message)
    scenario.service.write(message)
    names = {f"{each.partition}:{each.offset}" for each in letters_of(scenario, message)}
    assert len(names) == 2
    assert first in names
    done = dlq(scenario, "retry", *names, "--json")
    assert {fate(done, name) for name in names} == {"DONE"}
    scenario.await_story(number, "annul")
    scenario.settle()
    assert scenario.story(number).count("annul") == 1


def test_order_that_an_earlier_version_could_not_read_is_taken_in_by_today_s(
    scenario: Scenario,
) -> None:
    """The bug is fixed: what the order should have caused happens, and to others' topics nothing.

    Its payment has been waiting meanwhile.
    """
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell(
        Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=NOMINAL_MINOR)
    )
    message = scenario.message(purchase(number, order_id))
    name = put_aside_earlier(scenario, ALL_SALES_ORDER, message)
    sources = len(scenario.service.log.of(ALL_SALES_ORDER.name))
    assert "issue" not in scenario.story(number)

    done = dlq(scenario, "retry", "--every", "--code", "UNKNOWN_SCHEMA", "--json")
    assert fate(done, name) == "DONE"
    scenario.await_story(number, "issue", "notification.requested", "activate")
    row = listed(scenario, name, "--all")
    assert row is not None
    assert (row["state"], row["written"]) == ("retried", "1 to GiftCertificates.Facts")

    # The owner had sent it again in the meantime, too: the correlation knows that version.
    scenario.service.write(message)
    scenario.settle()
    assert scenario.story(number).count("issue") == 1
    assert len(scenario.service.log.of(ALL_SALES_ORDER.name)) == sources + 1


# Operators in each other's way


def the_letter(scenario: Scenario, name: str) -> tuple[LetterQueue, Letter]:
    queue = read_queue(scenario.service.settings, under_way=True)
    [letter] = [letter for place, letter in queue.letters.items() if str(place) == name]
    return queue, letter


def step_for(scenario: Scenario, letter: Letter) -> Step:
    judged = attempt(Repair(scenario.service.settings, scenario.service.framing), letter)
    assert judged.records
    resolution = resolution_record(letter, Resolved.RETRIED, by="first", written=judged.says)
    return Step(records=judged.records, resolution=resolution)


def test_operator_who_comes_second_takes_the_desk_and_the_first_does_nothing_more(
    scenario: Scenario,
) -> None:
    """The first has read the queue, and would resolve by what it knows; Kafka does not let it."""
    number = scenario.sell()
    message = misplaced(scenario, number, Lock(reason="two at once"))
    name = put_aside(scenario, message)
    with Desk(scenario.service.settings) as first:
        _, letter = the_letter(scenario, name)
        step = step_for(scenario, letter)
        done = dlq(scenario, "retry", name, "--by", "second", "--json")
        assert fate(done, name) == "DONE"
        with pytest.raises(DeskTaken, match="another `giftcert dlq` began"):
            first.resolve([step])
    queue, letter = the_letter(scenario, name)
    assert queue.resolutions[letter.place].by == "second"
    scenario.await_story(number, "lock")
    scenario.settle()
    written = [
        each for each in scenario.service.log.of(COMMANDS.name) if each.value == letter.value
    ]
    assert len(written) == 2, "the misplaced one, and one retry"
    assert scenario.story(number).count("lock") == 1


KILLED = """
import os, signal, sys
from pipelines.dlq.desk import Desk
from pipelines.contracts.framing import framing_for
from pipelines.dlq.repair import Repair
from pipelines.dlq.resolving import Orders, handle
from pipelines.dlq.selection import Selection
from pipelines.dlq.letters import Place
from pipelines.settings import load_settings

class Killed(Desk):
    def __init__(self, settings):
        super().__init__(settings)
        producer = self._producer
        class Producer:
            def __getattr__(self, name):
                return getattr(producer, name)
            def commit_transaction(self, timeout):
                producer.flush(timeout)
                if sys.argv[2] == "after":
                    producer.commit_transaction(timeout)
                os.kill(os.getpid(), signal.SIGKILL)
        self._producer = Producer()

settings = load_settings()
with Killed(settings) as desk:
    orders = Orders(by="killed", repair=Repair(settings, framing_for(settings)))
    selection = Selection(places=[Place.parsed(sys.argv[1])])
    handle(desk.queue(), selection, orders, desk, lambda done, total: None)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_operator_killed_around_the_commit_leaves_all_or_nothing(
    scenario: Scenario, broker: Broker, when: str
) -> None:
    """Everything is on the brokers by then; before the commit nobody may see any of it."""
    if broker.kind == "embedded" and when == "before":
        pytest.skip("a reader of the embedded broker loses records behind what was given up")
    number = scenario.sell()
    message = misplaced(scenario, number, Lock(reason="killed"))
    name = put_aside(scenario, message)
    environment = {**scenario.service.stack.environment, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, name, when],
        cwd=ROOT,
        env=environment,
        check=False,
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL

    done = dlq(scenario, "retry", name, "--by", "next", "--json")
    assert (done.code, fate(done, name)) == (0, "DONE" if when == "before" else "ALREADY")
    scenario.await_story(number, "lock")
    scenario.settle()
    value = message.value
    written = [each for each in scenario.service.log.of(COMMANDS.name) if each.value == value]
    assert len(written) == 2, "the misplaced one, and one retry"
    row = listed(scenario, name, "--all")
    assert row is not None
    assert row["resolvedBy"] == ("next" if when == "before" else "killed")


def test_facts_that_lie_in_the_wrong_partition_are_retried_where_they_belong(
    scenario: Scenario,
) -> None:
    """A producer with another partitioner wrote what the correlation waits for."""
    scenario.load()
    order_id = scenario.new_order_id()
    number = scenario.reserve(order_id=order_id)
    scenario.tell_facts(purchase(number, order_id), at_ms=now_ms())
    payment = Payment(payment_id="pay", order_id=order_id, amount_minor=NOMINAL_MINOR)
    fact = scenario.facts(payment, at_ms=now_ms())[0]
    partitions = scenario.service.settings.partitions
    elsewhere = (partition_of(order_id.encode(), partitions) + 1) % partitions
    name = put_aside(
        scenario,
        Message(topic=FACTS, key=fact.key, value=fact.value, partition=elsewhere),
    )
    assert dlq(scenario, "retry", name).code == 0
    scenario.await_story(number, "issue", "notification.requested", "activate")
