"""Reads the rule files that Prometheus is given: what they record, and what they raise.

Owns where they lie and how a name of an alert becomes the name of its page. Judges nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "helm" / "gift-certificates"
RULES: Final = CHART / "rules"
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
RUNBOOK_BASE: Final = "https://gift-certificates.example/docs/runbooks/"

_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert: `waits` is how long it has to be true, `file` the name of its rule file."""

    name: str
    expr: str
    waits: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    file: str

    @property
    def severity(self) -> str:
        """Who is told, and when: `page` at once, `ticket` in the day's work. KeyError: none."""
        return self.labels["severity"]

    @property
    def page(self) -> str:
        """The name of its runbook: the alert's own in kebab case."""
        return _CAPITAL.sub("-", self.name).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One figure that Prometheus computes and keeps."""

    name: str
    expr: str
    labels: Mapping[str, str]
    file: str


def rule_files() -> list[Path]:
    """Every rule file, in the order of their names."""
    return sorted(RULES.glob("*.yaml"))


@cache
def alerts() -> tuple[Alert, ...]:
    """Every alert of every file, in order."""
    return tuple(
        Alert(
            name=rule["alert"],
            expr=rule["expr"],
            waits=str(rule.get("for", "0s")),
            labels=rule.get("labels", {}),
            annotations=rule.get("annotations", {}),
            file=path.name,
        )
        for path, rule in _rules()
        if "alert" in rule
    )


@cache
def recordings() -> tuple[Recording, ...]:
    """Every recorded figure of every file, in order."""
    return tuple(
        Recording(
            name=rule["record"],
            expr=str(rule["expr"]),
            labels=rule.get("labels", {}),
            file=path.name,
        )
        for path, rule in _rules()
        if "record" in rule
    )


def _rules() -> list[tuple[Path, dict[str, Any]]]:
    return [
        (path, rule)
        for path in rule_files()
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
