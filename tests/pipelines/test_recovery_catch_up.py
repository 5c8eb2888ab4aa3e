"""Catching up a store: which records of a changelog count, and when the store is whole."""

from collections.abc import Iterable
from typing import Any, cast

import pytest
from quixstreams.state import metadata

from pipelines.recovery import catch_up as module
from pipelines.recovery.catch_up import CatchUp
from pipelines.recovery.store_faults import ChangelogLost

INPUT = "Commands"
COMMITTED = 50


class Record:
    """A record of a changelog, made by the input record at `processed`; None: it does not say."""

    def __init__(
        self,
        offset: int,
        key: bytes = b"key",
        value: bytes | None = b"value",
        *,
        processed: int | None = 1,
        family: str = "default",
    ) -> None:
        self._offset = offset
        self._key = key
        self._value = value
        self._headers: list[tuple[str, bytes]] = [(module.FAMILY_HEADER, family.encode())]
        if processed is not None:
            told = f'{{"{INPUT}":{processed}}}'.encode()
            self._headers.append((module.PROCESSED_HEADER, told))

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers


class Store:
    """Notes what it is told to write."""

    def __init__(self) -> None:
        self.writes: list[tuple[list[tuple[bytes, bytes | None]], int]] = []
        self.completed: tuple[int, int] | None = None

    def apply(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        self.writes.append((list(changes), offset))

    def complete(self, offset: int, at_ms: int) -> None:
        self.completed = (offset, at_ms)


def recovery(last: int = 9, *, exactly_once: bool = True) -> tuple[Store, CatchUp]:
    store = Store()
    return store, CatchUp(
        store=store,
        changelog="changelog",
        partition=3,
        committed={INPUT: COMMITTED},
        next_offset=0,
        last=last,
        assigned_ms=1_000,
        exactly_once=exactly_once,
    )


def take(catching_up: CatchUp, *records: Record) -> None:
    catching_up.take(cast("Any", records))


def test_words_of_the_library_are_spelled_as_it_does() -> None:
    assert module.FAMILY_HEADER == metadata.CHANGELOG_CF_MESSAGE_HEADER
    assert module.PROCESSED_HEADER == metadata.CHANGELOG_PROCESSED_OFFSETS_MESSAGE_HEADER
    assert module.EXPIRY_HEADER == metadata.CHANGELOG_TTL_STAMPED_HEADER


def test_batch_is_one_write_with_the_offset_of_its_last_record() -> None:
    store, catching_up = recovery()
    take(catching_up, Record(4, b"a"), Record(5, b"b", None), Record(7, b"c"))
    assert store.writes == [([(b"a", b"value"), (b"b", None), (b"c", b"value")], 7)]
    assert not catching_up.done


@pytest.mark.parametrize("exactly_once", [True, False])
def test_record_of_another_column_family_is_a_bug(exactly_once: bool) -> None:
    _, catching_up = recovery(exactly_once=exactly_once)
    with pytest.raises(AssertionError, match="one column family"):
        take(catching_up, Record(1), Record(2, family="other"))


def test_store_is_whole_with_the_last_record_and_says_so() -> None:
    store, catching_up = recovery(last=9)
    take(catching_up, Record(9))
    assert catching_up.done
    catching_up.finish()
    assert store.completed == (9, 1_000)


def test_store_of_a_group_that_never_committed_stays_one_that_was_never_written() -> None:
    """A first commit that failed leaves only what was never committed, and a later start again."""
    store, catching_up = recovery(last=9)
    catching_up.committed = {}
    catching_up.reach(10)
    assert catching_up.done
    catching_up.finish()
    assert store.completed is None


def test_store_is_whole_where_compaction_took_the_last_record_away() -> None:
    _, catching_up = recovery(last=9)
    take(catching_up, Record(3))
    catching_up.reach(9)
    assert not catching_up.done
    catching_up.reach(11)
    assert catching_up.done


def test_record_behind_the_last_one_is_not_applied() -> None:
    """What is there behind it is not committed: it is the next owner's, or nobody's."""
    store, catching_up = recovery(last=9)
    take(catching_up, Record(9), Record(10, b"later", processed=COMMITTED))
    assert store.writes == [([(b"key", b"value")], 9)]


def test_note_that_lags_behind_what_was_committed_is_a_bug() -> None:
    _, catching_up = recovery(last=9)
    with pytest.raises(AssertionError, match="the note lags"):
        take(catching_up, Record(9), Record(10, processed=COMMITTED - 1))


def test_record_of_an_input_that_is_not_committed_does_not_count_without_exactly_once() -> None:
    """The library's own rule: a changelog may be ahead of a commit that never came."""
    store, catching_up = recovery(exactly_once=False)
    take(catching_up, Record(1, b"a", processed=COMMITTED - 1), Record(2, processed=COMMITTED))
    assert store.writes == [([(b"a", b"value")], 2)]


def test_record_of_an_input_that_is_not_committed_with_exactly_once_says_what_happened() -> None:
    _, catching_up = recovery()
    with pytest.raises(ChangelogLost, match=r"changelog partition 3.*were set back"):
        take(catching_up, Record(1), Record(2, processed=COMMITTED))


def test_record_that_says_nothing_of_its_input_counts() -> None:
    store, catching_up = recovery()
    take(catching_up, Record(2, processed=None))
    assert store.writes == [([(b"key", b"value")], 2)]
