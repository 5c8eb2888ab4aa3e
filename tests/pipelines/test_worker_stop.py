"""How a worker's loop ends: at once, or when those are answered who were asked before."""

from pathlib import Path
from typing import Any, cast

import pytest
from quixstreams import Application

from pipelines.farewell import Farewell
from pipelines.runtime import Worker
from pipelines.settings import Settings
from pipelines.topics import Role
from tests.pipelines.test_runtime import FakeContext


class Callers:
    """Those who wait for what the loop does."""

    def __init__(self) -> None:
        self.waiting = 1
        self.told = 0

    def tell(self) -> None:
        self.told += 1


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker that serves; its loop's turns do nothing."""
    monkeypatch.setattr(Application, "_process_message", lambda *_: None)
    settings = Settings(bootstrap="127.0.0.1:1", state_dir=tmp_path, worker_id="processor-0")
    worker = Worker(settings, Role.PROCESSOR)
    worker._processing_context = cast("Any", FakeContext())
    worker._run_tracker.set_as_running()  # type: ignore[no-untyped-call]  # theirs is untyped
    worker._assigned = True
    worker._process_message(None)
    assert worker.serving
    return worker


def runs(worker: Worker) -> bool:
    """Asked anew each time: it changes by itself."""
    return bool(worker._run_tracker.running)


def saying_goodbye(worker: Worker) -> Callers:
    callers = Callers()
    worker.farewell = Farewell(callers.tell, lambda: callers.waiting)
    return callers


def test_loop_turns_on_until_the_last_caller_is_answered(worker: Worker) -> None:
    callers = saying_goodbye(worker)
    worker.stop()
    worker._process_message(None)
    assert runs(worker)
    callers.waiting = 0
    worker._process_message(None)
    assert not runs(worker)
    assert callers.told == 1


@pytest.mark.parametrize("why", ["nobody can be waiting", "it failed", "it does not serve yet"])
def test_loop_ends_at_once_where_nobody_can_be_answered(worker: Worker, why: str) -> None:
    if why != "nobody can be waiting":
        saying_goodbye(worker)
    if why == "it does not serve yet":
        worker._serving = False
    worker.stop(fail=why == "it failed")
    assert not runs(worker)


def test_worker_that_is_given_partitions_while_it_stops_recovers_nothing(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    saying_goodbye(worker)
    worker.stop()
    monkeypatch.setattr(Application, "_on_assign", lambda *_: None)
    worker._on_assign(None, [])
    assert not runs(worker)


class Leaves:
    """A group that was asked to be left."""

    def __init__(self) -> None:
        self.turns = 0

    def begun(self) -> bool:
        self.turns += 1
        return self.turns == 1


def test_worker_that_handed_over_still_serves_its_edge(worker: Worker) -> None:
    """It has nothing, and knows that others have everything: calls are passed on to them."""
    worker._leaving = cast("Any", Leaves())
    worker._assigned = False
    worker._process_message(None)
    assert worker.serving
    worker._process_message(None)
    assert worker.serving
