"""`giftcert dlq`: look at the records that could not be read, retry them, or discard them.

Owns the options, what is printed and the exit code; `pipelines/dlq/` does the work.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from pipelines.acls.access import access_for
from pipelines.acls.errands import Errand
from pipelines.commands.dlq_options import (
    AsJson,
    Bootstrap,
    By,
    DryRun,
    Every,
    OfCode,
    OfTopic,
    Places,
    Since,
    meant,
    named,
    now_ms,
    said,
    selected,
)
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.desk import Desk, look_at_topics, read_queue
from pipelines.dlq.letters import LetterQueue
from pipelines.dlq.opening import opened_letter
from pipelines.dlq.presentation import (
    handled_json,
    letter_json,
    row_json,
    show_handled,
    show_letter,
    show_list,
)
from pipelines.dlq.repair import Repair, attempt
from pipelines.dlq.resolving import Fate, Handled, Orders, handle
from pipelines.dlq.selection import Selection
from pipelines.faults import OperatorError
from pipelines.interruption import stop_signals_interrupt
from pipelines.logs import configure_logs
from pipelines.progress import progress
from pipelines.settings import Settings, load_settings

_LIST_EXAMPLES: Final = """\b
Examples:
  giftcert dlq list
  giftcert dlq list --topic All_Payments --code UNKNOWN_SCHEMA --since 2d
  giftcert dlq list --all --json
"""
_SHOW_EXAMPLES: Final = """\b
Examples:
  giftcert dlq show 2:17
"""
_RETRY_EXAMPLES: Final = """\b
Examples:
  giftcert dlq retry 2:17 --dry-run
  giftcert dlq retry 2:17 0:4
  giftcert dlq retry --every --topic All_Payments --code UNKNOWN_SCHEMA
"""
_DISCARD_EXAMPLES: Final = """\b
Examples:
  giftcert dlq discard 2:17 --reason "the channel sent the order again"
  giftcert dlq discard --every --code EMPTY --reason "tombstones" --by anna
"""
_WRITES: Final = (RecordName.FACT, RecordName.COMMAND)

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


class NoSuchLetter(OperatorError):
    """No letter lies where one was named: a wrong place, or it was deleted by age."""


@app.command("list", epilog=_LIST_EXAMPLES)
def list_letters(
    topic: OfTopic = None,
    code: OfCode = None,
    since: Since = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also letters that were retried or discarded.")
    ] = False,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
) -> None:
    """List the letters that nothing was done about yet; red are those soon deleted by age."""
    settings = _settings(bootstrap)
    selection = selected(settings, None, topic, code, since)
    queue = _read(settings)
    letters = list(selection.of(queue, resolved=show_all))
    if as_json:
        _print_json([row_json(queue, letter, settings) for letter in letters])
    else:
        show_list(queue, letters, settings, now_ms(), Console(markup=False, highlight=False))


@app.command("show", epilog=_SHOW_EXAMPLES)
def show_one(
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="As `list` names it, like 2:17.")],
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
) -> None:
    """Show one letter: where it was, what is wrong, and as much of it as can be read.

    Certificate numbers are cut to their last four; addresses, and bytes that may be text, are not
    shown.
    """
    settings = _settings(bootstrap)
    selection = selected(settings, [letter], None, None, None)
    queue = _read(settings)
    _require(selection, queue)
    framing = framing_for(settings)
    found = queue.letters[selection.places[0]]
    opened = opened_letter(found, settings, framing)
    judged = attempt(Repair(settings, framing), found)
    retry = judged.says if judged.records is None else f"would write {judged.says}"
    if as_json:
        _print_json(letter_json(queue, found, opened, retry, settings))
    else:
        show_letter(queue, found, opened, retry, settings, Console(markup=False, highlight=False))


@app.command("retry", epilog=_RETRY_EXAMPLES)
def retry(
    letters: Places = None,
    every: Every = False,
    topic: OfTopic = None,
    code: OfCode = None,
    since: Since = None,
    dry_run: DryRun = False,
    by: By = None,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
) -> None:
    """Do what the records should have caused, by today's code and settings; each once.

    A record of ours is written again where it belongs; one of the others' topics is put through
    today's ingest. What is still broken stays open and says why, with exit code 1; so does, with
    --every, a command of a caller or a timer: name it, if its effect is wanted yet.
    Give it the correlator's settings. Safe to repeat, and whatever is killed when.
    """
    settings = _settings(bootstrap)
    selection = meant(settings, letters, every, topic, code, since)
    framing = framing_for(settings, _WRITES)
    orders = Orders(by=named(by), repair=Repair(settings, framing))
    _carry_out(settings, selection, orders, dry_run=dry_run, as_json=as_json)


@app.command("discard", epilog=_DISCARD_EXAMPLES)
def discard(
    reason: Annotated[str, typer.Option(help="Why nothing is to come of it; kept with it.")],
    letters: Places = None,
    every: Every = False,
    topic: OfTopic = None,
    code: OfCode = None,
    since: Since = None,
    dry_run: DryRun = False,
    by: By = None,
    as_json: AsJson = False,
    bootstrap: Bootstrap = None,
) -> None:
    """Close letters that need no retry, with the reason and who said so; each once."""
    settings = _settings(bootstrap)
    selection = meant(settings, letters, every, topic, code, since)
    orders = Orders(by=named(by), reason=said(reason, "--reason"))
    _carry_out(settings, selection, orders, dry_run=dry_run, as_json=as_json)


def _carry_out(
    settings: Settings, selection: Selection, orders: Orders, *, dry_run: bool, as_json: bool
) -> None:
    if dry_run:
        with access_for(Errand.TRY_RETRY, settings):
            look_at_topics(settings)
            queue = _queue(settings)
        _require(selection, queue)
        handled = handle(queue, selection, orders, None, lambda _done, _total: None)
    else:
        errand = Errand.DISCARD if orders.repair is None else Errand.RETRY
        with stop_signals_interrupt(), access_for(errand, settings), Desk(settings) as desk:
            with progress("reading the dead letters") as advance:
                queue = desk.queue(advance)
            _require(selection, queue)
            with progress("resolving") as advance:
                handled = handle(queue, selection, orders, desk, advance)
    _tell(handled, settings, as_json=as_json)


def _tell(handled: Sequence[Handled], settings: Settings, *, as_json: bool) -> None:
    if as_json:
        _print_json(handled_json(handled))
    else:
        show_handled(handled, settings, Console(markup=False, highlight=False))
    if any(each.fate is Fate.STAYS for each in handled):
        raise typer.Exit(1)


def _settings(bootstrap: str | None) -> Settings:
    settings = load_settings({"bootstrap": bootstrap})
    configure_logs(settings.log_level, settings.log_format)
    return settings


def _read(settings: Settings) -> LetterQueue:
    with access_for(Errand.READ_LETTERS, settings):
        return _queue(settings)


def _queue(settings: Settings) -> LetterQueue:
    with progress("reading the dead letters") as advance:
        return read_queue(settings, advance=advance)


def _require(selection: Selection, queue: LetterQueue) -> None:
    missing = selection.missing(queue)
    if missing:
        named = ", ".join(str(place) for place in missing)
        raise NoSuchLetter(
            f"no dead letter lies at {named}: see `giftcert dlq list --all`; after 30 days they "
            "are deleted"
        )


def _print_json(found: Any) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
