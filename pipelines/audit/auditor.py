"""The audit as a service: reads the stream from its start and follows it for as long as it runs.

Owns the thin input and output around the watch: what is read, when its figures are shown, when
alerts are asked for. Changes nothing but by those commands. A second opinion: it shares no code
with the rules of a certificate.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol

import structlog
from confluent_kafka import Message

from pipelines.audit.breaches import Breach
from pipelines.audit.comparison import Comparison
from pipelines.audit.metrics import NOTHING_READ, AuditMetrics, Comparisons
from pipelines.audit.store_check import StoreCheck
from pipelines.audit.stream_event import StreamEvent
from pipelines.audit.stream_records import StreamRecords, Unreadable
from pipelines.audit.watch import Watch
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerUnreachable, OperatorError
from pipelines.last_turn import LastTurn
from pipelines.partitioning import partition_of
from state.certificate.commands import Command

_LOOK_S: Final = 1.0
"""How often the ends of the stream are asked for, and alerts are."""

_ANSWERS_S: Final = 30.0
_BESIDE_S: Final = 120.0
_RATE_S: Final = 5.0
_LOGGED_MAX: Final = 1_000
"""Breaches that get a line each; a fault that breaks everything is told by the figures alone."""

_log = structlog.get_logger(__name__)


class FollowedStream(Protocol):
    """The stream, open: what a reader of committed records gives."""

    @property
    def partitions(self) -> int: ...

    def batch(self) -> list[Message]: ...

    def ends(self) -> dict[int, int]: ...

    def owed(self, ends: Mapping[int, int]) -> int: ...


def hangs_after_s(partitions: int) -> float:
    """For how long an auditor's loop may be silent, and more.

    Kafka is asked for each partition's end, and each processor for what it owns, one after the
    other and ten seconds each at most; a comparison goes through all accounts, which takes seconds
    for a million. Between batches and between pages of the stores it turns.
    """
    return _BESIDE_S + _ANSWERS_S * partitions


Send = Callable[[bytes, bytes, Callable[[str], None]], None]
"""Writes a command by key and bytes; tells when it is lost, perhaps from another thread."""


class Auditor:
    """One auditor over a stream that is open."""

    def __init__(
        self,
        reader: FollowedStream,
        framing: Framing,
        send: Send,
        metrics: AuditMetrics,
        last_turn: LastTurn,
        *,
        check: StoreCheck | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        partitions = reader.partitions
        self._reader = reader
        self._framing = framing
        self._send = send
        self._metrics = metrics
        self._last_turn = last_turn
        self._check = check
        self._comparison: Comparison | None = None
        self._comparisons = Comparisons()
        self._clock = clock
        self._wall_clock = wall_clock
        self._records = StreamRecords(framing)
        self.watch = Watch(lambda key: partition_of(key.encode(), partitions), self._tell)
        self._logged = 0
        self._unsent: deque[str] = deque()
        self._newest_ms = 0
        self._pace = _Pace(clock())
        self._ends: Mapping[int, int] | None = None
        self._caught_up = False
        self._looked_s = float("-inf")

    def run(self) -> None:
        """Audit until interrupted."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Take what is there by now, judge it, and show what is known then."""
        self._last_turn.note()
        for message in self._reader.batch():
            self._feed(message)
        now_s = self._clock()
        passed = self._ends is not None and not self._reader.owed(self._ends)
        if passed and not self._caught_up:
            self._caught_up = True
            _log.info("read to the end", events=self.watch.ledger.events)
        if now_s - self._looked_s >= _LOOK_S:
            self._looked_s = now_s
            self._look(passed=passed)
        self._show(now_s)

    def _look(self, *, passed: bool) -> None:
        """Judge what stands at the ends that were passed, ask for alerts, find the new ends."""
        if passed and self._ends is not None:
            self.watch.judge_ends(self._ends)
        if self._caught_up:
            # Not before: what was told long ago is on the stream, behind the breach.
            self._ask()
        if self._ends is None or passed:
            try:
                self._ends = self._reader.ends()
            except BrokerUnreachable as fault:
                _log.warning("the end of the stream is not known", fault=str(fault))
        check = self._check if self._caught_up and self._comparison is None else None
        if check is not None and check.due(self._looked_s):
            self._compare(check)

    def _compare(self, check: StoreCheck) -> None:
        """Compare the live stores with what is known, and go on with everything else meanwhile."""
        self._comparison = comparison = Comparison(self.watch.ledger)
        before = self._comparisons
        try:
            check.run(
                self.watch.ledger,
                comparison,
                read_on=self.turn,
                read_to_the_end=self._read_to_the_end,
            )
        except OperatorError as fault:
            _log.warning("the live stores could not be compared", fault=str(fault))
            self._comparisons = replace(before, failed=before.failed + 1)
        else:
            self._comparisons = Comparisons(
                done=before.done + 1,
                failed=before.failed,
                certificates=comparison.compared,
                last_at_s=self._wall_clock(),
            )
        finally:
            self._comparison = None
        self.watch.take_state_breaches()

    def _read_to_the_end(self) -> None:
        ends = self._reader.ends()
        while self._reader.owed(ends):
            self.turn()

    def _feed(self, message: Message) -> None:
        found = self._records.read(message)
        match found:
            case StreamEvent():
                self.watch.feed(found)
            case Unreadable():
                self.watch.feed_unreadable(found.key, found.partition, found.offset, found.text)
        if self._comparison is not None:
            self._comparison.watch(found.key)
        self._newest_ms = max(self._newest_ms, message.timestamp()[1])

    def _tell(self, breach: Breach) -> None:
        self._logged += 1
        if self._logged <= _LOGGED_MAX:
            _log.error(
                "a law is broken",
                law=breach.law,
                kind=breach.kind.value,
                certificate=breach.key,
                partition=breach.partition,
                offset=breach.offset,
                text=breach.text,
            )
        elif self._logged == _LOGGED_MAX + 1:
            _log.error("more laws are broken than are logged: from here on see the figures")

    def _ask(self) -> None:
        alerts = self.watch.alerts
        while self._unsent:
            alerts.ask_again(self._unsent.popleft())
        for command in alerts.due(int(self._wall_clock() * 1_000)):
            self._raise_alert(command)

    def _raise_alert(self, command: Command) -> None:
        def failed(why: str) -> None:
            _log.warning("an alert did not reach Kafka and is asked for again", fault=why)
            self._unsent.append(command.command_id)

        value = self._framing.encode(RecordName.COMMAND, command_to_record(command))
        self._send(command.certificate_id.encode(), value, failed)

    def _show(self, now_s: float) -> None:
        findings = self.watch.findings()
        self._metrics.latest = replace(
            NOTHING_READ,
            findings=findings,
            lag=None if self._ends is None else self._reader.owed(self._ends),
            caught_up=self._caught_up,
            last_event_at_s=self._newest_ms / 1_000,
            events_a_second=self._pace.at(now_s, findings.events),
            comparisons=self._comparisons,
        )


class _Pace:
    """How fast a count grows, over some seconds."""

    def __init__(self, now_s: float) -> None:
        self._since = (now_s, 0)
        self._rate = 0.0

    def at(self, now_s: float, count: int) -> float:
        since_s, before = self._since
        if now_s - since_s >= _RATE_S:
            self._rate = (count - before) / (now_s - since_s)
            self._since = (now_s, count)
        return self._rate
