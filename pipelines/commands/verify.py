"""`giftcert verify`: prove that the live stores, or a past state, are what the log folds into.

Owns what is printed and the exit code; `pipelines/rebuild/` does the work.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from pipelines.acls.access import access_for
from pipelines.acls.errands import Errand
from pipelines.caller_token import token_source
from pipelines.commands.proof_options import (
    AsJson,
    Bootstrap,
    Processes,
    Stores,
    Token,
    Unreadable,
    WriteTo,
    checked_time,
    checked_urls,
    chosen,
    wide_console,
)
from pipelines.interruption import stop_signals_interrupt
from pipelines.logs import configure_logs
from pipelines.progress import progress
from pipelines.rebuild.crew import usual_processes
from pipelines.rebuild.presentation import past_json, report_json, show, show_past
from pipelines.rebuild.proof import read_proof, write_proof
from pipelines.rebuild.verify import VerifyOptions, VerifyReport, run_verify
from pipelines.rebuild.verify_past import PastReport, run_verify_past
from pipelines.settings import load_settings


def verify(
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Prove the state as of this time, from the log alone, like 2026-03-31T23:59:59Z.",
        ),
    ] = None,
    log_only: Annotated[
        bool,
        typer.Option("--log-only", help="Fold and print the hashes; ask no live store."),
    ] = False,
    store: Stores = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with a proof that --write wrote earlier."),
    ] = None,
    write: WriteTo = None,
    as_json: AsJson = False,
    http: Annotated[
        list[str] | None,
        typer.Option(
            "--http",
            metavar="URL",
            help="A worker's listener, correlators too; give all of them. "
            "[default: those in the consumer groups]",
            show_default=False,
        ),
    ] = None,
    unreadable: Unreadable = 0,
    processes: Processes = None,
    bootstrap: Bootstrap = None,
    token: Token = None,
) -> None:
    """Fold the topics from their start through the real stages, and compare with the live stores.

    Nothing is written and no worker is disturbed. For each store and partition: the offsets, one
    hash, and every key that is not the same. Exit code 1 on a difference.

    \b
    Examples:
      GIFTCERT_TOKEN=$(giftcert token --client auditor) giftcert verify --write proof.json
      giftcert verify --log-only --against proof.json
      giftcert verify --at 2026-03-31T23:59:59Z --json
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    source = token_source(token)
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    earlier = None
    if against is not None:
        earlier = read_proof(
            against, topic_prefix=settings.topic_prefix, partitions=settings.partitions
        )
    options = VerifyOptions(
        stores=chosen(store),
        http_urls=checked_urls(http) or None,
        log_only=log_only,
        processes=processes or usual_processes(),
        against=earlier,
        unreadable=unreadable,
    )
    report: VerifyReport | PastReport
    with (
        stop_signals_interrupt(),
        access_for(Errand.FOLD, settings),
        progress("folding the topics") as advance,
    ):
        if at is None:
            report = run_verify(settings, options, token=source, advance=advance)
        else:
            report = run_verify_past(settings, options, checked_time(at), advance=advance)
    if write is not None:
        write_proof(report.proof(settings), write)
    _print(report, as_json=as_json)
    if not report.holds:
        raise typer.Exit(1)


def _print(report: VerifyReport | PastReport, *, as_json: bool) -> None:
    if as_json:
        body = report_json(report) if isinstance(report, VerifyReport) else past_json(report)
        typer.echo(json.dumps(body, ensure_ascii=False, indent=2))
    elif isinstance(report, VerifyReport):
        show(report, wide_console())
    else:
        show_past(report, wide_console())
