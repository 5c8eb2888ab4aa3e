"""Waiting with a caller while what it asks about changes hands, instead of turning it away.

Owns when a call is tried again, for how long, and how many callers may wait at once. Knows no call:
to try one again is safe because each that acts carries its identity, and the log decides it once.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from http_edge.api.problems import MOVING, NO_ANSWER, TOO_MANY, Problem

WAITING_MAX: Final = 256
"""So many callers wait at once: a crowd must not take this process's memory with it."""
ENOUGH_S: Final = 0.3
"""With less time left than this the caller is told: an answer would no longer come in time."""
_PAUSE_S: Final = 0.04
_PAUSE_MAX_S: Final = 0.3
_LONGER: Final = 2.0

_PASSES: Final = frozenset({MOVING, NO_ANSWER})
_DID_NOTHING: Final = frozenset({TOO_MANY.status, MOVING.status})
"""Statuses of an answer that says that nothing was asked."""

Told = TypeVar("Told")


def _definite(_told: object) -> int | None:
    """An answer that is none of these, whatever it says."""
    return None


class Patience:
    """Tries calls again until they are answered or the caller's time is over. For one event loop.

    An owner that is being replaced is back within seconds, and a cashier rather waits that long
    than to be told to press the key again.
    """

    def __init__(self, waiting_max: int = WAITING_MAX) -> None:
        self._waiting_max = waiting_max
        self._waiting = 0
        self._refusing = False
        self._given_up = asyncio.Event()

    async def answered(
        self,
        attempt: Callable[[], Awaitable[Told]],
        until_s: float,
        status_of: Callable[[Told], int | None] = _definite,
    ) -> Told:
        """What an attempt gives in the end; Problem as of the last one.

        But where one of them may have been heard, the caller is never told that nothing was asked,
        nor by an answer of another process, whose status is `status_of`. `until_s` is by the clock
        of `time.monotonic`.
        """
        unsure: Problem | None = None
        pause_s = _PAUSE_S
        while True:
            try:
                told = await attempt()
            except Problem as problem:
                if problem.kind is NO_ANSWER:
                    unsure = problem
                refused = problem.kind.status in _DID_NOTHING
                last = unsure if unsure is not None and refused else problem
                if problem.kind not in _PASSES or not self._may_wait(until_s):
                    raise last from None
            else:
                if unsure is not None and status_of(told) in _DID_NOTHING:
                    raise unsure
                return told
            await self._pause(min(pause_s, until_s - time.monotonic()))
            pause_s = min(pause_s * _LONGER, _PAUSE_MAX_S)

    def refuse_new(self) -> None:
        """From now on let nobody begin to wait."""
        self._refusing = True

    def give_up(self) -> None:
        """Tell all who still wait what they were told last. In the loop's own thread."""
        self._given_up.set()

    def _may_wait(self, until_s: float) -> bool:
        full = self._waiting >= self._waiting_max
        return not (full or self._refusing or until_s - time.monotonic() < ENOUGH_S)

    async def _pause(self, pause_s: float) -> None:
        """Wait a moment; who was turned away together must not come again together."""
        self._waiting += 1
        try:
            spread = random.uniform(0.7, 1.3)  # noqa: S311 - nobody gains from guessing it
            async with asyncio.timeout(pause_s * spread):
                await self._given_up.wait()
        except TimeoutError:
            return
        finally:
            self._waiting -= 1
