"""The commands of proof: what they take, what they hand on, and how they exit."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import run
from pipelines.commands import rebuild as rebuild_module
from pipelines.commands import replay as replay_module
from pipelines.commands import verify as verify_module
from pipelines.rebuild.rebuild import RebuildOptions, RebuildReport
from pipelines.rebuild.replay_report import ReplayOptions
from pipelines.rebuild.verify import Earlier, VerifyOptions
from pipelines.stores import StoreName
from tests.pipelines.rebuild.test_presentation import PROVEN, REPLAY, report
from tests.pipelines.rebuild.test_proof import result


class Asked:
    """What a command handed on."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.answer: Any = None

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls.append((arguments, options))
        return self.answer

    @property
    def options(self) -> Any:
        return self.calls[-1][0][1]


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    asked.answer = report()
    monkeypatch.setattr(verify_module, "run_verify", asked)
    return asked


def test_verify_hands_on_what_it_is_told_and_writes_the_proof(
    verified: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setenv("GIFTCERT_TOKEN", "shown")
    proof = tmp_path / "proof.json"
    arguments = ["--store", "pools", "--store", "index", "--processes", "3", "--write", str(proof)]
    assert run(["verify", "--json", "--http", "http://one:1/", *arguments]) == 0
    assert verified.options == VerifyOptions(
        stores=(StoreName.POOLS, StoreName.INDEX), http_urls=["http://one:1"], processes=3
    )
    assert verified.calls[0][1]["token"]() == "shown"
    assert json.loads(capfd.readouterr().out)["equal"] is True
    assert run(["verify", "--log-only", "--against", str(proof), "--unreadable", "4"]) == 0
    assert verified.options.log_only
    assert verified.options.unreadable == 4
    assert verified.options.against.proven == (PROVEN,)


def test_verify_of_stores_that_differ_exits_with_one(verified: Asked, capfd: Any) -> None:
    verified.answer = report(earlier=(Earlier(proven=PROVEN, now="x"),))
    assert run(["verify"]) == 1
    assert "was hash-0" in capfd.readouterr().out


@pytest.mark.parametrize("at", ["yesterday", "2026-03-31T23:59:59", "2026-03-31"])
def test_verify_of_a_time_without_its_zone_is_a_wrong_usage(at: str, capfd: Any) -> None:
    assert run(["verify", "--at", at]) == 2
    assert "with its zone" in " ".join(capfd.readouterr().err.replace("│", " ").split())


def test_verify_of_a_time_asks_for_that_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    asked.answer = report()
    monkeypatch.setattr(verify_module, "run_verify_past", asked)
    assert run(["verify", "--at", "2026-03-31T23:59:59Z"]) == 0
    assert asked.calls[0][0][2] == datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)


def test_rebuild_hands_on_what_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: Any
) -> None:
    asked = Asked()
    asked.answer = RebuildReport(results=(result(0),), written=True, fold_s=1.0, write_s=1.0)
    monkeypatch.setattr(rebuild_module, "run_rebuild", asked)
    into = tmp_path / "stores"
    assert run(["rebuild", "--replace", "--store", "correlations", "--processes", "1"]) == 0
    assert asked.options == RebuildOptions(
        stores=(StoreName.CORRELATIONS,), processes=1, replace=True
    )
    looked = ["--into", str(into), "--json", "--dry-run", "--unreadable", "4"]
    assert run(["rebuild", *looked]) == 0
    assert (asked.options.into, asked.options.dry_run) == (into, True)
    assert asked.options.unreadable == 4
    (tmp_path / "file").write_text("")
    assert run(["rebuild", "--into", str(tmp_path)]) == 2
    assert "is not empty" in capfd.readouterr().err
    assert not asked.options.writes


@pytest.mark.parametrize(("applied", "left", "code"), [(False, True, 1), (True, False, 0)])
def test_replay_exits_with_one_while_a_difference_is_left(
    monkeypatch: pytest.MonkeyPatch, applied: bool, left: bool, code: int, capfd: Any
) -> None:
    asked = Asked()
    findings = REPLAY.findings if left else REPLAY.findings[:1]
    asked.answer = replace(REPLAY, applied=applied, findings=findings)
    monkeypatch.setattr(replay_module, "run_replay", asked)
    arguments = ["--apply"] if applied else ["--correlation", "a", "--json"]
    assert run(["replay", *arguments]) == code
    correlations = frozenset() if applied else frozenset({"a"})
    assert asked.options == ReplayOptions(correlations=correlations, apply=applied)
    assert capfd.readouterr().out


def test_replay_that_could_not_read_everything_exits_with_one(
    monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    asked = Asked()
    asked.answer = replace(REPLAY, findings=(), unread_fault="two are unreadable")
    monkeypatch.setattr(replay_module, "run_replay", asked)
    assert run(["replay", "--unreadable", "1"]) == 1
    assert asked.options == ReplayOptions(unreadable=1)
    assert "two are unreadable" in capfd.readouterr().out
