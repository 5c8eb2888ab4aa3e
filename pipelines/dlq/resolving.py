"""Retrying and discarding letters: whom, in which order, and what is said of each.

Owns the course of both. What a retry writes is judged in `repair`; writing is the desk's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pipelines.dlq.desk import BATCH, BATCH_BYTES, Step
from pipelines.dlq.letters import Letter, LetterQueue, Resolved, resolution_record
from pipelines.dlq.repair import Repair, attempt
from pipelines.dlq.selection import Selection

Advance = Callable[[int, int], None]


class Fate(StrEnum):
    """What a command did about one letter."""

    DONE = "done"
    WOULD = "would be done"  # a dry run
    ALREADY = "done already"
    STAYS = "stays open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """One letter and what became of it."""

    letter: Letter
    fate: Fate
    says: str


class Resolving(Protocol):
    """The desk, as far as it is needed here."""

    def resolve(self, steps: Sequence[Step]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What to do with the letters meant. `repair` absent: they are discarded, for the reason."""

    by: str
    repair: Repair | None = None
    reason: str = ""


def handle(
    queue: LetterQueue,
    selection: Selection,
    orders: Orders,
    desk: Resolving | None,
    advance: Advance,
) -> list[Handled]:
    """Do as ordered, letter by letter in the order in which they came; without a desk only say so.

    The letters of one key keep their order: what is written comes in the order of what was put
    aside.
    """
    letters = list(selection.of(queue, resolved=False))
    handled: list[Handled] = []
    for batch in _batches(letters):
        handled += _batch(queue, batch, orders, desk, named=selection.by_name)
        advance(len(handled), len(letters))
    return handled


def _batches(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """As many as one transaction resolves within its time."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        batch.append(letter)
        size += len(letter.value or b"")
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _batch(
    queue: LetterQueue,
    letters: Sequence[Letter],
    orders: Orders,
    desk: Resolving | None,
    *,
    named: bool,
) -> Iterator[Handled]:
    steps: list[Step] = []
    handled: list[Handled] = []
    for letter in letters:
        if not queue.is_open(letter):
            handled.append(Handled(letter=letter, fate=Fate.ALREADY, says=_before(queue, letter)))
            continue
        step, says = _step(letter, orders, named=named)
        if step is None:
            handled.append(Handled(letter=letter, fate=Fate.STAYS, says=says))
            continue
        steps.append(step)
        fate = Fate.WOULD if desk is None else Fate.DONE
        handled.append(Handled(letter=letter, fate=fate, says=says))
    if desk is not None and steps:
        desk.resolve(steps)
    return iter(handled)


def _before(queue: LetterQueue, letter: Letter) -> str:
    resolution = queue.resolutions[letter.place]
    reason = f": {resolution.reason}" if resolution.reason else ""
    return f"{resolution.how.value.lower()} by {resolution.by or 'somebody'}{reason}"


def _step(letter: Letter, orders: Orders, *, named: bool) -> tuple[Step | None, str]:
    """What resolves the letter, and in a few words what that is; or None, and why not."""
    if orders.repair is None:
        resolution = resolution_record(
            letter, Resolved.DISCARDED, by=orders.by, reason=orders.reason
        )
        return Step(records=(), resolution=resolution), f"discarded: {orders.reason}"
    judged = attempt(orders.repair, letter, named=named)
    if judged.records is None:
        return None, judged.says
    resolution = resolution_record(
        letter, Resolved.RETRIED, by=orders.by, reason=orders.reason, written=judged.says
    )
    return Step(records=judged.records, resolution=resolution), judged.says
