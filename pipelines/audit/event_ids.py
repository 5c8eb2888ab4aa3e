"""Whether an event id occurs twice, said at once, in about 30 bytes an event.

Keeps a 64-bit hash of each id and its place, not the id itself: among a hundred million ids the
chance that two different ones look alike is below one in three thousand.
"""

from array import array
from dataclasses import dataclass
from typing import Final

_BUCKETS: Final = 256
_OFFSET_BITS: Final = 44
_FIRST_SLOTS: Final = 16
_FREE: Final = 0
_INSTEAD_OF_FREE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One id at two places of the stream, each as partition and offset."""

    first: tuple[int, int]
    again: tuple[int, int]


class EventIds:
    """All ids seen. A table in many small parts, so that none takes long when it has to grow."""

    def __init__(self) -> None:
        self._buckets = tuple(_Bucket() for _ in range(_BUCKETS))

    def add(self, event_id: str, partition: int, offset: int) -> Repeat | None:
        """Note an id and where it stands; where it was seen before, when it was."""
        hashed = hash(event_id) or _INSTEAD_OF_FREE
        place = partition << _OFFSET_BITS | offset
        first = self._buckets[hashed & (_BUCKETS - 1)].add(hashed, place)
        if first is None:
            return None
        return Repeat(first=_unpacked(first), again=_unpacked(place))


class _Bucket:
    """Some of the ids: hashes and places side by side, each at the first free slot from its own."""

    def __init__(self) -> None:
        self._count = 0
        self._allot(_FIRST_SLOTS)

    def add(self, hashed: int, place: int) -> int | None:
        """The place noted for that hash before; without one this place is noted."""
        slot = self._slot_of(hashed)
        if self._hashes[slot] != _FREE:
            return self._places[slot]
        self._hashes[slot] = hashed
        self._places[slot] = place
        self._count += 1
        if self._count * 3 > len(self._hashes) * 2:
            self._grow()
        return None

    def _slot_of(self, hashed: int) -> int:
        hashes, mask = self._hashes, len(self._hashes) - 1
        # Its lowest bits chose the bucket and are the same for all in it.
        slot = hashed // _BUCKETS & mask
        while (found := hashes[slot]) != _FREE and found != hashed:
            slot = slot + 1 & mask
        return slot

    def _grow(self) -> None:
        kept = [pair for pair in zip(self._hashes, self._places, strict=True) if pair[0] != _FREE]
        self._allot(len(self._hashes) * 2)
        for hashed, place in kept:
            slot = self._slot_of(hashed)
            self._hashes[slot] = hashed
            self._places[slot] = place

    def _allot(self, slots: int) -> None:
        self._hashes = array("q", bytes(8 * slots))
        self._places = array("q", bytes(8 * slots))


def _unpacked(place: int) -> tuple[int, int]:
    return place >> _OFFSET_BITS, place & ((1 << _OFFSET_BITS) - 1)
