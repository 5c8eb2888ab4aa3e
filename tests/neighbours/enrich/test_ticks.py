"""Ticks: one a shard, at once and then at intervals, and an end that waits for nobody."""

import threading
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException

from pipelines.neighbours.enrich import ticks as module
from pipelines.neighbours.enrich.reading import SHARDS, shard_key
from pipelines.neighbours.enrich.ticks import Ticks
from pipelines.neighbours.enrich.told import Tick, decode_told
from pipelines.settings import Settings

ANSWER_S = 30


class FakeProducer:
    """Counts what it is given; a flush blocks until it is purged, as on a broker that is away."""

    made: ClassVar[list["FakeProducer"]] = []

    def __init__(self, _config: dict[str, Any]) -> None:
        self.ticks: list[tuple[str, bytes, bytes]] = []
        self.flushing = threading.Event()
        self.purged = threading.Event()
        self.refused = threading.Event()
        self.ticked = threading.Event()
        self.made.append(self)

    def produce(self, topic: str, *, key: bytes, value: bytes) -> None:
        self.ticks.append((topic, key, value))

    def flush(self, _timeout_s: float) -> None:
        self.flushing.set()
        assert self.purged.wait(ANSWER_S), "nobody purged"

    def purge(self) -> None:
        self.purged.set()


def test_every_shard_gets_a_tick_at_once_and_the_end_does_not_wait_for_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeProducer, "made", [])
    monkeypatch.setattr(module, "Producer", FakeProducer)
    with Ticks(Settings(), "join", every_s=3_600):
        (made,) = FakeProducer.made
        assert made.flushing.wait(ANSWER_S)
    assert [(topic, key) for topic, key, _ in made.ticks] == [
        ("join", shard_key(shard)) for shard in range(SHARDS)
    ]
    assert {decode_told(value) for _, _, value in made.ticks} == {Tick()}


class RefusingProducer(FakeProducer):
    """Refuses the first tick of all, as where the topic is not known for a moment."""

    def produce(self, topic: str, *, key: bytes, value: bytes) -> None:
        if not self.refused.is_set():
            self.refused.set()
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
        super().produce(topic, key=key, value=value)
        self.ticked.set()

    def flush(self, _timeout_s: float) -> None:
        """Nothing is queued."""


def test_ticks_go_on_after_kafka_refused_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else no wait would end any more, and nobody would know."""
    monkeypatch.setattr(FakeProducer, "made", [])
    monkeypatch.setattr(module, "Producer", RefusingProducer)
    with Ticks(Settings(), "join", every_s=0.001):
        (made,) = FakeProducer.made
        assert made.ticked.wait(ANSWER_S)
