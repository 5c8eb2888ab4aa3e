"""Reads the stream and the CRM's word as any other system would: committed records, passed on.

Owns the demo's one consumer, on a thread of its own. Must not judge what it reads.
"""

from threading import Event
from time import time_ns
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.demo.witness import Witness
from pipelines.faults import BrokerUnreachable
from pipelines.settings import Settings
from pipelines.topics import ALL_CLIENTS, DLQ, STREAM, topic_name

_ANSWER_S: Final = 10.0
_POLL_S: Final = 0.1


class StreamListener:
    """Shows the witness every event, every outcome of a message, and how many dead letters."""

    def __init__(self, settings: Settings, framing: Framing, witness: Witness) -> None:
        self._framing = framing
        self._witness = witness
        self._clients = topic_name(ALL_CLIENTS, settings)
        self._stream = topic_name(STREAM, settings)
        self._dead_letters = topic_name(DLQ, settings)
        self._consumer = Consumer(
            {
                **settings.kafka_config(),
                "client.id": "giftcert-demo-listener",
                # What goes wrong is told as an error; its own log lines would stand in the bar.
                "log_level": 0,
                "group.id": f"{settings.topic_prefix}giftcert-demo",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
            }
        )

    def listen(self, stop: Event) -> None:
        """Read from the beginning until told to stop."""
        try:
            self._consumer.assign(self._all_partitions())
            while not stop.is_set():
                message = self._consumer.poll(_POLL_S)
                if message is not None:
                    self._take(message)
        finally:
            self._consumer.close()

    def _all_partitions(self) -> list[TopicPartition]:
        wanted = (self._stream, self._clients, self._dead_letters)
        try:
            listed = self._consumer.list_topics(timeout=_ANSWER_S).topics
        except KafkaException as error:
            raise BrokerUnreachable(f"Kafka does not list its topics: {error.args[0]}") from error
        return [
            TopicPartition(name, partition, OFFSET_BEGINNING)
            for name in wanted
            for partition in listed[name].partitions
        ]

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.fatal() or not error.retriable():
                raise BrokerUnreachable(f"the stream cannot be read: {error.str()}")
            return
        if message.topic() == self._dead_letters:
            self._witness.see_dead_letter()
        elif message.topic() == self._clients:
            client = self._framing.decode(RecordName.CLIENT, message.value())
            self._witness.see_outcome(client["delivery"], message.timestamp()[1])
        else:
            self._take_event(message)

    def _take_event(self, message: Message) -> None:
        seen_ms = time_ns() // 1_000_000
        event = self._framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, message.value())
        key = message.key().decode()
        self._witness.see(key, event, seen_ms)
        if event["eventType"] == "notification.requested":
            self._witness.see_request(key, event["payload"], message.timestamp()[1])
