"""Options that the commands about dead letters share, and the reading of what they say.

Owns which letters a command line means and who gives it. Reads no topic.
"""

import getpass
import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from pipelines.contracts.broken import BrokenCode
from pipelines.dlq.letters import Place
from pipelines.dlq.selection import Selection, moment
from pipelines.settings import Settings
from pipelines.topics import SOURCES, STATEFUL, topic_name

_LONGEST_SAID: Final = 200
_INPUTS: Final = (*SOURCES, *(topic for topics in STATEFUL.values() for topic in topics))

Places = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LETTER]...", help="Letters as `list` names them, like 2:17.", show_default=False
    ),
]
OfTopic = Annotated[
    str | None,
    typer.Option("--topic", metavar="NAME", help="Only records of this topic.", show_default=False),
]
OfCode = Annotated[
    BrokenCode | None, typer.Option("--code", help="Only this code.", show_default=False)
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Only those put aside since: 90m, 12h or 2d ago, or like 2026-03-31T12:00:00Z.",
        show_default=False,
    ),
]
Every = Annotated[
    bool, typer.Option("--every", help="Every open letter that the other options let through.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]
By = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Who decides. [default: the user of this machine]", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Bootstrap = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Kafka. [default: GIFTCERT_BOOTSTRAP]", show_default=False
    ),
]


def meant(
    settings: Settings,
    letters: Sequence[str] | None,
    every: bool,
    topic: str | None,
    code: BrokenCode | None,
    since: str | None,
) -> Selection:
    """The selection of a command that acts: named letters, or said outright that all are meant."""
    if bool(letters) == every:
        raise typer.BadParameter("name letters, or give --every: one of the two")
    return selected(settings, letters, topic, code, since)


def selected(
    settings: Settings,
    letters: Sequence[str] | None,
    topic: str | None,
    code: BrokenCode | None,
    since: str | None,
) -> Selection:
    """The letters that these options mean."""
    places = []
    for text in letters or ():
        try:
            places.append(Place.parsed(text))
        except ValueError:
            raise typer.BadParameter(f"{text} is no letter: they are like 2:17") from None
    try:
        since_ms = None if since is None else moment(since, now_ms())
    except ValueError:
        raise typer.BadParameter(
            "it must be like 90m, 12h, 2d or 2026-03-31T12:00:00Z", param_hint="--since"
        ) from None
    return Selection(
        places=places,
        topic=None if topic is None else _full_name(topic, settings),
        code=None if code is None else code.value,
        since_ms=since_ms,
    )


def _full_name(topic: str, settings: Settings) -> str:
    """The topic's full name, whichever of the two a person gave."""
    for each in _INPUTS:
        name = topic_name(each, settings)
        if topic in (each.name, name):
            return name
    names = ", ".join(sorted(each.name for each in _INPUTS))
    raise typer.BadParameter(f"{topic} is no input: they are {names}", param_hint="--topic")


def named(given: str | None) -> str:
    """Who decides: as given, or the user of this machine."""
    if given is not None:
        return said(given, "--by")
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise typer.BadParameter("this machine knows no user: say who", param_hint="--by") from None


def said(text: str, option: str) -> str:
    """What a person says, if it can be kept in a header."""
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST_SAID:
        raise typer.BadParameter(
            f"it must be 1 to {_LONGEST_SAID} printable characters", param_hint=option
        )
    return text


def now_ms() -> int:
    """The time."""
    return time.time_ns() // 1_000_000
