"""Every alert fires and is quiet when it must, as promtool says, and has all that it needs."""

import re
from pathlib import Path
from typing import Final

import pytest

from http_edge.api.calls import API
from pipelines.metrics.tally import ALERT_CODES
from tests.observability import (
    cases_crm,
    cases_edge,
    cases_flow,
    cases_laws,
    cases_pool,
    cases_slo,
    cases_workers,
)
from tests.observability.promtool_cases import (
    HOURS,
    PROMTOOL,
    Case,
    case_file,
    run_promtool,
)
from tests.observability.rule_files import (
    RUNBOOK_BASE,
    RUNBOOKS,
    Alert,
    alerts,
    recordings,
    rule_files,
)

needs_promtool: Final = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool (Debian: prometheus) is not installed"
)
_FILES: Final = (
    cases_crm,
    cases_edge,
    cases_flow,
    cases_laws,
    cases_pool,
    cases_slo,
    cases_workers,
)
EVERY_CASE: Final = tuple(case for module in _FILES for case in module.CASES)
BY_NAME: Final = {alert.name: alert for alert in alerts()}


def group_of(case: Case) -> str:
    """Cases of one rule file that look as far back are asked together."""
    name = BY_NAME[case.alert].file.removesuffix(".yaml")
    return f"{name}-hours" if case.at == HOURS else name


GROUPS: Final = sorted({group_of(case) for case in EVERY_CASE})


def named(alert: Alert) -> str:
    return alert.name


@needs_promtool
def test_rule_files_are_what_prometheus_takes() -> None:
    """`--lint-fatal` has it refuse two rules that record the same."""
    done = run_promtool("check", "rules", "--lint-fatal", *rule_files())
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("group", GROUPS)
def test_alerts_of_a_group_fire_and_are_quiet_as_their_cases_say(
    group: str, tmp_path: Path
) -> None:
    path = tmp_path / "cases.yaml"
    cases = [case for case in EVERY_CASE if group_of(case) == group]
    path.write_text(case_file(cases, BY_NAME), encoding="utf-8")
    done = run_promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("group", GROUPS)
def test_texts_of_the_alerts_of_a_group_are_whole_when_they_fire(
    group: str, tmp_path: Path
) -> None:
    """A template that fails, or names a label that is not there, leaves its trace in the text."""
    shown = {case.alert: case for case in EVERY_CASE if case.fires is not None}
    cases = [case for case in shown.values() if group_of(case) == group]
    path = tmp_path / "texts.yaml"
    path.write_text(case_file(cases, BY_NAME, whole_texts=True), encoding="utf-8")
    said = run_promtool("test", "rules", path)
    got = re.findall(r"got:\s*\[\s*\n(.*?)\n\s*\]", said.stdout + said.stderr, re.DOTALL)
    assert len(got) == len(cases), said
    for text in got:
        assert "summary=" in text, text
        assert not re.search(r"error expanding|no value|%!|NaN| of  |:  ", text), text


@needs_promtool
def test_wrong_case_is_told_by_promtool(tmp_path: Path) -> None:
    """The cases are really asked: one that cannot hold fails."""
    wrong = Case(alert="PoolEmpty", seen="never", series={}, at="1h", fires="")
    path = tmp_path / "wrong.yaml"
    path.write_text(case_file([wrong], BY_NAME), encoding="utf-8")
    assert run_promtool("test", "rules", path).returncode != 0


@pytest.mark.parametrize("alert", alerts(), ids=named)
def test_alert_has_a_case_that_fires_and_one_that_does_not(alert: Alert) -> None:
    kinds = {case.fires is None for case in EVERY_CASE if case.alert == alert.name}
    assert kinds == {True, False}


def test_every_case_is_of_an_alert_that_is_there() -> None:
    assert {case.alert for case in EVERY_CASE} == set(BY_NAME)
    assert len(BY_NAME) == len(alerts()), "two alerts have one name"
    assert len({case.name for case in EVERY_CASE}) == len(EVERY_CASE)


@pytest.mark.parametrize("alert", alerts(), ids=named)
def test_alert_says_who_is_told_what_and_where_to_read_on(alert: Alert) -> None:
    assert set(alert.labels) == {"severity"}
    assert alert.severity in {"page", "ticket"}
    assert set(alert.annotations) == {"summary", "description", "runbook_url"}
    assert alert.annotations["runbook_url"] == f"{RUNBOOK_BASE}{alert.page}/"
    assert len(alert.annotations["summary"]) <= 120
    assert alert.annotations["description"].endswith(".")


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {alert.page for alert in alerts()}


@pytest.mark.parametrize("alert", alerts(), ids=named)
def test_runbook_of_an_alert_has_all_its_parts(alert: Alert) -> None:
    """In one order, each with something in it, short enough to be read at night."""
    text = (RUNBOOKS / f"{alert.page}.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0] == f"# {alert.name}"
    told = {"page": "Page", "ticket": "Ticket"}[alert.severity]
    assert lines[2].startswith(f"**{told}.** "), lines[2]
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    assert parts[1::2] == ["Look", "Do", "Do not", "It ends"]
    assert all(part.strip() for part in parts[2::2])
    assert len(lines) <= 60


def test_every_alert_of_the_stream_is_watched_by_a_rule() -> None:
    """What the service tells people, Prometheus tells them, too; two by figures of their own."""
    told = {
        word for alert in alerts() for word in re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", alert.expr)
    }
    assert ALERT_CODES - told == {"POOL_LOW", "LAW_BREACH"}
    assert {"PoolLow", "LawBroken"} <= set(BY_NAME)


def test_objectives_count_every_call_of_the_api_and_nothing_else() -> None:
    (left_out,) = {
        found for rule in recordings() for found in re.findall(r'operation!~"([^"]+)"', rule.expr)
    }
    calls = {call.operation for call in API}
    assert {name for name in calls if re.fullmatch(left_out, name)} == set()
    others = {"none", "health", "ready", "metrics", "internal.certificates"}
    assert {name for name in others if re.fullmatch(left_out, name)} == others


def test_recorded_windows_of_an_objective_differ_in_nothing_but_their_length() -> None:
    shapes: dict[str, set[str]] = {}
    windows: dict[str, set[str]] = {}
    for rule in recordings():
        if found := re.fullmatch(r"giftcert:slo_bad:ratio_rate(\w+)", rule.name):
            assert f"[{found[1]}]" in rule.expr, rule
            slo = rule.labels["slo"]
            shapes.setdefault(slo, set()).add(rule.expr.replace(f"[{found[1]}]", "[W]"))
            windows.setdefault(slo, set()).add(found[1])
    assert set(shapes) == {"processing", "http", "availability", "refund", "cvc", "bi"}
    assert {slo: len(found) for slo, found in shapes.items()} == dict.fromkeys(shapes, 1)
    assert all("30d" in found for found in windows.values())
