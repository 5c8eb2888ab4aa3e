"""Reading a store from another thread: the record, or why this process cannot say."""

from collections.abc import Callable

import pytest

from state.stores.layout import MAIN
from state.stores.reader import Answer, Found, Moving, NotHere, StoreClosed, StoreReader

KEY = b"GC-0001"
HERE = 1
ELSEWHERE = 2


class FakeStore:
    """A store that holds partition HERE, and can lose it in the middle of a read."""

    def __init__(self, records: dict[bytes, bytes]) -> None:
        self.records = records
        self.held = {HERE}
        self.is_moving = False
        self.during_read: Callable[[], None] = lambda: None
        self.reads: list[tuple[int, bytes]] = []

    def serves(self, partition: int) -> bool:
        return partition in self.held and not self.is_moving

    def moving(self) -> bool:
        return self.is_moving

    def get(self, partition: int, key: bytes) -> bytes | None:
        self.reads.append((partition, key))
        self.during_read()
        return self.records.get(key)

    def lose(self) -> None:
        self.held.clear()

    def close(self) -> None:
        self.lose()
        raise StoreClosed


@pytest.fixture
def store() -> FakeStore:
    return FakeStore({b"GC-0001|c": b"the record"})


def read(store: FakeStore, partition: int = HERE) -> Answer:
    return StoreReader(store, lambda _key: partition).get(KEY, MAIN)


def test_read_of_a_kept_key_finds_its_record(store: FakeStore) -> None:
    assert read(store) == Found(value=b"the record")
    assert store.reads == [(HERE, b"GC-0001|c")]


def test_read_of_an_unknown_key_finds_that_there_is_none(store: FakeStore) -> None:
    store.records.clear()
    assert read(store) == Found(value=None)


def test_read_of_anothers_partition_says_that_it_is_not_here(store: FakeStore) -> None:
    assert read(store, ELSEWHERE) == NotHere()
    assert store.reads == []


def test_read_while_partitions_move_is_not_answered(store: FakeStore) -> None:
    """Neither from a store that may be leaving, nor by an owner that may be gone."""
    store.is_moving = True
    assert read(store) == Moving()
    assert store.reads == []


def test_read_from_a_store_that_closes_meanwhile_is_not_answered(store: FakeStore) -> None:
    store.during_read = store.close
    assert read(store) == Moving()


def test_read_is_void_when_the_partition_left_meanwhile(store: FakeStore) -> None:
    """The bytes were read whole, but somebody else may have written newer ones by now."""
    store.during_read = store.lose
    assert read(store) == Moving()
    assert store.reads, "the read itself had gone through"


def test_partition_is_asked_for_by_the_message_key(store: FakeStore) -> None:
    asked: list[bytes] = []

    def partition_of(key: bytes) -> int:
        asked.append(key)
        return ELSEWHERE

    assert StoreReader(store, partition_of).get(KEY, MAIN) == NotHere()
    assert asked == [KEY]
