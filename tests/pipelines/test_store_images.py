"""An image shows a store as of just one position, or none: it is never taken in the middle."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock
from typing import Any

import pytest
from rocksdict import DbClosedError, Options, Rdict

from pipelines.store_images import StoreBusyError, StoreImages
from pipelines.stores import STORES, StoreName
from pipelines.topics import COMMANDS, Role, Topic
from state.stores.image import image_rows
from state.stores.reader import StoreClosed

CERTIFICATES = STORES[0]
PARTITION = 3
WITHIN_S = 5.0


class Rows:
    """An open partition: a real store, whose iterators are counted."""

    def __init__(self, path: Path) -> None:
        self.store = Rdict(str(path), Options(raw_mode=True))
        self.open = 0
        self.begun: Callable[[], object] = lambda: None
        self.passed: Callable[[int], object] = lambda _count: None

    def iter_items(self, lower_bound: bytes) -> Iterator[tuple[bytes, bytes]]:
        found: Any = self.store.items(from_key=lower_bound)
        self.open += 1
        self.begun()
        try:
            for count, row in enumerate(found):
                self.passed(count)
                yield row
        finally:
            self.open -= 1


class FakeWorker:
    """A worker whose loop does what it is told, at the moments it is told to."""

    def __init__(self, rows: Rows) -> None:
        self.stores_lock = RLock()
        self.serving = self.held = True
        self.rows = rows
        self.at = {"reached": 7, "performed": 7}
        self.looked: Callable[[], object] = lambda: None

    def reached(self, topic: Topic, partition: int) -> int:
        assert (topic, partition) == (COMMANDS, PARTITION)
        return self.at["reached"]

    def performed(self, topic: Topic, partition: int) -> int:
        assert (topic, partition) == (COMMANDS, PARTITION)
        self.looked()
        return self.at["performed"]

    def partitions_of(self, topic: Topic) -> dict[int, Any]:
        assert topic is COMMANDS
        return {PARTITION: self.rows} if self.held else {}

    def perform(self, offset: int) -> None:
        self.at["performed"] = offset + 1

    def commit(self, key: bytes, value: bytes) -> None:
        self.rows.store.put(key, value)
        self.at["reached"] = self.at["performed"]


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    made = Rows(tmp_path / "store")
    made.store.put(b"GC-1|c", b"one")
    yield made
    made.store.close()


@pytest.fixture
def worker(rows: Rows) -> FakeWorker:
    return FakeWorker(rows)


class Clock:
    """Moves only when somebody waits."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> None:
        self.now_s += seconds


def images_of(worker: FakeWorker, pause: Callable[[float], object] | None = None) -> StoreImages:
    clock = Clock()
    return StoreImages(worker, Role.PROCESSOR, clock=clock, pause=pause or clock.pause)


def test_image_of_a_store_at_rest_is_all_of_it_at_its_position(worker: FakeWorker) -> None:
    worker.rows.store.put(b"\x00d|1", b"\x01")
    image = images_of(worker).take(CERTIFICATES, PARTITION, WITHIN_S)
    assert (image.store, image.partition, image.position) == ("certificates", PARTITION, 7)
    assert image.rows == image_rows({b"GC-1|c": b"one", b"\x00d|1": b"\x01"})
    assert image.records == 2
    assert worker.rows.open == 0


def test_image_of_an_empty_store_is_empty(worker: FakeWorker) -> None:
    worker.rows.store.delete(b"GC-1|c")
    image = images_of(worker).take(CERTIFICATES, PARTITION, WITHIN_S)
    assert (image.records, image.rows) == (0, b"")


def test_image_waits_until_what_was_performed_is_in_the_store(worker: FakeWorker) -> None:
    worker.perform(7)
    image = images_of(worker, lambda _s: worker.commit(b"GC-2|c", b"two")).take(
        CERTIFICATES, PARTITION, WITHIN_S
    )
    assert (image.position, image.records) == (8, 2)


def test_image_is_taken_again_when_a_record_was_performed_while_it_began(
    worker: FakeWorker,
) -> None:
    """It may show the effect or not: nobody knows, so it is thrown away."""
    worker.rows.begun = lambda: worker.perform(7)

    def pause(_seconds: float) -> None:
        worker.rows.begun = lambda: None
        worker.commit(b"GC-2|c", b"two")

    image = images_of(worker, pause).take(CERTIFICATES, PARTITION, WITHIN_S)
    assert (image.position, image.records, worker.rows.open) == (8, 2, 0)


def test_image_is_taken_again_when_a_record_was_performed_and_committed_while_it_began(
    worker: FakeWorker,
) -> None:
    def whole_commit() -> None:
        worker.rows.begun = lambda: None
        worker.perform(7)
        worker.commit(b"GC-2|c", b"two")

    worker.rows.begun = whole_commit
    image = images_of(worker).take(CERTIFICATES, PARTITION, WITHIN_S)
    assert (image.position, image.records, worker.rows.open) == (8, 2, 0)


def test_image_does_not_show_what_is_committed_while_it_is_read(worker: FakeWorker) -> None:
    for number in range(5_000):
        worker.rows.store.put(f"GC-5{number:06d}|c".encode(), b"many")

    def passed(count: int) -> None:
        if count == 4_000:
            worker.perform(7)
            worker.commit(b"GC-9|c", b"late")
            worker.rows.store.put(b"GC-5004999|c", b"changed")

    worker.rows.passed = passed
    image = images_of(worker).take(CERTIFICATES, PARTITION, WITHIN_S)
    wanted = {f"GC-5{number:06d}|c".encode(): b"many" for number in range(5_000)}
    assert image.position == 7
    assert image.rows == image_rows({**wanted, b"GC-1|c": b"one"})


def test_image_of_a_partition_that_leaves_while_it_is_read_is_none(worker: FakeWorker) -> None:
    for number in range(5_000):
        worker.rows.store.put(f"GC-5{number:06d}|c".encode(), b"many")

    def leaves(_seconds: float) -> None:
        worker.serving = False

    with pytest.raises(StoreClosed):
        images_of(worker, leaves).take(CERTIFICATES, PARTITION, WITHIN_S)
    assert worker.rows.open == 0, "an open iterator keeps the store locked"


def test_image_of_a_store_that_closes_is_none(worker: FakeWorker) -> None:
    def closes() -> None:
        raise DbClosedError

    worker.rows.begun = closes
    with pytest.raises(StoreClosed):
        images_of(worker).take(CERTIFICATES, PARTITION, WITHIN_S)


@pytest.mark.parametrize("fault", ["moving", "elsewhere"])
def test_image_of_a_partition_that_is_not_here_is_none(worker: FakeWorker, fault: str) -> None:
    worker.serving = fault != "moving"
    worker.held = fault != "elsewhere"
    images = images_of(worker)
    with pytest.raises(StoreClosed):
        images.take(CERTIFICATES, PARTITION, WITHIN_S)
    assert images.partitions(CERTIFICATES) == []


def test_image_of_a_store_never_at_rest_is_given_up_in_time(worker: FakeWorker) -> None:
    worker.perform(7)
    looks = 0

    def looked() -> None:
        nonlocal looks
        looks += 1

    worker.looked = looked
    with pytest.raises(StoreBusyError):
        images_of(worker).take(CERTIFICATES, PARTITION, 0.1)
    assert looks > 100, "one instant of rest is enough, so it looks often"


def test_image_that_is_not_read_whole_in_time_is_given_up(worker: FakeWorker) -> None:
    for number in range(5_000):
        worker.rows.store.put(f"GC-5{number:06d}|c".encode(), b"many")
    with pytest.raises(StoreBusyError):
        images_of(worker).take(CERTIFICATES, PARTITION, -1.0)
    assert worker.rows.open == 0


def test_stores_of_a_role_are_its_own(worker: FakeWorker) -> None:
    assert [store.name for store in images_of(worker).stores] == [
        StoreName.CERTIFICATES,
        StoreName.POOLS,
        StoreName.INDEX,
    ]
    correlator = StoreImages(worker, Role.CORRELATOR)
    assert [store.name for store in correlator.stores] == [StoreName.CORRELATIONS]
