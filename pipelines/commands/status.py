"""`giftcert status`: one screen of how the service is, once or live, for who is on call.

Owns the options, what is printed and the exit code; `pipelines/status/` does the work.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from pipelines.acls.access import refusals_explained
from pipelines.acls.errands import Errand
from pipelines.addresses import web_address
from pipelines.commands.dlq_options import AsJson, Bootstrap
from pipelines.faults import OperatorError
from pipelines.interruption import stop_signals_interrupt
from pipelines.kafka_clients import following_password
from pipelines.logs import configure_logs
from pipelines.settings import Settings, load_settings
from pipelines.status.collecting import Collector
from pipelines.status.judgement import findings_of
from pipelines.status.presentation import screen, status_json
from pipelines.status.status import Status


def status(
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay and show it anew, until Ctrl-C.")
    ] = False,
    every_s: Annotated[
        float, typer.Option("--every", min=0.5, max=3600.0, help="With --watch: seconds between.")
    ] = 2.0,
    auditor: Annotated[
        str | None,
        typer.Option(
            "--auditor",
            metavar="URL",
            help="Where the auditor listens. [default: GIFTCERT_AUDITOR_URL]",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
) -> None:
    """Show on one screen whether a person has to act, and about what.

    Workers and their partitions, how far they are behind, pools and when they will be empty, open
    reservations and holds, dead letters, laws, alerts of the last hour, versions. Asks Kafka, and
    every worker under the address it gave its group; needs no token and changes nothing. Takes
    three seconds at most: what does not answer by then is shown as such.

    Exit code 0 when all is well, 1 when a person has to act, 3 when Kafka is not reached or says
    no.

    \b
    Examples:
      giftcert status
      giftcert status --watch
      giftcert status --json --auditor http://auditor:9090
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    if watch and as_json:
        raise typer.BadParameter("it is for people: leave one of --watch and --json out")
    settings = load_settings({"bootstrap": bootstrap, "auditor_url": _checked(auditor)})
    configure_logs(settings.log_level, settings.log_format)
    console = Console(markup=False, highlight=False)
    if watch and not console.is_terminal:
        raise typer.BadParameter("--watch needs a terminal; without it there is --json")
    with (
        stop_signals_interrupt(),
        following_password(settings),
        Collector(settings, settings.auditor_url) as collector,
    ):
        collect = partial(_collected, collector, settings)
        latest = _watched(collect, console, every_s) if watch else collect()
        # Before anything is closed: who waits for a screen does not wait for that.
        if as_json:
            typer.echo(json.dumps(status_json(latest), ensure_ascii=False, indent=2))
        else:
            console.print(screen(latest))
    if findings_of(latest):
        raise typer.Exit(1)


def _collected(collector: Collector, settings: Settings) -> Status:
    # Nothing is asked before: a status is in a hurry, and Kafka may come later to who watches.
    with refusals_explained(Errand.STATUS, settings):
        return collector.collect()


def _watched(collect: Callable[[], Status], console: Console, every_s: float) -> Status:
    """Show it again and again until Ctrl-C; what was seen last.

    Kafka may come and go meanwhile; where it is away at the end, its fault is raised.
    """
    latest: Status | None = None
    trouble: OperatorError | None = None
    # The alternate screen: one picture is exchanged for the next, and the shell's own comes back.
    with (
        Live(console=console, screen=True, auto_refresh=False) as live,
        suppress(KeyboardInterrupt),
    ):
        while True:
            began_s = time.monotonic()
            try:
                latest, trouble = collect(), None
            except OperatorError as fault:
                trouble = fault
            live.update(_picture(latest, trouble), refresh=True)
            time.sleep(max(0.0, every_s - (time.monotonic() - began_s)))
    if latest is None or trouble is not None:
        raise trouble or KeyboardInterrupt
    return latest


def _picture(latest: Status | None, trouble: OperatorError | None) -> RenderableType:
    if latest is None:
        return Text(str(trouble))
    return screen(latest, trouble="" if trouble is None else str(trouble))


def _checked(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        return web_address(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--auditor") from None
