"""What lies on the dead letter queue and which alerts the stream told of lately, kept up to date.

Owns the folding of both topics into counts. Keeps nothing of a letter but its code and its time.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from confluent_kafka import Message

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.letters import LetterQueue
from pipelines.stages.record import Incoming
from pipelines.status.figures import printable
from pipelines.status.status import Alerts, Letters

_EVENT_TYPE: Final = "eventType"
_ALERT: Final = b"alert"
UNREADABLE: Final = "UNREADABLE"


class LetterCount:
    """The open letters. Fed by one thread, read by another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue = LetterQueue()

    def take(self, message: Message) -> None:
        """Fold one record of the topic."""
        partition, offset = message.partition(), message.offset()
        assert partition is not None, "a record that was read has a place"
        assert offset is not None, "a record that was read has a place"
        # Without key and value: a letter is as large as the record that nobody could read.
        record = Incoming(
            topic=message.topic() or "",
            partition=partition,
            offset=offset,
            key=None,
            value=None,
            headers=message.headers() or (),
            timestamp_ms=message.timestamp()[1],
        )
        with self._lock:
            self._queue.take(record)

    def told(self, *, whole: bool, fault: str) -> Letters:
        """The count as it is."""
        with self._lock:
            letters = [each for each in self._queue.letters.values() if self._queue.is_open(each)]
        return Letters(
            open=len(letters),
            by_code=dict(Counter(each.code or "-" for each in letters)),
            first_deleted_ms=min((each.expires_ms for each in letters), default=None),
            whole=whole,
            fault=fault,
        )


class AlertCount:
    """The alerts of the last `window_ms`. Fed by one thread, read by another.

    Only an alert is decoded; every other event is told apart by its header. `whole` is for who says
    where to begin: whether that is all of the window.
    """

    def __init__(self, framing: Callable[[], Framing], window_ms: int) -> None:
        self._framing = framing
        self._window_ms = window_ms
        self._lock = threading.Lock()
        self._alerts: deque[tuple[int, str]] = deque()
        self.whole = True

    def take(self, message: Message) -> None:
        """Look at one event of the stream."""
        if (_EVENT_TYPE, _ALERT) not in (message.headers() or ()):
            return
        value = message.value()
        raw = value.encode() if isinstance(value, str) else value
        try:
            fields = self._framing().decode(RecordName.GIFT_CERTIFICATE_EVENT, raw)
        except BrokenRecord:
            code = UNREADABLE
        else:
            reason = fields["reason"]
            code = UNREADABLE if reason is None else printable(reason["code"])
        with self._lock:
            self._alerts.append((message.timestamp()[1], code))

    def told(self, now_ms: int, *, whole: bool, fault: str) -> Alerts:
        """The alerts since then; what is older is forgotten."""
        since_ms = now_ms - self._window_ms
        with self._lock:
            recent = [each for each in self._alerts if each[0] >= since_ms]
            self._alerts = deque(recent)
        return Alerts(
            since_ms=since_ms,
            by_code=dict(Counter(code for _, code in recent)),
            whole=whole and self.whole,
            fault=fault,
        )
