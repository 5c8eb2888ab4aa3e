"""The CRM on a group in memory: what is told, once, wherever it is killed or put out."""

from dataclasses import replace
from threading import Event
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from pipelines.neighbours.crm.code_reader import NOT_OPEN, CodeRefused
from pipelines.neighbours.crm.gateway import NotTaken, Refused, Unsure
from pipelines.neighbours.crm.group_words import Committed, NotCommitted
from pipelines.neighbours.crm.metrics import CrmMetrics
from tests.neighbours.crm.asked_messages import NUMBER, TRACE, Life, stream_of
from tests.neighbours.crm.crm_fakes import (
    TOOK_IT,
    FakeCodes,
    FakeGateway,
    courier_with,
    shown_figures,
)
from tests.neighbours.crm.crm_in_memory import running
from tests.neighbours.crm.group_in_memory import Kafka
from tests.neighbours.crm.slow_gateways import (
    SENT,
    HeldGateway,
    SilentGateway,
    asked_for,
    numbers,
    open_notes,
)


def test_message_that_is_asked_for_is_sent_and_told_once() -> None:
    kafka, gateway = Kafka(), FakeGateway()
    kafka.write(*stream_of(Life(), trace=TRACE))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: kafka.outcomes() == [SENT] and not open_notes(kafka))
        assert len(gateway.shown) == 1
    (told,) = kafka.told
    assert told.trace == TRACE
    assert told.record.key == b"client-7"
    assert kafka.committed[0] == Committed(offset=len(kafka.log[0]), note="")


def test_send_begins_only_after_a_commit_said_so() -> None:
    kafka, gateway = Kafka(), FakeGateway()
    kafka.write(*asked_for(NUMBER))
    seen: list[bool] = []
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.member.before_commit = lambda: seen.append(bool(gateway.tries))
        crm.until(lambda: bool(kafka.told))
    assert seen[0] is False
    assert seen[-1] is True


def test_turn_is_noted_also_while_kafka_takes_no_commit() -> None:
    kafka = Kafka()
    kafka.write(*asked_for(NUMBER))
    kafka.fails += [NotCommitted("no broker")] * 3
    alive: list[bool] = []
    with running(kafka, courier_with(gateway=FakeGateway())) as crm:

        def turned() -> bool:
            crm.time.now_s += 61.0
            crm.turn()
            alive.append(crm.last_turn.alive)
            return bool(kafka.told)

        crm.until(turned)
        crm.time.now_s += 61.0
        assert not crm.last_turn.alive
    assert all(alive)


def test_restart_after_the_record_does_nothing_again() -> None:
    kafka, gateway = Kafka(), FakeGateway()
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: bool(kafka.told))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        kafka.write(*asked_for("GC-00000043"))
        crm.until(lambda: len(kafka.told) == 2)
    assert len(gateway.tries) == 2


LIVES = st.lists(st.lists(st.booleans(), max_size=8), max_size=8)
"""Lives that are killed: how many turns each has, and after which the other thread has a moment."""


@settings(max_examples=40)
@given(LIVES, st.booleans())
def test_kills_between_any_two_steps_lose_nothing_and_show_nothing_twice(
    lives: list[list[bool]], knows_ids: bool
) -> None:
    """Where the gateway knows no ids, what nobody can know is told as such instead."""
    kafka, gateway = Kafka(), FakeGateway(deduplicates=knows_ids)
    names = numbers(5)
    kafka.write(*asked_for(*names))
    for turns in lives:
        with running(kafka, courier_with(gateway=gateway)) as crm:
            for lets_go_on in turns:
                crm.turn()
                if lets_go_on:
                    Event().wait(0.003)
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: len(kafka.told) == len(names) and not open_notes(kafka))
    assert sorted(number for number, *_ in kafka.outcomes()) == names
    shown = [message.key for message in gateway.shown]
    assert len(shown) == len(set(shown))
    outcomes = {outcome for _, outcome, _ in kafka.outcomes()}
    assert outcomes == {"SENT"} if knows_ids else outcomes <= {"SENT", "FAILED"}


def test_crash_between_send_and_record_is_counted_and_sent_again_under_the_same_id() -> None:
    kafka, gateway, metrics = Kafka(), SilentGateway(), CrmMetrics()
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: bool(gateway.shown))
    assert kafka.told == []
    gateway.silent = False
    again = courier_with(gateway=gateway, metrics=metrics)
    with running(kafka, again, metrics) as crm:
        crm.until(lambda: kafka.outcomes() == [SENT])
    assert len(gateway.tries) == 2
    assert len(gateway.shown) == 1
    assert shown_figures(metrics)["doubtful_sends_total/restart"] == 1


def test_crash_between_send_and_record_sends_nothing_twice_where_ids_are_not_known() -> None:
    kafka, gateway = Kafka(), SilentGateway(deduplicates=False)
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: bool(gateway.shown))
    gateway.silent = False
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: bool(kafka.told))
    assert kafka.outcomes() == [(NUMBER, "FAILED", "UNSURE")]
    assert len(gateway.shown) == 1


def test_end_while_the_gateway_was_down_is_no_doubt() -> None:
    """It surely took nothing, and that is on record: the next life sends it, ids or none."""
    kafka, down = Kafka(), FakeGateway(NotTaken("down"), deduplicates=False)
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=down)) as crm:
        crm.until(lambda: len(down.tries) >= 3)
        # The attempt under way ends, and that is put on record before the process ends.
        crm.intake.gone(crm.member, [0])
    gateway = FakeGateway(deduplicates=False)
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: bool(kafka.told))
    assert kafka.outcomes() == [SENT]


def test_message_that_waits_for_its_gateway_stops_no_other() -> None:
    kafka, gateway = Kafka(), HeldGateway(holds=1)
    names = numbers(10)
    kafka.write(*asked_for(*names))
    with running(kafka, courier_with(gateway=gateway, parallel=2)) as crm:
        crm.until(lambda: len(kafka.told) == 9)
        (held,) = set(names) - {number for number, *_ in kafka.outcomes()}
        assert open_notes(kafka), "the one that waits is named beside the committed offset"
        gateway.let_go.set()
        crm.until(lambda: len(kafka.told) == 10)
    assert kafka.outcomes()[-1] == (held, "SENT", None)


def test_failure_is_told_with_its_reason_and_the_next_request_is_delivered() -> None:
    kafka, gateway = Kafka(), FakeGateway(Refused("the gateway answers 422"), None)
    life = Life()
    kafka.write(*stream_of(life))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: kafka.outcomes() == [(NUMBER, "FAILED", "REFUSED")])
        known = len(life.records)
        life.failed()
        life.ask_again()
        kafka.write(*stream_of(life)[known:])
        crm.until(lambda: len(kafka.told) == 2)
    assert kafka.outcomes()[1] == SENT
    first, second = gateway.tries
    assert first.key != second.key


def test_history_of_another_crm_is_passed_over_and_what_is_open_on_it_is_not() -> None:
    """A group that is new reads the stream from its start."""
    kafka, gateway = Kafka(), FakeGateway()
    done, failed, open_, again = (Life(name) for name in numbers(4))
    done.reveal()
    done.sent()
    failed.failed()
    again.failed()
    again.ask_again()
    kafka.write(*stream_of(done, failed, open_, again))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: len(kafka.told) == 2)
    assert {number for number, *_ in kafka.outcomes()} == {open_.number, again.number}
    assert len(gateway.shown) == 2


def test_message_closed_by_somebody_else_is_not_told_of() -> None:
    kafka, codes = Kafka(), FakeCodes(CodeRefused(NOT_OPEN))
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(codes=codes)) as crm:
        crm.until(lambda: kafka.committed.get(0) == Committed(offset=5, note=""))
    assert kafka.told == []


def test_later_request_ends_the_earlier_that_waits() -> None:
    """Support asks again: the code of the first is about to die, and the service wants no word."""
    kafka, gateway = Kafka(), HeldGateway()
    life = Life()
    kafka.write(*stream_of(life))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(gateway.holding.is_set)
        known = len(life.records)
        life.ask_again()
        kafka.write(*stream_of(life)[known:])
        crm.turn()
        gateway.let_go.set()
        crm.until(lambda: bool(kafka.told))
    (told,) = kafka.told
    delivery: Any = told.record.value["delivery"]
    assert delivery["notificationId"] == "notify-1"
    assert len(gateway.shown) == 1


def test_record_that_is_no_event_is_passed_over_and_counted() -> None:
    kafka, gateway, metrics = Kafka(), FakeGateway(), CrmMetrics()
    (life,) = [asked_for(NUMBER)]
    kafka.write(replace(life[3], value=b"rubbish"), *life)
    with capture_logs() as logs, running(kafka, courier_with(gateway=gateway), metrics) as crm:
        crm.until(lambda: kafka.outcomes() == [SENT])
    assert shown_figures(metrics)["unreadable_records_total"] == 1
    (line,) = [each for each in logs if each["event"] == "a record of the stream cannot be read"]
    assert (line["partition"], line["offset"]) == (0, 0)


def test_doubt_within_one_life_is_on_record_too() -> None:
    """The gateway did not answer, then the process was killed in the pause before the next try."""
    kafka = Kafka()
    gateway = FakeGateway(Unsure(TOOK_IT), NotTaken("down"))
    kafka.write(*asked_for(NUMBER))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: len(gateway.tries) >= 4)
    metrics = CrmMetrics()
    again = FakeGateway(deduplicates=False)
    with running(kafka, courier_with(gateway=again, metrics=metrics), metrics) as crm:
        crm.until(lambda: bool(kafka.told))
    assert kafka.outcomes() == [(NUMBER, "FAILED", "UNSURE")]
    assert again.tries == []


def test_note_of_another_version_makes_what_is_open_doubtful_and_loses_nothing() -> None:
    kafka, gateway, metrics = Kafka(), FakeGateway(), CrmMetrics()
    kafka.write(*asked_for(NUMBER))
    kafka.committed[0] = Committed(offset=0, note="9:from-the-future")
    courier = courier_with(gateway=gateway, metrics=metrics)
    with running(kafka, courier, metrics) as crm:
        crm.until(lambda: kafka.outcomes() == [SENT])
    assert shown_figures(metrics)["doubtful_sends_total/restart"] == 1


def test_stream_that_began_anew_is_read_from_its_start() -> None:
    kafka, gateway = Kafka(), FakeGateway()
    kafka.write(*asked_for(NUMBER))
    kafka.committed[0] = Committed(offset=500, note="")
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.turn()
        crm.member._next = {0: 0}
        crm.until(lambda: kafka.outcomes() == [SENT])


def test_several_partitions_go_on_side_by_side() -> None:
    kafka, gateway = Kafka(partitions=3), FakeGateway()
    for position, name in enumerate(numbers(9)):
        kafka.write(*asked_for(name, partition=position % 3))
    with running(kafka, courier_with(gateway=gateway)) as crm:
        crm.until(lambda: len(kafka.told) == 9 and not open_notes(kafka))
    assert sorted(kafka.committed) == [0, 1, 2]
    assert len(gateway.shown) == 9


def test_figures_show_what_waits_and_whether_all_was_read() -> None:
    kafka, gateway, metrics = Kafka(), HeldGateway(), CrmMetrics()
    kafka.write(*asked_for(*numbers(3)))
    with running(kafka, courier_with(gateway=gateway), metrics) as crm:
        assert not crm.intake.caught_up
        crm.until(gateway.holding.is_set)
        figures = shown_figures(metrics)
        assert (figures["waiting"], figures["caught_up"]) == (3, 1)
        gateway.let_go.set()
        crm.until(lambda: len(kafka.told) == 3)
        crm.turn()
    figures = shown_figures(metrics)
    assert (figures["waiting"], figures["oldest_waiting_seconds"]) == (0, 0)
    assert figures["requests_total"] == 3
