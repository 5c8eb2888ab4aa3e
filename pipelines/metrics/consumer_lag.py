"""How many records of its inputs a worker has not read yet, as its Kafka client itself knows.

Owns the reading of the client's own statistics. They come to the loop now and then, as text that is
taken apart only when somebody asks; nothing is asked of Kafka.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

STATISTICS_MS: Final = 5_000
_STALE_S: Final = 60.0
"""What is older says nothing any more: the loop hangs, which is a figure of its own."""

Place: TypeAlias = tuple[str, int]


class _Partition(msgspec.Struct):
    """What the client knows of a partition; negative where it knows nothing."""

    partition: int
    next_offset: int = -1
    ls_offset: int = -1
    fetchq_cnt: int = 0


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition] = {}


class _Statistics(msgspec.Struct):
    topics: dict[str, _Topic] = {}


_DECODER: Final = msgspec.json.Decoder(_Statistics)


class ConsumerLag:
    """The lag of one consumer. Its loop gives the statistics, any thread asks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: tuple[str, float] | None = None

    def options(self) -> Mapping[str, Any]:
        """What the consumer has to be told."""
        return {"statistics.interval.ms": STATISTICS_MS, "stats_cb": self.take}

    def take(self, statistics: str) -> None:
        """The client's statistics, in its JSON. Called by the thread that polls."""
        self._latest = (statistics, self._clock())

    def by_partition(self) -> dict[Place, int]:
        """Records to read in each partition that is being read, by full name of its topic.

        What was fetched and what is not. Offsets that hold no record count with the latter, so that
        an input that nobody writes to has none once its end was fetched.
        """
        latest = self._latest
        if latest is None or self._clock() - latest[1] > _STALE_S:
            return {}
        return {
            (topic, each.partition): each.fetchq_cnt + max(each.ls_offset - each.next_offset, 0)
            for topic, told in _DECODER.decode(latest[0]).topics.items()
            for each in told.partitions.values()
            if each.partition >= 0 and each.next_offset >= 0 and each.ls_offset >= 0
        }
