"""A look into the stores counts what stands there, in pieces, and sees nothing while they move."""

from bisect import bisect_left

import pytest

from pipelines.metrics.sampler import (
    MOST_OVERDUE,
    MOST_POOLS,
    PIECE,
    Deadlines,
    Sampler,
    pool_figures,
)
from pipelines.runtime_store import StoreFigures
from pipelines.topics import COMMANDS, FACTS, POOL, Topic
from state.pool.queue import PoolHead
from state.stores.codec import POOL_HEAD
from state.stores.layout import (
    DEADLINES,
    MAIN,
    DeadlineEntry,
    deadline_key,
    position_key,
    stored_key,
)
from state.stores.reader import StoreClosed

NOW_MS = 1_735_689_600_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Rows:
    """A store of one partition, as other threads read it."""

    def __init__(self, rows: dict[bytes, bytes] | None = None, *, partitions: int = 1) -> None:
        self.rows = dict(sorted((rows or {}).items()))
        self.keys = list(self.rows)
        self.closed = False
        self.scans: list[int] = []
        self._partitions = partitions

    def partitions(self) -> list[int]:
        return [] if self.closed else list(range(self._partitions))

    def moving(self) -> bool:
        return self.closed

    def get(self, partition: int, key: bytes) -> bytes | None:
        return self.rows.get(key) if partition == 0 else None

    def scan(
        self, partition: int, lower: bytes, upper: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        if self.closed:
            raise StoreClosed
        if partition:
            return []
        found = self.keys[bisect_left(self.keys, lower) : bisect_left(self.keys, upper)][:limit]
        self.scans.append(len(found))
        return [(key, self.rows[key]) for key in found]

    def figures(self, partition: int) -> StoreFigures:
        if self.closed:
            raise StoreClosed
        return StoreFigures(
            keys=10 + partition,
            disk_bytes=100,
            memory_bytes=20,
            cache_bytes=7,
            pending_compaction_bytes=3,
            writes_stopped=partition == 1,
        )


def deadlines(count: int, kind: str, at_ms: int) -> dict[bytes, bytes]:
    return {
        stored_key(
            DEADLINES,
            deadline_key(
                DeadlineEntry(
                    at_ms=at_ms, message_key=f"GC-{number:05d}", kind=kind, subject=f"s{number}"
                )
            ),
        ): b"\x01"
        for number in range(count)
    }


def pools(**heads: PoolHead) -> dict[bytes, bytes]:
    rows: dict[bytes, bytes] = {}
    for name, head in heads.items():
        rows[stored_key(name.encode(), MAIN)] = POOL_HEAD.encode(head)
        for position in range(3):
            rows[stored_key(name.encode(), position_key(position))] = b"number"
    return rows


def sampler(stores: dict[object, Rows]) -> Sampler:
    return Sampler(stores, lambda: "assignment", low_mark=50, clock=lambda: 5.0)  # type: ignore[arg-type]  # plain fakes


def test_deadlines_are_counted_by_kind_and_those_of_the_past_apart() -> None:
    rows = {
        **deadlines(PIECE + 5, "RESERVATION", NOW_MS + 1),
        **deadlines(2, "HOLD", NOW_MS - 7_000),
        **deadlines(1, "HOLD", NOW_MS),
        stored_key(b"GC-00001", MAIN): b"a certificate is none",
    }
    store = Rows(rows, partitions=2)
    looked = sampler({COMMANDS: store})
    looked.look(NOW_MS)
    assert looked.latest is not None
    assert looked.latest.deadlines == {
        "RESERVATION": Deadlines(open=PIECE + 5),
        "HOLD": Deadlines(open=3, overdue=3, oldest_ms=NOW_MS - 7_000),
    }
    assert max(store.scans) == PIECE, "a store is not held for longer than a piece takes"


def test_correlations_are_counted_when_overdue_alone_and_up_to_a_bound() -> None:
    """Each ordinary order waits a week to be forgotten: millions of them are not read."""
    rows = {
        **deadlines(MOST_OVERDUE + 500, "CORRELATION", NOW_MS - 1),
        **deadlines(40, "CORRELATION", NOW_MS + DAY_MS),
    }
    store = Rows(rows)
    looked = sampler({FACTS: store})
    looked.look(NOW_MS)
    assert looked.latest is not None
    assert looked.latest.deadlines["CORRELATION"].overdue == MOST_OVERDUE
    assert sum(store.scans) == MOST_OVERDUE


def test_look_that_is_disturbed_by_a_rebalance_shows_nothing() -> None:
    store = Rows(pools(ELECTRONIC=PoolHead(level=3)))
    looked = sampler({POOL: store})
    looked.look(NOW_MS)
    assert looked.latest is not None
    store.closed = True
    store.partitions = lambda: [0]  # type: ignore[method-assign]  # asked for a moment before
    looked.look(NOW_MS)
    assert looked.latest is None


@pytest.mark.parametrize("topic", [POOL, COMMANDS, FACTS])
def test_look_at_a_worker_that_does_not_serve_shows_nothing_instead_of_zeros(topic: Topic) -> None:
    store = Rows(pools(ELECTRONIC=PoolHead(level=3)))
    looked = sampler({topic: store})
    store.closed = True
    looked.look(NOW_MS)
    assert looked.latest is None
    assert not looked._is_current(), "it looks again soon"


@pytest.mark.parametrize("moving", [(True, False), (False, True)])
def test_look_in_whose_middle_the_stores_come_or_go_shows_nothing(
    moving: tuple[bool, bool],
) -> None:
    """Their partitions were asked for a moment before, when there were none."""
    store = Rows(pools(ELECTRONIC=PoolHead(level=3)))
    store.partitions = list  # type: ignore[method-assign]  # none, as long as they move
    answers = iter(moving)
    store.moving = lambda: next(answers, False)  # type: ignore[method-assign]  # a moment of each
    looked = sampler({POOL: store})
    looked.look(NOW_MS)
    assert looked.latest is None


def test_stop_in_the_middle_of_a_long_look_ends_it() -> None:
    store = Rows(deadlines(3 * PIECE, "HOLD", NOW_MS))
    looked = sampler({COMMANDS: store})
    looked.stop()
    looked.look(NOW_MS)
    assert looked.latest is None
    assert len(store.scans) == 1
    looked.run()


def test_pools_are_found_by_their_heads_and_no_more_than_a_thousand() -> None:
    names = {f"POOL_{number:04d}": PoolHead(level=number) for number in range(MOST_POOLS + 3)}
    looked = sampler({POOL: Rows(pools(**names))})
    looked.look(NOW_MS)
    assert looked.latest is not None
    assert [each.name for each in looked.latest.pools] == sorted(names)[:MOST_POOLS]


RATES: list[tuple[PoolHead, float | None, float | None]] = [
    (PoolHead(level=10), None, None),
    # One alone makes no rate.
    (PoolHead(level=10, taken=1, window_started_ms=NOW_MS - HOUR_MS), None, None),
    (PoolHead(level=10, taken=6, window_started_ms=NOW_MS - HOUR_MS), 5.0, 7_200.0),
    # Two within a second are no seven thousand an hour.
    (PoolHead(level=8, taken=2, window_started_ms=NOW_MS - 1_000), 4.0, 7_200.0),
    # Long after the last one was taken it is slower than it was.
    (PoolHead(level=10, taken=21, window_started_ms=NOW_MS - 4 * HOUR_MS), 5.0, 7_200.0),
    (PoolHead(level=0, taken=6, window_started_ms=NOW_MS - HOUR_MS), 5.0, 0.0),
]


@pytest.mark.parametrize(("head", "rate", "empty_in_s"), RATES)
def test_pool_is_empty_when_its_level_is_taken_at_the_rate_of_its_window(
    head: PoolHead, rate: float | None, empty_in_s: float | None
) -> None:
    found = pool_figures("ELECTRONIC", head, NOW_MS, low_mark=50)
    assert (found.level, found.taken_per_hour, found.empty_in_s) == (head.level, rate, empty_in_s)


def test_pool_that_never_gave_a_number_has_the_mark_of_the_settings() -> None:
    assert pool_figures("P", PoolHead(), NOW_MS, low_mark=50).low_mark == 50
    assert pool_figures("P", PoolHead(low_mark=7), NOW_MS, low_mark=50).low_mark == 7


def test_sizes_are_those_of_all_partitions_and_the_cache_is_one() -> None:
    looked = sampler({POOL: Rows(partitions=2)})
    looked.look(NOW_MS)
    assert looked.latest is not None
    assert looked.latest.stores[POOL] == StoreFigures(
        keys=21,
        disk_bytes=200,
        memory_bytes=40,
        cache_bytes=7,
        pending_compaction_bytes=6,
        writes_stopped=True,
    )
