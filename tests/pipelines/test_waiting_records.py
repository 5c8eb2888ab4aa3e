"""Records whose schema nobody knows for the moment: they wait, and nothing behind them is done."""

import logging
from dataclasses import dataclass

import pytest
import structlog
from confluent_kafka import TopicPartition

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.registry import RegistryRefused, RegistryUnreachable
from pipelines.waiting_records import AGAIN_AFTER_S, WaitingRecords

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the library tells of a record."""

    topic: str = "topic"
    partition: int = 1
    offset: int = 7
    headers: object = (("traceparent", f"00-{'a' * 32}-{'b' * 16}-01".encode()),)


class FakeConsumer:
    """What was asked of it, in order."""

    def __init__(self) -> None:
        self.did: list[tuple[object, ...]] = []

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.did += [("pause", each.topic, each.partition) for each in partitions]

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.did += [("resume", each.topic, each.partition) for each in partitions]

    def seek(self, partition: TopicPartition) -> None:
        self.did.append(("seek", partition.topic, partition.partition, partition.offset))


class Bench:
    """Waiting records whose clock a test turns."""

    def __init__(self) -> None:
        self.consumer = FakeConsumer()
        self.now_s = 100.0
        self.records = WaitingRecords(lambda: self.consumer, clock=lambda: self.now_s)

    def turn(self, error: Exception | None = None, row: Row | None = None) -> None:
        """One turn of the loop, in which that record could not be performed."""
        with self.records.turn():
            if error is not None:
                assert self.records.note_failed(error, row, LOG) is False
                raise error

    def did(self) -> list[tuple[object, ...]]:
        """What was asked of the consumer since the last time."""
        done, self.consumer.did = self.consumer.did, []
        return done


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("fault", [RegistryUnreachable("down"), RegistryRefused("no")])
def test_record_waits_and_is_read_again_from_its_own_place(bench: Bench, fault: Exception) -> None:
    bench.turn(fault, Row())
    assert bench.did() == [("pause", "topic", 1)]
    bench.now_s += AGAIN_AFTER_S - 0.1
    bench.turn()
    assert bench.did() == []
    bench.now_s += 0.2
    bench.turn(fault, Row())
    assert bench.did() == [("resume", "topic", 1), ("seek", "topic", 1, 7), ("pause", "topic", 1)]
    bench.now_s += AGAIN_AFTER_S
    bench.turn()
    assert bench.did() == [("resume", "topic", 1), ("seek", "topic", 1, 7)]
    bench.records.note_performed("topic", 1, 7)
    bench.records.note_performed("topic", 1, 8)
    bench.now_s += AGAIN_AFTER_S
    bench.turn()
    assert bench.did() == []


def test_other_partitions_go_on_meanwhile(bench: Bench) -> None:
    bench.turn(RegistryUnreachable("down"), Row())
    bench.records.note_performed("topic", 0, 40)
    bench.records.note_performed("other", 1, 41)
    bench.turn(RegistryUnreachable("down"), Row(partition=2, offset=9))
    assert [each[-1] for each in bench.did()] == [1, 2]


def test_record_behind_a_waiting_one_is_a_bug_that_stops_the_worker(bench: Bench) -> None:
    """It would be committed, and the waiting one left out for ever."""
    bench.turn(RegistryUnreachable("down"), Row())
    with pytest.raises(AssertionError, match="was left out"):
        bench.records.note_performed("topic", 1, 8)


def test_partitions_that_go_or_come_anew_wait_for_nothing(bench: Bench) -> None:
    bench.turn(RegistryUnreachable("down"), Row())
    bench.did()
    bench.records.forget()
    bench.now_s += 2 * AGAIN_AFTER_S
    bench.turn()
    assert bench.did() == []
    bench.records.note_performed("topic", 1, 8)


@pytest.mark.parametrize(
    "error", [BrokenRecord(BrokenCode.CONTRACT, "no"), ZeroDivisionError(), KeyError("bug")]
)
def test_every_other_failure_goes_on_to_the_loop(bench: Bench, error: Exception) -> None:
    with pytest.raises(type(error)):
        bench.turn(error, Row())
    assert bench.did() == []


class Lines(logging.Handler):
    """What was logged, with the trace of that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        bound = structlog.contextvars.get_contextvars()
        self.told.append((record.getMessage(), bound.get("trace_id")))


@pytest.mark.parametrize(
    ("row", "trace_id"), [(Row(), "a" * 32), (Row(headers=None), None), (None, None)]
)
def test_line_about_a_bug_has_the_trace_of_its_record(
    bench: Bench, row: Row | None, trace_id: str | None
) -> None:
    lines = Lines()
    LOG.addHandler(lines)
    try:
        with pytest.raises(ZeroDivisionError):
            bench.turn(ZeroDivisionError(), row)
    finally:
        LOG.removeHandler(lines)
    assert lines.told == [("a record could not be performed", trace_id)]
    assert structlog.contextvars.get_contextvars() == {}


def test_fault_of_no_record_goes_on_to_the_loop(bench: Bench) -> None:
    with pytest.raises(RegistryUnreachable), bench.records.turn():
        raise RegistryUnreachable("down")
    with pytest.raises(RegistryUnreachable):
        bench.turn(RegistryUnreachable("down"), None)
