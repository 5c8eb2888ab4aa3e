"""The mart's figures for Prometheus: how much was taken in, what is still to be, how old it is.

Owns the metrics, their labels, and what of a keeper's writes they follow from. A certificate is
never a label.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipelines.metrics.rows import MetricRow, Value, family
from pipelines.neighbours.bi.topic_record import TOPICS_READ, Partition, TopicRecord

_RECORDS: Final = MetricRow(
    name="giftcert_bi_records_total",
    kind="counter",
    meaning="Records that were taken into the mart since the start.",
)
_LAG: Final = MetricRow(
    name="giftcert_bi_lag_records",
    kind="gauge",
    meaning="Offsets of a topic that the mart has not taken in, as of the latest write.",
    labels=("topic",),
)
_BEHIND: Final = MetricRow(
    name="giftcert_bi_behind_seconds",
    kind="gauge",
    meaning="How old the mart is: since it was last seen to have everything, or, where it has not, "
    "since the latest record that it has of the partition that is furthest behind. A few seconds "
    "are usual.",
)
_CAUGHT_UP: Final = MetricRow(
    name="giftcert_bi_caught_up",
    kind="gauge",
    meaning="1 once all was taken in that the topics held at the start.",
)
_WRITTEN: Final = MetricRow(
    name="giftcert_bi_written_timestamp_seconds",
    kind="gauge",
    meaning="When the mart was written last, or marked as being in step; 0 before the first time.",
)

METRICS: Final = (_RECORDS, _LAG, _BEHIND, _CAUGHT_UP, _WRITTEN)
"""Every metric of the mart, in the order in which it is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a mart stood when it was written last. `fresh_at_s` is the time up to which it is whole.

    Times are Unix seconds.
    """

    records: int = 0
    lag: Mapping[str, int] = field(default_factory=dict)
    fresh_at_s: float
    written_at_s: float = 0.0
    caught_up: bool = False


class BiMetrics(Collector):
    """The figures of one run. Its keeper notes each write, any thread may collect."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._latest_s: dict[Partition, float] = {}
        self._progress = Progress(fresh_at_s=clock())

    @property
    def caught_up(self) -> bool:
        """Whether all was taken in that the topics held at the start."""
        return self._progress.caught_up

    def wrote(
        self,
        records: Iterable[TopicRecord],
        passed: Mapping[Partition, int],
        ends: Mapping[Partition, int],
        *,
        caught_up: bool,
    ) -> None:
        """The mart has these records now, and with them all up to `passed`."""
        now_s = self._clock()
        count = 0
        for record in records:
            count += 1
            if record.timestamp_ms is not None:
                self._latest_s[record.topic, record.partition] = record.timestamp_ms / 1_000
        left = {place: max(end - passed.get(place, 0), 0) for place, end in ends.items()}
        before = self._progress
        behind = [
            min(self._latest_s.get(place, before.fresh_at_s), now_s)
            for place, offsets in left.items()
            if offsets
        ]
        lag = dict.fromkeys((topic.name for topic in TOPICS_READ), 0)
        for (topic, _), offsets in left.items():
            lag[topic] += offsets
        self._progress = replace(
            before,
            records=before.records + count,
            lag=lag,
            fresh_at_s=min(behind, default=now_s),
            written_at_s=now_s,
            caught_up=caught_up,
        )

    def collect(self) -> Iterator[Metric]:
        """Called for every scrape, from the listener's thread."""
        progress = self._progress
        values: dict[MetricRow, list[Value]] = {
            _RECORDS: [((), progress.records)],
            _LAG: [((topic,), offsets) for topic, offsets in progress.lag.items()],
            _BEHIND: [((), max(self._clock() - progress.fresh_at_s, 0.0))],
            _CAUGHT_UP: [((), float(progress.caught_up))],
            _WRITTEN: [((), progress.written_at_s)],
        }
        for row in METRICS:
            yield family(row, values[row])
