"""Options that the commands of proof share, and the reading of what they say.

Owns the few checks of what a person writes.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from pipelines.addresses import web_address
from pipelines.stores import StoreName

_WIDTH: Final = 120

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
Bootstrap = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Kafka. [default: GIFTCERT_BOOTSTRAP]", show_default=False
    ),
]
Stores = Annotated[
    list[StoreName] | None,
    typer.Option("--store", help="Only this store; may be given again.", show_default="all"),
]
Processes = Annotated[
    int | None,
    typer.Option(
        min=1, max=64, help="Processes that fold side by side.", show_default="one a processor"
    ),
]
Unreadable = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="COUNT",
        help="So many records that cannot be read are older than the dead letters are kept, and "
        "known to have been put aside: just these are passed over.",
    ),
]
WriteTo = Annotated[
    Path | None,
    typer.Option("--write", metavar="FILE", help="Write the proof, to compare with later."),
]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="TOKEN",
        help="What the workers are shown, with the scope certificates:audit; others on this "
        "machine see it here. [default: GIFTCERT_TOKEN, or what is in the file "
        "GIFTCERT_TOKEN_FILE]",
        show_default=False,
    ),
]


def wide_console() -> Console:
    """Standard output; wide enough for a table of proofs where nobody says how wide it is."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    return console


def chosen(stores: Sequence[StoreName] | None) -> tuple[StoreName, ...]:
    """The stores of the option, in their own order; all without one."""
    return tuple(name for name in StoreName if not stores or name in stores)


def checked_urls(urls: Sequence[str] | None) -> list[str]:
    """Addresses as they are asked at."""
    try:
        return [web_address(url) for url in urls or ()]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--http") from None


def checked_time(text: str) -> datetime:
    """A moment, with its zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter(
            "it must be like 2026-03-31T23:59:59Z, with its zone", param_hint="--at"
        )
    return moment
