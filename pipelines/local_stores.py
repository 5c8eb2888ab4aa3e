"""A worker's stores as other threads of its process may read them.

Owns the two kinds of read: one committed record, and a scan of a short range that is read whole at
once (an open iterator would keep a store locked past its close). Changes nothing.
"""

from rocksdict import DbClosedError

from pipelines.recovery.store_faults import StoreFault
from pipelines.runtime import Worker
from pipelines.topics import Topic
from state.stores.layout import DEADLINES, SEPARATOR, DeadlineEntry, deadline_entry
from state.stores.reader import StoreClosed


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
        except DbClosedError as error:
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
        with self._worker.stores_lock:
            if not self._worker.serving:
                raise StoreClosed
            opened = self._worker.partitions_of(self._topic).get(partition)
            if opened is None:
                raise StoreClosed
            rows = opened.iter_items(lower_bound=lower, upper_bound=upper)
            try:
                for key, value in rows:
                    found.append((key, value))
                    if len(found) >= limit:
                        break
            except StoreFault as fault:
                self._worker.end_with(fault)
                raise StoreClosed from fault
            finally:
                rows.close()
        return found

    def due(self, now_ms: int, limit: int) -> list[DeadlineEntry]:
        """The deadlines of this process's partitions that have come, oldest first in each."""
        prefix = DEADLINES + SEPARATOR
        upper = prefix + (now_ms + 1).to_bytes(8, "big")
        return [
            deadline_entry(key[len(prefix) :])
            for partition in self.partitions()
            for key, _ in self.scan(partition, prefix, upper, limit)
        ]
