"""A worker's figures as a scrape shows them: every row of its list, with what is known now.

Owns which value stands under which row and labels. Asks neither Kafka nor a store: it shows what
the loop has counted, what the sampler has seen, and what the worker says of itself. What never
happened is shown as 0: what appears out of nothing cannot be watched.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeAlias

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipelines.contracts.broken import BrokenCode
from pipelines.contracts.command_record import SYMBOLS
from pipelines.metrics import worker_rows as rows
from pipelines.metrics.consumer_lag import ConsumerLag
from pipelines.metrics.histogram import LATENCY_S, Histogram
from pipelines.metrics.rows import Distribution, MetricRow, Value, family, histogram_family
from pipelines.metrics.sampler import Deadlines, Sample, Sampler
from pipelines.metrics.tally import (
    ALERT_CODES,
    OTHER_ALERT,
    CommandOutcome,
    Counts,
    Place,
    Since,
    Tally,
)
from pipelines.recovery.recoveries import RecoveryProgress
from pipelines.settings import Settings
from pipelines.stages.correlate import CORRELATION_DEADLINE
from pipelines.topics import SOURCES, STATEFUL, Role, Topic, topic_name
from state.certificate.commands import Origin
from state.certificate.events import EventType
from state.certificate.record import HOLD_DEADLINE, RESERVATION_DEADLINE
from state.certificate.rejections import RejectionCode

INPUTS: Final[Mapping[Role, tuple[Topic, ...]]] = {
    Role.CORRELATOR: (*SOURCES, *STATEFUL[Role.CORRELATOR]),
    Role.PROCESSOR: STATEFUL[Role.PROCESSOR],
}
"""The topics that a role's workers read."""

METRICS: Final[Mapping[Role, tuple[MetricRow, ...]]] = {
    Role.CORRELATOR: (*rows.EVERY_WORKER, *rows.CORRELATOR_ONLY),
    Role.PROCESSOR: (*rows.EVERY_WORKER, *rows.PROCESSOR_ONLY),
}
"""Every metric of a role's workers, in the order in which it is shown."""

_KINDS: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.CORRELATOR: (CORRELATION_DEADLINE,),
    Role.PROCESSOR: (RESERVATION_DEADLINE, HOLD_DEADLINE),
}
_LATENCIES: Final = (
    *((origin, Since.RECEIPT) for origin in Origin),
    (Origin.FACT, Since.EVENT_TIME),
)
_NONE: Final = Deadlines()

Shown: TypeAlias = dict[MetricRow, list[Value]]


class Measured(Protocol):
    """What a worker says of itself, to any thread."""

    settings: Settings
    role: Role
    tally: Tally
    lag: ConsumerLag

    @property
    def serving(self) -> bool: ...

    @property
    def loop_age_s(self) -> float: ...

    def recovery(self) -> RecoveryProgress: ...


class WorkerMetrics(Collector):
    """All figures of one worker. May be collected from any thread."""

    def __init__(self, worker: Measured, sampler: Sampler) -> None:
        self._worker = worker
        self._sampler = sampler
        self._rows = METRICS[worker.role]
        settings = worker.settings
        self._inputs = {topic_name(each, settings): each.name for each in INPUTS[worker.role]}

    def collect(self) -> Iterator[Metric]:
        """Called for every scrape."""
        counts = self._worker.tally.counts()
        sample = self._sample()
        shown: Shown = {
            **self._sampled(sample),
            **self._standing(),
            **self._counted(counts),
            **_of_commands(counts),
        }
        distributions = self._distributions(counts)
        for row in self._rows:
            if row.kind == "histogram":
                yield histogram_family(row, distributions[row])
            else:
                yield family(row, shown[row])

    def _sample(self) -> Sample | None:
        """The latest look, unless its partitions are somebody else's by now."""
        sample = self._sampler.latest
        if sample is None or not self._worker.serving:
            return None
        return sample if sample.assignment is self._worker.tally.assignment else None

    def _standing(self) -> Shown:
        """What the worker says of itself."""
        worker, names = self._worker, self._inputs
        assignment, recovery = worker.tally.assignment, worker.recovery()
        return {
            rows.SERVING: [((), float(worker.serving))],
            rows.LOOP_AGE: [((), worker.loop_age_s)],
            rows.PARTITIONS: [((), worker.settings.partitions)],
            rows.ASSIGNED: [
                ((name,), sum(topic == full for topic, _ in assignment))
                for full, name in names.items()
            ],
            rows.LAG: list(self._lag(assignment)),
            rows.RECOVERY_STORES: [((), recovery.stores)],
            rows.RECOVERY_LEFT: [
                ((topic.name,), recovery.left.get(topic_name(topic, worker.settings), 0))
                for topic in STATEFUL[worker.role]
            ],
            rows.RECOVERY_RECORDS: [((), recovery.applied)],
            rows.RECOVERY_DURATION: [((), recovery.seconds)],
        }

    def _lag(self, assignment: frozenset[Place]) -> Iterator[Value]:
        for place, records in sorted(self._worker.lag.by_partition().items()):
            if place in assignment and place[0] in self._inputs:
                yield (self._inputs[place[0]], str(place[1])), records

    def _counted(self, counts: Counts) -> Shown:
        """What the loop and the timer have counted."""
        names = self._inputs
        return {
            rows.RECORDS: [
                ((name,), counts.hops[full].count if full in counts.hops else 0)
                for full, name in names.items()
            ],
            rows.COMMITS: [(("done",), counts.commits.count), (("dropped",), counts.dropped)],
            rows.DEAD_LETTERS: [
                ((name, code.value), counts.letters.get((full, code), 0))
                for full, name in names.items()
                for code in BrokenCode
            ],
            rows.TIMER_REQUESTS: [
                ((kind,), counts.asked.get(kind, 0)) for kind in _KINDS[self._worker.role]
            ],
        }

    def _distributions(self, counts: Counts) -> Mapping[MetricRow, list[Distribution]]:
        empty = Histogram(LATENCY_S)
        return {
            rows.HOP_LATENCY: [
                ((name,), counts.hops.get(full, empty)) for full, name in self._inputs.items()
            ],
            rows.COMMIT_DURATION: [((), counts.commits)],
            rows.STREAM_LATENCY: [
                ((origin.value, since.value), counts.latencies.get((origin, since), empty))
                for origin, since in _LATENCIES
            ],
            rows.REFUND_LATENCY: [
                ((since.value,), counts.refunds.get(since, empty)) for since in Since
            ],
        }

    def _sampled(self, sample: Sample | None) -> Shown:
        """What was seen in the stores, or nothing at all."""
        if sample is None:
            return {row: [] for row in self._rows}
        found = {kind: sample.deadlines.get(kind, _NONE) for kind in _KINDS[self._worker.role]}
        return {
            rows.SAMPLE_AGE: [((), max(time.monotonic() - sample.at_s, 0.0))],
            rows.OVERDUE_AGE: [((kind,), _age_s(each)) for kind, each in found.items()],
            **_of_deadlines(found),
            **_of_pools(sample),
            **_of_stores(sample),
        }


def _of_commands(counts: Counts) -> Shown:
    return {
        rows.EVENTS: [((each.value,), counts.events.get(each.encode(), 0)) for each in EventType],
        rows.ALERTS: [
            ((code,), counts.alerts.get(code, 0)) for code in (*sorted(ALERT_CODES), OTHER_ALERT)
        ],
        rows.COMMANDS: [
            ((symbol, outcome.value), counts.commands.get((action, outcome), 0))
            for action, symbol in SYMBOLS.items()
            for outcome in CommandOutcome
        ],
        rows.REJECTIONS: [
            ((code.value,), counts.rejections.get(code, 0)) for code in RejectionCode
        ],
    }


def _of_deadlines(found: Mapping[str, Deadlines]) -> Shown:
    reservations = found.get(RESERVATION_DEADLINE, _NONE)
    holds = found.get(HOLD_DEADLINE, _NONE)
    return {
        rows.RESERVATIONS_OPEN: [((), reservations.open)],
        rows.RESERVATIONS_OVERDUE: [((), reservations.overdue)],
        rows.HOLDS_OPEN: [((), holds.open)],
        rows.HOLDS_OVERDUE: [((), holds.overdue)],
        rows.CORRELATIONS_OVERDUE: [((), found.get(CORRELATION_DEADLINE, _NONE).overdue)],
    }


def _of_pools(sample: Sample) -> Shown:
    def known(values: Iterable[tuple[str, float | None]]) -> list[Value]:
        return [((name,), value) for name, value in values if value is not None]

    pools = sample.pools
    return {
        rows.POOL_FREE: known((each.name, each.level) for each in pools),
        rows.POOL_MARK: known((each.name, each.low_mark) for each in pools),
        rows.POOL_RATE: known((each.name, each.taken_per_hour) for each in pools),
        rows.POOL_EMPTY_IN: known((each.name, each.empty_in_s) for each in pools),
    }


def _of_stores(sample: Sample) -> Shown:
    stores = {topic.name: figures for topic, figures in sample.stores.items()}
    caches = [each.cache_bytes for each in stores.values()]
    return {
        rows.STORE_KEYS: [((name,), each.keys) for name, each in stores.items()],
        rows.STORE_DISK: [((name,), each.disk_bytes) for name, each in stores.items()],
        rows.STORE_MEMORY: [((name,), each.memory_bytes) for name, each in stores.items()],
        rows.STORE_COMPACTION: [
            ((name,), each.pending_compaction_bytes) for name, each in stores.items()
        ],
        rows.STORE_STOPPED: [
            ((name,), float(each.writes_stopped)) for name, each in stores.items()
        ],
        rows.STORE_CACHE: [((), max(caches, default=0))],
    }


def _age_s(found: Deadlines) -> float:
    if found.oldest_ms is None:
        return 0.0
    return max(time.time() - found.oldest_ms / 1_000, 0.0)
