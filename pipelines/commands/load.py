"""`giftcert load`: certificate numbers from a file into their pools.

Owns what is printed and the exit code; `pipelines/loader/` does the work.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipelines.faults import EXIT_INTERRUPTED
from pipelines.interruption import stop_signals_interrupt
from pipelines.loader.load_file import LoadInterrupted, load_file
from pipelines.loader.outcomes import LoadSummary, Outcome
from pipelines.loader.report_csv import shown_masked
from pipelines.logs import configure_logs
from pipelines.progress import progress
from pipelines.settings import load_settings


def load(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="CSV or Parquet with the columns certificateId and perhaps pool."
        ),
    ],
    pool: Annotated[str, typer.Option(help="The pool of the rows that name none.")] = "ELECTRONIC",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check the file, and which of its numbers are there already and in which state; "
            "send nothing.",
        ),
    ] = False,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Write what became of the rows: FILE.csv has every row, with its whole number "
            "(after a dry run its last four characters); FILE.html is a page to print. May be "
            "given again.",
            show_default=False,
        ),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Kafka. [default: GIFTCERT_BOOTSTRAP]", show_default=False
        ),
    ] = None,
) -> None:
    """Load certificate numbers into their pools; safe to run again.

    The good rows go in even where others are refused. However a run ended, the same command goes
    on, loads nothing twice, and reports on the whole file. Exit code 0 only if every row is in, by
    this or an earlier run of the same file; 1 if one is not. The same rows in another file are
    refused as DUPLICATE_NUMBER.

    \b
    Examples:
      giftcert load numbers.csv --dry-run
      giftcert load numbers.csv --pool PHYSICAL --report outcome.csv --report outcome.html
      giftcert load numbers.parquet
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    reports = report or []
    try:
        with stop_signals_interrupt():
            summary = load_file(
                file, pool, settings, dry_run=dry_run, reports=reports, watch=progress
            )
    except LoadInterrupted as interrupted:
        _say(interrupted.summary, reports)
        typer.echo("interrupted: run the same command again to continue", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    _say(summary, reports)
    if not summary.complete:
        raise typer.Exit(1)


def _say(summary: LoadSummary, reports: list[Path]) -> None:
    typer.echo(said(summary))
    for line in details(summary):
        typer.echo(line)
    for path in reports:
        typer.echo(f"report: {path}")


def said(summary: LoadSummary) -> str:
    """A load in one line."""
    parts = [
        f"{summary.count(outcome):,} {outcome.value}"
        for outcome in Outcome
        if summary.count(outcome)
    ]
    why = f" ({_counted(summary.codes)})" if summary.codes else ""
    what = "dry run of load" if summary.dry_run else "load"
    rate = f", {summary.rate:,} rows a second" if summary.rate else ""
    return (
        f"{what} {summary.load_id}: {summary.rows:,} rows: {', '.join(parts)}{why}; "
        f"{summary.seconds:.1f} s{rate}"
    )


def details(summary: LoadSummary) -> Iterator[str]:
    """Which pools, which states, and the first rows that are not in; numbers by their last four."""
    if summary.pools:
        yield f"  {'would go' if summary.dry_run else 'are'} in: {_counted(summary.pools)}"
    if summary.states:
        yield f"  were there already: {_counted(summary.states)}"
    for line, number, _, result in summary.first_bad:
        text = result.text or result.outcome.value
        yield f"  line {line} {shown_masked(number)}: {result.code}: {text}"
    unnamed = summary.rows - summary.good - len(summary.first_bad)
    if unnamed > 0:
        yield f"  and {unnamed:,} more: --report FILE.csv names them all"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
