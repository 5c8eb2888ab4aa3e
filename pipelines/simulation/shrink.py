"""Making a failing history short: the fewest steps that still break the same law.

Owns the search (delta debugging) and its budget. What it is given must fail; every smaller history
it tries is a whole run, so it stops when the budget is spent and says what it has by then.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipelines.simulation.steps import Step

Fails = Callable[[Sequence[Step]], bool]


@dataclass(slots=True)
class Budget:
    """How many runs may still be made, and whether the time is over."""

    runs: int
    is_over: Callable[[], bool] = lambda: False

    @property
    def is_spent(self) -> bool:
        """Whether no run may be made any more."""
        return self.runs <= 0 or self.is_over()

    def spend(self) -> bool:
        """Take one run from it. False: there is none left."""
        if self.is_spent:
            return False
        self.runs -= 1
        return True


def shrunk(steps: Sequence[Step], fails: Fails, budget: Budget) -> list[Step]:
    """The shortest failing history that the budget allows to find among parts of this one."""
    shortest = _without_kinds(_beginning(list(steps), fails, budget), fails, budget)
    size = max(len(shortest) // 2, 1)
    while not budget.is_spent:
        thinner = _thinned(shortest, size, fails, budget)
        if size == 1 and len(thinner) == len(shortest):
            break
        shortest = thinner
        size = max(min(size // 2, len(shortest) // 2), 1)
    return shortest


def _beginning(steps: list[Step], fails: Fails, budget: Budget) -> list[Step]:
    """A beginning that fails already, found by halving; what comes after is often of no matter."""
    short, long = -1, len(steps)
    while long - short > 1 and budget.spend():
        middle = (short + long) // 2
        if fails(steps[:middle]):
            long = middle
        else:
            short = middle
    return steps[:long]


def _without_kinds(steps: list[Step], fails: Fails, budget: Budget) -> list[Step]:
    """The history without every kind of step that it fails without, the most frequent first."""
    kept = steps
    for kind, _ in Counter(step.kind for step in steps).most_common():
        left = [step for step in kept if step.kind != kind]
        if not budget.spend():
            break
        if fails(left):
            kept = left
    return kept


def _thinned(steps: list[Step], size: int, fails: Fails, budget: Budget) -> list[Step]:
    """The history without every part of that size that it fails without.

    The latest part first: on what happened at the end a failure hangs least often.
    """
    kept = steps
    for start in reversed(range(0, len(steps), size)):
        left = kept[:start] + kept[start + size :]
        if not budget.spend():
            break
        if fails(left):
            kept = left
    return kept
