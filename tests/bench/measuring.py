"""Measuring small pieces of work fairly: contenders take turns, and medians are compared.

Owns the clock of the benchmarks and the form of what they print. Asserts nothing about speed: a
figure belongs to the machine it was measured on, so ratios of one run are what counts.
"""

import gc
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns

ROUNDS = 25
ROUND_NS = 8_000_000
"""Long enough to drown the clock, short enough that a neighbour disturbs single rounds only."""

Work = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One piece of work: microseconds a call, as median and quartiles over the rounds."""

    name: str
    median_us: float
    low_us: float
    high_us: float

    def __str__(self) -> str:
        return (
            f"  {self.name:<52} {self.median_us:9.2f} µs"
            f"   ({self.low_us:.2f} to {self.high_us:.2f})"
        )


def measure(contenders: Mapping[str, Work]) -> dict[str, Measured]:
    """Time each piece of work, turn by turn, and print a line for each."""
    calls = {name: _calls_a_round(work) for name, work in contenders.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, work in contenders.items():
                times[name].append(_round_ns(work, calls[name]) / calls[name] / 1_000)
    finally:
        gc.enable()
    found = {}
    for name, taken in times.items():
        taken.sort()
        found[name] = Measured(
            name=name,
            median_us=median(taken),
            low_us=taken[len(taken) // 4],
            high_us=taken[len(taken) * 3 // 4],
        )
        print(found[name])
    return found


def title(text: str) -> None:
    """A heading that says what machine the figures below it are from."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"\n{text}\n  Python {platform.python_version()}, {cores} cores, median (quartiles)")


def _calls_a_round(work: Work) -> int:
    calls = 1
    while (taken_ns := _round_ns(work, calls)) < ROUND_NS // 4:
        calls *= 2
    return max(1, calls * ROUND_NS // taken_ns)


def _round_ns(work: Work, calls: int) -> int:
    started_ns = perf_counter_ns()
    for _ in range(calls):
        work()
    return perf_counter_ns() - started_ns
