"""The run time without a broker: the options it insists on, and when it commits and serves.

What the options achieve is shown on real Kafka by the flow tests; here a forgotten one is noticed.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from quixstreams import Application
from quixstreams.processing import ProcessingContext

from pipelines import runtime as module
from pipelines.faults import SettingsError
from pipelines.runtime import Worker
from pipelines.runtime_options import consumer_options
from pipelines.settings import Settings
from pipelines.topics import Role


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        bootstrap="127.0.0.1:1",
        state_dir=tmp_path,
        worker_id="processor-0",
        topic_prefix="here-",
        session_timeout_ms=6_000,
        http_port=8123,
    )


class FakeCheckpoint:
    def __init__(self) -> None:
        self.is_empty = True

    def empty(self) -> bool:
        return self.is_empty


class FakeContext:
    """Stands in for the library's processing context: a checkpoint, and the commits of it."""

    def __init__(self) -> None:
        self.checkpoint = FakeCheckpoint()
        self.commits: list[bool] = []

    def commit_checkpoint(self, force: bool = False) -> None:
        self.commits.append(force)
        self.checkpoint.is_empty = True


class Turn:
    """The library's own turn of the loop: one poll, which finds a record or nothing."""

    def __init__(self) -> None:
        self.finds_record = False
        self.poll_timeouts_s: list[float] = []

    def __call__(self, worker: Any, _dataframe: Any) -> None:
        self.poll_timeouts_s.append(worker._config.consumer_poll_timeout)
        if self.finds_record:
            worker._processing_context.checkpoint.is_empty = False
            worker._note_consumed("topic", 0, 1)


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    turn = Turn()

    def process_message(worker: Worker, dataframe: object) -> None:
        turn(worker, dataframe)

    monkeypatch.setattr(Application, "_process_message", process_message)
    return turn


@pytest.fixture
def worker(settings: Settings, turn: Turn) -> Worker:
    worker = Worker(settings, Role.PROCESSOR)
    worker._processing_context = cast("Any", FakeContext())
    return worker


def commits_of(worker: Worker) -> list[bool]:
    context: Any = worker._processing_context
    commits: list[bool] = context.commits
    return commits


def serves(worker: Worker) -> bool:
    """Asked anew each time: it changes by itself."""
    return worker.serving


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


def test_options_of_correctness_are_explicit(settings: Settings) -> None:
    worker = Worker(settings, Role.PROCESSOR)
    config = worker.config
    assert config.processing_guarantee == "exactly-once"
    assert config.auto_offset_reset == "earliest"
    assert config.consumer_group == "here-giftcert-processor"
    assert config.auto_create_topics is False
    assert config.use_changelog_topics is True
    assert config.state_dir == settings.state_dir
    consumer = config.consumer_extra_config
    assert consumer["isolation.level"] == "read_committed"
    assert consumer["group.instance.id"].startswith("processor-0-")
    assert consumer["client.id"] == "processor-0@http://127.0.0.1:8123"
    assert consumer["heartbeat.interval.ms"] == 500
    producer = config.producer_extra_config
    assert producer["transactional.id"] == "here-giftcert-processor-processor-0"
    assert producer["transaction.timeout.ms"] == settings.transaction_timeout_ms
    assert producer["partitioner"] == "murmur2_random"
    assert producer["acks"] == "all"
    assert producer["message.max.bytes"] == 8 * 1024 * 1024


def test_worker_without_a_state_directory_does_not_start() -> None:
    with pytest.raises(SettingsError, match="GIFTCERT_STATE_DIR"):
        Worker(Settings(bootstrap="127.0.0.1:1"), Role.PROCESSOR)


def test_idle_turn_waits_for_a_record_and_commits_nothing(
    worker: Worker, turn: Turn, settings: Settings
) -> None:
    worker._process_message({})
    assert turn.poll_timeouts_s == [settings.poll_timeout_ms / 1000]
    assert commits_of(worker) == []


def test_burst_shares_one_commit_and_lone_record_waits_for_none(worker: Worker, turn: Turn) -> None:
    """While there is something to commit, polls do not wait; the first empty one commits."""
    turn.finds_record = True
    for _ in range(3):
        worker._process_message({})
    assert commits_of(worker) == []
    assert turn.poll_timeouts_s[1:] == [0.0, 0.0]
    turn.finds_record = False
    worker._process_message({})
    assert commits_of(worker) == [True]
    worker._process_message({})
    assert commits_of(worker) == [True]


def test_worker_that_moved_joins_its_group_under_another_name() -> None:
    """Under the same name Kafka would keep the address that it had before."""
    here, there = (
        consumer_options(Settings(worker_id="processor-0", http_port=port)) for port in (8080, 8081)
    )
    again = consumer_options(Settings(worker_id="processor-0", http_port=8080))
    assert here["group.instance.id"] == again["group.instance.id"]
    assert here["group.instance.id"] != there["group.instance.id"]


def test_stores_are_served_only_after_a_turn_with_an_assignment(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Application, "_on_assign", lambda *_: None)
    monkeypatch.setattr(Application, "_on_revoke", lambda *_: None)
    monkeypatch.setattr(Application, "_on_lost", lambda *_: None)
    worker._process_message({})
    assert serves(worker) is False, "nothing was assigned yet"
    worker._on_assign(None, [])
    assert serves(worker) is False, "recovery comes before the next turn"
    worker._process_message({})
    assert serves(worker)
    worker._on_revoke(None, [])
    assert serves(worker) is False
    worker._on_assign(None, [])
    worker._process_message({})
    worker._on_lost(None, [])
    assert serves(worker) is False


def test_stores_are_not_served_by_a_loop_that_stood_still_for_half_a_session(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process may have lost its partitions without knowing, also when it just woke."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(Application, "_on_assign", lambda *_: None)
    worker._on_assign(None, [])
    worker._process_message({})
    clock.now_s += 2.999
    assert serves(worker)
    clock.now_s += 0.002
    assert serves(worker) is False
    worker._process_message({})
    assert serves(worker) is False, "the first heartbeat has not told yet who has the partitions"
    clock.now_s += 2.9
    worker._process_message({})
    assert serves(worker) is False
    clock.now_s += 0.1
    worker._process_message({})
    assert serves(worker)


def test_stores_are_served_at_once_after_a_long_recovery(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(Application, "_on_assign", lambda *_: None)
    worker._process_message({})
    worker._on_assign(None, [])
    clock.now_s += 60
    worker._process_message({})
    assert serves(worker)


@pytest.mark.parametrize(
    ("silent_s", "recovering", "alive"),
    [(69, False, True), (71, False, False), (3_600, True, True)],
)
def test_worker_whose_loop_stopped_turning_is_not_alive_unless_it_recovers(
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    silent_s: int,
    recovering: bool,
    alive: bool,
) -> None:
    """Ten seconds of a transaction and a minute: what the watchdogs leave is a hang."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    worker._process_message({})
    clock.now_s += silent_s
    worker._state_manager = cast("Any", SimpleNamespace(recovery_required=recovering))
    assert worker.alive is alive


def test_aborted_worker_is_not_alive(worker: Worker) -> None:
    assert worker.alive
    worker.abort()
    assert not worker.alive


class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def committed(self) -> None:
        self.heard.append("committed")

    def dropped(self) -> None:
        self.heard.append("dropped")


@pytest.mark.parametrize(("taken", "first"), [(True, "committed"), (False, "dropped")])
def test_listeners_hear_at_a_revoke_what_became_of_the_last_commit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, taken: bool, first: str
) -> None:
    """The library gives up the commit when its time is over, and returns all the same."""
    worker = Worker(settings, Role.PROCESSOR)
    commits, full = worker._commits, FakeCheckpoint()
    full.is_empty = False
    commits._checkpoint = cast("Any", full)
    commits.producer = cast("Any", SimpleNamespace(commit_transaction=lambda: None))
    commits.note_taken()

    def commit(context: Any, force: bool = False, revoking: bool = False) -> None:
        if taken:
            context.producer.commit_transaction()
        context._checkpoint = FakeCheckpoint()

    monkeypatch.setattr(ProcessingContext, "commit_checkpoint", commit)
    monkeypatch.setattr(
        Application,
        "_on_revoke",
        lambda self, *_: self._processing_context.commit_checkpoint(force=True, revoking=True),
    )
    listener = Listener()
    worker.commit_listeners.add(listener)
    worker._on_revoke(None, [])
    assert listener.heard[0] == first
    assert set(listener.heard[1:]) <= {"dropped"}, "nothing is open any more"
