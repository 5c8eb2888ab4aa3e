"""Records that are written late: each is held until so many more baskets have been bought.

Pure. Owns the order in which they come free: by their basket, and within one as they were held.
"""

import heapq

from pipelines.demo.records import Outgoing

REPEATED_AFTER = 25
"""Baskets between a record and its repetition."""


class HeldBack:
    """The records not written yet."""

    def __init__(self) -> None:
        self._baskets = 0
        self._count = 0
        self._held: list[tuple[int, int, Outgoing]] = []

    def take(self, record: Outgoing) -> list[Outgoing]:
        """What of a record is written at once: itself or nothing. Its repetition is held too."""
        if record.repeated:
            self._hold(record, record.held + REPEATED_AFTER)
        if record.held:
            self._hold(record, record.held)
            return []
        return [record]

    def next_basket(self) -> list[Outgoing]:
        """What comes free when one more basket has been bought."""
        self._baskets += 1
        free = []
        while self._held and self._held[0][0] <= self._baskets:
            free.append(heapq.heappop(self._held)[2])
        return free

    def release(self) -> list[Outgoing]:
        """Everything, in the order in which it would have come free."""
        free = [record for _, _, record in sorted(self._held, key=lambda held: held[:2])]
        self._held.clear()
        return free

    def _hold(self, record: Outgoing, baskets: int) -> None:
        self._count += 1
        heapq.heappush(self._held, (self._baskets + baskets, self._count, record))
