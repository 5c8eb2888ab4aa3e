"""The enrichment's figures: what it performed by topic, what is left, and whether it turns."""

import json

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipelines.metrics import process
from pipelines.metrics.process import ProcessMetrics
from pipelines.neighbours.enrich.metrics import METRICS, EnrichMetrics
from pipelines.neighbours.enrich.records import Destination, Given
from tests.pipelines.metrics.shown_metrics import differences, samples

TOPICS = ("All_SalesOrder", "Payments.V1", "All_Payments.giftcert-enrich")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def text_of(metrics: EnrichMetrics) -> str:
    registry = CollectorRegistry()
    registry.register(ProcessMetrics())
    registry.register(metrics)
    return generate_latest(registry).decode()


def given(destination: Destination) -> Given:
    return Given(destination=destination, key=None, value=b"", headers=[], timestamp_ms=None)


def statistics(topic: str, *left: int) -> str:
    partitions = {
        str(n): {"partition": n, "next_offset": 10, "ls_offset": 10 + each, "fetchq_cnt": 0}
        for n, each in enumerate(left)
    }
    return json.dumps({"topics": {topic: {"partitions": partitions}}})


def test_records_and_dead_letters_are_counted(clock: Clock) -> None:
    metrics = EnrichMetrics(TOPICS, clock, hangs_after_s=60.0)
    metrics.performed("Payments.V1", [given(Destination.JOIN)])
    metrics.performed("Payments.V1", [given(Destination.DEAD_LETTERS)])
    found = samples(text_of(metrics))
    assert found["enrich_records_total/Payments.V1"] == 2
    assert found["enrich_records_total/All_SalesOrder"] == 0
    assert found["enrich_dead_letters_total"] == 1


def test_lag_is_that_of_all_partitions_of_a_topic_that_it_reads(clock: Clock) -> None:
    metrics = EnrichMetrics(TOPICS, clock, hangs_after_s=60.0)
    before = metrics.ready
    options = metrics.options()
    options["stats_cb"](statistics("Payments.V1", 3, 4))
    assert samples(text_of(metrics))["enrich_lag_records/Payments.V1"] == 7
    assert (before, metrics.ready) == (False, True)
    options["stats_cb"](statistics("somebody-else-s", 3))
    assert "enrich_lag_records/somebody-else-s" not in samples(text_of(metrics))


def test_loop_is_as_old_as_its_latest_record_or_poll(clock: Clock) -> None:
    metrics = EnrichMetrics(TOPICS, clock, hangs_after_s=60.0)
    clock.now_s += 20
    assert samples(text_of(metrics))["enrich_loop_age_seconds"] == 20
    metrics.options()["stats_cb"](statistics("Payments.V1", 0))
    clock.now_s += 1
    assert samples(text_of(metrics))["enrich_loop_age_seconds"] == 1
    metrics.performed("Payments.V1", [])
    assert samples(text_of(metrics))["enrich_loop_age_seconds"] == 0


def test_loop_that_neither_reads_nor_polls_hangs_and_one_that_recovers_does_not(
    clock: Clock,
) -> None:
    metrics = EnrichMetrics(TOPICS, clock, hangs_after_s=60.0)
    for _ in range(100):
        # What recovers its state polls, and performs nothing.
        clock.now_s += 5
        metrics.options()["stats_cb"](statistics("Payments.V1", 0))
    assert metrics.last_turn.alive
    clock.now_s += 61
    assert not metrics.last_turn.alive


def test_every_row_is_shown_and_no_other(clock: Clock) -> None:
    metrics = EnrichMetrics(TOPICS, clock, hangs_after_s=60.0)
    metrics.options()["stats_cb"](statistics("Payments.V1", 0))
    rows = (*METRICS, *process.METRICS)
    assert not [*differences(text_of(metrics), rows, absent=frozenset())]
