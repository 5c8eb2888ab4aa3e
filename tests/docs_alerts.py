"""The tables of alerts and dashboards for the documentation, from their own files in the chart.

Owns the tables' columns and nothing of what stands in them.
"""

from typing import Final

from tests.docs_form import code, table
from tests.observability.rule_files import Alert, alerts
from tests.observability.write_dashboards import DASHBOARDS, path_of

_AT_ONCE: Final = "0s"


def alert_table() -> str:
    """Every alert, by its file, with the page that says what to do."""
    return table(["alert", "told by", "after", "rule file", "what it means"], map(_row, alerts()))


def dashboard_table() -> str:
    """Every dashboard."""
    rows = [
        [code(path_of(board).name), board.title.partition(": ")[2], board.about]
        for board in DASHBOARDS
    ]
    return table(["file", "dashboard", "what it shows"], rows)


def _row(alert: Alert) -> list[str]:
    waits = "at once" if alert.waits == _AT_ONCE else alert.waits
    link = f"[{alert.name}](runbooks/{alert.page}.md)"
    about = alert.annotations["description"]
    return [link, alert.severity, waits, code(alert.file), about]
