"""A histogram's buckets hold what is not above their limit, and its copy stays as it was."""

import pytest

from pipelines.metrics.histogram import LATENCY_S, Histogram

NOW_MS = 1_735_689_600_000

VALUES: list[tuple[float, str]] = [
    (-3.0, "0.005"),
    (0.0, "0.005"),
    (0.2, "0.2"),
    (0.200_1, "0.3"),
    (60.0, "60.0"),
    (1800.0, "1800.0"),
    (1800.1, "+Inf"),
]


@pytest.mark.parametrize(("value", "limit"), VALUES)
def test_value_is_counted_up_to_the_limit_that_it_does_not_exceed(value: float, limit: str) -> None:
    histogram = Histogram(LATENCY_S)
    histogram.observe(value)
    assert next(name for name, count in histogram.buckets() if count == 1) == limit
    assert histogram.sum == max(value, 0.0)


def test_promised_limits_are_buckets_of_their_own() -> None:
    assert {0.2, 0.3, 60.0, 300.0, 1800.0} <= set(LATENCY_S)


@pytest.mark.parametrize("at_ms", [NOW_MS, NOW_MS + 5_000, 0, -1])
def test_time_to_come_and_no_time_at_all_are_no_time_ago(at_ms: int) -> None:
    """Two clocks differ, and a producer may give no timestamp: neither may spoil the sum."""
    histogram = Histogram(LATENCY_S)
    histogram.observe_since([at_ms], NOW_MS)
    assert (histogram.buckets()[0], histogram.sum) == (("0.005", 1), 0.0)


def test_times_are_counted_by_how_long_they_are_ago() -> None:
    histogram = Histogram((0.1, 1.0))
    histogram.observe_since([NOW_MS - 100, NOW_MS - 101, NOW_MS - 5_000], NOW_MS)
    assert histogram.buckets() == [("0.1", 1), ("1.0", 2), ("+Inf", 3)]
    assert histogram.count == 3
    assert histogram.sum == pytest.approx(5.201)


def test_copy_is_not_changed_by_what_comes_later() -> None:
    histogram = Histogram((1.0,))
    histogram.observe(0.5)
    copied = histogram.copy()
    histogram.observe(2.0)
    assert (copied.count, copied.sum) == (1, 0.5)
