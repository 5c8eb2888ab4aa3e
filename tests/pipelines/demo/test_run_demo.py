"""The command and what surrounds the demo: what it refuses, and one short run on a real stack."""

import io
import os
import re
from pathlib import Path

import httpx
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from pipelines.commands.demo import demo
from pipelines.demo.baskets import BasketData, completejourney_files
from pipelines.demo.progress import Meter
from pipelines.demo.report import Result
from pipelines.demo.run_demo import DemoOptions, run_demo, stay
from pipelines.faults import OperatorError
from pipelines.local.running_broker import LocalError

_CODE_WITHIN_MS = 5_000
_BASKETS = 3_200  # So many that a certificate is locked, refused and spent.


def meter(words: io.StringIO | None = None) -> Meter:
    return Meter(Console(file=words or io.StringIO(), width=200))


def play(options: DemoOptions) -> None:
    data = BasketData(completejourney_files(), limit=10)
    try:
        run_demo(options, data, meter(), report=lambda _result: None)
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


@pytest.mark.timeout(300)
def test_the_demo_on_a_real_stack_comes_to_what_it_must(tmp_path: Path) -> None:
    """A few days of the year and a few paced sales: laws hold, and every event has come."""
    data = BasketData(completejourney_files(), limit=_BASKETS)
    broker = os.environ.get("GIFTCERT_TEST_BROKER") or "auto"
    options = DemoOptions(broker=broker, data_dir=tmp_path / "demo", seed=1, paced_orders=20)
    words, shown = io.StringIO(), []

    def report(told: Result) -> None:
        shown.append(told)
        pages.update(opened(words.getvalue()))

    pages: dict[str, str] = {}
    try:
        result = run_demo(options, data, meter(words), report=report)
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
    # Every buyer's code went out by the CRM and the shop's gateway, in the promised time.
    assert result.delivered.count == result.events["notification.sent"] == result.events["issue"]
    assert result.delivered.p99_ms is not None
    # The emulator writes all it has to disk now and then, and everybody waits.
    assert result.delivered.p99_ms < _CODE_WITHIN_MS or result.broker == "embedded"
    assert shown == [result]
    assert pages.keys() == {"store", "till", "phone", "stream"}
    assert "+1555" in pages["phone"]
    assert "had to be killed" not in words.getvalue()


def opened(said: str) -> dict[str, str]:
    """What the pages show of which the demo said where they are, by their names."""
    found: dict[str, str] = {}
    for match in re.finditer(r"http://\S+/(store|till|phone|stream)/", said):
        answer = httpx.get(match[0], trust_env=False, follow_redirects=True)
        found[match[1]] = answer.raise_for_status().text
    return found


def test_staying_goes_on_until_it_is_interrupted_and_says_where_to_look() -> None:
    """Something that ends by itself ends it too, with its own words."""
    looks = iter([None, None, KeyboardInterrupt()])

    def check() -> None:
        if (raised := next(looks)) is not None:
            raise raised

    words = io.StringIO()
    stay(check, {"till": "http://127.0.0.1:1/till/"}, meter(words))
    assert words.getvalue().splitlines() == [
        "Everything goes on; Ctrl-C ends it:",
        "the till at http://127.0.0.1:1/till/",
        "stopped",
    ]

    def ended() -> None:
        raise LocalError("shop-0 was ended by SIGKILL")

    with pytest.raises(LocalError, match="shop-0"):
        stay(ended, {}, meter())
