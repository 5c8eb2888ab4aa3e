"""Where a partition ends now, for a reader of committed records.

Owns the one question and its patience: right after a topic was made, or while a leader moves, a
broker says for a moment that it does not lead the partition.
"""

from typing import Final

import stamina
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipelines.faults import BrokerRefused, BrokerUnreachable

_MOVING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
    }
)
_UNHEARD: Final = frozenset(
    {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN}
)
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0


def end_of(consumer: Consumer, topic: str, partition: int, *, timeout_s: float) -> int:
    """The offset after the last record. BrokerUnreachable, BrokerRefused."""
    place = TopicPartition(topic, partition)
    try:
        for attempt in stamina.retry_context(
            on=_passes,
            attempts=None,
            timeout=timeout_s,
            wait_initial=_FIRST_PAUSE_S,
            wait_max=_LONGEST_PAUSE_S,
        ):
            with attempt:
                found = consumer.get_watermark_offsets(place, timeout=timeout_s)
    except KafkaException as error:
        reason = error.args[0]
        said = f"Kafka does not say where {topic} ends: {reason.str()}"
        if reason.code() in _UNHEARD:
            raise BrokerUnreachable(said) from error
        raise BrokerRefused(said) from error
    if found is None:
        raise BrokerUnreachable(f"Kafka does not say where {topic} ends within {timeout_s:g} s")
    end: int = found[1]
    return end


def _passes(error: Exception) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _MOVING
