"""Writes what was decided about an order, all of it or nothing.

Owns the transactional producer: an order and its payments appear on their topics together, so that
no crash leaves one without the other. Must not decide what is written. Written twice is harmless by
the records' own ids: whoever is not sure writes again.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import monotonic
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Message

from pipelines.contracts.framing import Framing
from pipelines.faults import BrokerFault
from pipelines.kafka_clients import Producer
from pipelines.neighbours.records.record import SourceRecord
from pipelines.settings import Settings
from pipelines.topics import topic_name

_TAKEN_S: Final = 5.0
_TRANSACTION_MS: Final = 10_000


class NotWritten(BrokerFault):
    """Kafka did not take it, or did not say so in time: write it again."""


class Transactions(Protocol):
    """What is used of a producer."""

    def init_transactions(self, timeout: float, /) -> None: ...

    def begin_transaction(self) -> None: ...

    def produce(
        self,
        topic: str,
        *,
        key: bytes,
        value: bytes,
        on_delivery: Callable[[KafkaError | None, Message], None],
    ) -> None: ...

    def commit_transaction(self, timeout: float, /) -> None: ...

    def purge(self) -> None: ...


class SaleWriter:
    """One producer for all threads, a transaction at a time.

    After any failure the producer is given up: the next one has the same name, and so ends what its
    predecessor left open before it begins.
    """

    def __init__(
        self,
        settings: Settings,
        framing: Framing,
        *,
        new_producer: Callable[[Mapping[str, Any]], Transactions] = Producer,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings = settings
        self._framing = framing
        self._new_producer = new_producer
        self._lock = Lock()
        self._producer: Transactions | None = None
        self._clock = clock
        self._failed_at_s = float("-inf")

    def write(self, records: Sequence[SourceRecord]) -> None:
        """Write these together. NotWritten when they are not, or perhaps not."""
        encoded = [(record, record.encode(self._framing)) for record in records]
        asked_at_s = self._clock()
        with self._lock:
            if asked_at_s < self._failed_at_s:
                # Else ten customers who wait for one another would wait ten times as long.
                raise NotWritten("Kafka did not take an order: nor the one that was waited for")
            try:
                self._write(encoded)
            except (KafkaException, BufferError) as error:
                self._failed_at_s = self._clock()
                self._give_up()
                raise NotWritten(f"Kafka did not take an order: {_reason(error)}") from error
            except BaseException:
                self._give_up()
                raise

    def close(self) -> None:
        """Give up the connection."""
        with self._lock:
            self._give_up()

    def _write(self, encoded: list[tuple[SourceRecord, bytes]]) -> None:
        if self._producer is None:
            producer = self._new_producer(self._config())
            producer.init_transactions(_TAKEN_S)
            self._producer = producer
        failures: list[str] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error.str())

        self._producer.begin_transaction()
        for record, value in encoded:
            self._producer.produce(
                topic_name(record.topic, self._settings),
                key=record.key,
                value=value,
                on_delivery=delivered,
            )
        # It flushes first, and fails where a record was not delivered.
        self._producer.commit_transaction(_TAKEN_S)
        assert not failures, f"a transaction was committed without a record: {failures[0]}"

    def _give_up(self) -> None:
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    def _config(self) -> dict[str, Any]:
        settings = self._settings
        return {
            **settings.kafka_config(),
            "client.id": f"giftcert-shop-{settings.worker_id}",
            "transactional.id": f"{settings.topic_prefix}giftcert-shop-{settings.worker_id}",
            "transaction.timeout.ms": _TRANSACTION_MS,
            "acks": "all",
            "partitioner": "murmur2_random",
            "linger.ms": 0,
            # What goes wrong is told as an error.
            "log_level": 0,
        }


def _reason(error: KafkaException | BufferError) -> str:
    if isinstance(error, KafkaException) and isinstance(error.args[0], KafkaError):
        return str(error.args[0].str())
    return str(error)
