"""A worker's stores: what is on its disk, and what is open of it.

Owns the records of a stage in one partition, how far they are in its changelog, and the two views
that a stage writes through. What a checkpoint holds is not in the store before it is written.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from pipelines.simulation.group import Place
from pipelines.simulation.log import LogPartition, StoreChange
from state.stores.layout import DEADLINES, SEPARATOR, DeadlineEntry, deadline_key, stored_key

Changes = dict[bytes, bytes | None]
"""What a checkpoint will write, by stored key; no value: the key is deleted."""

Rewrite = Callable[[bytes, bytes], bytes]
"""How a worker of another version writes a value: key within the record, and value, as of now."""

_DEADLINE_VALUE: Final = b"\x01"


class StorePartition:
    """The records of one stage in one partition, on one disk. Read as the stream library's own."""

    __slots__ = ("_sorted", "position", "records")

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}
        self.position = 0
        """The first offset of the changelog that is not in it."""
        self._sorted: list[bytes] | None = None

    def get(self, key: bytes) -> bytes | None:
        """A committed value."""
        return self.records.get(key)

    def iter_items(
        self, *, lower_bound: bytes, upper_bound: bytes
    ) -> Iterator[tuple[bytes, bytes]]:
        """The committed records from one key up to, not with, another, in the order of keys."""
        if self._sorted is None:
            self._sorted = sorted(self.records)
        keys = self._sorted
        first, after = bisect_left(keys, lower_bound), bisect_left(keys, upper_bound)
        return ((key, self.records[key]) for key in keys[first:after])

    def write(self, changes: Changes, position: int) -> None:
        """Put what was committed into the store."""
        for key, value in changes.items():
            self.change(key, value)
        self.position = position

    def recover(self, changelog: LogPartition[StoreChange]) -> int:
        """Bring it to the end of its changelog; how many records that took."""
        recovered = 0
        for key, value in changelog.visible(self.position):
            self.change(key, value)
            recovered += 1
        self.position = changelog.visible_end
        return recovered

    def change(self, key: bytes, value: bytes | None) -> None:
        """Set or delete one record."""
        if value is None:
            if self.records.pop(key, None) is not None:
                self._sorted = None
        else:
            if key not in self.records:
                self._sorted = None
            self.records[key] = value


class Disk:
    """What a worker's node keeps between its lives."""

    def __init__(self) -> None:
        self._stores: dict[Place, StorePartition] = {}

    def open(self, changelog: str, partition: int) -> StorePartition:
        """A store as it was left; a new one where there is none."""
        return self._stores.setdefault((changelog, partition), StorePartition())

    def lose(self) -> None:
        """A new node, an empty disk."""
        self._stores.clear()


class RecordsView:
    """The records of one message key within a checkpoint: a stage sees its own writes."""

    __slots__ = ("_changes", "_key", "_records", "_rewrite")

    def __init__(
        self,
        key: bytes,
        changes: Changes,
        records: dict[bytes, bytes],
        rewrite: Rewrite | None,
    ) -> None:
        self._key = key
        self._changes = changes
        self._records = records
        self._rewrite = rewrite

    def get_bytes(self, key: bytes) -> bytes | None:
        stored = stored_key(self._key, key)
        if stored in self._changes:
            return self._changes[stored]
        return self._records.get(stored)

    def set_bytes(self, key: bytes, value: bytes) -> None:
        written = value if self._rewrite is None else self._rewrite(key, value)
        self._changes[stored_key(self._key, key)] = written

    def delete(self, key: bytes) -> None:
        self._changes[stored_key(self._key, key)] = None


class DeadlinesView:
    """The deadlines of a partition within a checkpoint."""

    __slots__ = ("_changes",)

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def add(self, entry: DeadlineEntry) -> None:
        self._changes[DEADLINES + SEPARATOR + deadline_key(entry)] = _DEADLINE_VALUE

    def remove(self, entry: DeadlineEntry) -> None:
        self._changes[DEADLINES + SEPARATOR + deadline_key(entry)] = None
