"""When a loop turned last: what tells a process that works from one that only exists.

Owns the moment, and from when on silence is a hang. Knows no loop: each says itself that it turns,
and how long it may rightly be silent.
"""

import time
from collections.abc import Callable


class LastTurn:
    """Noted by a loop at each turn; any thread may ask.

    `hangs_after_s` is clearly longer than anything the loop may rightly wait for. It begins as if
    the loop had just turned: a process that starts has as much time.
    """

    def __init__(
        self, *, hangs_after_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._hangs_after_s = hangs_after_s
        self._clock = clock
        self._turned_s = clock()

    def note(self) -> None:
        """The loop turns, or has come a step further within a turn."""
        self._turned_s = self._clock()

    @property
    def age_s(self) -> float:
        """Since it turned last."""
        return self._clock() - self._turned_s

    @property
    def alive(self) -> bool:
        """Whether that is no longer ago than it may rightly be."""
        return self.age_s <= self._hangs_after_s
