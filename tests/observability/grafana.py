"""A dashboard as rows of panels, and how it becomes the JSON that Grafana loads.

Owns the form: variables, places on the grid, units, thresholds. Knows no metric: what is asked is
in `board_*.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["stat", "timeseries", "heatmap", "table"]
Unit = Literal[
    "short", "none", "percentunit", "s", "bytes", "reqps", "ops", "bool_on_off", "dateTimeAsIso"
]

NAMESPACE: Final = 'namespace=~"$namespace"'
TAG: Final = "gift-certificates"
_SCHEMA: Final = 39
_COLUMNS: Final = 24
_HEIGHTS: Final[Mapping[Kind, int]] = {"stat": 4, "timeseries": 8, "heatmap": 8, "table": 8}
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_LETTERS: Final = "ABCDEFGH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question, and what its answers are called; `legend` is a template of labels."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel. `steps` are thresholds: from this value on, this colour; green below the first."""

    title: str
    about: str
    kind: Kind
    unit: Unit
    queries: Sequence[Query]
    width: int = 12
    steps: Sequence[tuple[float, str]] = ()
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One page. `name` is its file's, and its place in Grafana's addresses."""

    name: str
    title: str
    about: str
    rows: Sequence[Row]
    since: str = "now-6h"


def ask(expr: str, legend: str = "") -> Query:
    """A query of one installation: `@` in it stands for its matcher of the namespace."""
    return Query(expr=expr.replace("@", NAMESPACE), legend=legend)


def quantiles(metric: str, labels: str, by: str = "") -> tuple[Query, ...]:
    """The median, the 95th and the 99th of 100, of a histogram."""
    group = f"le, {by}" if by else "le"
    name = f" {{{{{by}}}}}" if by else ""
    return tuple(
        ask(
            f"histogram_quantile({share}, sum by ({group}) "
            f"(rate({metric}_bucket{{{labels}}}[$__rate_interval])))",
            f"{word}{name}",
        )
        for share, word in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )


def rendered(board: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana loads it."""
    return {
        "uid": f"{TAG}-{board.name}",
        "title": board.title,
        "description": board.about,
        "tags": [TAG],
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": board.since, "to": "now"},
        "links": [_links()],
        "annotations": {"list": [_firing()]},
        "templating": {"list": [_datasource(), _namespace()]},
        "panels": _panels(board.rows),
    }


def _links() -> dict[str, Any]:
    return {
        "type": "dashboards",
        "title": "Gift certificates",
        "tags": [TAG],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
    }


def _firing() -> dict[str, Any]:
    """A mark where somebody was paged."""
    return {
        "name": "pages",
        "datasource": _DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": f'max by (alertname) (ALERTS{{alertstate="firing",severity="page",{NAMESPACE}}})',
        "titleFormat": "{{alertname}}",
        "step": "60s",
    }


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }


def _namespace() -> dict[str, Any]:
    return {
        "name": "namespace",
        "label": "Installation",
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": "label_values(giftcert_build_info, namespace)", "refId": "namespaces"},
        "includeAll": True,
        # Also where there is no such label: a Prometheus of one installation.
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
    }


def _panels(rows: Sequence[Row]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        made.append(_heading(row, len(made) + 1, top))
        top, left, tallest = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > _COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            height = _HEIGHTS[panel.kind]
            place = {"x": left, "y": top, "w": panel.width, "h": height}
            made.append(_panel(panel, len(made) + 1, place))
            left, tallest = left + panel.width, max(tallest, height)
        top += tallest
    return made


def _heading(row: Row, number: int, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": _COLUMNS, "h": 1}
    return {
        "id": number,
        "type": "row",
        "title": row.title,
        "collapsed": False,
        "gridPos": place,
        "panels": [],
    }


def _panel(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _DATASOURCE,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel.kind),
        "targets": [
            _target(panel.kind, letter, query)
            for letter, query in zip(_LETTERS, panel.queries, strict=False)
        ],
    }


def _target(kind: Kind, letter: str, query: Query) -> dict[str, Any]:
    instant = kind in ("stat", "table")
    return {
        "refId": letter,
        "datasource": _DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": {"table": "table", "heatmap": "heatmap"}.get(kind, "time_series"),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    first: list[dict[str, Any]] = [{"color": "green", "value": None}]
    steps = first + [{"color": colour, "value": value} for value, colour in panel.steps]
    lines = {"custom": _lines(panel)} if panel.kind == "timeseries" else {}
    return {
        "unit": panel.unit,
        "min": 0 if panel.kind == "timeseries" else None,
        "noValue": "none",
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        **lines,
    }


def _lines(panel: Panel) -> dict[str, Any]:
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 20 if panel.stacked else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if panel.steps else "off"},
    }


def _options(kind: Kind) -> dict[str, Any]:
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match kind:
        case "stat":
            return {
                "reduceOptions": reduced,
                "colorMode": "background",
                "graphMode": "none",
                "textMode": "auto",
                "justifyMode": "auto",
                "orientation": "auto",
            }
        case "timeseries":
            return {
                "legend": {
                    "displayMode": "table",
                    "placement": "right",
                    "calcs": ["lastNotNull", "max"],
                    "showLegend": True,
                },
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        case "heatmap":
            return {
                "calculate": False,
                "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
                "yAxis": {"unit": "s"},
                "tooltip": {"show": True},
            }
        case "table":
            return {"showHeader": True, "cellHeight": "sm"}
