"""What a broker says while a leader moves is asked again; what it says for good is not."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from pipelines.recovery.log_places import passes

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
