"""The steps of a run: what they are, how a seed makes them, and how they are named again.

Owns no execution. A step is performed by nothing but its salt and the universe as it finds it, so
any subset of a run's steps is a run as well: that is what makes a failing history shrinkable.
"""

import re
from bisect import bisect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final

_RANGE: Final = re.compile(r"(?P<first>[0-9]+)(?:-(?P<last>[0-9]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its place in the run of its seed, what it does, and the seed of its own chances.

    `at_ms` is how long after the beginning it comes, if nobody waited: the time of a step does not
    hang on those that were left out before it.
    """

    index: int
    kind: str
    salt: int
    at_ms: int = 0

    def random(self) -> Random:
        """The chances of this step: always the same."""
        return seeded(self.salt)


def seeded(seed: int | str) -> Random:
    """The chances that follow from a seed: always the same."""
    return Random(seed)  # noqa: S311 - a history to repeat, not a secret to keep


def generated(
    random: Random, weights: Mapping[str, float], count: int, pace_ms: int = 0
) -> list[Step]:
    """Steps of these kinds, as often as they weigh. One by one: fewer are the first of more."""
    names = list(weights)
    up_to = list(accumulate(weights.values()))
    steps = []
    at_ms = 0
    for index in range(count):
        kind = names[bisect(up_to, random.random() * up_to[-1], 0, len(names) - 1)]
        at_ms += random.randint(0, pace_ms)
        steps.append(Step(index=index, kind=kind, salt=random.getrandbits(48), at_ms=at_ms))
    return steps


def selected(steps: Sequence[Step], only: Collection[int]) -> list[Step]:
    """The steps of these places, in their order."""
    return [step for step in steps if step.index in only]


def indexes_of(text: str) -> frozenset[int]:
    """The places that `3,17,20-25` names. ValueError when it names none."""
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{part.strip()!r} is neither a step nor a range like 20-25")
        first = int(match["first"])
        found.update(range(first, int(match["last"] or first) + 1))
    return frozenset(found)


def text_of(indexes: Collection[int]) -> str:
    """The shortest text that `indexes_of` reads as these places."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
