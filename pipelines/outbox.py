"""Writing outside a transaction: what edges, loaders and timers ask of the flow.

An idempotent producer with all acknowledgements; a record that could not be delivered is told to
whoever sent it. Repeats are harmless by design: every command carries its identity.
"""

import threading
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Message

from pipelines.acls.refusals import HELP, lacks_right
from pipelines.faults import BrokerRefused
from pipelines.kafka_clients import Producer
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import LARGEST_RECORD_BYTES, topic_name

_log = structlog.get_logger(__name__)

OnFailure = Callable[[str], None]
OnEnd = Callable[[BrokerRefused], None]


class Outbox:
    """A producer with a thread of its own that serves its delivery reports.

    `on_end` is told, from any thread and once, when the client has given up for good: whoever owns
    the process must end it, for nothing it is asked can be written any more.
    """

    def __init__(self, settings: Settings, name: str, on_end: OnEnd | None = None) -> None:
        self._settings = settings
        self._on_end = on_end
        self._guard = threading.Lock()
        self._fault: BrokerRefused | None = None
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
        """Queue one record.

        BufferError when the queue is full: the caller must slow down. BrokerRefused when the client
        has given up for good.
        """

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                return
            if lacks_right(error):
                # It does not pass by itself, and who waits hears only that there is no answer.
                _log.error("Kafka refused a record", topic=output.topic.name, help=HELP)
            if on_failure is not None:
                on_failure(error.str())

        extra: dict[str, Any] = {}
        if output.partition is not None:
            extra["partition"] = output.partition
        try:
            self._producer.produce(
                topic_name(output.topic, self._settings),
                key=output.key,
                value=output.value,
                headers=list(output.headers),
                on_delivery=delivered,
                **extra,
            )
        except KafkaException as error:
            if _is_final(error.args[0]):
                raise self._ended(error.args[0]) from error
            raise

    def close(self, timeout_s: float = 5.0) -> None:
        """Deliver what is queued, then stop."""
        self._stopped.set()
        self._thread.join()
        if self._fault is None:
            self._producer.flush(timeout_s)

    def _serve(self) -> None:
        try:
            while not self._stopped.is_set():
                self._producer.poll(0.1)
        except KafkaException as error:
            # The client tells so only what does not pass.
            self._ended(error.args[0])

    def _ended(self, error: KafkaError) -> BrokerRefused:
        """The fault that ends this outbox; whoever is to hear of it hears of the first."""
        help_ = HELP if lacks_right(error) else "start this process again"
        fault = BrokerRefused(
            f"Kafka at {self._settings.bootstrap} takes nothing any more from this process "
            f"({error.name()}: {error.str()}); {help_}"
        )
        with self._guard:
            if self._fault is not None:
                return self._fault
            self._fault = fault
        _log.error("Kafka takes nothing any more", reason=error.str(), help=help_)
        if self._on_end is not None:
            self._on_end(fault)
        return fault


def _is_final(error: KafkaError) -> bool:
    # A record that is refused after the end names the end as its reason, and is not marked so.
    return bool(error.fatal()) or error.code() == KafkaError._FATAL
