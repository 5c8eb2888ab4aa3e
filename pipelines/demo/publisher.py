"""The shops' and the payment system's end of Kafka: writes their records, some late, some twice.

Owns the one producer of the demo. Must not know what a record means.
It is bounded: a full queue is waited for. A record that could not be delivered ends the demo.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Lock
from time import monotonic
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from pipelines.demo.held import HeldBack
from pipelines.demo.records import Outgoing, Source
from pipelines.faults import BrokerFault
from pipelines.settings import Settings
from pipelines.topics import ALL_PAYMENTS, ALL_SALES_ORDER, topic_name

_TOPICS: Final = {
    Source.ORDERS: ALL_SALES_ORDER,
    Source.PAYMENTS: ALL_PAYMENTS,
}
_QUEUED_MAX: Final = 20_000
_FULL_WAIT_S: Final = 0.1
_SERVED_EVERY: Final = 500


class RecordsLost(BrokerFault):
    """Kafka did not take everything the demo wrote."""


class Publisher:
    """Writes records. `put`, `next_basket` and `release_held` are for one thread; `send` for any.

    `written` counts records by source, repetitions included.
    """

    def __init__(self, settings: Settings) -> None:
        self._topics: Mapping[Source, str] = {
            source: topic_name(topic, settings) for source, topic in _TOPICS.items()
        }
        self.written: Counter[Source] = Counter()
        self._lock = Lock()
        self._failure: KafkaError | None = None
        self._held = HeldBack()
        self._producer = Producer(
            {
                **settings.kafka_config(),
                "client.id": "giftcert-demo",
                # What goes wrong is told as an error; its own log lines would stand in the bar.
                "log_level": 0,
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 1,
                "queue.buffering.max.messages": _QUEUED_MAX,
                "delivery.report.only.error": True,
            }
        )

    def put(self, outgoing: Iterable[Outgoing]) -> None:
        """Write each record, now or once its baskets have passed."""
        for record in outgoing:
            for free in self._held.take(record):
                self.send(free)

    def next_basket(self) -> None:
        """One more basket was bought: what was held back for it is written."""
        for record in self._held.next_basket():
            self.send(record)

    def release_held(self) -> None:
        """Write all that is held back, in the order in which it would have been."""
        for record in self._held.release():
            self.send(record)

    def send(self, record: Outgoing, *, at_ms: int | None = None) -> None:
        """Write one record; `at_ms` is its Kafka timestamp, else the producer's clock."""
        time_given = {} if at_ms is None else {"timestamp": at_ms}
        while True:
            try:
                self._producer.produce(
                    self._topics[record.source],
                    key=record.key,
                    value=record.value,
                    on_delivery=self._delivered,
                    **time_given,
                )
                break
            except BufferError:
                self._producer.poll(_FULL_WAIT_S)
                self.check()
        with self._lock:
            self.written[record.source] += 1
            due = self.written.total() % _SERVED_EVERY == 0
        if due:
            self._producer.poll(0)
            self.check()

    def flush(self, timeout_s: float) -> None:
        """Wait until Kafka has everything; RecordsLost when it does not within the time."""
        deadline = monotonic() + timeout_s
        while self._producer.flush(max(0.0, min(1.0, deadline - monotonic()))):
            self.check()
            if monotonic() > deadline:
                raise RecordsLost(f"{len(self._producer)} records were not taken by Kafka in time")
        self.check()

    def abandon(self) -> None:
        """Give up what is not written yet: nobody will read it."""
        self._producer.purge()
        self._producer.flush(1.0)

    def check(self) -> None:
        """Raise what went wrong with an earlier record."""
        if self._failure is not None:
            raise RecordsLost(f"Kafka did not take a record: {self._failure.str()}")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and error.code() != KafkaError._PURGE_QUEUE:
            self._failure = error
