"""Which order ids have to be looked at again, and when, in the state of a shard.

Owns a queue for each delay. A delay is one and the same for all that is put behind it, so what was
put in first is due first, and nothing has to be searched. An entry says no more than "look": what
is due then is in the record of the order id, and an entry too many does no harm.
"""

import struct
from typing import Final, Protocol

from pipelines.neighbours.enrich.join import Delay

_ENDS: Final = struct.Struct(">QQ")
"""The number of the first entry, and the number after the last one."""

_AT: Final = struct.Struct(">Q")


class ShardState(Protocol):
    """The state of a shard, as the stream library gives it: the public part of its interface."""

    def get_bytes(self, key: bytes) -> bytes | None: ...

    def set_bytes(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None: ...


class Deadlines:
    """The queues of one shard."""

    def __init__(self, state: ShardState) -> None:
        self._state = state

    def put(self, delay: Delay, at_ms: int, order_id: str) -> None:
        """Have an order id looked at, at a time or a little later."""
        first, after_last = self._ends(delay)
        self._state.set_bytes(_entry(delay, after_last), _AT.pack(at_ms) + order_id.encode())
        self._state.set_bytes(_queue(delay), _ENDS.pack(first, after_last + 1))

    def take_due(self, now_ms: int, limit: int) -> list[str]:
        """Take out the order ids that are due, up to `limit` of each delay."""
        return [order_id for delay in Delay for order_id in self._take(delay, now_ms, limit)]

    def _take(self, delay: Delay, now_ms: int, limit: int) -> list[str]:
        first, after_last = self._ends(delay)
        due: list[str] = []
        for number in range(first, min(after_last, first + limit)):
            entry = self._state.get_bytes(_entry(delay, number))
            assert entry is not None, "an entry stands between the ends of its queue"
            (at_ms,) = _AT.unpack_from(entry)
            if at_ms > now_ms:
                break
            due.append(entry[_AT.size :].decode())
            self._state.delete(_entry(delay, number))
        if due:
            self._state.set_bytes(_queue(delay), _ENDS.pack(first + len(due), after_last))
        return due

    def _ends(self, delay: Delay) -> tuple[int, int]:
        kept = self._state.get_bytes(_queue(delay))
        if kept is None:
            return 0, 0
        first, after_last = _ENDS.unpack(kept)
        return first, after_last


def _queue(delay: Delay) -> bytes:
    return b"q" + delay.value.encode()


def _entry(delay: Delay, number: int) -> bytes:
    return b"e" + delay.value.encode() + _AT.pack(number)
