"""What a rehearsal tells people and programs of itself: a summary, figures for a page, or JSON.

Owns the words and tables. A page keeps everything that stands outside the marks of the run's kind.
"""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from tests.rehearsal.outages import Outage
from tests.rehearsal.prober import Kind
from tests.rehearsal.rehearse import Rehearsal
from tests.rehearsal.rollout import Replacement

_SECOND_NS: Final = 1_000_000_000
_SHOWN_BREACHES: Final = 40
_EDGE: Final = (Kind.READ, Kind.WRITE)
_HEAD: Final = (
    "step",
    "pod away",
    "pods",
    "end: p50",
    "max",
    "start: p50",
    "max",
    "silent: p50",
    "max",
    "refused: max",
    "calls refused",
    "of",
)


def summary(rehearsal: Rehearsal) -> str:
    """What stands at the end on the terminal."""
    lines = [""]
    for each in rehearsal.replacements:
        lines.append(_line(each))
        felt = rehearsal.felt(each)
        lines += [
            f"    {kind.value:8}" + " ".join(_short(one) for one in felt if one.kind is kind)
            for kind in Kind
        ]
    findings = rehearsal.verdict.findings
    lines += [f"  {count:>9,} {what}" for what, count in sorted(findings.checked.items())]
    if not findings.breaches:
        return "\n".join([*lines, "", "no law was broken"])
    broken = [f"  {breach}" for breach in findings.breaches[:_SHOWN_BREACHES]]
    return "\n".join([*lines, "", "BROKEN:", *broken])


def _line(each: Replacement) -> str:
    return (
        f"{each.step.value} of {each.worker}, away {each.away_s:g} s: end {_shown(_end(each))}, "
        f"start {_shown(_start(each))}; by partition silent/refused s (calls refused)"
    )


def _short(outage: Outage) -> str:
    return f"{outage.silent_s:.1f}/{outage.refused_s:.1f}({outage.refused})"


def _end(each: Replacement) -> float | None:
    if not each.started_ns or not each.ended_ns:
        return None
    return (each.ended_ns - each.asked_ns) / _SECOND_NS


def _start(each: Replacement) -> float | None:
    return (each.ready_ns - each.started_ns) / _SECOND_NS if each.ready_ns else None


def write_report(path: Path, rehearsal: Rehearsal) -> None:
    """Write the figures between the marks of the page, or JSON where the file's name asks for it.

    ValueError when the page has no place for a run of this kind.
    """
    if path.suffix == ".json":
        path.write_text(as_json(rehearsal), encoding="utf-8")
        return
    begin, end = marks(rehearsal.options.on_stop)
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no {begin}")
    path.write_text(f"{before}{begin}\n\n{figures(rehearsal)}\n\n{end}{after}", encoding="utf-8")


def marks(on_stop: str) -> tuple[str, str]:
    """Between which lines of a page the figures of such a run stand."""
    return (
        f"<!-- measured: {on_stop}; `python -m tests.rehearsal --report` rewrites it -->",
        f"<!-- end of {on_stop} -->",
    )


def as_json(rehearsal: Rehearsal) -> str:
    """Everything, for programs."""
    content = {
        "scenario": rehearsal.options.name,
        "seed": rehearsal.options.seed,
        "onStop": rehearsal.options.on_stop,
        "breaches": [str(each) for each in rehearsal.verdict.findings.breaches],
        "checked": dict(sorted(rehearsal.verdict.findings.checked.items())),
        "replacements": [
            {
                "step": each.step.value,
                "worker": each.worker,
                "awayS": each.away_s,
                "endS": _end(each),
                "startS": _start(each),
                "partitions": [
                    {
                        "partition": one.partition,
                        "kind": one.kind.value,
                        "silentS": one.silent_s,
                        "refusedS": one.refused_s,
                        "asked": one.asked,
                        "refused": one.refused,
                    }
                    for one in rehearsal.felt(each)
                ],
            }
            for each in rehearsal.replacements
        ],
    }
    return json.dumps(content, indent=2) + "\n"


def figures(rehearsal: Rehearsal) -> str:
    """What a page shows of a run."""
    parts = [_facts(rehearsal), _table(_HEAD, _rows(rehearsal)), _breaches(rehearsal)]
    return "\n\n".join(part for part in parts if part)


def _facts(rehearsal: Rehearsal) -> str:
    verdict, options = rehearsal.verdict, rehearsal.options
    scenario, findings = options.scenario, verdict.findings
    began = datetime.fromtimestamp(verdict.began_s, UTC)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    asked = findings.checked["questions of the prober"]
    operations = len(verdict.history.operations)
    return (
        f"The run of {began:%Y-%m-%d %H:%M} UTC on {os.cpu_count()} cores and {memory:.0f} GiB "
        f"({platform.system()}), shared by all: {scenario.brokers} brokers "
        f"({verdict.broker.partition(',')[0]}), {scenario.processors} processors, "
        f"{scenario.correlators} correlators, {scenario.callers} callers; "
        f"{findings.checked['numbers']:,} numbers, {operations:,} operations, {asked:,} questions "
        f"of the prober; from version {options.version[:7]}; seed {options.seed}. "
        + ("**Broken: see below.**" if findings.breaches else "No law was broken.")
    )


def _breaches(rehearsal: Rehearsal) -> str:
    breaches = rehearsal.verdict.findings.breaches[:_SHOWN_BREACHES]
    return "\n".join(f"- {breach}" for breach in breaches)


def _rows(rehearsal: Rehearsal) -> list[list[str]]:
    """One row for each step, role and time that a pod was away, in the order of the run."""

    def kind_of(each: Replacement) -> tuple[str, str, float]:
        return each.step.value, each.worker.partition("-")[0], each.away_s

    settled = [each for each in rehearsal.replacements if each.settled_ns]
    rows: dict[tuple[str, str, float], list[Replacement]] = {}
    for kind, members in groupby(settled, kind_of):
        rows.setdefault(kind, []).extend(members)
    return [_row(rehearsal, role, members) for (_, role, _), members in rows.items()]


def _row(rehearsal: Rehearsal, role: str, members: Sequence[Replacement]) -> list[str]:
    asked_of = (Kind.EXPLAIN,) if role == "correlator" else _EDGE
    felt = [one for each in members for one in rehearsal.felt(each) if one.kind in asked_of]
    first = members[0]
    return [
        f"{first.step.value}, {role}",
        f"{first.away_s:g}",
        f"{len(members)}",
        *_middle_and_most(_end(each) for each in members),
        *_middle_and_most(_start(each) for each in members),
        *_middle_and_most(one.silent_s for one in felt),
        _shown(max(one.refused_s for one in felt)),
        f"{sum(one.refused for one in felt):,}",
        f"{sum(one.asked for one in felt):,}",
    ]


def _middle_and_most(seconds: Iterable[float | None]) -> list[str]:
    known = sorted(each for each in seconds if each is not None)
    if not known:
        return ["", ""]
    return [_shown(known[len(known) // 2]), _shown(known[-1])]


def _shown(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)
