"""The examples of docs/alerts.md are what Prometheus and Alertmanager take and mean."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.observability.promtool_cases import PROMTOOL, run_promtool
from tests.observability.rule_files import ROOT, RULES, alerts

_PAGE: Final = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
_AMTOOL: Final = shutil.which("amtool")
needs_amtool: Final = pytest.mark.skipif(
    _AMTOOL is None, reason="amtool (Debian: prometheus-alertmanager) is not installed"
)


def example(word: str) -> str:
    """The one block of YAML of the page that has this word."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if word in block]
    return str(found)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Path:
    path = tmp_path / "alertmanager.yaml"
    path.write_text(example("receivers:"), encoding="utf-8")
    return path


def amtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert _AMTOOL is not None
    return subprocess.run(
        [_AMTOOL, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian: prometheus) is not installed")
def test_prometheus_takes_the_example_with_our_rules(tmp_path: Path) -> None:
    (tmp_path / "rules").symlink_to(RULES)
    path = tmp_path / "prometheus.yaml"
    path.write_text(example("scrape_configs:"), encoding="utf-8")
    done = run_promtool("check", "config", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") > len(list(RULES.glob("*.yaml")))


@needs_amtool
def test_alertmanager_takes_the_example(alertmanager: Path) -> None:
    done = amtool("check-config", alertmanager)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_amtool
@pytest.mark.parametrize(("severity", "receiver"), [("page", "pages"), ("ticket", "tickets")])
def test_alert_is_told_to_whom_its_severity_says(
    alertmanager: Path, severity: str, receiver: str
) -> None:
    asked = ("config", "routes", "test", "--config.file", alertmanager)
    done = amtool(*asked, f"severity={severity}", "alertname=PoolLow")
    assert done.stdout.strip() == receiver, done


def test_alerts_that_silence_others_in_the_example_are_there() -> None:
    names: set[str] = set()
    rules: list[dict[str, Any]] = yaml.safe_load(example("receivers:"))["inhibit_rules"]
    for rule in rules:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            names |= set(re.findall(r"[A-Z]\w+", matcher))
    assert names
    assert names - {alert.name for alert in alerts()} == set()
