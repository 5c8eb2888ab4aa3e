"""`giftcert load`: certificate numbers from a file into a pool.

Owns what is printed and the exit code; `pipelines/loader/` does the work.
"""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.faults import EXIT_INTERRUPTED
from pipelines.interruption import stop_signals_interrupt
from pipelines.loader.load_file import LoadInterrupted, load_file
from pipelines.loader.outcomes import LoadSummary, Outcome
from pipelines.logs import configure_logs
from pipelines.progress import progress
from pipelines.settings import load_settings


def load(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.csv", help="UTF-8 CSV: certificateId, and perhaps pool."),
    ],
    pool: Annotated[str, typer.Option(help="The pool of the rows that name none.")] = "ELECTRONIC",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check form, duplicates and what is loaded already; send nothing."
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write what became of each row, with its whole number, as CSV."
        ),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Kafka. [default: GIFTCERT_BOOTSTRAP]", show_default=False
        ),
    ] = None,
) -> None:
    """Load certificate numbers into a pool; safe to run again.

    The good rows go in even where others are refused. Exit code 0 only if every row is in, by this
    or an earlier run of the same file; 1 if one is not. The same rows in another file are refused
    as DUPLICATE_NUMBER.

    \b
    Examples:
      giftcert load numbers.csv --dry-run
      giftcert load numbers.csv --pool PHYSICAL --report outcome.csv
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    try:
        with (
            stop_signals_interrupt(),
            progress(f"{'checking' if dry_run else 'loading'} {file.name}") as advance,
        ):
            summary = load_file(
                file, pool, settings, dry_run=dry_run, report=report, advance=advance
            )
    except LoadInterrupted as interrupted:
        typer.echo(said(interrupted.summary))
        typer.echo("interrupted: run the same command again to continue", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    typer.echo(said(summary))
    if report is not None:
        typer.echo(f"every row's outcome is in {report}")
    if not summary.complete:
        raise typer.Exit(1)


def said(summary: LoadSummary) -> str:
    """A load in one line."""
    parts = [
        f"{summary.count(outcome):,} {outcome.value}"
        for outcome in Outcome
        if summary.count(outcome)
    ]
    codes = ", ".join(f"{code} {count:,}" for code, count in sorted(summary.codes.items()))
    why = f" ({codes})" if codes else ""
    what = "dry run of load" if summary.dry_run else "load"
    return (
        f"{what} {summary.load_id}: {summary.rows:,} rows: {', '.join(parts)}{why}; "
        f"{summary.seconds:.1f} s"
    )
