"""What a worker's loop counts: records, commands, refusals, events, and how long they took.

Owns the counts of a transaction under way and the sums of those that were committed. What was
performed and then dropped counts for nothing: whoever performs it again counts it. The loop adds
single numbers to plain lists; all that takes time is done once a commit.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

from pipelines.contracts.broken import BrokenCode
from pipelines.contracts.event_record import EVENT_TYPE_HEADER
from pipelines.metrics.histogram import COMMIT_S, LATENCY_S, Histogram
from pipelines.stages.notes import StageNotes
from pipelines.stages.record import Headers, Incoming
from state.certificate.commands import (
    Action,
    CancelPurchase,
    Command,
    Origin,
    RefundToCertificate,
)
from state.certificate.events import AlertRaised, EventType
from state.certificate.headline import event_type
from state.certificate.rejections import RejectionCode
from state.certificate.transition import Transition
from state.pool.queue import Blocked, LowLevel, PoolResult

Place: TypeAlias = tuple[str, int]
"""Full name of a topic, and a partition."""

_Key = TypeVar("_Key")


POOL_ALERT: Final = "POOL_LOW"
OTHER_ALERT: Final = "OTHER"
ALERT_CODES: Final = frozenset(
    {
        POOL_ALERT,
        "ANNULLED",
        "CERTIFICATE_FOR_CERTIFICATE",
        "CVC_LOCKED",
        "LAW_BREACH",
        "NOT_FOUND",
        "NUMBER_GONE",
        "NUMBER_MISSING",
        "ORDER_MISMATCH",
        "ORDER_MISSING",
        "OVERPAID",
        "PAYMENT_MISSING",
        "REDEMPTION_MISMATCH",
        "TWO_ORDERS",
    }
)
"""What alerts are about. Whatever else a command may say is `OTHER`: a label has a closed list."""

_REFUNDS: Final = frozenset({RefundToCertificate, CancelPurchase})


class CommandOutcome(StrEnum):
    """How a command ended."""

    DONE = "done"  # it changed the certificate: there are events
    REJECTED = "rejected"  # a business no
    REPEATED = "repeated"  # the request was answered before, and was told the same again
    UNCHANGED = "unchanged"  # nothing to do: a deadline that came too early or too late
    PASSED_ON = "passed_on"  # the number was taken by then: the pool offers another one


class Since(StrEnum):
    """From when a latency counts."""

    RECEIPT = "receipt"
    EVENT_TIME = "event_time"


@dataclass(slots=True, kw_only=True)
class Counts:
    """Everything that was committed since the start. Topics are full names."""

    hops: dict[str, Histogram] = field(default_factory=dict)
    latencies: dict[tuple[Origin, Since], Histogram] = field(default_factory=dict)
    commands: dict[tuple[type[Action], CommandOutcome], int] = field(default_factory=dict)
    rejections: dict[RejectionCode, int] = field(default_factory=dict)
    refunds: dict[Since, Histogram] = field(default_factory=dict)
    events: dict[bytes, int] = field(default_factory=dict)
    alerts: dict[str, int] = field(default_factory=dict)
    letters: dict[tuple[str, BrokenCode], int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    commits: Histogram = field(default_factory=lambda: Histogram(COMMIT_S))
    dropped: int = 0


class _UnderWay:
    """What the open transaction has performed."""

    __slots__ = (
        "alerts", "commands", "events", "hops", "latencies", "letters", "refunds", "rejections",
    )  # fmt: skip

    def __init__(self) -> None:
        self.hops: defaultdict[str, list[int]] = defaultdict(list)
        self.latencies: defaultdict[tuple[Origin, Since], list[int]] = defaultdict(list)
        self.commands: defaultdict[tuple[type[Action], CommandOutcome], int] = defaultdict(int)
        self.rejections: defaultdict[RejectionCode, int] = defaultdict(int)
        self.refunds: defaultdict[Since, list[int]] = defaultdict(list)
        self.events: defaultdict[bytes, int] = defaultdict(int)
        self.alerts: defaultdict[str, int] = defaultdict(int)
        self.letters: defaultdict[tuple[str, BrokenCode], int] = defaultdict(int)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Tally(StageNotes):
    """The counts of one worker. Its loop counts; any thread may ask for the sums."""

    def __init__(self, now_ms: Callable[[], int] = _now_ms) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._counts = Counts()
        self._under_way = _UnderWay()
        self.assignment: frozenset[Place] = frozenset()
        """The partitions of inputs that this worker has; another object after each assignment."""

    # The loop, record by record

    def performed(self, topic: str, timestamp_ms: int) -> None:
        """A record of an input was performed; the time is Kafka's."""
        self._under_way.hops[topic].append(timestamp_ms)

    def put_aside(self, topic: str, code: BrokenCode) -> None:
        """A record was broken and goes to the dead letters."""
        self._under_way.letters[topic, code] += 1

    def published(self, headers: Headers) -> None:
        """An event with these headers was written to the stream."""
        for name, value in headers:
            if name == EVENT_TYPE_HEADER and value is not None:
                self._under_way.events[value] += 1
                return

    def command_performed(self, incoming: Incoming, command: Command, result: Transition) -> None:
        """Count a command, and note from when on its events were awaited."""
        under_way = self._under_way
        outcome, rejection = _ended(result)
        under_way.commands[type(command.action), outcome] += 1
        if rejection is not None:
            under_way.rejections[rejection] += 1
        if result.published:
            self._note_times(incoming, command, result)
            for published in result.published:
                if type(published.event) is AlertRaised:
                    code = published.event.reason.code
                    under_way.alerts[code if code in ALERT_CODES else OTHER_ALERT] += 1

    def _note_times(self, incoming: Incoming, command: Command, result: Transition) -> None:
        under_way, origin = self._under_way, command.origin
        under_way.latencies[origin, Since.RECEIPT].append(command.at_ms)
        if origin is not Origin.FACT:
            return
        refunded = type(command.action) in _REFUNDS and any(
            event_type(each.event) is EventType.REFUND for each in result.published
        )
        if refunded:
            under_way.refunds[Since.RECEIPT].append(command.at_ms)
        happened_ms = incoming.event_time_ms
        if happened_ms is not None:
            under_way.latencies[origin, Since.EVENT_TIME].append(happened_ms)
            if refunded:
                under_way.refunds[Since.EVENT_TIME].append(happened_ms)

    def pool_performed(self, results: Sequence[PoolResult]) -> None:
        """Count what a pool refused, and its alerts; a repeat of a refusal is no other one."""
        for result in results:
            if isinstance(result, LowLevel):
                self._under_way.alerts[POOL_ALERT] += 1
            elif isinstance(result, Blocked) and result.sequence is not None:
                self._under_way.rejections[result.rejection.code] += 1

    # The loop, commit by commit

    def committed(self, took_s: float) -> None:
        """All that was performed is committed, and readers see it."""
        under_way = self._under_way
        if not under_way.hops:
            return
        self._under_way = _UnderWay()
        now_ms = self._now_ms()
        with self._lock:
            counts = self._counts
            counts.commits.observe(took_s)
            _observe(counts.hops, under_way.hops, now_ms)
            _observe(counts.latencies, under_way.latencies, now_ms)
            _add(counts.commands, under_way.commands)
            _add(counts.rejections, under_way.rejections)
            _observe(counts.refunds, under_way.refunds, now_ms)
            _add(counts.events, under_way.events)
            _add(counts.alerts, under_way.alerts)
            _add(counts.letters, under_way.letters)

    def dropped(self) -> None:
        """What was performed is not ours any more."""
        if self._under_way.hops:
            self._under_way = _UnderWay()
            with self._lock:
                self._counts.dropped += 1

    def assigned(self, places: Iterable[Place]) -> None:
        """These partitions, and no others, are this worker's."""
        self.assignment = frozenset([*places])

    # Other threads

    def asked(self, kind: str) -> None:
        """A timer asked about a deadline of that kind."""
        with self._lock:
            self._counts.asked[kind] = self._counts.asked.get(kind, 0) + 1

    def counts(self) -> Counts:
        """The sums as of the last commit, which later ones do not change."""
        with self._lock:
            counts = self._counts
            return Counts(
                hops={topic: each.copy() for topic, each in counts.hops.items()},
                latencies={key: each.copy() for key, each in counts.latencies.items()},
                commands=dict(counts.commands),
                rejections=dict(counts.rejections),
                refunds={since: each.copy() for since, each in counts.refunds.items()},
                events=dict(counts.events),
                alerts=dict(counts.alerts),
                letters=dict(counts.letters),
                asked=dict(counts.asked),
                commits=counts.commits.copy(),
                dropped=counts.dropped,
            )


def _ended(result: Transition) -> tuple[CommandOutcome, RejectionCode | None]:
    """How a command ended; a refusal that is only told again is not counted as one."""
    outcome = result.outcome
    if outcome is not None and outcome.rejection is not None:
        # Under another body the request is refused anew, each time.
        code = outcome.rejection.code
        if result.repeated and code is not RejectionCode.REQUEST_REUSED:
            return CommandOutcome.REPEATED, None
        return CommandOutcome.REJECTED, code
    if outcome is not None and outcome.passed_on:
        return CommandOutcome.PASSED_ON, None
    if result.repeated:
        return CommandOutcome.REPEATED, None
    if result.published:
        return CommandOutcome.DONE, None
    return CommandOutcome.UNCHANGED, None


def _observe(sums: dict[_Key, Histogram], under_way: Mapping[_Key, list[int]], now_ms: int) -> None:
    for key, times_ms in under_way.items():
        histogram = sums.get(key)
        if histogram is None:
            histogram = sums[key] = Histogram(LATENCY_S)
        histogram.observe_since(times_ms, now_ms)


def _add(sums: dict[_Key, int], under_way: Mapping[_Key, int]) -> None:
    for key, count in under_way.items():
        sums[key] = sums.get(key, 0) + count
