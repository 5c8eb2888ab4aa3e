"""A seek waits for a partition that is being assigned, and for nothing else."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipelines import seeking as module
from pipelines.seeking import PATIENCE_S, seek_patiently

PLACE = TopicPartition("changelog", 0, 8)


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Client:
    """Refuses so many seeks with a code before it takes one."""

    def __init__(self, code: int, refusals: float) -> None:
        self.code = code
        self.refusals = refusals
        self.taken: list[TopicPartition] = []

    def seek(self, place: TopicPartition) -> None:
        if self.refusals > 0:
            self.refusals -= 1
            raise KafkaException(KafkaError(self.code))
        self.taken.append(place)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_seek_in_a_partition_still_being_assigned_waits_until_it_is(clock: Clock) -> None:
    client = Client(KafkaError._STATE, refusals=25)
    seek_patiently(client.seek)(PLACE)
    assert client.taken == [PLACE]
    assert clock.now_s == pytest.approx(1_000.5)


def test_seek_in_a_partition_that_never_gets_ready_is_given_up(clock: Clock) -> None:
    client = Client(KafkaError._STATE, refusals=float("inf"))
    with pytest.raises(KafkaException):
        seek_patiently(client.seek)(PLACE)
    assert PATIENCE_S < clock.now_s - 1_000 < PATIENCE_S + 1


def test_seek_that_fails_otherwise_fails_at_once(clock: Clock) -> None:
    client = Client(KafkaError._UNKNOWN_PARTITION, refusals=1)
    with pytest.raises(KafkaException):
        seek_patiently(client.seek)(PLACE)
    assert clock.now_s == 1_000
