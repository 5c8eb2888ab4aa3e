"""A way to customers with its traffic rules: so many sends at a time, and a word when it is down.

Owns the bound that keeps a hanging gateway from taking everything, and telling operators once that
it went down and once that it is back. Knows no message.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import structlog

from pipelines.neighbours.crm.gateway import Gateway, NotTaken, Refused, Unsure
from pipelines.neighbours.records.clients import NotificationChannel

_DOWN_AFTER: Final = 3
"""Attempts in a row."""

_log = structlog.get_logger(__name__)


class Lane:
    """One gateway and whoever waits for it. `places` are given first come, first served."""

    def __init__(self, channel: NotificationChannel, gateway: Gateway, *, parallel: int) -> None:
        self.channel = channel
        self.gateway = gateway
        self.places = asyncio.Semaphore(parallel)
        self._failures = 0
        self._failing_since_s = 0.0

    def is_down(self) -> bool:
        """Whether the latest attempts found no gateway. One that fails now and then is not down."""
        return self._failures >= _DOWN_AFTER

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Around each attempt: notice that the gateway went down, or is back."""
        try:
            yield
        except (NotTaken, Unsure) as fault:
            self._note_failure(fault)
            raise
        except Refused:
            self._note_back()
            raise
        else:
            self._note_back()

    def _note_failure(self, fault: NotTaken | Unsure) -> None:
        if self._failures == 0:
            self._failing_since_s = monotonic()
        self._failures += 1
        if self._failures == _DOWN_AFTER:
            _log.warning("a gateway takes no message", channel=self.channel, why=fault.why)

    def _note_back(self) -> None:
        if self.is_down():
            _log.info(
                "a gateway takes messages again",
                channel=self.channel,
                after_s=round(monotonic() - self._failing_since_s, 1),
            )
        self._failures = 0
