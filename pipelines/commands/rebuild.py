"""`giftcert rebuild`: make lost changelogs anew from the retained topics.

Owns what is printed and the exit code; `pipelines/rebuild/` does the work.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.acls.access import access_for
from pipelines.acls.errands import Errand
from pipelines.commands.proof_options import (
    AsJson,
    Bootstrap,
    Processes,
    Stores,
    Unreadable,
    WriteTo,
    chosen,
    wide_console,
)
from pipelines.interruption import stop_signals_interrupt
from pipelines.logs import configure_logs
from pipelines.progress import progress
from pipelines.rebuild.crew import usual_processes
from pipelines.rebuild.presentation import rebuild_json, show_rebuild
from pipelines.rebuild.proof import write_proof
from pipelines.rebuild.rebuild import RebuildOptions, run_rebuild
from pipelines.rebuild.verify import proof_of
from pipelines.settings import load_settings
from pipelines.state_directory import outside_sources


def rebuild(
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Fold and print what would be written; workers may be running."
        ),
    ] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Delete changelog topics that hold records, and make them anew."
        ),
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Fold into RocksDB stores in this new directory, to look at; write no topic.",
            file_okay=False,
        ),
    ] = None,
    store: Stores = None,
    write: WriteTo = None,
    as_json: AsJson = False,
    unreadable: Unreadable = 0,
    processes: Processes = None,
    spool_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the folded records wait to be written; they take as much as the stores. "
            "[default: the system's place for temporary files]",
            show_default=False,
            exists=True,
            file_okay=False,
        ),
    ] = None,
    bootstrap: Bootstrap = None,
) -> None:
    """Fill missing or empty changelog topics, so that workers recover as if nothing had been lost.

    Stop every worker first and delete all of their volumes. The topics are folded up to just where
    the workers stopped, nothing is emitted, and all changelogs are written in one transaction; the
    workers started afterwards go on from there. Run it again whenever it was interrupted.

    \b
    Examples:
      giftcert rebuild --dry-run
      giftcert rebuild --write rebuilt.json
      giftcert rebuild --store correlations --replace
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    options = RebuildOptions(
        stores=chosen(store),
        processes=processes or usual_processes(),
        dry_run=dry_run,
        replace=replace,
        into=None if into is None else _fresh(into),
        spool_dir=spool_dir,
        unreadable=unreadable,
    )
    with stop_signals_interrupt(), access_for(_errand(options), settings):
        report = run_rebuild(settings, options, shown=progress)
    if write is not None:
        write_proof(proof_of(report.results, settings), write)
    if as_json:
        typer.echo(json.dumps(rebuild_json(report), ensure_ascii=False, indent=2))
    else:
        show_rebuild(report, wide_console(), into=into)


def _errand(options: RebuildOptions) -> Errand:
    if not options.writes:
        return Errand.FOLD
    return Errand.REPLACE if options.replace else Errand.REBUILD


def _fresh(path: Path) -> Path:
    """A directory of nobody's."""
    try:
        fresh = outside_sources(path.absolute())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--into") from None
    if fresh.exists() and any(fresh.iterdir()):
        raise typer.BadParameter(f"{path} is not empty", param_hint="--into")
    return fresh
