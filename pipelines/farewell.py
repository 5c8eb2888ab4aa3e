"""Between being asked to stop and stopping: the loop turns on for who was asked before.

Owns how long that may take. What a call waits for is performed by the very loop that ends: ended at
once, it would leave each of them without an answer. Knows no call and no Kafka.
"""

import time
from collections.abc import Callable
from typing import Final

LINGER_S: Final = 0.5
"""So long the loop turns on at most. A call takes some hundredths of a second."""


class Farewell:
    """`begin` lets nobody new in; `waiting` says how many still wait for what the loop does."""

    def __init__(self, begin: Callable[[], None], waiting: Callable[[], int]) -> None:
        self._begin = begin
        self._waiting = waiting
        self._until_s: float | None = None

    def over(self) -> bool:
        """Whether the loop may end now. The first question begins the farewell."""
        now_s = time.monotonic()
        if self._until_s is None:
            self._until_s = now_s + LINGER_S
            self._begin()
        return now_s >= self._until_s or not self._waiting()
