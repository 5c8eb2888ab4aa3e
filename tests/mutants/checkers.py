"""The two checkers as programs: run on a copied tree, and what they reported.

Owns the command lines and the reading of the reports. Judges nothing.
"""

import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

from pipelines.local.child import Child, stop_all
from tests.mutants.copied_tree import ROOT, environment_of
from tests.mutants.mutant import Catcher

FIRST_SEED: Final = 1
SEEDS: Final = 250
STEPS: Final = 1_000
"""Of each seed's run. The first run that breaks a law is the last; most defects show in a few."""
CHAOS_RUNS: Final = 8
"""A kill has to hit the few milliseconds in which a defect of the runtime does harm."""

_SIMULATION_TIMEOUT_S: Final = 1_800.0
_CHAOS_TIMEOUT_S: Final = 900.0
_STOP_TIMEOUT_S: Final = 20.0

_running: Final[set[Child]] = set()


class CheckerFailed(Exception):
    """A checker that ended in another way than with its verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach that a checker reported: of which law, and in its words."""

    law: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a checker says of a tree. `effort` is what it took, in words."""

    findings: tuple[Finding, ...]
    effort: str
    seconds: float


class Checker(Protocol):
    """A way to attack a tree."""

    def attack(self, tree: Path, faults: str = "") -> Verdict:
        """Attack until something is found or the budget is used. CheckerFailed.

        `faults`: only those kinds, separated by commas, where the checker has kinds of faults.
        """
        ...


class SimulationChecker:
    """One seed after the other, until one breaks a law."""

    def __init__(self, seeds: int = SEEDS, steps: int = STEPS) -> None:
        self._seeds = seeds
        self._steps = steps

    def attack(self, tree: Path, faults: str = "") -> Verdict:
        """Run the seeds on the tree."""
        assert not faults, "each seed draws its own"
        started_s = time.monotonic()
        command = [
            *("-m", "pipelines.cli", "simulate", "--no-shrink"),
            *("--seed", str(FIRST_SEED), "--seeds", str(self._seeds), "--steps", str(self._steps)),
            *("--processes", "1"),
        ]
        report = _reported(command, tree, _SIMULATION_TIMEOUT_S)
        return Verdict(
            findings=_findings(report),
            effort=f"{_counted(report['seeds'], 'seed')}, {_counted(report['steps'], 'step')}",
            seconds=time.monotonic() - started_s,
        )


class ChaosChecker:
    """One short run on real Kafka after the other, until one breaks a law."""

    def __init__(self, runs: int = CHAOS_RUNS) -> None:
        self._runs = runs

    def attack(self, tree: Path, faults: str = "") -> Verdict:
        """Run them with the workers of the tree."""
        started_s = time.monotonic()
        struck = operations = 0
        findings: tuple[Finding, ...] = ()
        for seed in range(FIRST_SEED, FIRST_SEED + self._runs):
            command = [
                *("-m", "tests.chaos", "--scenario", "workers"),
                *("--seed", str(seed), "--source", str(tree)),
                *(("--only", faults) if faults else ()),
            ]
            # The driver is the program's own, so that no defect reaches what judges it.
            report = _reported(command, ROOT, _CHAOS_TIMEOUT_S)
            struck += report["faults"]
            operations += report["operations"]
            if findings := _findings(report):
                break
        return Verdict(
            findings=findings,
            effort=f"{_counted(struck, 'fault')}, {_counted(operations, 'operation')}",
            seconds=time.monotonic() - started_s,
        )


CHECKERS: Final[dict[Catcher, type[SimulationChecker] | type[ChaosChecker]]] = {
    Catcher.SIMULATION: SimulationChecker,
    Catcher.CHAOS: ChaosChecker,
}


def stop_running() -> None:
    """End every checker that runs: whoever started them no longer waits."""
    stop_all(list(_running), _STOP_TIMEOUT_S)


def _reported(command: Sequence[str], tree: Path, timeout_s: float) -> dict[str, Any]:
    """Run a checker from a tree and read its report: exit 0 without a breach, 1 with one."""
    with TemporaryDirectory(prefix="giftcert-report-") as kept:
        file = Path(kept) / "report.json"
        child = Child(
            "a checker",
            [sys.executable, "-P", *command, "--report", str(file)],
            log_path=Path(kept) / "said.log",
            environment=environment_of(tree),
            death_signal=signal.SIGTERM,
        )
        _running.add(child)
        try:
            if not child.wait(timeout_s):
                raise CheckerFailed(f"no verdict within {timeout_s:.0f} s")
        finally:
            stop_all([child], _STOP_TIMEOUT_S)
            _running.discard(child)
        if child.exit_code() not in (0, 1) or not file.exists():
            raise CheckerFailed(f"ended with {child.exit_code()}: {child.log_tail()}")
        report = json.loads(file.read_text(encoding="utf-8"))
    assert isinstance(report, dict), "a report is an object"
    assert bool(report["breaches"]) == (child.exit_code() == 1), "the exit code is the verdict"
    return report


def _findings(report: dict[str, Any]) -> tuple[Finding, ...]:
    return tuple(Finding(law=each["law"], text=each["text"]) for each in report["breaches"])


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
