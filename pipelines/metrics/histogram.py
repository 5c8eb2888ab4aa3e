"""How often something took how long: counts by size, kept by one thread.

Owns the buckets. The client library's own histogram takes a lock for each value; this one is told
many values at once, by the loop that must not be slowed, and is copied to be shown.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, Self

LATENCY_S: Final = (
    0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5,
    1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
)  # fmt: skip
"""The limits that were promised are among them: 200 and 300 ms, a minute, five, and thirty."""

COMMIT_S: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""From a commit of one record on a quiet broker to what a watchdog ends."""


class Histogram:
    """Values in buckets; each counts what is not above its limit and above the one before."""

    __slots__ = ("_counts", "_limits", "sum")

    def __init__(self, limits: Sequence[float]) -> None:
        self._limits = limits
        self._counts = [0] * (len(limits) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value. Below zero (two clocks that differ) is zero."""
        value = max(value, 0.0)
        self._counts[bisect_left(self._limits, value)] += 1
        self.sum += value

    def observe_since(self, times_ms: Iterable[int], now_ms: int) -> None:
        """Count how many seconds ago each time was. One that cannot be is no time ago."""
        counts, limits, total = self._counts, self._limits, 0.0
        for at_ms in times_ms:
            if 0 < at_ms < now_ms:
                value = (now_ms - at_ms) / 1_000
                counts[bisect_left(limits, value)] += 1
                total += value
            else:
                counts[0] += 1
        self.sum += total

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def copy(self) -> Self:
        """The same values, which later ones do not change."""
        copied = type(self)(self._limits)
        copied._counts = list(self._counts)
        copied.sum = self.sum
        return copied

    def buckets(self) -> list[tuple[str, float]]:
        """Each limit and how many values are not above it, as Prometheus wants them."""
        found: list[tuple[str, float]] = []
        total = 0
        for limit, count in zip([*map(str, self._limits), "+Inf"], self._counts, strict=True):
            total += count
            found.append((limit, total))
        return found
