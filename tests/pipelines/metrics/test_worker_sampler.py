"""A worker's real stores are looked into while they close and open again, as at a rebalance."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from pipelines.local_stores import WorkerStore
from pipelines.metrics.sampler import Deadlines, Sampler
from pipelines.metrics.worker_sampler import sampler_of
from pipelines.runtime import Worker
from pipelines.runtime_store import KeptOptions, KeptPartition
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, INDEX, POOL, Role, Topic
from state.stores.reader import StoreClosed
from tests.pipelines.metrics.test_sampler import NOW_MS, deadlines

ROUNDS = 30


class FakeWorker:
    """The part of a worker that other threads use, with one partition that comes and goes."""

    def __init__(self, folder: Path) -> None:
        self.stores_lock = threading.RLock()
        self.serving = False
        self._folder = folder
        self.opened: KeptPartition | None = None
        self.faults: list[object] = []

    def partitions_of(self, _topic: Topic) -> dict[int, Any]:
        return {} if self.opened is None else {0: self.opened}

    def end_with(self, fault: object) -> None:
        self.faults.append(fault)

    def take(self) -> None:
        with self.stores_lock:
            self.opened = KeptPartition(
                str(self._folder), options=KeptOptions(block_cache_size=1 << 20)
            )
        self.serving = True

    def give_back(self) -> None:
        """As the library does it: closed first, and known to be gone only then."""
        assert self.opened is not None, "it is taken first"
        self.serving = False
        with self.stores_lock:
            self.opened.close()
            self.opened = None


@pytest.fixture
def worker(tmp_path: Path) -> FakeWorker:
    worker = FakeWorker(tmp_path / "0")
    worker.take()
    assert worker.opened is not None, "it was taken"
    worker.opened.apply(
        [(key, value) for key, value in deadlines(3, "HOLD", NOW_MS - 1).items()], 0
    )
    return worker


def store_of(worker: FakeWorker) -> WorkerStore:
    return WorkerStore(cast("Worker", worker), COMMANDS)


def test_open_store_is_counted_and_measured(worker: FakeWorker) -> None:
    sampler = Sampler({COMMANDS: store_of(worker)}, lambda: "assignment", low_mark=1)
    sampler.look(NOW_MS)
    assert sampler.latest is not None
    assert sampler.latest.deadlines == {"HOLD": Deadlines(open=3, overdue=3, oldest_ms=NOW_MS - 1)}
    figures = sampler.latest.stores[COMMANDS]
    assert (figures.keys, figures.writes_stopped) == (3, False)
    assert figures.memory_bytes > 0
    worker.give_back()


def test_memory_of_what_is_written_stays_within_three_small_buffers(worker: FakeWorker) -> None:
    """A pod that has to take every partition, in a backlog, stays within its limit."""
    assert worker.opened is not None, "it was taken"
    most_bytes = 0
    for number in range(80):
        worker.opened.apply([(b"%d" % number, bytes(1024 * 1024))], number + 1)
        most_bytes = max(most_bytes, worker.opened.figures().memory_bytes)
    assert 8 * 1024 * 1024 < most_bytes <= 3 * 17 * 1024 * 1024
    worker.give_back()


def test_store_that_was_closed_a_moment_ago_is_none(worker: FakeWorker) -> None:
    opened = worker.opened
    worker.give_back()
    worker.opened = opened
    with pytest.raises(StoreClosed):
        store_of(worker).figures(0)
    worker.opened = None
    with pytest.raises(StoreClosed):
        store_of(worker).figures(0)


class Closing:
    """A store in the middle of being closed, as RocksDB's binding tells of it."""

    def __init__(self, says: str = "Already mutably borrowed") -> None:
        self._error = RuntimeError(says)

    def figures(self) -> None:
        raise self._error

    def get(self, _key: bytes) -> None:
        raise self._error

    def iter_items(self, **_bounds: bytes) -> Iterator[tuple[bytes, bytes]]:
        yield b"key", b"value"
        raise self._error


READS: list[Callable[[WorkerStore], object]] = [
    lambda store: store.figures(0),
    lambda store: store.get(0, b"key"),
    lambda store: store.scan(0, b"a", b"z", 10),
]


@pytest.mark.parametrize("read", READS)
def test_store_that_is_being_closed_is_none(
    worker: FakeWorker, read: Callable[[WorkerStore], object]
) -> None:
    worker.give_back()
    worker.opened, worker.serving = cast("Any", Closing()), True
    with pytest.raises(StoreClosed):
        read(store_of(worker))
    assert worker.faults == []
    worker.opened = cast("Any", Closing("generator already executing"))
    with pytest.raises(RuntimeError, match="generator"):
        read(store_of(worker))


def test_figures_are_not_asked_of_a_store_while_it_closes_or_no_one_serves(
    worker: FakeWorker,
) -> None:
    """The loop closes stores under the lock, and does not serve from before it takes it."""
    asked = threading.Thread(target=lambda: store_of(worker).figures(0), daemon=True)
    with worker.stores_lock:
        asked.start()
        asked.join(0.05)
        assert asked.is_alive(), "it waits for the lock"
    asked.join(10)
    assert not asked.is_alive()
    worker.serving = False
    with pytest.raises(StoreClosed):
        store_of(worker).figures(0)
    worker.give_back()


def test_reads_from_other_threads_while_a_store_is_closed_without_the_lock_fail_as_closed(
    worker: FakeWorker, tmp_path: Path
) -> None:
    """As at the end of the process: a figure must not be what ends it."""
    failed: list[RuntimeError] = []
    stopped = threading.Event()
    store = store_of(worker)

    def read() -> None:
        try:
            while not stopped.is_set():
                for each in READS:
                    with suppress(StoreClosed):
                        each(store)
        except RuntimeError as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(ROUNDS):
        assert worker.opened is not None, "it was taken"
        worker.opened.close()
        worker.opened = None
        worker.take()
    stopped.set()
    thread.join()
    worker.give_back()
    assert failed == []


def test_looks_during_rebalances_see_the_store_whole_or_not_at_all(worker: FakeWorker) -> None:
    sampler = Sampler({COMMANDS: store_of(worker)}, lambda: "assignment", low_mark=1)
    stopped = threading.Event()
    seen: list[int] = []
    failed: list[BaseException] = []

    def look() -> None:
        try:
            while not stopped.is_set():
                sampler.look(NOW_MS)
                sample = sampler.latest
                if sample is not None and sample.deadlines:
                    seen.append(sample.deadlines["HOLD"].open)
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(ROUNDS):
        worker.give_back()
        worker.take()
    stopped.set()
    thread.join()
    worker.give_back()
    assert failed == []
    assert worker.faults == []
    assert set(seen) <= {3}


def test_every_store_of_a_role_is_looked_into(tmp_path: Path) -> None:
    worker = Worker(
        Settings(bootstrap="127.0.0.1:1", state_dir=tmp_path, worker_id="p-0"), Role.PROCESSOR
    )
    assert set(sampler_of(worker)._stores) == {COMMANDS, POOL, INDEX}
