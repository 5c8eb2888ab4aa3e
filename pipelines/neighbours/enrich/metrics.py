"""The enrichment's figures for Prometheus: what it performed, what is left to read, if it turns.

Owns the metrics and their labels, which are the topics it was told and no more.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipelines.last_turn import LastTurn
from pipelines.metrics.consumer_lag import ConsumerLag
from pipelines.metrics.rows import MetricRow, Value, family
from pipelines.neighbours.enrich.records import Destination, Given

_LOOP_AGE: Final = MetricRow(
    name="giftcert_enrich_loop_age_seconds",
    kind="gauge",
    meaning="Since its loop turned last; some five seconds are usual where nothing comes.",
)
_LAG: Final = MetricRow(
    name="giftcert_enrich_lag_records",
    kind="gauge",
    meaning="Records of a topic that it has not read yet, as of the last few seconds; all "
    "partitions together. Absent until it has read for the first time.",
    labels=("topic",),
)
_RECORDS: Final = MetricRow(
    name="giftcert_enrich_records_total",
    kind="counter",
    meaning="Records of a topic that were performed. What a transaction that failed had performed "
    "counts again.",
    labels=("topic",),
)
_DEAD_LETTERS: Final = MetricRow(
    name="giftcert_enrich_dead_letters_total",
    kind="counter",
    meaning="Broken records that were put on the dead letters' topic.",
)

METRICS: Final = (_LOOP_AGE, _LAG, _RECORDS, _DEAD_LETTERS)
"""Every metric of the enrichment, in the order in which it is shown."""


class EnrichMetrics(Collector):
    """The figures of one run. Its loop notes, any thread may collect."""

    def __init__(
        self,
        topics: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
        *,
        hangs_after_s: float,
    ) -> None:
        self.last_turn = LastTurn(hangs_after_s=hangs_after_s, clock=clock)
        self._lag = ConsumerLag(clock)
        self._records = dict.fromkeys(topics, 0)
        self._dead_letters = 0

    def options(self) -> dict[str, Any]:
        """What its consumer has to be told."""
        return {**self._lag.options(), "stats_cb": self._take}

    def performed(self, topic: str, given: Iterable[Given]) -> None:
        """A record of a topic was performed, and gave these."""
        self.last_turn.note()
        self._records[topic] += 1
        self._dead_letters += sum(each.destination is Destination.DEAD_LETTERS for each in given)

    @property
    def ready(self) -> bool:
        """Whether it reads: it has partitions, and is done with recovering."""
        return bool(self._lag.by_partition())

    def collect(self) -> Iterator[Metric]:
        """Called for every scrape, from the listener's thread."""
        lag: dict[str, int] = {}
        for (topic, _), records in self._lag.by_partition().items():
            if topic in self._records:
                lag[topic] = lag.get(topic, 0) + records
        values: dict[MetricRow, list[Value]] = {
            _LOOP_AGE: [((), self.last_turn.age_s)],
            _LAG: [((topic,), records) for topic, records in sorted(lag.items())],
            _RECORDS: [((topic,), count) for topic, count in self._records.items()],
            _DEAD_LETTERS: [((), self._dead_letters)],
        }
        for row in METRICS:
            yield family(row, values[row])

    def _take(self, statistics: str) -> None:
        """The client's statistics come while it polls, also in recovery: the loop turns."""
        self.last_turn.note()
        self._lag.take(statistics)
