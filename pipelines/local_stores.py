"""A worker's stores as other threads of its process may read them.

Owns the two kinds of read: one committed record, and a scan of a short range that is read whole at
once (an open iterator would keep a store locked past its close). Changes nothing.

A scan and the figures wait for whoever opens or closes stores. One record does not: it is read in
the loop of the HTTP edge, which would stand still as long; it is read, or the store is closed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from rocksdict import DbClosedError

from pipelines.recovery.store_faults import StoreFault
from pipelines.runtime import Worker
from pipelines.runtime_store import StoreFigures
from pipelines.topics import Topic
from state.stores.layout import DEADLINES, SEPARATOR, DeadlineEntry, deadline_entry
from state.stores.reader import StoreClosed

_CLOSING: Final = "Already mutably borrowed"
"""A store that is being closed, in the words of RocksDB's binding; a closed one has an error of
its own."""


class WorkerStore:
    """The store of one stage of a running worker."""

    def __init__(self, worker: Worker, topic: Topic) -> None:
        self._worker = worker
        self._topic = topic

    def partitions(self) -> list[int]:
        """The partitions that may be read here now."""
        if not self._worker.serving:
            return []
        return sorted(self._worker.partitions_of(self._topic))

    def serves(self, partition: int) -> bool:
        """Whether the partition is assigned here, recovered, and its owner loop alive."""
        return self._worker.serving and partition in self._worker.partitions_of(self._topic)

    def moving(self) -> bool:
        """Whether an assignment is under way."""
        return not self._worker.serving

    def get(self, partition: int, key: bytes) -> bytes | None:
        """A committed value. StoreClosed when the partition left meanwhile."""
        opened = self._worker.partitions_of(self._topic).get(partition)
        if opened is None:
            raise StoreClosed
        try:
            value = opened.get(key)
        except (DbClosedError, RuntimeError) as error:
            _refuse_bug(error)
            raise StoreClosed from error
        except StoreFault as fault:
            self._worker.end_with(fault)
            raise StoreClosed from fault
        return value if isinstance(value, bytes) else None

    def scan(
        self, partition: int, lower: bytes, upper: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        """Up to `limit` committed records from `lower` up to, not with, `upper`."""
        found: list[tuple[bytes, bytes]] = []
        with self._held(partition) as opened:
            rows = opened.iter_items(lower_bound=lower, upper_bound=upper)
            try:
                for key, value in rows:
                    found.append((key, value))
                    if len(found) >= limit:
                        break
            finally:
                rows.close()
        return found

    def figures(self, partition: int) -> StoreFigures:
        """How large a partition's store is. StoreClosed when the partition left meanwhile."""
        with self._held(partition) as opened:
            figures = opened.figures()
        assert isinstance(figures, StoreFigures), figures
        return figures

    @contextmanager
    def _held(self, partition: int) -> Iterator[Any]:
        """The open partition, which no rebalance closes meanwhile. StoreClosed when it is gone.

        The end of the process may close it all the same.
        """
        with self._worker.stores_lock:
            if not self._worker.serving:
                raise StoreClosed
            opened = self._worker.partitions_of(self._topic).get(partition)
            if opened is None:
                raise StoreClosed
            try:
                yield opened
            except (DbClosedError, RuntimeError) as error:
                _refuse_bug(error)
                raise StoreClosed from error
            except StoreFault as fault:
                self._worker.end_with(fault)
                raise StoreClosed from fault

    def due(self, now_ms: int, limit: int) -> list[DeadlineEntry]:
        """The deadlines of this process's partitions that have come, oldest first in each."""
        prefix = DEADLINES + SEPARATOR
        upper = prefix + (now_ms + 1).to_bytes(8, "big")
        return [
            deadline_entry(key[len(prefix) :])
            for partition in self.partitions()
            for key, _ in self.scan(partition, prefix, upper, limit)
        ]


def _refuse_bug(error: Exception) -> None:
    """Raise what does not come from a store that is closed or closing."""
    if not isinstance(error, DbClosedError) and _CLOSING not in str(error):
        raise error
