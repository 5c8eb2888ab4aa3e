"""Writes records of the kit to their topics.

Owns the producer: idempotent, acknowledged by all replicas, placing keys as every Kafka client does
(murmur2). Must not decide what is written. A repetition is harmless by the records' own ids, so
whoever is not sure that something was written writes it again.
"""

from time import monotonic
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message

from pipelines.contracts.framing import Framing
from pipelines.contracts.opened import LARGEST_DECODED_BYTES
from pipelines.faults import BrokerFault
from pipelines.kafka_clients import Producer
from pipelines.neighbours.records.record import ImpossibleRecord, SourceRecord
from pipelines.settings import Settings
from pipelines.topics import topic_name

_LOOK_UP_S: Final = 0.1
_ROOM_BYTES: Final = 64 * 1024
"""For a key and what Kafka adds to a record of the largest size."""


class RecordsLost(BrokerFault):
    """Kafka did not take what was written, or not in time: write it again."""


class RecordProducer:
    """A producer of source records, for any number of threads. Use it in a `with`, or close it."""

    def __init__(self, settings: Settings, framing: Framing, name: str) -> None:
        self._settings = settings
        self._framing = framing
        self._producer = Producer(
            {
                **settings.kafka_config(),
                "client.id": name,
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "message.max.bytes": LARGEST_DECODED_BYTES + _ROOM_BYTES,
                "linger.ms": 1,
                "delivery.timeout.ms": 30_000,
            }
        )

    def __enter__(self) -> "RecordProducer":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def write(
        self, *records: SourceRecord, timestamp_ms: int | None = None, timeout_s: float = 30.0
    ) -> None:
        """Write records in this order and wait until Kafka has them.

        RecordsLost when it has not within the time. ImpossibleRecord before anything is written, or
        when a topic is set up for smaller records. `timestamp_ms` is Kafka's own time of them, else
        the clock of this machine.
        """
        encoded = [(record, record.encode(self._framing)) for record in records]
        deadline_s = monotonic() + timeout_s
        delivery = _Delivery(len(encoded))
        for record, value in encoded:
            self._produce(record, value, timestamp_ms, delivery, deadline_s)
        while delivery.missing:
            self._producer.poll(_LOOK_UP_S)
            _check_time(deadline_s, delivery.missing)
        if delivery.failure is not None:
            raise _refusal(delivery.failure)

    def close(self, timeout_s: float = 5.0) -> None:
        """Give up what nobody waits for any more, and the connection."""
        self._producer.flush(timeout_s)

    def _produce(
        self,
        record: SourceRecord,
        value: bytes,
        timestamp_ms: int | None,
        delivery: "_Delivery",
        deadline_s: float,
    ) -> None:
        time_given = {} if timestamp_ms is None else {"timestamp": timestamp_ms}
        while True:
            try:
                self._producer.produce(
                    topic_name(record.topic, self._settings),
                    key=record.key,
                    value=value,
                    on_delivery=delivery.note,
                    **time_given,
                )
            except BufferError:
                self._producer.poll(_LOOK_UP_S)
                _check_time(deadline_s, delivery.missing)
            except KafkaException as error:
                raise _refusal(error.args[0]) from error
            else:
                return


class _Delivery:
    """What became of the records of one call."""

    def __init__(self, count: int) -> None:
        self._count = count
        # Whichever threads poll append to it, and appending is one step.
        self._told: list[KafkaError | None] = []

    @property
    def missing(self) -> int:
        return self._count - len(self._told)

    @property
    def failure(self) -> KafkaError | None:
        return next((each for each in self._told if each is not None), None)

    def note(self, error: KafkaError | None, _message: Message) -> None:
        self._told.append(error)


def _refusal(error: KafkaError) -> RecordsLost | ImpossibleRecord:
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return ImpossibleRecord(
            "a record is larger than its topic takes: write fewer lines, or have the topic's "
            "max.message.bytes raised"
        )
    return RecordsLost(f"Kafka did not take a record: {error.str()}; write it again")


def _check_time(deadline_s: float, missing: int) -> None:
    if monotonic() > deadline_s:
        raise RecordsLost(f"{missing} records were not taken by Kafka in time; write them again")
