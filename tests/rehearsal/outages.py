"""How long each partition was without an answer, from what a prober was told.

Owns the reckoning alone: pure, and without a clock.

*Silent*: the longest time in which no question about a partition was answered well, whether callers
were refused or waited. *Refused*: the longest time from a refusal (503, 504, a connection that
broke) to the next good answer. A call that waits and is then answered well is silent, not refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.rehearsal.prober import Kind, Sample

_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One partition, asked one way, while one pod was replaced."""

    kind: Kind
    partition: int
    silent_s: float
    refused_s: float
    asked: int
    refused: int
    slowest_s: float


def outages(samples: Iterable[Sample], since_ns: int, until_ns: int) -> list[Outage]:
    """Of each partition and kind, what was felt of what happened between two moments."""
    found: dict[tuple[Kind, int], list[Sample]] = {}
    for sample in samples:
        if sample.told_ns >= since_ns and sample.asked_ns <= until_ns:
            found.setdefault((sample.kind, sample.partition), []).append(sample)
    return [
        _outage(kind, partition, of_partition, until_ns)
        for (kind, partition), of_partition in sorted(found.items())
    ]


def _outage(kind: Kind, partition: int, samples: Sequence[Sample], until_ns: int) -> Outage:
    told = sorted(samples, key=lambda sample: sample.told_ns)
    good = [sample for sample in told if sample.good]
    return Outage(
        kind=kind,
        partition=partition,
        silent_s=_longest_silence(told, until_ns) / _SECOND_NS,
        refused_s=_longest_refusal(told) / _SECOND_NS,
        asked=len(told),
        refused=len(told) - len(good),
        slowest_s=max((sample.told_ns - sample.asked_ns for sample in good), default=0)
        / _SECOND_NS,
    )


def _longest_silence(told: Sequence[Sample], until_ns: int) -> int:
    """From a question to the next good answer to any; a time when nobody asked is no silence.

    Backwards, so that at each good answer the first question is known that was answered later.
    """
    longest, next_good_ns, first_asked_ns = 0, until_ns, until_ns
    for sample in reversed(told):
        if sample.good:
            began_ns = max(sample.told_ns, first_asked_ns)
            longest = max(longest, next_good_ns - began_ns)
            next_good_ns = sample.told_ns
        first_asked_ns = min(first_asked_ns, sample.asked_ns)
    return max(longest, next_good_ns - first_asked_ns)


def _longest_refusal(told: Sequence[Sample]) -> int:
    """From the first of several refusals to the good answer that ends them."""
    longest, began_ns = 0, None
    for sample in told:
        if not sample.good:
            began_ns = sample.told_ns if began_ns is None else began_ns
        if began_ns is not None:
            longest = max(longest, sample.told_ns - began_ns)
        if sample.good:
            began_ns = None
    return longest
