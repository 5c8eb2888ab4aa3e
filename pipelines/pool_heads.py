"""Every pool in a partition: its name and the head of its queue, read from another thread.

Owns finding them: a store lists no keys of its own, but a pool's records lie between its name and
the next one's, so each step is one short scan.
"""

from typing import Final, Protocol

from state.pool.queue import PoolHead
from state.stores.codec import POOL_HEAD
from state.stores.layout import MAIN, SEPARATOR, stored_key

_AFTER_DEADLINES: Final = b"\x01"
"""Deadlines stand under a key that begins with NUL; every pool's name comes after this."""

_END: Final = b"\xff"


class PoolRows(Protocol):
    """The store of the pools, as other threads may read it."""

    def get(self, partition: int, key: bytes) -> bytes | None: ...

    def scan(
        self, partition: int, lower: bytes, upper: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]: ...


def pool_heads(pools: PoolRows, partition: int) -> list[tuple[str, PoolHead]]:
    """Each pool's name and head, by name. StoreClosed when the partition left meanwhile."""
    found: list[tuple[str, PoolHead]] = []
    lower = _AFTER_DEADLINES
    while rows := pools.scan(partition, lower, _END, 1):
        name = rows[0][0].partition(SEPARATOR)[0]
        head = pools.get(partition, stored_key(name, MAIN))
        if head is not None:
            found.append((name.decode(), POOL_HEAD.decode(head)))
        lower = stored_key(name, _END)
    return found
