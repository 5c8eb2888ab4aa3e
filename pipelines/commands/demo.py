"""`giftcert demo`: one real year of retail through a fresh stack, then the audit.

Owns the options, what is printed and the exit code; `pipelines/demo/` does the work.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipelines.demo.baskets import DATA_SETS, BasketData, completejourney_files
from pipelines.demo.progress import Meter
from pipelines.demo.report import show
from pipelines.demo.run_demo import DemoOptions, run_demo
from pipelines.interruption import stop_signals_interrupt
from pipelines.logs import configure_logs


def demo(
    data: Annotated[
        str, typer.Option(metavar="NAME", help=f"The data set: {', '.join(DATA_SETS)}.")
    ] = DATA_SETS[0],
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Only the first so many baskets. [default: all]"),
    ] = None,
    broker: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="auto, apache, docker, embedded, or HOST:PORT of one that runs.",
        ),
    ] = "auto",
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="An empty directory to keep everything in. [default: a temporary one]",
            file_okay=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed tells another story.")] = 1,
    prove: Annotated[
        bool,
        typer.Option(
            "--prove",
            help="At the end lose every changelog and volume, rebuild them from the topics, and "
            "prove the stores equal.",
        ),
    ] = False,
    stay: Annotated[
        bool,
        typer.Option(
            "--stay",
            help="Keep everything running after the report, to look at and to click, until Ctrl-C.",
        ),
    ] = False,
) -> None:
    """Play one real year of a grocery chain, sell and spend its gift cards, and audit the result.

    Starts a stack of its own, with a store, a till, a CRM and a BI mart, says where they are, and
    ends it. What somebody buys there before the report is not in the demo's book, and is named as a
    difference. Everything a person may read goes before the last line
    of standard output, which is one JSON object. Exit code 1 when a law is broken, or when the
    stream is not what the demo's own book says it must be.

    \b
    Examples:
      giftcert demo
      giftcert demo --limit 5000 --broker embedded
      giftcert demo --prove
      giftcert demo --limit 5000 --stay
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    if data not in DATA_SETS:
        raise typer.BadParameter(f"choose {', '.join(DATA_SETS)}", param_hint="--data")
    configure_logs("WARNING", "console")
    options = DemoOptions(broker=broker, data_dir=data_dir, seed=seed, prove=prove, stay=stay)
    basket_data = BasketData(completejourney_files(), limit=limit)
    meter = Meter(Console(stderr=True))
    try:
        with stop_signals_interrupt():
            result = run_demo(
                options, basket_data, meter, report=lambda told: show(told, sys.stdout)
            )
    finally:
        basket_data.close()
    if not result.holds:
        raise typer.Exit(1)
