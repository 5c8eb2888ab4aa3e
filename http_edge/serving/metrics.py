"""The edge's figures for Prometheus: how many calls, how fast, and what was turned away.

Owns the metrics and their labels, in a registry of their own. Every label has a closed list of
values: operations of the API, statuses, clients of the clients file. A certificate, a caller's key
or an address is never one.
"""

import time
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.metrics.rows import MetricRow

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
OPERATION: Final = "giftcert.operation"
"""Where a request's scope says which operation it is, once that is known."""
NO_OPERATION: Final = "none"
"""What was refused before it reached a call, and paths that are no call."""
NO_STATUS: Final = "none"
"""The caller left, or the answer could not be begun."""

# Reads take milliseconds, what goes through Kafka tens of them, and 300 ms is the target.
_BUCKETS_S: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip


_REQUESTS: Final = MetricRow(
    name="giftcert_http_requests_total",
    kind="counter",
    meaning="HTTP requests that were answered. `none`: refused before it was a call, or no answer "
    "was begun.",
    labels=("operation", "status"),
)
_DURATION: Final = MetricRow(
    name="giftcert_http_request_duration_seconds",
    kind="histogram",
    meaning="Time from the head of a request to the end of its answer.",
    labels=("operation",),
)
_IN_FLIGHT: Final = MetricRow(
    name="giftcert_http_requests_in_flight",
    kind="gauge",
    meaning="HTTP requests that are being answered now.",
)
_RATE_LIMITED: Final = MetricRow(
    name="giftcert_http_rate_limited_total",
    kind="counter",
    meaning="Calls beyond a client's share; without a client, beyond an address's.",
    labels=("client",),
)
_REVEALED: Final = MetricRow(
    name="giftcert_cvc_reveals_total", kind="counter", meaning="One-time codes that were told."
)
_FORWARDED: Final = MetricRow(
    name="giftcert_http_forwarded_total",
    kind="counter",
    meaning="Calls that were passed on to the worker that keeps their partition.",
    labels=("operation",),
)

METRICS: Final = (_REQUESTS, _DURATION, _IN_FLIGHT, _RATE_LIMITED, _REVEALED, _FORWARDED)
"""Every metric of an edge, in the order in which it is shown."""


class EdgeMetrics:
    """The figures of one edge since it started, and with them those of its whole process."""

    def __init__(self) -> None:
        # The library would show for each counter, as one more series, when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs is untyped
        self._registry = CollectorRegistry()
        self._requests = self._counter(_REQUESTS)
        self._seconds = Histogram(
            _DURATION.name,
            _DURATION.meaning,
            _DURATION.labels,
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._in_flight = Gauge(_IN_FLIGHT.name, _IN_FLIGHT.meaning, registry=self._registry)
        self._rate_limited = self._counter(_RATE_LIMITED)
        self._revealed = self._counter(_REVEALED)
        self._forwarded = self._counter(_FORWARDED)

    def _counter(self, row: MetricRow) -> Counter:
        return Counter(row.name, row.meaning, row.labels, registry=self._registry)

    def show(self, *collectors: Collector) -> None:
        """Show other figures of the process too. They are collected in a thread of their own."""
        for collector in collectors:
            self._registry.register(collector)

    def started(self) -> None:
        """A request is under way."""
        self._in_flight.inc()

    def ended(self, operation: str, status: int | None, duration_s: float) -> None:
        """It is no more. Without a status no answer was begun."""
        self._in_flight.dec()
        self._requests.labels(operation, NO_STATUS if status is None else str(status)).inc()
        self._seconds.labels(operation).observe(duration_s)

    def rate_limited(self, client_id: str | None) -> None:
        """A call was refused for its rate. No client: by the address it came from."""
        self._rate_limited.labels(client_id or "none").inc()

    def code_revealed(self) -> None:
        """A one-time code was told."""
        self._revealed.inc()

    def forwarded(self, operation: str) -> None:
        """A call was passed on."""
        self._forwarded.labels(operation).inc()

    def exposition(self) -> bytes:
        """All figures in Prometheus' text format, of the type `CONTENT_TYPE`."""
        return generate_latest(self._registry)


class MeteredApp:
    """Counts and times every request to the app, whoever answers it: the outermost wrapper."""

    def __init__(self, app: ASGIApp, metrics: EdgeMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.started()
        started_at = time.perf_counter()
        try:
            await self._app(scope, receive, send_and_note)
        finally:
            operation = scope.get(OPERATION, NO_OPERATION)
            self._metrics.ended(operation, status, time.perf_counter() - started_at)
