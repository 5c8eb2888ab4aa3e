"""`giftcert audit`: check the laws over the whole stream and the live stores.

Owns what is printed and the exit code; `pipelines/audit/` does the work.
"""

import json
from typing import Annotated

import typer
from rich.console import Console

from pipelines.acls.access import access_for
from pipelines.acls.errands import Errand
from pipelines.addresses import web_address
from pipelines.audit.presentation import show
from pipelines.audit.run_audit import run_audit
from pipelines.caller_token import token_source
from pipelines.logs import configure_logs
from pipelines.progress import progress
from pipelines.settings import load_settings


def audit(
    stream_only: Annotated[
        bool, typer.Option("--stream-only", help="Do not ask the live stores; none need be up.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of tables.")
    ] = False,
    http: Annotated[
        list[str] | None,
        typer.Option(
            "--http",
            metavar="URL",
            help="A processor's edge; give all of them. [default: those in the consumer group]",
            show_default=False,
        ),
    ] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Kafka. [default: GIFTCERT_BOOTSTRAP]", show_default=False
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            help="What the processors are shown, with the scope certificates:audit; others on "
            "this machine see it here. [default: GIFTCERT_TOKEN, or what is in the file "
            "GIFTCERT_TOKEN_FILE]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check that no number was sold twice and no money came or went, and print the figures.

    Reads the whole of GiftCertificates.Stream and every live store; changes nothing. Exit code 1
    when a law is broken: every breach is named, with its place on the stream.

    \b
    Examples:
      giftcert audit
      GIFTCERT_TOKEN=$(giftcert token --client auditor) giftcert audit
      giftcert audit --stream-only --json
      giftcert audit --http http://127.0.0.1:8080 --http http://127.0.0.1:8081
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    source = token_source(token)
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    urls = [_checked(url) for url in http or []]
    with access_for(Errand.READ_STREAM, settings), progress("reading the stream") as advance:
        report = run_audit(
            settings, urls or None, token=source, stream_only=stream_only, advance=advance
        )
    if as_json:
        typer.echo(json.dumps(report.to_json(), ensure_ascii=False, indent=2))
    else:
        show(report, Console())
    if not report.holds:
        raise typer.Exit(1)


def _checked(url: str) -> str:
    try:
        return web_address(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--http") from None
