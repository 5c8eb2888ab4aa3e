"""Ends a worker whose commit, or whose question at an assignment, never comes back.

The Kafka client can wait for ever inside a commit, deaf to its own time limit and to signals: when
the broker that leads the group dies and leaves the cluster, the client goes on waiting for that
one. Kafka has given the transaction up by then, so nothing is lost by ending the process at once,
and a new one finds the new leader. Owns noticing it and the end; decides nothing about a commit.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from pipelines.faults import BrokerFault

_GRACE_S: Final = 5
"""Beyond the life of a transaction: Kafka looks for expired ones every few seconds."""

_TICK_S: Final = 1.0


class CommitWatchdog:
    """Watches one commit at a time, from a thread of its own."""

    def __init__(
        self,
        transaction_timeout_ms: int,
        *,
        end: Callable[[str], None] | None = None,
        tick_s: float = _TICK_S,
    ) -> None:
        self._limit_s = transaction_timeout_ms // 1_000 + _GRACE_S
        self._end = end or end_at_once
        self._tick_s = tick_s
        self._serial = 0
        self._watching = False
        self._what = ""
        thread = threading.Thread(target=self._watch, name="commit-watchdog", daemon=True)
        thread.start()

    @contextmanager
    def watching(self, what: str = "a commit") -> Iterator[None]:
        """What is done meanwhile must be over within the limit."""
        self._what = what
        self._serial += 1
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def _watch(self) -> None:
        """Count the seconds of one commit that this process was awake for.

        By the clock, a process that was stopped for a minute would be ended as it wakes.
        """
        pause = threading.Event()
        serial, ticks = 0, 0
        while not pause.wait(self._tick_s):
            if not self._watching or self._serial != serial:
                serial, ticks = self._serial, 0
                continue
            ticks += 1
            if ticks >= self._limit_s:
                self._end(
                    f"{self._what} has not come back for {self._limit_s} s: this process ends, "
                    "and nothing is lost; start it again"
                )
                return


def end_at_once(message: str) -> None:
    """End the process as a broker's fault, without waiting for anything that may never end."""
    sys.stderr.write(f"giftcert: {message}\n")
    sys.stderr.flush()
    os._exit(BrokerFault.exit_code)
