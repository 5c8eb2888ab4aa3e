"""`giftcert show`: what happened to one certificate, from the stream, for support and on-call.

Owns the options, what is printed and the exit code; `pipelines/timeline/` does the work.
"""

import json
import sys
from datetime import datetime, tzinfo
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console

from pipelines.acls.access import access_for
from pipelines.acls.errands import Errand
from pipelines.commands.dlq_options import AsJson, Bootstrap, now_ms
from pipelines.dlq.selection import moment
from pipelines.faults import OperatorError
from pipelines.logs import configure_logs
from pipelines.progress import progress
from pipelines.settings import load_settings
from pipelines.timeline.presentation import show_timeline, timeline_json
from pipelines.timeline.reading import records_of
from pipelines.timeline.timeline import last_four, timeline_of
from state.certificate.numbers import fault_of

_FROM_INPUT: Final = "-"


class NoSuchCertificate(OperatorError):
    """The stream tells nothing of the number, or nobody ever loaded it."""


def show(
    certificate: Annotated[
        str,
        typer.Argument(
            metavar="CERTIFICATE",
            help="The whole number; `-` reads it from standard input, where no shell keeps it.",
        ),
    ],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only what is written since: 90m, 12h or 2d ago, or like 2026-03-31T12:00:00Z. "
            "Quicker where the topic is long.",
            show_default=False,
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Zone of the times shown, like Europe/Moscow. [default: this machine's]",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
) -> None:
    """Show the story of one certificate: every event, its money, and how the certificate stands.

    Reads its partition of GiftCertificates.Stream and changes nothing; no worker and no token is
    needed. The number is shown by its last four, codes and addresses are not there at all.
    Exit code 1 when there is no such certificate.

    \b
    Examples:
      giftcert show GC-2026-00000042
      giftcert show GC-2026-00000042 --time-zone Europe/Moscow --since 30d
      giftcert show - --json < number.txt
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    number = _number(certificate)
    since_ms = None if since is None else _since(since)
    zone = _zone(time_zone)
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    with (
        access_for(Errand.READ_STREAM, settings),
        progress("reading its partition of the stream") as advance,
    ):
        records = records_of(number, settings, since_ms=since_ms, advance=advance)
    timeline = timeline_of(number, records, from_start=since_ms is None)
    if as_json:
        typer.echo(json.dumps(timeline_json(timeline), ensure_ascii=False, indent=2))
    elif records:
        show_timeline(timeline, zone, Console(markup=False, highlight=False))
    if not timeline.loaded:
        raise NoSuchCertificate(_nothing(number, seen=bool(records), since=since))


def _nothing(number: str, *, seen: bool, since: str | None) -> str:
    shown = last_four(number)
    if since is not None:
        return f"nothing happened to {shown} since {since}: look without --since"
    if seen:
        return f"{shown} was never loaded: somebody asked for a number that there is not"
    return f"there is no certificate {shown}: compare the number with the card or the message"


def _number(given: str) -> str:
    """The number as the stream has it. BadParameter, which never repeats it."""
    text = sys.stdin.readline() if given == _FROM_INPUT else given
    number = "".join(text.split()).upper()
    fault = fault_of(number)
    if fault is not None:
        raise typer.BadParameter(f"the number {fault}", param_hint="CERTIFICATE")
    return number


def _since(text: str) -> int:
    try:
        return moment(text, now_ms())
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "it is neither like 90m, 12h or 2d nor a time with its zone", param_hint="--since"
        ) from None


def _zone(name: str | None) -> tzinfo:
    if name is None:
        here = datetime.now().astimezone().tzinfo
        assert here is not None, "a local time has a zone"
        return here
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(
            "no such time zone on this machine; names are like Europe/Moscow",
            param_hint="--time-zone",
        ) from None
