"""How far a long command has come: a bar on a terminal, a plain line now and then elsewhere.

Owns the look, on standard error. Must not know what is counted.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Advance = Callable[[int, int], None]
"""Told how many are done, and of how many (0: not known yet)."""

_LINE_EVERY_S: Final = 5.0


def untold(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@contextmanager
def progress(
    what: str, *, console: Console | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Advance]:
    """Show progress from entry to exit of the `with`. The bar is gone at the end."""
    shown = Console(stderr=True) if console is None else console
    if not shown.is_terminal:
        yield _lines(what, shown, clock)
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        RateColumn(),
        TimeRemainingColumn(),
        console=shown,
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


class RateColumn(ProgressColumn):
    """How many a second, as of late."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} a second")


def _lines(what: str, console: Console, clock: Callable[[], float]) -> Advance:
    said_at = clock()
    said_done: int | None = None

    def advance(done: int, total: int) -> None:
        nonlocal said_at, said_done
        if said_done is None:
            # What an earlier run had done already says nothing of how fast this one is.
            said_done = done
        now = clock()
        if now - said_at < _LINE_EVERY_S:
            return
        rate = round((done - said_done) / (now - said_at))
        said_at, said_done = now, done
        share = f" of {total:,} ({100 * done // total} %)" if total else ""
        speed = f", {rate:,} a second" if rate > 0 else ""
        left = f", {(total - done) // rate:,} s left" if rate > 0 and total > done else ""
        console.print(f"{what}: {done:,}{share}{speed}{left}", soft_wrap=True, highlight=False)

    return advance
