"""Which faults come in a run, in which order, and which come together: drawn from the seed.

Owns the drawing. Whom a fault strikes is drawn from its salt when its time has come, for that
depends on who is there.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.options import FaultKind

_TOGETHER_MAX = 3
_ALONE = frozenset({FaultKind.ROLL_ALL, FaultKind.SCALE, FaultKind.FULL_DISK})
"""Faults that are long or need the whole machine: nothing else is done meanwhile."""
_OF_BROKERS = frozenset({FaultKind.KILL_BROKER, FaultKind.RESTART_BROKER, FaultKind.PAUSE_BROKER})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """One fault; everything else about it is drawn from its salt."""

    index: int
    kind: FaultKind
    salt: str
    after_s: float
    """How long after the first of its group it strikes."""


def planned_faults(
    seed: int, weights: Mapping[FaultKind, int], count: int, overlap: int
) -> list[tuple[PlannedFault, ...]]:
    """`count` faults in groups; those of a group overlap, the next group waits for recovery.

    Every kind comes as often as its weight says, to within one, and the order is drawn.
    """
    chance = random.Random(f"{seed}/faults")
    kinds = _kinds(weights, count)
    chance.shuffle(kinds)
    groups: list[tuple[PlannedFault, ...]] = []
    index = 0
    while index < len(kinds):
        group = [kinds[index]]
        while (
            index + len(group) < len(kinds)
            and len(group) < _TOGETHER_MAX
            and chance.randrange(100) < overlap
            and _fits(group, kinds[index + len(group)])
        ):
            group.append(kinds[index + len(group)])
        groups.append(
            tuple(
                PlannedFault(
                    index=index + place,
                    kind=kind,
                    salt=f"{seed}/fault/{index + place}",
                    after_s=0.0 if place == 0 else chance.uniform(0.0, 2.5),
                )
                for place, kind in enumerate(group)
            )
        )
        index += len(group)
    return groups


def _kinds(weights: Mapping[FaultKind, int], count: int) -> list[FaultKind]:
    """Each kind by its share of `count`; what rounding leaves goes to the largest remainders."""
    total = sum(weights.values())
    shares = {kind: count * weight / total for kind, weight in weights.items()}
    kinds = [kind for kind, share in shares.items() for _ in range(int(share))]
    by_rest = sorted(shares, key=lambda kind: int(shares[kind]) - shares[kind])
    return kinds + by_rest[: count - len(kinds)]


def _fits(group: list[FaultKind], kind: FaultKind) -> bool:
    """Whether a kind may come on top: two brokers of three at once would only stop everything."""
    if kind in _ALONE or group[0] in _ALONE:
        return False
    return not (kind in _OF_BROKERS and _OF_BROKERS.intersection(group))
