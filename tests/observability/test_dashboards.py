"""The dashboards are what their tables say, fit Grafana, and ask only for what there is."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.observability.grafana import Dashboard
from tests.observability.metric_names import named, shown
from tests.observability.rule_files import alerts, recordings
from tests.observability.write_dashboards import DASHBOARDS, FOLDER, path_of, text_of

_COLUMNS: Final = 24
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def name_of(board: Dashboard) -> str:
    return board.name


def loaded(board: Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path_of(board).read_text(encoding="utf-8"))
    return found


def panels_of(board: Dashboard) -> Iterator[dict[str, Any]]:
    """Those that show something: headings are none."""
    return (panel for panel in loaded(board)["panels"] if panel["type"] != "row")


@pytest.mark.parametrize("board", DASHBOARDS, ids=name_of)
def test_file_of_a_dashboard_is_what_its_table_says(board: Dashboard) -> None:
    """`python -m tests.observability.write_dashboards` mends it."""
    assert path_of(board).read_text(encoding="utf-8") == text_of(board)


def test_chart_has_no_other_dashboards() -> None:
    assert set(FOLDER.glob("*.json")) == {path_of(board) for board in DASHBOARDS}
    boards = [loaded(board) for board in DASHBOARDS]
    assert len({board["uid"] for board in boards}) == len(boards)
    assert all(len(board["uid"]) <= 40 for board in boards), "Grafana takes 40 characters"


@pytest.mark.parametrize("board", DASHBOARDS, ids=name_of)
def test_panels_of_a_dashboard_have_all_that_grafana_and_people_need(board: Dashboard) -> None:
    seen = set()
    for panel in panels_of(board):
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == _DATASOURCE
        assert panel["fieldConfig"]["defaults"]["unit"]
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        values = [step["value"] for step in steps]
        assert values[0] is None
        assert values[1:] == sorted(values[1:]), panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters)), "two queries of a panel have one letter"
        assert letters, panel["title"]
        assert all(target["datasource"] == _DATASOURCE for target in panel["targets"])
        seen.add(panel["title"])
    assert len(seen) == len(list(panels_of(board))), "two panels have one title"


@pytest.mark.parametrize("board", DASHBOARDS, ids=name_of)
def test_panels_of_a_dashboard_do_not_lie_on_one_another(board: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in loaded(board)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= _COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in loaded(board)["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("board", DASHBOARDS, ids=name_of)
def test_queries_of_a_dashboard_keep_to_one_installation(board: Dashboard) -> None:
    """Each selector of a series names the variable, so that DEV and PROD are never added up."""
    variables = {variable["name"] for variable in loaded(board)["templating"]["list"]}
    assert variables == {"datasource", "namespace"}
    for panel in panels_of(board):
        for target in panel["targets"]:
            series = len(re.findall(r"(?:giftcert[_:]|process_|ALERTS)[\w:]*\{", target["expr"]))
            assert series >= 1, target["expr"]
            assert target["expr"].count('namespace=~"$namespace"') == series, target["expr"]


QUERIES: Final = (
    *((f"rule {alert.name}", alert.expr) for alert in alerts()),
    *((f"rule {rule.name} {rule.labels.get('slo', '')}", rule.expr) for rule in recordings()),
    *(
        (f"{board.name}: {panel['title']} {target['refId']}", target["expr"])
        for board in DASHBOARDS
        for panel in panels_of(board)
        for target in panel["targets"]
    ),
)


def test_rules_and_dashboards_ask_only_for_metrics_that_are_listed() -> None:
    known = shown()
    unknown = {where: named(query) - known for where, query in QUERIES if named(query) - known}
    assert unknown == {}


def test_every_metric_that_is_listed_is_on_a_dashboard_or_in_a_rule() -> None:
    """Who adds a figure says where people see it, or that nobody has to."""
    asked = frozenset().union(*(named(query) for _, query in QUERIES))
    families = {re.sub(r"_(?:bucket|count|sum)$", "", name) for name in asked}
    listed = {re.sub(r"_(?:bucket|count|sum)$", "", name) for name in shown()}
    assert listed - families == {"process_virtual_memory_bytes"}


def test_query_that_names_no_metric_of_ours_is_seen() -> None:
    """The names are really read: a misspelt one is not known."""
    assert named('rate(giftcert_comands_total{code="giftcert_x"}[5m])') == {
        "giftcert_comands_total"
    }
    assert not named("giftcert_comands_total") & shown()
