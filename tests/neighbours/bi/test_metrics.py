"""The mart's figures: as old as the partition that is furthest behind, and never younger."""

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipelines.audit.listener import Listener
from pipelines.local.ports import LOOPBACK
from pipelines.metrics import process
from pipelines.neighbours.bi.metrics import METRICS, BiMetrics
from pipelines.neighbours.bi.topic_record import TopicRecord
from pipelines.topics import ALL_PAYMENTS, STREAM
from tests.pipelines.metrics.shown_metrics import Samples, differences, samples

BEGAN_S = 1_735_689_600.0


class Clock:
    def __init__(self) -> None:
        self.now_s = BEGAN_S

    def __call__(self) -> float:
        return self.now_s


def record(topic: str = STREAM.name, partition: int = 0, *, age_s: float) -> TopicRecord:
    return TopicRecord(
        topic=topic,
        partition=partition,
        offset=1,
        key=None,
        value=None,
        headers=(),
        timestamp_ms=int((BEGAN_S - age_s) * 1_000),
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shown(metrics: BiMetrics) -> Samples:
    registry = CollectorRegistry()
    registry.register(metrics)
    return samples(generate_latest(registry).decode())


def test_mart_that_has_everything_is_as_old_as_its_latest_write(clock: Clock) -> None:
    metrics = BiMetrics(clock)
    end = {(STREAM.name, 0): 5}
    metrics.wrote([record(age_s=3_600)], end, end, caught_up=True)
    clock.now_s += 4
    found = shown(metrics)
    assert (found["bi_behind_seconds"], found["bi_records_total"]) == (4, 1)
    assert (found["bi_caught_up"], found[f"bi_lag_records/{STREAM.name}"]) == (1, 0)
    assert found["bi_written_timestamp_seconds"] == BEGAN_S


def test_mart_that_lacks_records_is_as_old_as_the_partition_furthest_behind(clock: Clock) -> None:
    metrics = BiMetrics(clock)
    metrics.wrote(
        [record(age_s=50), record(partition=1, age_s=900), record(ALL_PAYMENTS.name, age_s=9_000)],
        {(STREAM.name, 0): 5, (STREAM.name, 1): 2, (ALL_PAYMENTS.name, 0): 7},
        {(STREAM.name, 0): 6, (STREAM.name, 1): 9, (ALL_PAYMENTS.name, 0): 7},
        caught_up=False,
    )
    found = shown(metrics)
    assert found["bi_behind_seconds"] == 900
    assert found[f"bi_lag_records/{STREAM.name}"] == 8
    assert found[f"bi_lag_records/{ALL_PAYMENTS.name}"] == 0


def test_mart_that_cannot_be_written_grows_old(clock: Clock) -> None:
    """Its database is away: nothing is noted, and the figure must say so all the same."""
    metrics = BiMetrics(clock)
    metrics.wrote([], {(STREAM.name, 0): 5}, {(STREAM.name, 0): 5}, caught_up=True)
    clock.now_s += 1_900
    assert shown(metrics)["bi_behind_seconds"] == 1_900


def test_run_that_has_written_nothing_claims_nothing(clock: Clock) -> None:
    metrics = BiMetrics(clock)
    clock.now_s += 30
    found = shown(metrics)
    assert (found["bi_caught_up"], found["bi_written_timestamp_seconds"]) == (0, 0)
    assert found["bi_behind_seconds"] == 30
    assert metrics.caught_up is False


def test_listener_shows_each_declared_metric_and_no_other(clock: Clock) -> None:
    metrics = BiMetrics(clock)
    end = {(STREAM.name, 0): 5}
    metrics.wrote([record(age_s=1)], end, end, caught_up=True)
    with Listener(
        LOOPBACK, 0, metrics, alive=lambda: True, ready=lambda: metrics.caught_up
    ) as listener:
        url = f"http://{LOOPBACK}:{listener.port}"
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        text = httpx.get(f"{url}/metrics", trust_env=False).text
    assert not [*differences(text, (*METRICS, *process.METRICS), absent=frozenset())]
