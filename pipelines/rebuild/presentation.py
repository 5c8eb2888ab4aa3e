"""How proofs look to a person, and as JSON.

Owns the words and the tables. Judges nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from pipelines.audit.figures import MoneyFigures
from pipelines.contracts.amounts import minor_to_text
from pipelines.rebuild.partition_work import FoldResult
from pipelines.rebuild.rebuild import RebuildReport
from pipelines.rebuild.verify import Earlier, VerifyReport
from pipelines.rebuild.verify_past import PastReport
from pipelines.stores import StoreName

SHOWN: Final = 50
_HASH_SHOWN: Final = 16
"""Of the 64 characters; the JSON and the file have them all."""

_MONEY: Final = {
    "nominal": "nominal_minor",
    "refunded": "refunded_minor",
    "redeemed": "redeemed_minor",
    "annulled": "annulled_minor",
    "remaining": "remaining_minor",
    "held": "held_minor",
}


def show(report: VerifyReport, console: Console, *, table: bool = True) -> None:
    """Print a whole verification."""
    if table:
        console.print(results_table(report.results))
    lines = [
        f"{result.store}[{result.partition}] {difference}"
        for result in report.results
        for difference in result.compared.first
    ]
    _say_some(lines, sum(result.compared.count for result in report.results), console)
    _show_earlier(report.earlier, console)
    _show_unread(report.unread_fault, console)
    say(console, _verdict(report))


def show_past(report: PastReport, console: Console) -> None:
    """Print what was proven of a time."""
    console.print(results_table([result.fold for result in report.results]))
    if report.money:
        console.print(_money_table(report.money))
    lines = [line for result in report.results for line in result.disagreements]
    _say_some(lines, report.disagreeing, console)
    _show_earlier(report.earlier, console)
    if report.open_ended:
        say(
            console,
            f"in {report.open_ended} partitions nothing is newer than that time yet: a record that "
            "comes late with an earlier time would still change the proof",
        )
    _show_unread(report.unread_fault, console)
    verdict = "agree with the stream" if report.holds else "DO NOT AGREE"
    say(
        console,
        f"as of {report.at.isoformat()} {report.certificates:,} certificates {verdict}: "
        f"{_speed(report.performed, report.rate, report.seconds)}",
    )


def show_rebuild(report: RebuildReport, console: Console, *, into: Path | None) -> None:
    """Print what was rebuilt, and what comes next."""
    console.print(results_table(report.results))
    say_rebuilt(report, console, into=into)
    if any(result.store is StoreName.CORRELATIONS for result in report.results):
        say(
            console,
            "the correlations take every command that today's rules ask for as sent: if `giftcert "
            "replay` shows one that is missing, run `giftcert replay --apply` before a correlator "
            "is started",
        )
    if report.written:
        say(console, "now start the workers with empty volumes, then run `giftcert verify`")


def say_rebuilt(report: RebuildReport, console: Console, *, into: Path | None = None) -> None:
    """How much was rebuilt, and how fast, in one line."""
    folded = _speed(report.performed, report.performed / max(report.fold_s, 1e-9), report.fold_s)
    if report.written:
        rate = report.records / max(report.write_s, 1e-9)
        say(
            console,
            f"the changelogs are whole: {report.records:,} records written in "
            f"{report.write_s:.1f} s, {rate:,.0f} a second; {folded}",
        )
    elif into is not None:
        say(console, f"{report.records:,} records in stores under {into}; {folded}")
    else:
        say(console, f"nothing was written; it would be {report.records:,} records; {folded}")


def say(console: Console, line: str) -> None:
    """One line as it is, however wide the terminal."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def results_table(results: Sequence[FoldResult], *, title: str = "Stores") -> Table:
    """A row for each partition of each store."""
    asked = any(result.live_hash is not None for result in results)
    table = Table(title=title, title_justify="left")
    table.add_column("store")
    for name in ("partition", "offsets", "folded", "records"):
        table.add_column(name, justify="right")
    table.add_column("hash", no_wrap=True)
    if asked:
        table.add_column("live store")
    broken = any(result.broken for result in results)
    if broken:
        table.add_column("unreadable", justify="right")
    for result in results:
        table.add_row(
            result.store.value,
            str(result.partition),
            f"0..{result.end}",
            f"{result.performed:,}",
            f"{result.records:,}",
            result.hash[:_HASH_SHOWN],
            *([_against_live(result)] if asked else []),
            *([f"{result.broken:,}"] if broken else []),
        )
    return table


def _against_live(result: FoldResult) -> str:
    if result.equal is None:
        return "not asked"
    count = result.compared.count
    return "equal" if result.equal else f"DIFFERENT in {count:,} {'key' if count == 1 else 'keys'}"


def _show_earlier(earlier: Sequence[Earlier], console: Console) -> None:
    for each in earlier:
        place = f"{each.proven.store}[{each.proven.partition}] at offset {each.proven.end}"
        if each.now is None:
            say(console, f"{place}: the earlier proof was further than this one is")
        elif not each.equal:
            was, now = each.proven.hash[:_HASH_SHOWN], each.now[:_HASH_SHOWN]
            say(console, f"{place}: was {was}, and is {now} now")
    if earlier:
        equal = sum(each.equal for each in earlier)
        say(
            console, f"{equal} of {len(earlier)} partitions fold into the hash of the earlier proof"
        )


def _show_unread(fault: str, console: Console) -> None:
    if fault:
        say(console, f"NOTHING IS PROVEN: {fault}")


def _say_some(lines: Sequence[str], count: int, console: Console) -> None:
    for line in lines[:SHOWN]:
        say(console, line)
    if count > min(len(lines), SHOWN):
        say(console, f"and {count - min(len(lines), SHOWN):,} more")


def _verdict(report: VerifyReport) -> str:
    different = [result for result in report.results if result.equal is False]
    if report.workers is None:
        said = "the live stores were not asked"
    elif different:
        said = f"{len(different)} of {len(report.results)} partitions DIFFER from the log"
    else:
        records = sum(result.records for result in report.results)
        said = (
            f"equal: {records:,} records in {len(report.results)} partitions of {report.workers} "
            f"live {'worker' if report.workers == 1 else 'workers'}, key by key"
        )
    return f"{said}; {_speed(report.performed, report.rate, report.seconds)}"


def _speed(performed: int, rate: float, seconds: float) -> str:
    return f"{performed:,} records of the topics folded in {seconds:.1f} s, {rate:,.0f} a second"


def _money_table(figures: Sequence[MoneyFigures]) -> Table:
    table = Table(title="Money at that time", title_justify="left")
    table.add_column("currency")
    for name in ("certificates", *_MONEY):
        table.add_column(name, justify="right")
    for row in figures:
        amounts = (minor_to_text(getattr(row, name), row.currency) for name in _MONEY.values())
        table.add_row(row.currency, f"{row.certificates:,}", *amounts)
    return table


# JSON


def report_json(report: VerifyReport) -> dict[str, Any]:
    """A verification, ready for a JSON encoder."""
    return {
        "equal": report.holds,
        "workers": report.workers,
        "stores": [result_json(result) for result in report.results],
        "earlier": _earlier_json(report.earlier),
        "unread": _unread_json(report),
        "folded": report.performed,
        "seconds": round(report.seconds, 3),
        "rate": round(report.rate),
    }


def past_json(report: PastReport) -> dict[str, Any]:
    """What was proven of a time, ready for a JSON encoder."""
    return {
        "at": report.at.isoformat(),
        "agrees": report.holds,
        "certificates": report.certificates,
        "money": [
            {
                "currency": row.currency,
                "certificates": row.certificates,
                **{
                    name: minor_to_text(getattr(row, attribute), row.currency)
                    for name, attribute in _MONEY.items()
                },
            }
            for row in report.money
        ],
        "disagreeing": report.disagreeing,
        "disagreements": [line for result in report.results for line in result.disagreements],
        "stores": [result_json(result.fold) for result in report.results],
        "earlier": _earlier_json(report.earlier),
        "unread": _unread_json(report),
        "openEnded": report.open_ended,
        "folded": report.performed,
        "seconds": round(report.seconds, 3),
        "rate": round(report.rate),
    }


def _unread_json(report: VerifyReport | PastReport) -> dict[str, Any]:
    return {"count": report.unread.count, "fault": report.unread_fault or None}


def rebuild_json(report: RebuildReport) -> dict[str, Any]:
    """What was rebuilt, ready for a JSON encoder."""
    return {
        "written": report.written,
        "stores": [result_json(result) for result in report.results],
        "folded": report.performed,
        "foldSeconds": round(report.fold_s, 3),
        "records": report.records,
        "writeSeconds": round(report.write_s, 3),
    }


def result_json(result: FoldResult) -> dict[str, Any]:
    """One partition, ready for a JSON encoder."""
    return {
        "store": result.store.value,
        "partition": result.partition,
        "from": 0,
        "to": result.end,
        "folded": result.performed,
        "unreadable": result.broken,
        "records": result.records,
        "hash": result.hash,
        "liveHash": result.live_hash,
        "equal": result.equal,
        "differing": result.compared.count,
        "differences": [
            {"kind": each.kind, "subject": each.subject, "what": each.what}
            for each in result.compared.first
        ],
    }


def _earlier_json(earlier: Sequence[Earlier]) -> list[dict[str, Any]]:
    return [
        {
            "store": each.proven.store.value,
            "partition": each.proven.partition,
            "to": each.proven.end,
            "hash": each.proven.hash,
            "now": each.now,
            "equal": each.equal,
        }
        for each in earlier
    ]
