"""Writing to topics by hand, all of it or nothing: the one transaction of a rebuild or a replay.

Owns the producer and the transaction. Must not know what the records mean.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Self

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from pipelines.rebuild.kafka_places import ANSWER_S, fault_of
from pipelines.settings import Settings
from pipelines.stages.record import Headers
from pipelines.topics import LARGEST_RECORD_BYTES

TRANSACTION_S: Final = 900
"""As long as a broker allows by default."""

PARTITION_BY_KEY: Final = -1
_QUEUE_FULL_S: Final = 0.1
_TOLD_EVERY: Final = 1_000


class LogTransaction:
    """One transaction, from entry to exit of the `with`; left by an exception, it never was.

    BrokerRefused when Kafka does not take it. What an earlier run under the same `name` left open
    ends at entry, and such a run can write no more.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._failure: KafkaError | None = None
        self._producer = Producer(
            {
                **settings.kafka_config(),
                "client.id": f"giftcert-writer-{settings.worker_id}",
                "transactional.id": name,
                "transaction.timeout.ms": TRANSACTION_S * 1_000,
                "acks": "all",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 20,
                "message.max.bytes": LARGEST_RECORD_BYTES,
                "queue.buffering.max.kbytes": 64 * 1024,
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        with _said(self._settings, "begin a transaction"):
            self._producer.init_transactions(ANSWER_S * 3)
            self._producer.begin_transaction()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._commit()
        else:
            # What is not committed is nowhere: if Kafka does not even hear this, it ends by itself.
            with suppress(KafkaException):
                self._producer.abort_transaction(ANSWER_S)

    def write(
        self,
        topic: str,
        partition: int,
        rows: Iterable[tuple[bytes, bytes]],
        headers: Headers,
        told: Callable[[int], None],
    ) -> None:
        """Write records of one partition."""
        untold = 0
        for key, value in rows:
            self.put(topic, key, value, headers, partition=partition)
            untold += 1
            if untold == _TOLD_EVERY:
                self._producer.poll(0)
                with _said(self._settings, "take a record"):
                    self._check()
                told(untold)
                untold = 0
        told(untold)

    def go_on_at(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Have the group go on just where it does, without what it noted beside these offsets.

        A worker notes there how far the changelog was, and which topic it was; that one is gone.
        """
        places = [TopicPartition(*place, offset) for place, offset in sorted(offsets.items())]
        # Only for what the group is called: it joins nothing.
        consumer = Consumer({**self._settings.kafka_config(), "group.id": group, "log_level": 0})
        try:
            with _said(self._settings, f"have {group} go on at its offsets"):
                self._producer.send_offsets_to_transaction(
                    places, consumer.consumer_group_metadata(), ANSWER_S
                )
        finally:
            consumer.close()

    def put(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        headers: Headers,
        *,
        partition: int = PARTITION_BY_KEY,
    ) -> None:
        """Write one record; without a partition where its key belongs."""
        while True:
            try:
                self._producer.produce(
                    topic,
                    key=key,
                    value=value,
                    headers=list(headers),
                    partition=partition,
                    on_delivery=self._delivered,
                )
                return
            except BufferError:
                self._producer.poll(_QUEUE_FULL_S)

    def flush(self) -> None:
        """Wait until Kafka has everything that was put."""
        with _said(self._settings, "take what was written"):
            self._producer.flush()
            self._check()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._failure = self._failure or error

    def _commit(self) -> None:
        self.flush()
        with _said(self._settings, "commit what was written"):
            self._producer.commit_transaction(TRANSACTION_S)

    def _check(self) -> None:
        if self._failure is not None:
            raise KafkaException(self._failure)


@contextmanager
def _said(settings: Settings, doing: str) -> Iterator[None]:
    """Kafka's failures in an operator's words."""
    try:
        yield
    except KafkaException as error:
        raise fault_of(error, settings, doing) from error
