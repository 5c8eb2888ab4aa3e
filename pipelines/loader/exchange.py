"""The loader's side of Kafka: sends Load commands, and hears the replies meant for it.

Owns the producer and the consumer. Must not decide what is sent when: the window does.
"""

import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import (
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerRefused, BrokerUnreachable
from pipelines.loader.load_commands import LoadCommands
from pipelines.loader.outcomes import ALREADY_LOADED, LOADED, Outcome, RowResult
from pipelines.loader.window import Answer
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.topic_end import end_of
from pipelines.topics import COMMANDS, REPLIES, topic_name
from pipelines.topics_admin import require_these

_BATCH: Final = 5_000
_TIMEOUT_S: Final = 10.0
_FULL_QUEUE_S: Final = 0.05
_RUN_AGAIN: Final = "run the same command again to continue"


class KafkaExchange:
    """One load's conversation with the service, from entry to exit of its `with`.

    Entering it checks that the topics are there. A fault ends the load; what was sent until then
    is not lost, and running the load again goes on.
    """

    def __init__(self, settings: Settings, load_id: str) -> None:
        self._settings = settings
        self._prefix = f"load:{load_id}:"
        self._own_id = uuid.uuid4().hex
        self._framing = framing_for(settings, [RecordName.COMMAND])
        self._commands = topic_name(COMMANDS, settings)
        # One time for the whole run: a reply with another one was decided in an earlier run.
        self._at_ms = int(time.time() * 1000)
        self._load_commands = LoadCommands(
            self._framing, load_id=load_id, at_ms=self._at_ms, reply_to=self._own_id
        )
        self._results: dict[tuple[str, str], RowResult] = {}
        self._undelivered: KafkaError | None = None

    def __enter__(self) -> Self:
        require_these(self._settings, [COMMANDS, REPLIES])
        self._consumer = self._listening()
        self._producer = Producer(
            {
                **self._settings.kafka_config(),
                "client.id": f"giftcert-loader-{self._settings.worker_id}",
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": 10,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 200_000,
                "delivery.timeout.ms": 30_000,
                "log_level": 0,
            }
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            # Nobody will wait for these; a repeat sends them again.
            self._producer.purge()
        self._producer.flush(_TIMEOUT_S)
        self._consumer.close()
        self._framing.close()

    def send(self, certificate_id: str, pool: str) -> None:
        """Queue one Load command."""
        value = self._load_commands.encoded(certificate_id, pool)
        while True:
            try:
                self._producer.produce(
                    self._commands,
                    key=certificate_id.encode(),
                    value=value,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(_FULL_QUEUE_S)
            else:
                return

    def answers(self, timeout_s: float) -> Iterator[Answer]:
        """The replies that came for this load. BrokerUnreachable, BrokerRefused."""
        self._producer.poll(0)
        if self._undelivered is not None:
            raise BrokerUnreachable(
                f"Kafka at {self._settings.bootstrap} did not take a command "
                f"({self._undelivered.str()}): {_RUN_AGAIN}"
            )
        for message in self._heard(timeout_s):
            error = message.error()
            if error is not None:
                raise BrokerRefused(
                    f"Kafka at {self._settings.bootstrap} refused to read the replies "
                    f"({error.str()}): {_RUN_AGAIN}"
                )
            answer = self._answer(message)
            if answer is not None:
                yield answer

    def _heard(self, timeout_s: float) -> list[Message]:
        """All that is there, or else the first that comes and what is there behind it.

        The client waits until it has as many as it was asked for. That would hold up the answers to
        a whole window, and the service would idle until they are heard.
        """
        first = self._consumer.consume(1, timeout_s)
        return [*first, *self._consumer.consume(_BATCH, 0)] if first else first

    def _listening(self) -> Consumer:
        """A consumer of the one partition our replies come to, from where it ends now."""
        topic = topic_name(REPLIES, self._settings)
        partition = partition_of(self._own_id.encode(), self._settings.partitions)
        consumer = Consumer(
            {
                **self._settings.kafka_config(),
                "client.id": f"giftcert-loader-{self._settings.worker_id}",
                # Required by the client, used for nothing: the partition is assigned by hand.
                "group.id": f"{self._settings.topic_prefix}giftcert-loader-{self._own_id}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )
        end = end_of(consumer, topic, partition, timeout_s=_TIMEOUT_S)
        consumer.assign([TopicPartition(topic, partition, end)])
        return consumer

    def _answer(self, message: Message) -> Answer | None:
        key = message.key()
        request_id = key.decode(errors="replace") if isinstance(key, bytes) else key
        if request_id is None or not request_id.startswith(self._prefix):
            return None
        payload = message.value()
        assert not isinstance(payload, str), "values are read as bytes"
        try:
            fields = self._framing.decode(RecordName.REPLY, payload)
        except BrokenRecord:
            return None  # Only the processors write here; whoever else does is not heard.
        if fields["replyTo"] != self._own_id:
            return None
        return Answer(certificate_id=request_id[len(self._prefix) :], result=self._result(fields))

    def _result(self, fields: dict[str, Any]) -> RowResult:
        rejection = fields["rejection"]
        if rejection is None:
            return LOADED if fields["at"] == self._at_ms else ALREADY_LOADED
        code, text = rejection["code"], rejection["text"]
        known = self._results.get((code, text))
        if known is None:
            known = RowResult(outcome=Outcome.REFUSED, code=code, text=text)
            self._results[code, text] = known
        return known

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._undelivered = error
