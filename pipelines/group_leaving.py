"""Leaving the group, so that the others take this worker's partitions at once.

Owns when and how. A worker has a fixed name in its group, and a client that has one never says
goodbye when it closes: its partitions wait for it to come back, until its session ends. That is
right for a restart. Who is not coming back soon, or never, unsubscribes first: that is a goodbye.
"""

import time
from typing import Any, Final

import structlog

GOODBYE_S: Final = 5.0
"""How long giving the partitions back may take; then the session's end has to do it."""

_TURN_S: Final = 0.05

_log = structlog.get_logger(__name__)


class GroupLeaving:
    """The goodbye of one group member. `at_stop`: it also says it whenever it ends by itself."""

    def __init__(self, consumer: Any, *, at_stop: bool) -> None:
        self._consumer = consumer
        self._at_stop = at_stop
        self._asked = False
        self._left = False

    def ask(self) -> None:
        """Leave at the loop's next turn. May be called from a signal's handler."""
        self._asked = True

    def begun(self) -> bool:
        """In the loop: leave if that was asked; whether this turn did. Partitions go in a poll."""
        if not self._asked or self._left:
            return False
        self._leave("asked to hand over")
        return True

    def at_end(self, *, failed: bool) -> None:
        """After the loop's last commit. A worker that failed is started again: its place waits."""
        if failed or self._left or not self._at_stop:
            return
        self._leave("stopping")

    def _leave(self, why: str) -> None:
        self._left = True
        held = len(self._consumer.assignment())
        began_s = time.monotonic()
        self._consumer.unsubscribe()
        while self._consumer.assignment() and time.monotonic() - began_s < GOODBYE_S:
            # What is taken away is committed and closed in here.
            self._consumer.poll(_TURN_S)
        _log.info(
            "left the group: the others take over",
            why=why,
            partitions=held,
            seconds=round(time.monotonic() - began_s, 2),
        )
