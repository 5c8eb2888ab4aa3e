"""What a broker says while a leader moves is asked again; what it says for good is not."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipelines.recovery.log_places import LogPlaces, passes
from pipelines.settings import load_settings

PASSING = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError._TRANSPORT,
)
LASTING = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError._INVALID_ARG,
    KafkaError._FATAL,
)


@pytest.mark.parametrize("code", PASSING)
def test_answer_of_a_moment_passes(code: int) -> None:
    assert passes(KafkaException(KafkaError(code)))


@pytest.mark.parametrize("code", LASTING)
def test_answer_that_lasts_does_not_pass(code: int) -> None:
    assert not passes(KafkaException(KafkaError(code)))


def test_bug_does_not_pass() -> None:
    assert not passes(AssertionError("never"))


class _DeafAtFirst:
    """Its first question went to a coordinator that died."""

    def __init__(self) -> None:
        self.asked = 0

    def committed(
        self, partitions: list[TopicPartition], timeout: float | None = None
    ) -> list[TopicPartition]:
        assert timeout is not None
        self.asked += 1
        if self.asked == 1:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return [TopicPartition(each.topic, each.partition, 7) for each in partitions]


def test_question_that_a_dead_coordinator_took_with_it_is_put_again() -> None:
    consumer = _DeafAtFirst()
    places = LogPlaces(load_settings({"bootstrap": "127.0.0.1:1", "worker_id": "w"}))
    found = places.committed(consumer, [("topic", 0)])
    assert found["topic", 0].offset == 7
    assert consumer.asked == 2
