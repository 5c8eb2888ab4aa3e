"""How letters look to a person, and to a program: tables, and JSON of the same.

Owns the words and the columns. What of a record may be shown is decided in `opening`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from pipelines.dlq.letters import Letter, LetterQueue
from pipelines.dlq.opening import OpenedLetter, told_time
from pipelines.dlq.resolving import Fate, Handled
from pipelines.settings import Settings

SOON_MS: Final = 3 * 86_400_000
"""A letter that is kept no longer than this is worth a warning."""

ROWS_SHOWN: Final = 200
"""A person reads no more; a program gets all."""

_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def show_list(
    queue: LetterQueue, letters: Sequence[Letter], settings: Settings, now_ms: int, console: Console
) -> None:
    """Print letters, one a row, and what there is to know of all of them together."""
    if letters:
        console.print(_table(queue, letters[:ROWS_SHOWN], settings, now_ms))
    open_letters = [letter for letter in queue.letters.values() if queue.is_open(letter)]
    soon = sum(letter.expires_ms - now_ms <= SOON_MS for letter in open_letters)
    shown = min(len(letters), ROWS_SHOWN)
    hidden = f" of {len(letters):,}, the oldest: --json has all" if shown < len(letters) else ""
    resolved = len(queue.resolutions)
    said = f"{shown:,} shown{hidden}; {len(open_letters):,} open, {resolved:,} resolved"
    if soon:
        said += f"; {soon:,} open ones may be deleted within {duration(SOON_MS)}"
    if queue.strange:
        said += f"; {queue.strange:,} records that are neither letter nor resolution"
    console.print(said, soft_wrap=True, highlight=False)


def _table(queue: LetterQueue, letters: Sequence[Letter], settings: Settings, now_ms: int) -> Table:
    table = Table(title="Dead letters", title_justify="left")
    for name in ("letter", "put aside", "kept for", "topic", "record", "code", "what is wrong"):
        table.add_column(name, overflow="fold")
    resolved = any(not queue.is_open(letter) for letter in letters)
    if resolved:
        table.add_column("resolved", overflow="fold")
    for letter in letters:
        left_ms = letter.expires_ms - now_ms
        row = [
            str(letter.place),
            f"{duration(now_ms - letter.at_ms)} ago",
            duration(left_ms) if left_ms > 0 else "over",
            source_topic(letter, settings),
            _source_place(letter),
            letter.code or "-",
            letter.text or "-",
        ]
        if resolved:
            row.append(_resolved(queue, letter))
        soon = queue.is_open(letter) and left_ms <= SOON_MS
        table.add_row(*row, style="bold red" if soon else None)
    return table


def _resolved(queue: LetterQueue, letter: Letter) -> str:
    resolution = queue.resolutions.get(letter.place)
    if resolution is None:
        return "open"
    parts = [resolution.how.value.lower(), f"by {resolution.by}" if resolution.by else ""]
    return " ".join(part for part in (*parts, resolution.reason) if part)


def source_topic(letter: Letter, settings: Settings) -> str:
    """The topic the record was on, without the installation's prefix."""
    if letter.source is None:
        return "unknown"
    return letter.source.topic.removeprefix(settings.topic_prefix)


def _source_place(letter: Letter) -> str:
    return "-" if letter.source is None else f"{letter.source.partition}:{letter.source.offset}"


def show_letter(
    queue: LetterQueue,
    letter: Letter,
    opened: OpenedLetter,
    retry: str,
    settings: Settings,
    console: Console,
) -> None:
    """Print one letter: where it was, what is wrong with it, and as much as can be read of it."""
    about = letter_json(queue, letter, opened, retry, settings)
    table = Table(title=f"Dead letter {letter.place}", title_justify="left", show_header=False)
    table.add_column("what", style="bold")
    table.add_column("is", overflow="fold")
    for name, value in about.items():
        if name != "fields" and value is not None:
            table.add_row(name, str(value))
    console.print(table)
    if opened.fields:
        fields = Table(title="As far as it can be read", title_justify="left")
        fields.add_column("field")
        fields.add_column("value", overflow="fold")
        for path, text in opened.fields.items():
            fields.add_row(path, text)
        console.print(fields)


def letter_json(
    queue: LetterQueue, letter: Letter, opened: OpenedLetter, retry: str, settings: Settings
) -> dict[str, Any]:
    """One letter in full, masked."""
    source = letter.source
    return {
        **row_json(queue, letter, settings),
        "recordTime": None
        if source is None or source.timestamp_ms is None
        else told_time(source.timestamp_ms),
        "key": opened.key,
        "bytes": None if letter.value is None else len(letter.value),
        "cutFrom": letter.cut_from,
        "schema": opened.schema,
        "stoppedAt": opened.stopped_at,
        "bytesLeft": opened.rest,
        "hex": opened.hexadecimal,
        "retry": retry,
        "fields": dict(opened.fields),
    }


def row_json(queue: LetterQueue, letter: Letter, settings: Settings) -> dict[str, Any]:
    """One letter as it is in a list."""
    resolution = queue.resolutions.get(letter.place)
    source = letter.source
    return {
        "letter": str(letter.place),
        "putAside": told_time(letter.at_ms),
        "keptUntil": told_time(letter.expires_ms),
        "topic": source_topic(letter, settings),
        "partition": None if source is None else source.partition,
        "offset": None if source is None else source.offset,
        "code": letter.code,
        "text": letter.text,
        "state": "open" if resolution is None else resolution.how.value.lower(),
        "resolvedBy": None if resolution is None else resolution.by,
        "resolvedAt": None if resolution is None else told_time(resolution.at_ms),
        "reason": None if resolution is None else resolution.reason or None,
        "written": None if resolution is None else resolution.written or None,
    }


def show_handled(handled: Sequence[Handled], settings: Settings, console: Console) -> None:
    """Print what became of each letter, and the sums."""
    if handled:
        table = Table()
        for name in ("letter", "topic", "code", "", "what"):
            table.add_column(name, overflow="fold")
        for each in handled:
            letter = each.letter
            table.add_row(
                str(letter.place),
                source_topic(letter, settings),
                letter.code or "-",
                each.fate.value,
                each.says,
                style="bold red" if each.fate is Fate.STAYS else None,
            )
        console.print(table)
    console.print(summary(handled), soft_wrap=True, highlight=False)


def summary(handled: Iterable[Handled]) -> str:
    """The sums in one line."""
    fates = [each.fate for each in handled]
    parts = [f"{fates.count(fate):,} {fate.value}" for fate in Fate if fate in fates]
    return ", ".join(parts) or "no letter is meant"


def handled_json(handled: Sequence[Handled]) -> list[dict[str, Any]]:
    """What became of each letter."""
    return [
        {"letter": str(each.letter.place), "fate": each.fate.name, "says": each.says}
        for each in handled
    ]


def duration(span_ms: int) -> str:
    """A span of time in its largest whole unit."""
    for unit_ms, name in _UNITS:
        if span_ms >= unit_ms:
            return f"{span_ms // unit_ms} {name}"
    return "0 s"
