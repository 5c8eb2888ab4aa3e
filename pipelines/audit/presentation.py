"""How an audit's report looks to a person: tables of figures, a verdict on each law, breaches.

Owns the words and the tables. Judges nothing.
"""

from typing import Final

from rich.console import Console
from rich.table import Table

from pipelines.audit.breaches import LAWS
from pipelines.audit.figures import MoneyFigures
from pipelines.audit.report import AuditReport
from pipelines.contracts.amounts import minor_to_text

BREACHES_SHOWN: Final = 50


def show(report: AuditReport, console: Console) -> None:
    """Print the whole report."""
    if report.stock:
        console.print(_stock_table(report))
    if report.money:
        console.print(_money_table(report))
    for breach in report.breaches[:BREACHES_SHOWN]:
        console.print(str(breach), soft_wrap=True, highlight=False, markup=False)
    hidden = report.breach_total - min(len(report.breaches), BREACHES_SHOWN)
    if hidden:
        kinds = ", ".join(f"{kind.value} {n:,}" for kind, n in sorted(report.breach_counts.items()))
        console.print(f"and {hidden:,} more; in all: {kinds}", soft_wrap=True, highlight=False)
    for law, says in LAWS.items():
        broken = report.broken(law)
        verdict = f"BROKEN {broken:,} {'time' if broken == 1 else 'times'}" if broken else "holds"
        console.print(f"law {law} {verdict}: {says}", soft_wrap=True, highlight=False)
    console.print(_summary(report), soft_wrap=True, highlight=False)


def _summary(report: AuditReport) -> str:
    read = f"{report.events:,} events of {report.certificates:,} certificates"
    if report.live is None:
        compared = "the live stores were not asked"
    else:
        live = report.live
        compared = (
            f"{live.certificates:,} records in {live.partitions} partitions of {live.processors} "
            f"live {'processor' if live.processors == 1 else 'processors'} compared"
        )
    found = f"{report.breach_total:,} {'breach' if report.breach_total == 1 else 'breaches'}"
    verdict = "laws hold" if report.holds else found
    return f"{verdict}: {read}; {compared}; {report.seconds:.1f} s"


def _stock_table(report: AuditReport) -> Table:
    table = Table(title="Numbers", title_justify="left")
    table.add_column("pool")
    for name in ("loaded", "available", "reserved", "sold", "ended"):
        table.add_column(name, justify="right")
    for row in report.stock:
        counts = (row.loaded, row.available, row.reserved, row.sold, row.ended)
        table.add_row(row.pool, *(f"{count:,}" for count in counts))
    return table


def _money_table(report: AuditReport) -> Table:
    table = Table(title="Money", title_justify="left")
    table.add_column("currency")
    table.add_column("pool")
    table.add_column("certificates", justify="right")
    for name in ("nominal", "+ refunded", "- redeemed", "- annulled", "= remaining", "held"):
        table.add_column(name, justify="right")
    unexplained = any(row.unexplained_minor for row in report.money)
    if unexplained:
        table.add_column("unexplained", justify="right", style="bold red")
    for row in report.money:
        amounts = [
            row.nominal_minor,
            row.refunded_minor,
            row.redeemed_minor,
            row.annulled_minor,
            row.remaining_minor,
            row.held_minor,
            *([row.unexplained_minor] if unexplained else []),
        ]
        table.add_row(
            row.currency,
            row.pool or "all",
            f"{row.certificates:,}",
            *(_text(amount, row) for amount in amounts),
            style=None if row.pool else "bold",
        )
    return table


def _text(amount_minor: int, row: MoneyFigures) -> str:
    return minor_to_text(amount_minor, row.currency)
