"""How a replay looks to a person, and as JSON.

Owns the words. Judges nothing.
"""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

from pipelines.rebuild.findings import COMMAND, DELIVERY, FACT, Finding, Verdict
from pipelines.rebuild.presentation import say
from pipelines.rebuild.replay_report import ReplayReport

SHOWN: Final = 100
_NAMES: Final = {FACT: "facts", DELIVERY: "deliveries", COMMAND: "commands"}


def show_replay(report: ReplayReport, console: Console) -> None:
    """Print what differs, what was appended or could be, and what has to be done by others."""
    console.print(_counts_table(report))
    for finding in report.findings[:SHOWN]:
        say(console, f"{finding}{_remedy(report, finding)}")
    if len(report.findings) > SHOWN:
        say(console, f"and {len(report.findings) - SHOWN:,} more; --json has them all")
    if report.underivable:
        where = f" (the beginning of {', '.join(report.gone)} is gone)" if report.gone else ""
        say(
            console,
            f"{report.underivable:,} records can not be made again from what the sources hold "
            f"now{where}: they are taken as they are",
        )
    if report.unreadable:
        say(console, f"{report.unreadable:,} records can not be read, as the dead letters say")
    if report.discarded:
        say(
            console,
            f"{report.discarded:,} records of the sources were discarded by a person, and nothing "
            "is made of them",
        )
    if report.unread_fault:
        say(console, f"NOTHING IS PROVEN: {report.unread_fault}")
    say(console, _verdict(report))


def _counts_table(report: ReplayReport) -> Table:
    table = Table(title="Derived again", title_justify="left")
    table.add_column("what")
    for name in ("equal", *(verdict.value for verdict in Verdict)):
        table.add_column(name, justify="right")
    counts = report.counts()
    for kind, name in _NAMES.items():
        found = (f"{counts[kind, verdict]:,}" for verdict in Verdict)
        table.add_row(name, f"{report.equal[kind]:,}", *found)
    return table


def _remedy(report: ReplayReport, finding: Finding) -> str:
    if report.repairs(finding):
        return " (appended)" if report.applied else " (--apply appends it)"
    return f" (not by appending: {_why(report, finding)})"


def _why(report: ReplayReport, finding: Finding) -> str:
    """What has to be done instead."""
    if finding.verdict is Verdict.EXTRA:
        return "what was written stays; what it did is for support to undo"
    if finding.kind == FACT and finding.record_id in report.aged:
        return (
            "its source is older than dead letters are kept, so nobody knows whether a person "
            "discarded it; --correlation with --apply appends it"
        )
    if finding.verdict is Verdict.MISSING:
        return "its correlation has other differences"
    if finding.kind == FACT:
        return "its owner tells it again under a new id, an order with a higher version"
    return "an id has one outcome for ever; what is wrong is for support to put right"


def _verdict(report: ReplayReport) -> str:
    speed = f"{report.records:,} records in {report.seconds:.1f} s"
    repairs = sum(len(ids) for ids in report.repairable.values())
    if not report.findings and report.unread_fault:
        return f"of what could be read, nothing differs; {speed}"
    if not report.findings:
        return f"today's code makes what is on the topics; {speed}"
    left = f"{len(report.left):,} of {len(report.findings):,} differences left"
    if report.applied:
        return f"{repairs:,} records appended, {left}; {speed}"
    return f"{len(report.findings):,} differences, of which --apply repairs {repairs:,}; {speed}"


def replay_json(report: ReplayReport) -> dict[str, Any]:
    """A replay, ready for a JSON encoder."""
    counts = report.counts()
    return {
        "applied": report.applied,
        "counts": {
            name: {
                "equal": report.equal[kind],
                **{verdict.value: counts[kind, verdict] for verdict in Verdict},
            }
            for kind, name in _NAMES.items()
        },
        "underivable": report.underivable,
        "unreadable": report.unreadable,
        "discarded": report.discarded,
        "unread": {"count": report.unread.count, "fault": report.unread_fault or None},
        "sourcesCut": list(report.gone),
        "differences": [
            {
                "kind": each.kind,
                "id": each.shown_id,
                "verdict": each.verdict.value,
                "text": each.text,
                "repairable": report.repairs(each),
            }
            for each in report.findings
        ],
        "left": len(report.left),
        "records": report.records,
        "seconds": round(report.seconds, 3),
    }
