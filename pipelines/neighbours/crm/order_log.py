"""All_SalesOrder as the CRM reads it: on and on from a place, or one record at a place.

Owns the two consumers. Belongs to no group's membership and commits nothing: every CRM reads all
partitions, because the order of a certificate may be in any. Must not know what an order means.
"""

from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from pipelines.faults import BrokerRefused, BrokerUnreachable, TopicMissing
from pipelines.kafka_clients import Consumer
from pipelines.settings import Settings
from pipelines.topic_end import end_of
from pipelines.topics import ALL_SALES_ORDER, topic_name

_ANSWER_S: Final = 5.0
_POLL_S: Final = 0.1
_BATCH: Final = 1_000
_PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
    }
)
"""What a broker that restarts or moves causes: the client goes on by itself when it is back."""


def _options(settings: Settings, name: str) -> dict[str, object]:
    return {
        **settings.kafka_config(),
        "client.id": f"giftcert-crm-{settings.worker_id}-{name}",
        # Required by the client, used for nothing: partitions are assigned by hand.
        "group.id": f"{settings.topic_prefix}giftcert-crm-orders",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 50,
        "log_level": 0,
    }


class FollowedOrders:
    """The topic from given places on; for one thread."""

    def __init__(self, settings: Settings, starts: Mapping[int, int]) -> None:
        self._settings = settings
        self._topic = topic_name(ALL_SALES_ORDER, settings)
        self._consumer = Consumer(
            {
                **_options(settings, "orders"),
                # A record may have been deleted by age since the place was noted.
                "auto.offset.reset": "earliest",
                "queued.max.messages.kbytes": 16 * 1024,
            }
        )
        self.next: dict[int, int] = dict(starts)
        self.begun_anew = False
        self.look_for_partitions()

    def look_for_partitions(self) -> None:
        """Read those that the topic has got since, too. TopicMissing, BrokerUnreachable."""
        found = partitions_of(self._consumer, self._topic)
        known = len(self._consumer.assignment())
        for each in range(found):
            self.next.setdefault(each, 0)
        if found != known:
            self._consumer.assign(
                [TopicPartition(self._topic, each, self.next[each]) for each in range(found)]
            )

    def batch(self) -> list[Message]:
        """The next records that are there by now, or none after a moment. BrokerRefused.

        Sets `begun_anew` when the topic is not the one of the places it was given.
        """
        read = []
        for message in self._consumer.consume(_BATCH, _POLL_S):
            error = message.error()
            partition = message.partition()
            if error is None:
                self.begun_anew |= message.offset() < self.next[partition]
                read.append(message)
                self.next[partition] = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                # Markers of transactions have offsets too.
                self.next[partition] = max(self.next[partition], message.offset())
            elif error.fatal() or error.code() not in _PASSING:
                raise BrokerRefused(
                    f"Kafka at {self._settings.bootstrap} refused to read {self._topic}: "
                    f"{error.str()}"
                )
        return read

    def close(self) -> None:
        """Give up the connection."""
        self._consumer.close()


class OrderRecords:
    """Single records and the ends of the topic; for any thread, one question at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = topic_name(ALL_SALES_ORDER, settings)
        self._lock = Lock()
        self._consumer = Consumer(
            {
                **_options(settings, "order"),
                "auto.offset.reset": "error",
                "queued.min.messages": 1,
                "fetch.message.max.bytes": 64 * 1024,
            }
        )

    def ends(self) -> dict[int, int]:
        """The offset after the last record of each partition, as of now. BrokerFault."""
        with self._lock:
            return {
                each: end_of(self._consumer, self._topic, each, timeout_s=_ANSWER_S)
                for each in range(partitions_of(self._consumer, self._topic))
            }

    def value_at(
        self, partition: int, offset: int, *, clock: Callable[[], float] = monotonic
    ) -> bytes | None:
        """The value of the record there; None when it is gone. BrokerUnreachable."""
        with self._lock:
            self._consumer.assign([TopicPartition(self._topic, partition, offset)])
            try:
                deadline_s = clock() + _ANSWER_S
                while clock() < deadline_s:
                    message = self._consumer.poll(_POLL_S)
                    if message is None:
                        continue
                    if message.error() is not None:
                        if _is_gone(message.error()):
                            return None
                        continue
                    if message.offset() == offset:
                        value: bytes | None = message.value()
                        return value
                    if message.offset() > offset:
                        return None
            finally:
                self._consumer.unassign()
        raise BrokerUnreachable(
            f"Kafka at {self._settings.bootstrap} gives nothing of {self._topic}"
        )

    def close(self) -> None:
        """Give up the connection."""
        with self._lock:
            self._consumer.close()


def partitions_of(consumer: Consumer, topic: str) -> int:
    """How many partitions the topic has now. TopicMissing, BrokerUnreachable."""
    try:
        found = consumer.list_topics(topic, timeout=_ANSWER_S).topics[topic]
    except KafkaException as error:
        raise BrokerUnreachable(f"Kafka does not list {topic}: {error.args[0].str()}") from error
    if found.error is not None or not found.partitions:
        raise TopicMissing(f"topics are missing: {topic}; its owner has to make it")
    return len(found.partitions)


def _is_gone(error: KafkaError) -> bool:
    return error.code() in (
        KafkaError._PARTITION_EOF,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.OFFSET_OUT_OF_RANGE,
    )
