"""The CRM's figures for Prometheus: what was asked for, how it ended, how long it took.

Owns the metrics and their labels; every label has a closed list of values. A certificate, a client
or an address is never one.
"""

from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipelines.metrics.rows import MetricRow
from pipelines.neighbours.crm.outcome import FailureReason
from pipelines.neighbours.records.clients import NotificationChannel

Attempt: TypeAlias = Literal["taken", "not-taken", "refused", "unsure"]
CodeRead: TypeAlias = Literal["given", "not-given", "refused"]
Doubt: TypeAlias = Literal["restart", "no-answer"]

_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


_REQUESTS: Final = MetricRow(
    name="giftcert_crm_requests_total",
    kind="counter",
    meaning="Messages that were started. One that a restart starts again counts again.",
)
_SENT: Final = MetricRow(
    name="giftcert_crm_sent_total",
    kind="counter",
    meaning="Messages that a gateway took.",
    labels=("channel",),
)
_FAILED: Final = MetricRow(
    name="giftcert_crm_failed_total",
    kind="counter",
    meaning="Messages that were given up, by reason. Each is a customer without a code.",
    labels=("channel", "reason"),
)
_DELIVERY: Final = MetricRow(
    name="giftcert_crm_delivery_seconds",
    kind="histogram",
    meaning="From the request on the stream to the gateway's yes.",
    labels=("channel",),
)
_ATTEMPTS: Final = MetricRow(
    name="giftcert_crm_attempts_total",
    kind="counter",
    meaning="Attempts to send: `taken`, `not-taken` (surely not: it is tried again), `refused` "
    "(never will be), `unsure` (no word on whether it was taken).",
    labels=("channel", "result"),
)
_CODES: Final = MetricRow(
    name="giftcert_crm_code_reads_total",
    kind="counter",
    meaning="Calls for a code: `given`, `not-given` (asked again), `refused`.",
    labels=("result",),
)
_DOUBTS: Final = MetricRow(
    name="giftcert_crm_doubtful_sends_total",
    kind="counter",
    meaning="Messages of which nobody knows whether they were sent: `restart`: the CRM ended "
    "between the attempt and its record; `no-answer`: the gateway did not say. They go out again "
    "under the same id, or are given up as UNSURE.",
    labels=("after",),
)
_UNREADABLE: Final = MetricRow(
    name="giftcert_crm_unreadable_records_total",
    kind="counter",
    meaning="Records of the stream that cannot be what the service writes. They are passed over.",
)
_COMMITS: Final = MetricRow(
    name="giftcert_crm_commits_total",
    kind="counter",
    meaning="Transactions: `done`, or `failed` and done again, or by whoever got the partitions.",
    labels=("result",),
)
_WAITING: Final = MetricRow(
    name="giftcert_crm_waiting",
    kind="gauge",
    meaning="Messages that were asked for and have no outcome yet.",
)
_OLDEST: Final = MetricRow(
    name="giftcert_crm_oldest_waiting_seconds",
    kind="gauge",
    meaning="How long the oldest of them waits; 0 without any.",
)
_DOWN: Final = MetricRow(
    name="giftcert_crm_gateway_down",
    kind="gauge",
    meaning="1 while the latest three attempts found no gateway.",
    labels=("channel",),
)
_CAUGHT_UP: Final = MetricRow(
    name="giftcert_crm_caught_up",
    kind="gauge",
    meaning="1 once all that the stream had when its partitions came was read; messages start "
    "then.",
)

METRICS: Final = (
    _REQUESTS,
    _SENT,
    _FAILED,
    _DELIVERY,
    _ATTEMPTS,
    _CODES,
    _DOUBTS,
    _UNREADABLE,
    _COMMITS,
    _WAITING,
    _OLDEST,
    _DOWN,
    _CAUGHT_UP,
)
"""Every metric of the CRM, in the order in which it is shown."""


class CrmMetrics(Collector):
    """All figures of one process. Any thread may note and collect."""

    def __init__(self) -> None:
        # The library would show for each counter, as one more series, when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs is untyped
        self._registry = CollectorRegistry()
        self._requests = self._counter(_REQUESTS)
        self._sent = self._counter(_SENT)
        self._failed = self._counter(_FAILED)
        self._delivery = Histogram(
            _DELIVERY.name,
            _DELIVERY.meaning,
            _DELIVERY.labels,
            registry=self._registry,
            buckets=_SECONDS,
        )
        self._attempts = self._counter(_ATTEMPTS)
        self._codes = self._counter(_CODES)
        self._doubts = self._counter(_DOUBTS)
        self._unreadable = self._counter(_UNREADABLE)
        self._commits = self._counter(_COMMITS)
        self._waiting = self._gauge(_WAITING)
        self._oldest = self._gauge(_OLDEST)
        self._down = self._gauge(_DOWN)
        self._caught_up = self._gauge(_CAUGHT_UP)
        self._show_zeros()

    def collect(self) -> Iterator[Metric]:
        """Called for every scrape, from the listener's thread."""
        yield from self._registry.collect()

    def started(self) -> None:
        """A delivery begins."""
        self._requests.inc()

    def delivered(self, channel: NotificationChannel, took_s: float) -> None:
        """A gateway took a message, so long after it was asked for."""
        self._sent.labels(channel.value).inc()
        self._delivery.labels(channel.value).observe(max(took_s, 0.0))

    def failed(self, channel: NotificationChannel, reason: FailureReason) -> None:
        """A message was given up."""
        self._failed.labels(channel.value, reason.value).inc()

    def attempted(self, channel: NotificationChannel, result: Attempt) -> None:
        """One attempt to send ended."""
        self._attempts.labels(channel.value, result).inc()

    def code_read(self, result: CodeRead) -> None:
        """One call for a code ended."""
        self._codes.labels(result).inc()

    def doubted(self, after: Doubt) -> None:
        """Nobody knows whether a message was sent."""
        self._doubts.labels(after).inc()

    def unreadable(self) -> None:
        """A record of the stream was passed over."""
        self._unreadable.inc()

    def committed(self, *, done: bool) -> None:
        """A transaction ended."""
        self._commits.labels("done" if done else "failed").inc()

    def show(self, *, waiting: int, oldest_s: float, caught_up: bool) -> None:
        """How things stand."""
        self._waiting.set(waiting)
        self._oldest.set(max(oldest_s, 0.0))
        self._caught_up.set(float(caught_up))

    def watch_gateway(self, channel: NotificationChannel, down: Callable[[], bool]) -> None:
        """Ask at each scrape whether a gateway is there."""
        self._down.labels(channel.value).set_function(lambda: float(down()))

    def _counter(self, row: MetricRow) -> Counter:
        return Counter(row.name, row.meaning, row.labels, registry=self._registry)

    def _gauge(self, row: MetricRow) -> Gauge:
        return Gauge(row.name, row.meaning, row.labels, registry=self._registry)

    def _show_zeros(self) -> None:
        """Show what never happened, too: what appears out of nothing cannot be watched."""
        for channel in NotificationChannel:
            self._sent.labels(channel.value)
            for reason in FailureReason:
                self._failed.labels(channel.value, reason.value)
        for doubt in ("restart", "no-answer"):
            self._doubts.labels(doubt)
        for result in ("done", "failed"):
            self._commits.labels(result)
