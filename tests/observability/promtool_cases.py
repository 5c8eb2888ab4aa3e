"""A case of an alert rule as a row, and how promtool is asked about many of them at once.

Owns the form of promtool's test files. Knows no rule: the cases are in `cases_*.py`.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.observability.rule_files import RULES, Alert

PROMTOOL: Final = shutil.which("promtool")
_TIMEOUT_S: Final = 60.0
_INDICATORS: Final = "slo-indicators.yaml"
_RECORDED: Final = "giftcert:"
"""How a figure begins that the indicators record."""


HOURS: Final = "7h"
"""The moment of cases whose alerts look at hours and days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What Prometheus has seen by `at`, and whether the alert then fires.

    `series` are promtool's, one value a minute: `10+1x30` begins at 10 and grows by one for half an
    hour, `_` is a scrape that failed. `fires` is None where it must not, else labels that the one
    firing alert has.
    """

    alert: str
    seen: str
    series: Mapping[str, str]
    at: str
    fires: str | None

    @property
    def name(self) -> str:
        """The case in words."""
        return f"{self.alert} {'is quiet' if self.fires is None else 'fires'}: {self.seen}"


def fires(
    alert: str, seen: str, series: Mapping[str, str], *, at: str = "1h", labels: str = ""
) -> Case:
    """A case in which the alert fires, once, with such labels."""
    return Case(alert=alert, seen=seen, series=series, at=at, fires=labels)


def quiet(alert: str, seen: str, series: Mapping[str, str], *, at: str = "1h") -> Case:
    """A case in which it does not."""
    return Case(alert=alert, seen=seen, series=series, at=at, fires=None)


def case_file(
    cases: Sequence[Case], alerts: Mapping[str, Alert], *, whole_texts: bool = False
) -> str:
    """The cases as a file for `promtool test rules`, with the rule files that they need alone.

    With `whole_texts` each expects an alert that cannot be: promtool then prints what it was.
    """
    needed = {alerts[case.alert].file for case in cases}
    windows = any(_RECORDED in alerts[case.alert].expr for case in cases)
    if windows:
        needed.add(_INDICATORS)
    return yaml.safe_dump(
        {
            "rule_files": [str(RULES / name) for name in sorted(needed)],
            # Windows of days are dear to evaluate each minute, and no other for it.
            "evaluation_interval": "5m" if windows else "1m",
            "tests": [_test(case, whole_texts=whole_texts) for case in cases],
        },
        sort_keys=False,
    )


def run_promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool; whoever asks has seen that there is one."""
    assert PROMTOOL is not None, "there is no promtool"
    return subprocess.run(
        [PROMTOOL, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def _test(case: Case, *, whole_texts: bool) -> dict[str, Any]:
    asked = (
        {"alert_rule_test": [_impossible(case)]}
        if whole_texts
        else {"promql_expr_test": [_count(case)]}
    )
    return {
        "name": case.name,
        "interval": "1m",
        "input_series": [
            {"series": series, "values": values} for series, values in case.series.items()
        ],
        **asked,
    }


def _count(case: Case) -> dict[str, Any]:
    """A count instead of the alert itself: promtool would want every label and text repeated."""
    matchers = f'alertname="{case.alert}",alertstate="firing"'
    wanted = f"{matchers},{case.fires}" if case.fires else matchers
    return {
        "expr": f"count(ALERTS{{{wanted}}}) or vector(0)",
        "eval_time": case.at,
        "exp_samples": [{"labels": "{}", "value": 0 if case.fires is None else 1}],
    }


def _impossible(case: Case) -> dict[str, Any]:
    wrong = {"exp_labels": {"never": "so"}, "exp_annotations": {"never": "so"}}
    return {"eval_time": case.at, "alertname": case.alert, "exp_alerts": [wrong]}
