"""`giftcert simulate`: the whole flow in one process, attacked by seeded histories.

Owns what is printed, the report and the exit code; `pipelines/simulation/` does the work.
"""

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.interruption import stop_signals_interrupt
from pipelines.progress import progress
from pipelines.simulation.campaign import Shortest, Sums, replayed, shortest, simulate
from pipelines.simulation.presentation import show_history, show_sums
from pipelines.simulation.steps import indexes_of


def simulate_command(
    seed: Annotated[int, typer.Option(min=0, help="The seed, or the first of several.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each run.")] = 3_000,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, one run each.")] = 1,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Processes to spread the seeds over. [default: one a core]"),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="STEPS",
            help="Perform these steps of the one seed only, like 3,17,20-25, and print each.",
        ),
    ] = None,
    at_least_commands: Annotated[
        int, typer.Option(min=0, help="Fail when the runs performed fewer commands in all.")
    ] = 0,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Do not stop at the first seed that fails.")
    ] = False,
    no_shrink: Annotated[
        bool, typer.Option("--no-shrink", help="Do not look for a shorter failing history.")
    ] = False,
    shrink_seconds: Annotated[
        int, typer.Option(min=1, help="How long to look for a shorter failing history.")
    ] = 120,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the sums and breaches as JSON.")
    ] = None,
) -> None:
    """Run the whole flow over a log in memory, break it in every way, and check all the laws.

    A seed decides everything: who buys and spends what, which process dies when, what is lost,
    late or told twice. Needs no Kafka. Exit code 1 when a law is broken: the shortest history that
    breaks it is printed, and the command that performs it again.

    \b
    Examples:
      giftcert simulate --seed 7
      giftcert simulate --seeds 1000 --at-least-commands 1000000
      giftcert simulate --seed 7 --only 3,17,20-25
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    console = Console()
    if only is not None:
        _replay(seed, steps, only, seeds, console)
        return
    span = range(seed, seed + seeds)
    spread = min(processes or os.cpu_count() or 1, seeds)
    with stop_signals_interrupt():
        with progress("simulating") as advance:
            sums = simulate(span, steps, processes=spread, keep_going=keep_going, advance=advance)
        show_sums(sums, console)
        _write_report(report, sums)
        if sums.failed and not no_shrink:
            _show_shortest(_shrink(sums, shrink_seconds), console)
    if sums.failed:
        raise typer.Exit(1)
    if sums.commands < at_least_commands:
        typer.echo(f"fewer than {at_least_commands:,} commands were performed", err=True)
        raise typer.Exit(1)


def _replay(seed: int, steps: int, only: str, seeds: int, console: Console) -> None:
    if seeds != 1:
        raise typer.BadParameter("names steps of one seed", param_hint="--only")
    try:
        places = indexes_of(only)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--only") from None
    if max(places) >= steps:
        raise typer.BadParameter(f"there are only {steps} steps", param_hint="--only")
    history, finished = replayed(seed, steps, places)
    show_history(history, finished, console)
    if finished.breaches:
        raise typer.Exit(1)


def _shrink(sums: Sums, seconds: int) -> Shortest:
    first = min(sums.failed, key=lambda failed: failed.seed)
    typer.echo(f"looking for a shorter history of seed {first.seed}, up to {seconds} s", err=True)
    return shortest(first, runs=5_000, seconds=seconds)


def _show_shortest(found: Shortest, console: Console) -> None:
    console.print(
        f"\nthe shortest failing history found, {len(found.history)} of {found.steps} steps "
        f"of seed {found.seed}:",
        highlight=False,
    )
    show_history(found.history, found.run, console)
    console.print(
        f"\nagain: {found.command}", soft_wrap=True, highlight=False, markup=False, emoji=False
    )


def _write_report(file: Path | None, sums: Sums) -> None:
    if file is None:
        return
    told = {
        "seeds": sums.runs,
        "steps": sums.steps,
        "commands": sums.commands,
        "seconds": round(sums.seconds, 1),
        "counters": dict(sorted(sums.counters.items())),
        "breaches": [
            {"seed": failed.seed, "steps": failed.steps, "law": breach.law, "text": breach.text}
            for failed in sums.failed
            for breach in failed.breaches
        ],
    }
    file.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
