"""Writing outside a transaction: what edges, loaders and timers ask of the flow.

An idempotent producer with all acknowledgements; a record that could not be delivered is told to
whoever sent it. Repeats are harmless by design: every command carries its identity.
"""

import threading
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import LARGEST_RECORD_BYTES, topic_name

OnFailure = Callable[[str], None]


class Outbox:
    """A producer with a thread of its own that serves its delivery reports."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._producer = Producer(
            {
                **settings.kafka_config(),
                "client.id": f"{settings.worker_id}-{name}",
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "delivery.timeout.ms": 30_000,
                "message.max.bytes": LARGEST_RECORD_BYTES,
            }
        )
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"outbox-{name}", daemon=True)
        self._thread.start()

    def send(self, output: Outgoing, on_failure: OnFailure | None = None) -> None:
        """Queue one record. BufferError when the queue is full: the caller must slow down."""

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None and on_failure is not None:
                on_failure(error.str())

        extra: dict[str, Any] = {}
        if output.partition is not None:
            extra["partition"] = output.partition
        self._producer.produce(
            topic_name(output.topic, self._settings),
            key=output.key,
            value=output.value,
            headers=list(output.headers),
            on_delivery=delivered,
            **extra,
        )

    def close(self, timeout_s: float = 5.0) -> None:
        """Deliver what is queued, then stop."""
        self._stopped.set()
        self._thread.join()
        self._producer.flush(timeout_s)

    def _serve(self) -> None:
        while not self._stopped.is_set():
            self._producer.poll(0.1)
