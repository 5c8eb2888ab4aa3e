"""Whether an event id occurs twice, in 16 bytes an event.

Keeps a 64-bit hash of each id and its place, not the id itself: among a hundred million ids the
chance that two different ones look alike is below one in three thousand.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BUCKETS: Final = 256
_OFFSET_BITS: Final = 44


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One id at two places of the stream, each as partition and offset."""

    first: tuple[int, int]
    again: tuple[int, int]


class EventIds:
    """All ids seen, in the order in which they came."""

    def __init__(self) -> None:
        # Buckets by the lowest bits, so that looking for repeats needs little memory at a time.
        self._hashes = tuple(array("q") for _ in range(_BUCKETS))
        self._places = tuple(array("q") for _ in range(_BUCKETS))

    def add(self, event_id: str, partition: int, offset: int) -> None:
        """Note an id and where it stands."""
        hashed = hash(event_id)
        bucket = hashed & (_BUCKETS - 1)
        self._hashes[bucket].append(hashed)
        self._places[bucket].append(partition << _OFFSET_BITS | offset)

    def repeats(self) -> Iterator[Repeat]:
        """Every id that was seen before, once for each time it came again."""
        for hashes, places in zip(self._hashes, self._places, strict=True):
            if len(set(hashes)) == len(hashes):
                continue
            first: dict[int, int] = {}
            for hashed, place in zip(hashes, places, strict=True):
                if first.setdefault(hashed, place) != place:
                    yield Repeat(first=_unpacked(first[hashed]), again=_unpacked(place))


def _unpacked(place: int) -> tuple[int, int]:
    return place >> _OFFSET_BITS, place & ((1 << _OFFSET_BITS) - 1)
