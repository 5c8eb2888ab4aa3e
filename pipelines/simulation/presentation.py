"""How simulated runs look to a person: sums, a failing history step by step, breaches.

Owns the words and the table. Judges nothing.
"""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from pipelines.simulation.campaign import Sums
from pipelines.simulation.simulation import Run
from pipelines.simulation.steps import Step

_BREACHES_SHOWN: Final = 20


def show_sums(sums: Sums, console: Console) -> None:
    """What all runs did, and the breaches of those that failed."""
    table = Table("what was done", "times", title="Simulated")
    table.columns[1].justify = "right"
    for name, count in sorted(sums.counters.items()):
        if count:
            table.add_row(name, f"{count:,}")
    console.print(table)
    for failed in sorted(sums.failed, key=lambda each: each.seed):
        _show_breaches(failed, console)
    rate = sums.commands / sums.seconds if sums.seconds else 0
    verdict = (
        "laws hold"
        if not sums.failed
        else f"{len(sums.failed):,} {'run' if len(sums.failed) == 1 else 'runs'} broke a law"
    )
    console.print(
        f"{verdict}: {sums.runs:,} seeds, {sums.steps:,} steps, {sums.commands:,} commands in "
        f"{sums.seconds:.1f} s ({rate:,.0f} a second)",
        soft_wrap=True,
        highlight=False,
    )


def show_history(history: Sequence[Step], finished: Run, console: Console) -> None:
    """Every step that was performed, what it did, and what came of it."""
    told = [*finished.told, *["not reached"] * (len(history) - len(finished.told))]
    for step, text in zip(history, told, strict=True):
        _say(console, f"{step.index:>6}  {step.kind:<14}  {text}")
    _show_breaches(finished, console)
    if not finished.breaches:
        _say(console, "laws hold")


def _show_breaches(finished: Run, console: Console) -> None:
    for breach in finished.breaches[:_BREACHES_SHOWN]:
        _say(console, f"seed {finished.seed}: law {breach.law} broken: {breach.text}")
    hidden = len(finished.breaches) - _BREACHES_SHOWN
    if hidden > 0:
        _say(console, f"seed {finished.seed}: and {hidden:,} more")


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False, emoji=False)
