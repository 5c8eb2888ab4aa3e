"""An auditor's figures for Prometheus: what it read, what is broken, how much money there is.

Owns the metrics and their labels; every label has a closed list of values. A certificate is never
one. Judges nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipelines.audit.breaches import BreachKind, law_of
from pipelines.audit.totals import Sums
from pipelines.audit.watch import Findings
from pipelines.metrics.rows import MetricRow, Value, family


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """How the comparisons with the live stores have gone since the start."""

    done: int = 0
    failed: int = 0
    certificates: int = 0
    last_at_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything an auditor shows at one moment. Times are Unix seconds.

    `lag` is in offsets, which markers of transactions have too, and not known before the first
    look at the stream's ends.
    """

    findings: Findings
    lag: int | None = None
    caught_up: bool = False
    last_event_at_s: float = 0.0
    events_a_second: float = 0.0
    comparisons: Comparisons = field(default=Comparisons())


NOTHING_READ: Final = Reading(
    findings=Findings(
        events=0,
        sums=Sums(money_minor={}, certificates={}),
        breaches={},
        certificates_in_breach=0,
        alerts_awaited=0,
    )
)


_EVENTS: Final = MetricRow(
    name="giftcert_audit_events_total",
    kind="counter",
    meaning="Events of the stream that were judged since the auditor started.",
)
_RATE: Final = MetricRow(
    name="giftcert_audit_events_per_second",
    kind="gauge",
    meaning="How fast it has been reading for the last seconds.",
)
_LAG: Final = MetricRow(
    name="giftcert_audit_lag_offsets",
    kind="gauge",
    meaning="Offsets between what was read and the stream's end; absent until the end is known.",
)
_CAUGHT_UP: Final = MetricRow(
    name="giftcert_audit_caught_up",
    kind="gauge",
    meaning="1 once the stream was read to the end it had at the start; until then 0, and what is "
    "shown is of the past.",
)
_LAST_EVENT: Final = MetricRow(
    name="giftcert_audit_last_event_timestamp_seconds",
    kind="gauge",
    meaning="When the newest event that was read came to Kafka; 0 before the first.",
)
_BREACHES: Final = MetricRow(
    name="giftcert_audit_breaches_total",
    kind="counter",
    meaning="Breaches found since the auditor started, those of the past among them. Alert on "
    "anything above 0.",
    labels=("law", "kind"),
)
_IN_BREACH: Final = MetricRow(
    name="giftcert_audit_certificates_in_breach",
    kind="gauge",
    meaning="Certificates and other keys with a breach. The stream keeps what is on it, so a "
    "breach stays open.",
)
_ALERTS: Final = MetricRow(
    name="giftcert_audit_alerts_awaited",
    kind="gauge",
    meaning="Alerts about breaches that are not on the stream yet. Above 0 for long: no processor "
    "is at work.",
)
_MONEY: Final = MetricRow(
    name="giftcert_audit_money_minor_units",
    kind="gauge",
    meaning="Money of all certificates in minor units (kopecks, cents): issued + refunded - "
    "redeemed - annulled = remaining, held is a part of it, unexplained is 0.",
    labels=("currency", "part"),
)
_CERTIFICATES: Final = MetricRow(
    name="giftcert_audit_certificates",
    kind="gauge",
    meaning="Certificates by the lifecycle that their latest event shows.",
    labels=("lifecycle",),
)
_COMPARISONS: Final = MetricRow(
    name="giftcert_audit_store_comparisons_total",
    kind="counter",
    meaning="Comparisons of the live stores with the stream: done, or failed because a processor "
    "did not answer. Differences are breaches.",
    labels=("result",),
)
_COMPARED: Final = MetricRow(
    name="giftcert_audit_compared_certificates",
    kind="gauge",
    meaning="Certificates that the latest comparison has compared.",
)
_COMPARED_AT: Final = MetricRow(
    name="giftcert_audit_compared_timestamp_seconds",
    kind="gauge",
    meaning="When the latest comparison was done; 0 before the first.",
)

METRICS: Final = (
    _EVENTS,
    _RATE,
    _LAG,
    _CAUGHT_UP,
    _LAST_EVENT,
    _BREACHES,
    _IN_BREACH,
    _ALERTS,
    _MONEY,
    _CERTIFICATES,
    _COMPARISONS,
    _COMPARED,
    _COMPARED_AT,
)
"""Every metric of an auditor, in the order in which it is shown."""


class AuditMetrics(Collector):
    """Shows the latest reading it was given. Whole: a scrape never sees half of an event."""

    def __init__(self) -> None:
        self.latest = NOTHING_READ

    def collect(self) -> Iterator[Metric]:
        """Called for every scrape, from the listener's thread."""
        values = _values(self.latest)
        for row in METRICS:
            yield family(row, values[row])


def _values(reading: Reading) -> Mapping[MetricRow, list[Value]]:
    findings, comparisons = reading.findings, reading.comparisons
    return {
        _EVENTS: [((), findings.events)],
        _RATE: [((), reading.events_a_second)],
        _LAG: [] if reading.lag is None else [((), reading.lag)],
        _CAUGHT_UP: [((), float(reading.caught_up))],
        _LAST_EVENT: [((), reading.last_event_at_s)],
        # Shown at 0 as well: a rate of what appears out of nothing cannot be watched.
        _BREACHES: [
            ((str(law_of(kind)), kind.value), findings.breaches.get(kind, 0)) for kind in BreachKind
        ],
        _IN_BREACH: [((), findings.certificates_in_breach)],
        _ALERTS: [((), findings.alerts_awaited)],
        _MONEY: [
            ((currency, part), amount_minor)
            for currency, parts in findings.sums.money_minor.items()
            for part, amount_minor in parts.items()
        ],
        _CERTIFICATES: [((name,), count) for name, count in findings.sums.certificates.items()],
        _COMPARISONS: [(("done",), comparisons.done), (("failed",), comparisons.failed)],
        _COMPARED: [((), comparisons.certificates)],
        _COMPARED_AT: [((), comparisons.last_at_s)],
    }
