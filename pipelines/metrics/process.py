"""What every process of ours shows of itself: which release it is, what it takes of its machine.

Owns those figures, which are the same in a worker, an auditor or a CRM.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipelines.metrics.rows import YES, MetricRow, family
from pipelines.release import release

_BUILD: Final = MetricRow(
    name="giftcert_build_info",
    kind="gauge",
    meaning="Always 1; its labels say which version runs, of which commit, and a word for all "
    "contracts that it writes: processes with the same word write alike.",
    labels=("version", "commit", "schemas"),
)

METRICS: Final = (
    _BUILD,
    MetricRow(
        name="process_cpu_seconds_total",
        kind="counter",
        meaning="Total user and system CPU time spent in seconds.",
    ),
    MetricRow(
        name="process_resident_memory_bytes",
        kind="gauge",
        meaning="Resident memory size in bytes.",
    ),
    MetricRow(
        name="process_virtual_memory_bytes",
        kind="gauge",
        meaning="Virtual memory size in bytes.",
    ),
    MetricRow(
        name="process_start_time_seconds",
        kind="gauge",
        meaning="Start time of the process since unix epoch in seconds.",
    ),
    MetricRow(name="process_open_fds", kind="gauge", meaning="Number of open file descriptors."),
    MetricRow(
        name="process_max_fds",
        kind="gauge",
        meaning="Maximum number of open file descriptors.",
    ),
)
"""What each process shows. Those that begin with `process_` are the client library's own, in its
words, and there on Linux only."""


class ProcessMetrics(Collector):
    """The figures of this process. Those of the machine there are on Linux only."""

    def __init__(self) -> None:
        self._machine = ProcessCollector(registry=CollectorRegistry())

    def collect(self) -> Iterator[Metric]:
        """Called for every scrape."""
        told = release()
        yield family(_BUILD, [((told.version, told.commit, told.schemas), YES)])
        yield from self._machine.collect()
