"""Reading the stores from another thread of the process that owns them.

Owns the three answers a read can have. It sees committed state only, never changes anything, and
never answers from a partition that is moving: a wrong or old answer is worse than none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from state.stores.layout import stored_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The record's bytes; absent when the key has none here, where it would be."""

    value: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """The partition changes hands or is being recovered: ask again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHere:
    """Another process has the partition; which one, the consumer group knows."""


Answer = Found | Moving | NotHere


class LocalStore(Protocol):
    """The partitions of one store that this process holds, safe to ask from any thread."""

    def serves(self, partition: int) -> bool:
        """Whether the partition is assigned here, recovered, and its owner loop alive."""
        ...

    def moving(self) -> bool:
        """Whether an assignment is under way, so that what is here now may not stay."""
        ...

    def get(self, partition: int, key: bytes) -> bytes | None:
        """A committed value. StoreClosed when the partition left meanwhile."""
        ...


class StoreClosed(Exception):
    """The partition was closed between the question and the read."""


class StoreReader:
    """Point reads of one store, by message key."""

    def __init__(
        self,
        store: LocalStore,
        partition_of: Callable[[bytes], int],
    ) -> None:
        self._store = store
        self._partition_of = partition_of

    def get(self, message_key: bytes, key: bytes) -> Answer:
        """The record under a message key, or why this process cannot say."""
        partition = self._partition_of(message_key)
        if not self._store.serves(partition):
            return Moving() if self._store.moving() else NotHere()
        try:
            value = self._store.get(partition, stored_key(message_key, key))
        except StoreClosed:
            return Moving()
        # Read first, then asked again: what was read from a partition that left meanwhile is void.
        if not self._store.serves(partition):
            return Moving()
        return Found(value=value)
