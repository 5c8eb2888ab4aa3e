"""How far the service is behind what is on its topics.

Owns the question to the broker. A consumer group's committed offsets say what it has done with;
what lies behind the last one, up to the end of the partition, is still to do.
"""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipelines.faults import BrokerUnreachable
from pipelines.group_offsets import committed_offsets
from pipelines.settings import Settings
from pipelines.topics import SOURCES, STATEFUL, Role, Topic, group_name, topic_name

_ANSWER_S: Final = 10.0
# A transaction ends with a marker in each partition it wrote to, which nobody reads and no group
# commits past until more comes. Two writers to one partition can leave two. The CRM and the shop
# write so, too.
_MARKERS_MAX: Final = 2


class Backlog:
    """Asks how much is still to do. Close it after use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Only for the ends of partitions: it joins no group and reads nothing.
        self._consumer = Consumer(
            {
                **settings.kafka_config(),
                "client.id": "giftcert-demo-ends",
                # What goes wrong is told as an error; its own log lines would stand in the bar.
                "log_level": 0,
                "group.id": f"{settings.topic_prefix}giftcert-demo-ends",
                "enable.auto.commit": False,
            }
        )

    def close(self) -> None:
        self._consumer.close()

    def sources(self) -> int:
        """Orders, payments and clients that the correlator has not taken in."""
        behind = (left for topic in SOURCES for left in self._behind(Role.CORRELATOR, topic))
        return sum(left for left in behind if left > _MARKERS_MAX)

    def rest(self) -> list[int]:
        """How much is left of each partition of the flow, always in the same order."""
        flow = [(Role.CORRELATOR, topic) for topic in SOURCES]
        flow += [(role, topic) for role, topics in STATEFUL.items() for topic in topics]
        return [behind for role, topic in flow for behind in self._behind(role, topic)]

    def _behind(self, role: Role, topic: Topic) -> list[int]:
        """For each partition, how many offsets lie behind the last one committed."""
        name = topic_name(topic, self._settings)
        group = group_name(role, self._settings)
        try:
            listed = self._consumer.list_topics(name, timeout=_ANSWER_S).topics[name].partitions
            committed = committed_offsets(
                self._settings.kafka_config(),
                group,
                [(name, partition) for partition in listed],
                _ANSWER_S,
            )
            return [self._behind_in(partition) for partition in committed]
        except KafkaException as error:
            raise BrokerUnreachable(f"Kafka does not say how far it is: {error.args[0]}") from error

    def _behind_in(self, committed: TopicPartition) -> int:
        first, end = self._consumer.get_watermark_offsets(committed, timeout=_ANSWER_S)
        done = committed.offset if committed.offset >= 0 else first
        return int(end - done)


def is_done(before: Sequence[int], now: Sequence[int]) -> bool:
    """Whether nothing was left to do at two looks: no more than markers, and as much of them."""
    return before == now and all(behind <= _MARKERS_MAX for behind in now)
