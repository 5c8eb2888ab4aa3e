"""The way of spans to a collector: a bounded queue and a thread of its own.

Whoever has a span puts it here and never waits: a full queue drops it. A collector that is down
costs spans and one warning in a while; it stops nothing and is no error.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from pipelines.tracing.spans import Span

QUEUE_SPANS: Final = 8_192
BATCH_SPANS: Final = 512
_EVERY_S: Final = 1.0
_TELL_AGAIN_S: Final = 60.0
_CLOSING_S: Final = 1.0

_log = structlog.get_logger(__name__)


class Delivery(Protocol):
    """Who takes a batch to the collector; see `OtlpDelivery`."""

    def deliver(self, spans: Sequence[Span]) -> str | None:
        """Take them there. None when they came; else in a phrase why not. Raises nothing."""
        ...

    def give_up(self) -> None:
        """End a delivery that is under way, from another thread."""
        ...


class SpanSender:
    """Sends what is put, in batches. One of it a process."""

    def __init__(
        self,
        delivery: Delivery,
        *,
        every_s: float = _EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._delivery = delivery
        self._every_s = every_s
        self._clock = clock
        self._queue: deque[Span] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._closed = False
        self._lost = 0
        self._dropped = 0
        self._told_s = float("-inf")
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def put(self, span: Span) -> None:
        """Queue one span, or drop it. Never waits; for any thread."""
        waiting = len(self._queue)
        if waiting >= QUEUE_SPANS:
            self._dropped += 1
            return
        self._queue.append(span)
        if waiting >= BATCH_SPANS:
            self._wake.set()

    def close(self, timeout_s: float = _CLOSING_S) -> None:
        """Send what is queued, if that takes no longer than this, and end. May be called again."""
        if self._closed:
            return
        self._closed = self._stopping = True
        self._wake.set()
        self._thread.join(timeout_s)
        self._delivery.give_up()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            self._wake.wait(self._every_s)
            self._wake.clear()
            # Read first: what was put before the end was asked for is still sent.
            stopping = self._stopping
            self._send_queued()

    def _send_queued(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_SPANS))]
            why = self._delivery.deliver(batch)
            if why is not None:
                self._lost += len(batch)
                self._tell(why)
                # What waits may still come through, a moment later; a process that ends does not
                # wait for a collector that is not there.
                return
        if self._dropped:
            self._tell("more spans came than could be sent")

    def _tell(self, why: str) -> None:
        now_s = self._clock()
        if now_s - self._told_s < _TELL_AGAIN_S:
            return
        self._told_s = now_s
        lost, self._lost = self._lost + self._dropped, 0
        self._dropped = 0
        _log.warning("spans were lost on the way to the collector", spans=lost, why=why)
