"""The lag is what the client itself says that it has not given to the loop yet."""

import json
from typing import Any

import pytest

from pipelines.metrics.consumer_lag import ConsumerLag

TOPIC = "here-GiftCertificates.Commands"


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def statistics(*, partition: int = 0, topic: str = TOPIC, **said: Any) -> str:
    """As librdkafka tells it, with a few of the many things that we do not read."""
    told = {"partition": partition, "fetch_state": "active", "lo_offset": 0, **said}
    kept = {"partition": -1, "next_offset": 0, "ls_offset": 0, "fetchq_cnt": 0}
    partitions = {str(partition): told, "-1": kept}
    return json.dumps(
        {"name": "x", "ts": 1, "topics": {topic: {"age": 1, "partitions": partitions}}}
    )


LAGS: list[tuple[dict[str, Any], dict[tuple[str, int], int]]] = [
    ({"next_offset": 10, "ls_offset": 10, "fetchq_cnt": 0}, {(TOPIC, 0): 0}),
    ({"next_offset": 10, "ls_offset": 10, "fetchq_cnt": 4}, {(TOPIC, 0): 4}),
    ({"next_offset": 10, "ls_offset": 1_000_000, "fetchq_cnt": 4}, {(TOPIC, 0): 999_994}),
    # An answer that was on its way may be ahead of the end that is remembered.
    ({"next_offset": 12, "ls_offset": 10, "fetchq_cnt": 0}, {(TOPIC, 0): 0}),
    ({"next_offset": -1001, "ls_offset": 10, "fetchq_cnt": 0}, {}),
    ({"next_offset": 0, "ls_offset": -1001, "fetchq_cnt": 0}, {}),
    ({}, {}),
]


@pytest.mark.parametrize(("said", "lag"), LAGS)
def test_lag_is_what_is_fetched_and_what_is_not(
    said: dict[str, Any], lag: dict[tuple[str, int], int]
) -> None:
    known = ConsumerLag()
    known.take(statistics(**said))
    assert known.by_partition() == lag


def test_nothing_is_claimed_before_the_first_statistics() -> None:
    assert ConsumerLag().by_partition() == {}


def test_statistics_of_a_loop_that_hangs_are_forgotten() -> None:
    clock = Clock()
    known = ConsumerLag(clock)
    known.take(statistics(next_offset=1, ls_offset=5))
    clock.now_s += 59.0
    assert known.by_partition() == {(TOPIC, 0): 4}
    clock.now_s += 2.0
    assert known.by_partition() == {}


def test_client_is_told_to_give_them_to_it() -> None:
    known = ConsumerLag()
    options = known.options()
    options["stats_cb"](statistics(partition=2, next_offset=1, ls_offset=1))
    assert known.by_partition() == {(TOPIC, 2): 0}
    assert options["statistics.interval.ms"] > 0
