"""The command and what surrounds the demo: what it refuses, and one short run on a real stack."""

import io
import os
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from pipelines.commands.demo import demo
from pipelines.demo.baskets import BasketData, completejourney_files
from pipelines.demo.progress import Meter
from pipelines.demo.run_demo import DemoOptions, run_demo
from pipelines.faults import OperatorError

_BASKETS = 3_200  # So many that a certificate is locked, refused and spent.


def meter() -> Meter:
    return Meter(Console(file=io.StringIO()))


def play(options: DemoOptions) -> None:
    data = BasketData(completejourney_files(), limit=10)
    try:
        run_demo(options, data, meter())
    finally:
        data.close()


def test_an_unknown_data_set_is_a_wrong_command_line() -> None:
    """It names those that there are."""
    program = typer.Typer()
    program.command()(demo)
    answer = CliRunner().invoke(program, ["--data", "instacart"])

    assert answer.exit_code == 2
    assert "completejourney" in answer.output


def test_a_data_directory_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    """The stream must hold this run and no other."""
    (tmp_path / "earlier").mkdir()

    with pytest.raises(OperatorError, match="not empty"):
        play(DemoOptions(broker="embedded", data_dir=tmp_path, seed=1))


def test_a_schema_registry_is_refused_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its workers would look for contracts that nobody registered."""
    monkeypatch.setenv("GIFTCERT_SCHEMA_REGISTRY_URL", "http://registry.test:8081")

    with pytest.raises(OperatorError, match="unset GIFTCERT_SCHEMA_REGISTRY_URL"):
        play(DemoOptions(broker="no such kind", data_dir=None, seed=1))


def test_an_issuer_of_others_is_refused_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would make no tokens for the demo's shops."""
    monkeypatch.setenv("GIFTCERT_TOKEN_ISSUER", "https://login.test")

    with pytest.raises(OperatorError, match="unset GIFTCERT_TOKEN_ISSUER"):
        play(DemoOptions(broker="no such kind", data_dir=None, seed=1))


@pytest.mark.timeout(240)
def test_the_demo_on_a_real_stack_comes_to_what_it_must(tmp_path: Path) -> None:
    """A few days of the year and a few paced sales: laws hold, and every event has come."""
    data = BasketData(completejourney_files(), limit=_BASKETS)
    broker = os.environ.get("GIFTCERT_TEST_BROKER") or "auto"
    options = DemoOptions(broker=broker, data_dir=tmp_path / "demo", seed=1, paced_orders=20)
    try:
        result = run_demo(options, data, meter())
    finally:
        data.close()

    assert result.disagreements == []
    assert result.audit.breaches == ()
    assert result.holds
    assert result.baskets == _BASKETS
    assert result.dead_letters == 0
    assert result.events["lock"] == result.events["error"] == result.events["unlock"] == 1
    assert result.events["issue.blocked"] == result.events["alert"] == 1
    assert result.e2e.count == result.next_paced.count == 20
    assert (tmp_path / "demo" / "stack" / "logs").is_dir()
