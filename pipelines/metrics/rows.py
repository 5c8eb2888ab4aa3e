"""What a metric is: a row of a closed table, and the family of samples that it becomes.

Owns the form that all processes' tables have; docs/metrics.md is written from them. Knows no metric
itself, and counts nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric

from pipelines.metrics.histogram import Histogram

Value: TypeAlias = tuple[tuple[str, ...], float]
"""The values of a metric's labels, and the metric's own."""

Distribution: TypeAlias = tuple[tuple[str, ...], Histogram]
"""The values of a histogram's labels, and how often each size was seen."""

YES: Final = 1.0
NO: Final = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One metric: how it is called, and what it says. A counter's name ends with `_total`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()


def family(row: MetricRow, values: Iterable[Value]) -> Metric:
    """A counter or gauge with what it has for each of its labels."""
    assert row.kind != "histogram", "a histogram has more than a value"
    made = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
    shown = made(row.name, row.meaning, labels=row.labels)
    for labels, value in values:
        shown.add_metric(labels, value)
    return shown


def histogram_family(row: MetricRow, values: Iterable[Distribution]) -> Metric:
    """A histogram with what it has for each of its labels."""
    assert row.kind == "histogram", "only a histogram has buckets"
    shown = HistogramMetricFamily(row.name, row.meaning, labels=row.labels)
    for labels, histogram in values:
        shown.add_metric(labels, histogram.buckets(), histogram.sum)
    return shown
