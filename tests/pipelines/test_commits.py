"""Commits without a broker: what is dropped when the group went on, and what ends the worker.

That Kafka refuses such a commit, and that nothing is lost or doubled by it, is shown by the flow
tests.
"""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from quixstreams.processing import ProcessingContext

from pipelines import commits as module
from pipelines.commits import Commits
from pipelines.faults import BrokerRefused
from pipelines.metrics.tally import Tally


class FakeCheckpoint:
    def __init__(self, *, holds: bool) -> None:
        self.holds = holds
        self.closed = 0

    def empty(self) -> bool:
        return not self.holds

    def close(self, *, revoking: bool) -> None:
        self.closed += 1


class Library(Commits):
    """Commits above a library that does what it is told; each checkpoint after the first is new."""

    def __init__(self) -> None:
        super().__init__(1.0, *[cast("Any", None)] * 5)
        self.checkpoints = [FakeCheckpoint(holds=True)]
        self._checkpoint = cast("Any", self.checkpoints[0])

    def init_checkpoint(self) -> None:
        self.checkpoints.append(FakeCheckpoint(holds=False))
        self._checkpoint = cast("Any", self.checkpoints[-1])

    def perform(self) -> None:
        self.checkpoints[-1].holds = True


class Kafka:
    """What Kafka says to each commit that comes to it: a code, or None for yes."""

    def __init__(self) -> None:
        self.says: int | None = None
        self.asked = 0

    def __call__(self, _context: object, force: bool = False, revoking: bool = False) -> None:
        self.asked += 1
        if self.says is not None:
            raise KafkaException(KafkaError(self.says))


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka = Kafka()

    def commit(context: object, force: bool = False, revoking: bool = False) -> None:
        kafka(context, force, revoking)

    monkeypatch.setattr(ProcessingContext, "commit_checkpoint", commit)
    return kafka


@pytest.mark.parametrize(
    "code",
    [KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.FENCED_INSTANCE_ID],
)
def test_commit_refused_because_the_group_went_on_is_dropped(kafka: Kafka, code: int) -> None:
    commits = Library()
    kafka.says = code
    commits.commit_checkpoint(force=True)
    assert commits.put_out
    assert commits.checkpoints[0].closed == 1
    assert commits.checkpoint.empty()


@pytest.mark.parametrize(
    "code",
    [KafkaError._FENCED, KafkaError.TOPIC_AUTHORIZATION_FAILED],
)
def test_commit_refused_for_another_reason_ends_the_worker(kafka: Kafka, code: int) -> None:
    commits = Library()
    kafka.says = code
    with pytest.raises(KafkaException):
        commits.commit_checkpoint(force=True)
    assert not commits.put_out
    assert commits.checkpoints[0].closed == 0


def test_worker_that_is_put_out_commits_nothing_before_its_partitions_are_taken(
    kafka: Kafka,
) -> None:
    """What came after the dropped would leave it out, had Kafka meanwhile taken the worker back."""
    commits = Library()
    kafka.says = KafkaError.UNKNOWN_MEMBER_ID
    commits.commit_checkpoint(force=True)
    kafka.says = None
    commits.perform()
    commits.commit_checkpoint(force=True)
    assert (kafka.asked, commits.checkpoints[1].closed, commits.put_out) == (1, 1, True)
    commits.perform()
    commits.begin_anew()
    assert (commits.checkpoints[2].closed, commits.put_out) == (1, False)
    commits.commit_checkpoint(force=True)
    assert kafka.asked == 2


def test_worker_that_is_put_out_and_never_told_so_ends(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        now_s = 1_000.0

        def monotonic(self) -> float:
            return self.now_s

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    commits = Library()
    kafka.says = KafkaError.UNKNOWN_MEMBER_ID
    commits.commit_checkpoint(force=True)
    clock.now_s += 59
    commits.commit_checkpoint()
    clock.now_s += 2
    with pytest.raises(BrokerRefused, match="does not say so"):
        commits.commit_checkpoint()


def test_partitions_taken_before_anything_was_performed_leave_nothing_to_drop() -> None:
    """They may go while the worker is only joining, when there is no checkpoint yet."""
    commits = Library()
    commits._checkpoint = None
    commits.begin_anew()
    assert commits.checkpoints[1:] == []


def test_library_is_given_the_same_parts() -> None:
    manager, sinks, registry = (cast("Any", object()) for _ in range(3))
    producer = cast("Any", SimpleNamespace(commit_transaction=lambda: "transaction"))
    consumer = cast("Any", SimpleNamespace(commit=lambda: "offsets"))
    context = ProcessingContext(
        commit_interval=0.2,
        producer=producer,
        consumer=consumer,
        state_manager=manager,
        sink_manager=sinks,
        dataframe_registry=registry,
        commit_every=7,
        exactly_once=True,
        revoke_flush_timeout=3.0,
    )
    commits = Commits.instead_of(context)
    assert (commits.producer, commits.consumer) == (producer, consumer)
    assert (commits.state_manager, commits.sink_manager) == (manager, sinks)
    assert commits.dataframe_registry is registry
    assert (commits.commit_interval, commits.commit_every) == (0.2, 7)
    assert (commits.exactly_once, commits.revoke_flush_timeout) == (True, 3.0)


def test_worker_that_fails_and_loses_its_partitions_commits_nothing_any_more(kafka: Kafka) -> None:
    """It may be in the group's next generation by then, beside who performs the same records."""
    commits = Library()
    commits.perform()
    commits.give_up()
    commits.commit_checkpoint(force=True)
    assert kafka.asked == 0
    assert not commits.checkpoint.empty(), "left to the end of the process, which aborts it"


class Told(Tally):
    """Writes down what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def committed(self, took_s: float) -> None:
        assert took_s >= 0
        self.heard.append("committed")

    def dropped(self) -> None:
        self.heard.append("dropped")


def clients_of(
    monkeypatch: pytest.MonkeyPatch, reaches: str, commits: Library | None = None
) -> tuple[Library, Told]:
    """Commits by a library that comes as far as this call to Kafka, or to none."""

    def commit(context: Any, force: bool = False, revoking: bool = False) -> None:
        if not force:
            return
        if reaches == "transaction" and not context.checkpoint.empty():
            context.producer.commit_transaction()
        elif reaches == "offsets" and not context.checkpoint.empty():
            context.consumer.commit()
        context.init_checkpoint()

    monkeypatch.setattr(ProcessingContext, "commit_checkpoint", commit)
    told = Told()
    if commits is None:
        commits = Library()
        commits.tally = told
        commits.producer = cast("Any", SimpleNamespace(commit_transaction=lambda: None))
        commits.consumer = cast("Any", SimpleNamespace(commit=lambda: None))
        commits.note_taken()
    return commits, told


def test_tally_is_told_of_a_commit_that_was_due_and_of_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commits, told = clients_of(monkeypatch, "transaction")
    commits.commit_checkpoint()
    assert told.heard == []
    commits.commit_checkpoint(force=True)
    assert told.heard == ["committed"]
    commits.commit_checkpoint(force=True)
    assert told.heard == ["committed"], "nothing was performed since"


@pytest.mark.parametrize(
    ("reaches", "heard"),
    [("transaction", "committed"), ("offsets", "committed"), ("nothing", "dropped")],
)
def test_commit_that_the_library_gives_up_at_a_revoke_is_told_as_dropped(
    monkeypatch: pytest.MonkeyPatch, reaches: str, heard: str
) -> None:
    """It aborts where the time for the flush ran out, and returns as if it had committed."""
    commits, told = clients_of(monkeypatch, reaches)
    commits.commit_checkpoint(force=True, revoking=True)
    assert told.heard == [heard]
    assert commits.left_out == (heard == "dropped")
    commits.begin_anew()
    assert not commits.left_out
    commits.commit_checkpoint(force=True)
    assert not commits.left_out, "nothing was performed that could be"


def test_commit_that_kafka_took_before_does_not_count_for_one_that_was_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commits, told = clients_of(monkeypatch, "transaction")
    commits.commit_checkpoint(force=True)
    commits.perform()
    given_up, _ = clients_of(monkeypatch, "nothing", commits)
    given_up.commit_checkpoint(force=True, revoking=True)
    assert told.heard == ["committed", "dropped"]


@pytest.mark.parametrize(
    ("code", "heard"),
    [
        (KafkaError.UNKNOWN_MEMBER_ID, ["dropped"]),
        # The process ends: nobody asks for its figures any more.
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, []),
    ],
)
def test_tally_is_told_that_a_refused_commit_is_dropped(
    kafka: Kafka, code: int, heard: list[str]
) -> None:
    commits = Library()
    told = commits.tally = Told()
    kafka.says = code
    with suppress(KafkaException):
        commits.commit_checkpoint(force=True)
    assert told.heard == heard


def test_tally_is_told_that_what_was_not_committed_went_with_its_partitions() -> None:
    commits = Library()
    told = commits.tally = Told()
    commits.begin_anew()
    assert told.heard == ["dropped"]
