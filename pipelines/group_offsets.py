"""What a consumer group has committed, asked from outside of it.

Asked by a consumer that bears the group's name and joins nothing. The client's own question for
operators kills its whole process when Kafka answers that the group is another broker's, or nobody's
yet: when a broker dies, and on a Kafka that never had a group (librdkafka, issue 5040).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, TopicPartition


def committed_offsets(
    config: Mapping[str, Any], group: str, places: Iterable[tuple[str, int]], timeout_s: float
) -> Sequence[TopicPartition]:
    """Where the group goes on, for each full topic name and partition; negative where nothing is.

    `config` is of the client. KafkaException when Kafka does not say within the time; a place has
    an `error` where it does not say of that one.
    """
    wanted = [TopicPartition(*place) for place in places]
    if not wanted:
        return []
    consumer = Consumer(
        {
            **config,
            "group.id": group,
            "enable.auto.commit": False,
            # What is committed now, and not what will be once a worker's open transaction ends.
            "isolation.level": "read_uncommitted",
            "log_level": 0,
        }
    )
    try:
        found: Sequence[TopicPartition] = consumer.committed(wanted, timeout_s)
        return found
    finally:
        consumer.close()
