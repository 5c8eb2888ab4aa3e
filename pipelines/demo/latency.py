"""Percentiles of measured times.

Pure. Nearest rank: each percentile is a time that was really measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds; all are None where nothing was measured."""

    count: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


def latency_of(times_ms: Iterable[float]) -> Latency:
    """The percentiles of some times in milliseconds."""
    ordered = sorted(times_ms)
    if not ordered:
        return Latency(count=0, p50_ms=None, p99_ms=None, max_ms=None)
    return Latency(
        count=len(ordered),
        p50_ms=_percentile(ordered, 50),
        p99_ms=_percentile(ordered, 99),
        max_ms=_percentile(ordered, 100),
    )


def _percentile(ordered: list[float], percent: int) -> float:
    rank = -(-len(ordered) * percent // 100)
    return round(ordered[max(rank, 1) - 1], 1)
