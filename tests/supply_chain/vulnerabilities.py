"""Known vulnerabilities of what the lock pins, by pip-audit and the index's own list.

Owns the verdict. pip-audit ends well, with "No known vulnerabilities found", also when the service
knew none of the packages: here what was not looked up is not passed, and said.
"""

import datetime
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.supply_chain.locked import EVERYTHING

IGNORED_FILE: Final = Path(__file__).with_name("ignored-vulnerabilities.toml")
FOUND: Final = 1
NOT_LOOKED_UP: Final = 75
"""sysexits.h: EX_TEMPFAIL. Nothing is known; try again."""

_TIMEOUT_S: Final = 180
_SOCKET_S: Final = 10
_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A vulnerability of a package that is passed over until a day, and why."""

    id: str
    package: str
    reason: str
    until: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found, what was passed over, and what could not be looked up."""

    looked_up: int
    findings: tuple[str, ...]
    ignored: tuple[str, ...]
    not_looked_up: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        if self.findings:
            return FOUND
        return NOT_LOOKED_UP if self.not_looked_up or not self.looked_up else 0


def ignored_in(text: str) -> tuple[Ignored, ...]:
    """The entries of the file. Each needs all four."""
    rows: Sequence[Mapping[str, Any]] = tomllib.loads(text).get("ignored", [])
    return tuple(Ignored(**row) for row in rows)


def judged(report: Mapping[str, Any], ignored: Iterable[Ignored], today: datetime.date) -> Verdict:
    """A report of pip-audit, judged."""
    passed = {(each.package, each.id): each for each in ignored}
    findings: list[str] = []
    over: list[str] = []
    unknown: list[str] = []
    looked_up = 0
    for package in report["dependencies"]:
        name = package["name"]
        if "skip_reason" in package:
            unknown.append(name)
            continue
        looked_up += 1
        for found in package["vulns"]:
            ids = [found["id"], *found.get("aliases", ())]
            told = f"{name} {package['version']}: {', '.join(ids)}; mended in " + (
                ", ".join(found.get("fix_versions", ())) or "no version yet"
            )
            entry = next((passed[name, each] for each in ids if (name, each) in passed), None)
            if entry is None:
                findings.append(told)
            elif entry.until < today:
                findings.append(f"{told}; passed over until {entry.until}: {entry.reason}")
            else:
                over.append(f"{told}; until {entry.until}: {entry.reason}")
    return Verdict(
        looked_up=looked_up,
        findings=tuple(findings),
        ignored=tuple(over),
        not_looked_up=tuple(unknown),
    )


def audit(*, unreachable_is_skipped: bool) -> int:
    """Look all of it up and say what came of it; the exit code."""
    ignored = ignored_in(IGNORED_FILE.read_text(encoding="utf-8"))
    report, complaint = _report()
    verdict = judged(report, ignored, datetime.datetime.now(tz=datetime.UTC).date())
    for line in lines_of(verdict, complaint, unreachable_is_skipped=unreachable_is_skipped):
        print(line)
    if verdict.exit_code == NOT_LOOKED_UP and unreachable_is_skipped:
        return 0
    return verdict.exit_code


def lines_of(verdict: Verdict, complaint: str, *, unreachable_is_skipped: bool) -> list[str]:
    """What a person reads."""
    lines = [f"vulnerable: {each}" for each in verdict.findings]
    lines += [f"passed over: {each}" for each in verdict.ignored]
    if verdict.not_looked_up or not verdict.looked_up:
        word = "skipped" if unreachable_is_skipped else "not audited"
        names = ", ".join(verdict.not_looked_up[:_NAMED])
        more = len(verdict.not_looked_up) - _NAMED
        which = f": {names}{f' and {more} more' if more > 0 else ''}" if names else ""
        lines.append(
            f"{word}: the vulnerability service was not reached, or does not know "
            f"{len(verdict.not_looked_up) or 'any'} packages{which}. This is no pass. {complaint}"
        )
    lines.append(f"{verdict.looked_up} packages looked up, {len(verdict.findings)} findings")
    return [line.rstrip() for line in lines]


def _report() -> tuple[dict[str, Any], str]:
    """pip-audit's own report; without packages when there is none, with its last words."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(_SOCKET_S)]
    command += ["--requirement", str(EVERYTHING)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {"dependencies": []}, f"pip-audit did not end within {_TIMEOUT_S} s"
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        words = done.stderr.strip().splitlines() or ["it said nothing"]
        return {"dependencies": []}, f"pip-audit: {words[-1]}"
    return report, ""
