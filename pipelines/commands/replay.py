"""`giftcert replay`: derive facts and commands again with today's code, and show what differs.

Owns what is printed and the exit code; `pipelines/rebuild/` does the work.
"""

import json
from typing import Annotated

import typer

from pipelines.acls.access import access_for
from pipelines.acls.errands import Errand
from pipelines.commands.proof_options import AsJson, Bootstrap, Unreadable, wide_console
from pipelines.interruption import stop_signals_interrupt
from pipelines.logs import configure_logs
from pipelines.progress import progress
from pipelines.rebuild.replay_presentation import replay_json, show_replay
from pipelines.rebuild.replay_report import ReplayOptions
from pipelines.rebuild.run_replay import run_replay
from pipelines.settings import load_settings


def replay(
    apply: Annotated[
        bool,
        typer.Option(
            "--apply", help="Append what is missing and safe to append, in one transaction."
        ),
    ] = False,
    correlation: Annotated[
        list[str] | None,
        typer.Option(
            "--correlation",
            metavar="ID",
            help="Only this one; may be given again.",
            show_default="all",
        ),
    ] = None,
    unreadable: Unreadable = 0,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
) -> None:
    """Show what would be on the topics had today's code been at work from the beginning.

    All_SalesOrder, All_Payments and All_Clients go through today's ingest, and the facts through
    today's correlation; what comes out is compared with GiftCertificates.Facts and .Commands by id
    and content. Nothing is changed without --apply, and with it nothing is written twice. Exit code
    1 when a difference is left.

    \b
    Examples:
      giftcert replay
      giftcert replay --correlation order-42 --json
      giftcert replay --apply
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    options = ReplayOptions(
        correlations=frozenset(correlation or ()), apply=apply, unreadable=unreadable
    )
    errand = Errand.APPEND if apply else Errand.REPLAY
    with (
        stop_signals_interrupt(),
        access_for(errand, settings),
        progress("deriving again") as advance,
    ):
        report = run_replay(settings, options, advance=advance)
    if as_json:
        typer.echo(json.dumps(replay_json(report), ensure_ascii=False, indent=2))
    else:
        show_replay(report, wide_console())
    if not report.clean:
        raise typer.Exit(1)
