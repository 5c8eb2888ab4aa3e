"""The tables of the figures: every metric that a process of ours shows, from the rows it goes by.

Owns which process shows which rows. A test scrapes running processes and holds them to the same.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from http_edge.serving import metrics as edge_metrics
from pipelines.audit import metrics as audit_metrics
from pipelines.metrics import process, worker_rows
from pipelines.metrics.rows import MetricRow
from pipelines.neighbours.bi import metrics as bi_metrics
from pipelines.neighbours.crm import metrics as crm_metrics
from pipelines.neighbours.enrich import metrics as enrich_metrics
from tests.docs_form import NONE, code, codes, table

ROWS: Final[Mapping[str, tuple[MetricRow, ...]]] = {
    "worker-metrics": worker_rows.EVERY_WORKER,
    "processor-metrics": worker_rows.PROCESSOR_ONLY,
    "correlator-metrics": worker_rows.CORRELATOR_ONLY,
    "edge-metrics": edge_metrics.METRICS,
    "audit-metrics": audit_metrics.METRICS,
    "crm-metrics": crm_metrics.METRICS,
    "bi-metrics": bi_metrics.METRICS,
    "enrich-metrics": enrich_metrics.METRICS,
    "process-metrics": process.METRICS,
}
"""Every metric there is, by the name of its table."""


def figures(rows: Iterable[MetricRow]) -> str:
    """Every figure of a process that shows some of its own."""
    cells = [
        [code(row.name), row.kind, codes(row.labels) if row.labels else NONE, row.meaning]
        for row in rows
    ]
    return table(["name", "type", "labels", "meaning"], cells)


def _table(rows: tuple[MetricRow, ...]) -> Callable[[], str]:
    return lambda: figures(rows)


METRIC_TABLES: Final[Mapping[str, Callable[[], str]]] = {
    name: _table(rows) for name, rows in ROWS.items()
}
"""The tables by the names that their markers carry."""
