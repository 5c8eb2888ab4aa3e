"""How far the demo is, for the person who waits: a bar on a terminal, plain lines anywhere else.

Owns what is written to standard error while the demo runs.
"""

from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_LINE_EVERY_S: Final = 5.0
_DRAWN_EVERY: Final = 200

Item = TypeVar("Item")


class _RateColumn(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


class Meter:
    """Shows progress on one console. `clock` gives seconds."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = monotonic) -> None:
        self._console = console
        self._clock = clock

    def say(self, line: str) -> None:
        """One line about what begins or is done."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def track(self, items: Iterable[Item], *, total: int, what: str) -> Iterator[Item]:
        """The same items, with the progress shown as they are taken."""
        if self._console.is_terminal:
            return self._bar(items, total, what)
        return self._lines(items, total, what)

    def _bar(self, items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(what, total=total)
            done = 0
            for item in items:
                yield item
                done += 1
                if done % _DRAWN_EVERY == 0:
                    progress.update(task, completed=done)
            progress.update(task, completed=done)

    def _lines(self, items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
        began = said = None
        done = 0
        for item in items:
            if began is None or said is None:
                # From the first item on: what came before it says nothing of the rate.
                began = said = self._clock()
            yield item
            done += 1
            now = self._clock()
            if done < total and now - said >= _LINE_EVERY_S:
                said = now
                self.say(_line(what, done, total, now - began))
        took_s = 0.0 if began is None else self._clock() - began
        self.say(_line(what, done, total, took_s))


def _line(what: str, done: int, total: int, took_s: float) -> str:
    if done == 0 or took_s <= 0:
        return f"{what}: {done:,} of {total:,}"
    rate = done / took_s
    left = f", {(total - done) / rate:,.0f} s left" if done < total else ""
    return f"{what}: {done:,} of {total:,}, {rate:,.0f} a second{left}"
