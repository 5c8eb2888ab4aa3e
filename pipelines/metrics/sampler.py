"""What a worker's stores hold, looked at now and then in a thread of its own.

Owns the looking: pools, open and overdue deadlines, sizes. A scrape shows the latest look, so it
waits for no store and closes none. Counts in short pieces with pauses between, because whoever
computes keeps the worker's loop from its turn; a million deadlines take it a quarter of a second.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol

from pipelines.pool_heads import PoolRows, pool_heads
from pipelines.runtime_store import StoreFigures
from pipelines.topics import COMMANDS, FACTS, POOL, Topic
from state.pool.queue import PoolHead
from state.stores.layout import DEADLINES, SEPARATOR
from state.stores.reader import StoreClosed

EVERY_S: Final = 5.0
_AGAIN_S: Final = 1.0
"""How soon it looks again after nothing could be seen, or of what was another's."""

PIECE: Final = 1_000
_PAUSE_S: Final = 0.005
MOST_POOLS: Final = 1_000
MOST_OVERDUE: Final = 10_000

_PREFIX: Final = DEADLINES + SEPARATOR
_AFTER: Final = _PREFIX + b"\xff"
_TIME_BYTES: Final = 8
_HOUR_MS: Final = 3_600_000
_SHORTEST_MS: Final = 15 * 60_000
"""A rate over less than this says more of chance than of sales."""


class SampledStore(PoolRows, Protocol):
    """One store of the worker, as other threads may read it."""

    def partitions(self) -> list[int]: ...

    def moving(self) -> bool: ...

    def figures(self, partition: int) -> StoreFigures: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """One pool. Without a rate nobody can say when it will be empty."""

    name: str
    level: int
    low_mark: int
    taken_per_hour: float | None
    empty_in_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Those of one kind. `oldest_ms` is the time of the one that is overdue for longest."""

    open: int = 0
    overdue: int = 0
    oldest_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look. `at_s` is monotonic, `assignment` says for which partitions it stands."""

    at_s: float
    assignment: object
    pools: tuple[PoolFigures, ...]
    deadlines: Mapping[str, Deadlines]
    stores: Mapping[Topic, StoreFigures]


class Sampler:
    """Looks into the stores of one worker, and keeps the latest look."""

    def __init__(
        self,
        stores: Mapping[Topic, SampledStore],
        assignment: Callable[[], object],
        *,
        low_mark: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stores = stores
        self._assignment = assignment
        self._low_mark = low_mark
        self._clock = clock
        self._stopped = threading.Event()
        self.latest: Sample | None = None

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopped.is_set():
            self.look(time.time_ns() // 1_000_000)
            self._stopped.wait(EVERY_S if self._is_current() else _AGAIN_S)

    def stop(self) -> None:
        """End `run` soon, also in the middle of a look."""
        self._stopped.set()

    def _is_current(self) -> bool:
        return self.latest is not None and self.latest.assignment is self._assignment()

    def look(self, now_ms: int) -> None:
        """Look once. Nothing is seen while the stores move."""
        assignment = self._assignment()
        try:
            self.latest = Sample(
                at_s=self._clock(),
                assignment=assignment,
                pools=tuple(self._pools(now_ms)),
                deadlines=self._deadlines(now_ms),
                stores={topic: _sum(self._sizes(each)) for topic, each in self._stores.items()},
            )
        except StoreClosed:
            self.latest = None

    def _pools(self, now_ms: int) -> Iterator[PoolFigures]:
        pools = self._stores.get(POOL)
        if pools is None:
            return
        found = chain.from_iterable(pool_heads(pools, each) for each in _whole(pools))
        for name, head in sorted(found, key=lambda each: each[0])[:MOST_POOLS]:
            yield pool_figures(name, head, now_ms, low_mark=self._low_mark)

    def _deadlines(self, now_ms: int) -> dict[str, Deadlines]:
        found: dict[str, Deadlines] = {}
        for topic, limit in ((COMMANDS, None), (FACTS, MOST_OVERDUE)):
            store = self._stores.get(topic)
            if store is not None:
                _count(found, self._entries(store, now_ms, limit), now_ms)
        return found

    def _entries(
        self, store: SampledStore, now_ms: int, overdue_max: int | None
    ) -> Iterator[tuple[int, str]]:
        """Time and kind of each deadline, or of so many that are overdue."""
        upper = _AFTER if overdue_max is None else _until(now_ms)
        for partition in _whole(store):
            left, lower = overdue_max, _PREFIX
            while left is None or left > 0:
                piece = PIECE if left is None else min(PIECE, left)
                rows = store.scan(partition, lower, upper, piece)
                for key, _ in rows:
                    yield _time_and_kind(key)
                if len(rows) < piece:
                    break
                left = None if left is None else left - len(rows)
                lower = rows[-1][0] + b"\x00"
                if self._stopped.wait(_PAUSE_S):
                    raise StoreClosed

    def _sizes(self, store: SampledStore) -> list[StoreFigures]:
        return [store.figures(partition) for partition in _whole(store)]


def _whole(store: SampledStore) -> list[int]:
    """The store's partitions. StoreClosed while they move: it then says that there are none.

    Asked before and after, because an assignment may begin or end in between.
    """
    if store.moving():
        raise StoreClosed
    partitions = store.partitions()
    if store.moving():
        raise StoreClosed
    return partitions


def pool_figures(name: str, head: PoolHead, now_ms: int, *, low_mark: int) -> PoolFigures:
    """A pool's level, how fast it is drained, and when it will be empty at that rate.

    The rate is that of the window which the alert goes by: since its first number was taken.
    """
    window_ms = max(now_ms - head.window_started_ms, _SHORTEST_MS)
    # The window began with the first one taken: what left in it since is one less.
    rate = (head.taken - 1) * _HOUR_MS / window_ms if head.taken > 1 else None
    return PoolFigures(
        name=name,
        level=head.level,
        low_mark=head.low_mark or low_mark,
        taken_per_hour=rate,
        empty_in_s=None if rate is None else head.level / rate * 3_600,
    )


def _until(now_ms: int) -> bytes:
    return _PREFIX + (now_ms + 1).to_bytes(_TIME_BYTES, "big")


def _time_and_kind(key: bytes) -> tuple[int, str]:
    begin = len(_PREFIX) + _TIME_BYTES
    kind = key[begin:].split(b"\x00", 2)[1]
    return int.from_bytes(key[len(_PREFIX) : begin], "big"), kind.decode()


def _count(found: dict[str, Deadlines], entries: Iterable[tuple[int, str]], now_ms: int) -> None:
    opened: dict[str, int] = {}
    overdue: dict[str, int] = {}
    oldest: dict[str, int] = {}
    for at_ms, kind in entries:
        opened[kind] = opened.get(kind, 0) + 1
        if at_ms <= now_ms:
            overdue[kind] = overdue.get(kind, 0) + 1
            oldest[kind] = min(at_ms, oldest.get(kind, at_ms))
    for kind, count in opened.items():
        found[kind] = Deadlines(
            open=count, overdue=overdue.get(kind, 0), oldest_ms=oldest.get(kind)
        )


def _sum(partitions: list[StoreFigures]) -> StoreFigures:
    return StoreFigures(
        keys=sum(each.keys for each in partitions),
        disk_bytes=sum(each.disk_bytes for each in partitions),
        memory_bytes=sum(each.memory_bytes for each in partitions),
        # One cache for all of them.
        cache_bytes=max((each.cache_bytes for each in partitions), default=0),
        pending_compaction_bytes=sum(each.pending_compaction_bytes for each in partitions),
        writes_stopped=any(each.writes_stopped for each in partitions),
    )
