"""The end of a partition is asked again while its leader moves, and a fault is one line."""

import pytest
import stamina
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipelines.faults import BrokerRefused, BrokerUnreachable, OperatorError
from pipelines.topic_end import end_of


class FakeConsumer:
    """Refuses with each code in turn, then answers."""

    def __init__(self, codes: list[int], answer: tuple[int, int] | None = (0, 42)) -> None:
        self._codes = codes
        self._answer = answer
        self.asked = 0

    def get_watermark_offsets(
        self, place: TopicPartition, timeout: float
    ) -> tuple[int, int] | None:
        assert (place.topic, place.partition) == ("topic", 3)
        self.asked += 1
        if self._codes:
            raise KafkaException(KafkaError(self._codes.pop(0)))
        return self._answer


def asked_end(consumer: FakeConsumer) -> int:
    with stamina.set_testing(True, attempts=3, cap=True):
        return end_of(consumer, "topic", 3, timeout_s=1.0)


def test_end_of_a_partition_whose_leader_moves_is_asked_again() -> None:
    moving = [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE]
    consumer = FakeConsumer(moving)
    assert asked_end(consumer) == 42
    assert consumer.asked == 3


@pytest.mark.parametrize(
    ("code", "asked", "fault"),
    [
        (KafkaError.NOT_LEADER_FOR_PARTITION, 3, BrokerRefused),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, 1, BrokerRefused),
        (KafkaError._TRANSPORT, 1, BrokerUnreachable),
    ],
    ids=["moving without end", "not allowed", "gone"],
)
def test_end_of_a_partition_that_cannot_be_had_is_a_fault(
    code: int, asked: int, fault: type[OperatorError]
) -> None:
    consumer = FakeConsumer([code] * 10)
    with pytest.raises(fault, match="does not say where topic ends"):
        asked_end(consumer)
    assert consumer.asked == asked


def test_end_of_a_partition_without_an_answer_is_a_fault() -> None:
    with pytest.raises(BrokerUnreachable, match="within 1 s"):
        asked_end(FakeConsumer([], answer=None))
