"""Ticks on the join topic: time passes for a shard also while nothing comes.

Owns the thread that writes one tick a shard now and then. A tick too many does no harm and one too
few is made good by the next, so it is written outside of any transaction and nobody waits for it.
"""

import threading

from confluent_kafka import KafkaException

from pipelines.kafka_clients import Producer
from pipelines.neighbours.enrich.reading import SHARDS, shard_key
from pipelines.neighbours.enrich.told import Tick, encode
from pipelines.settings import Settings


class Ticks:
    """Ticks every `every_s` from entry to exit of its `with`; the first one at once."""

    def __init__(self, settings: Settings, topic: str, every_s: float) -> None:
        self._topic = topic
        self._every_s = every_s
        self._stopped = threading.Event()
        self._producer = Producer(
            {
                **settings.kafka_config(),
                "client.id": f"{settings.worker_id}-ticks",
                "partitioner": "murmur2_random",
                "acks": "all",
                # One that Kafka does not take soon is worth nothing.
                "delivery.timeout.ms": 10_000,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=self._tick, name="ticks", daemon=True)

    def __enter__(self) -> "Ticks":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        # What is still queued ends the thread's flush at once; nobody misses it.
        self._producer.purge()
        self._thread.join()

    def _tick(self) -> None:
        value = encode(Tick())
        while True:
            try:
                for shard in range(SHARDS):
                    self._producer.produce(self._topic, key=shard_key(shard), value=value)
            except (BufferError, KafkaException):
                # Kafka is away, or does not know the topic for a moment: waits must not end for
                # good with this thread, and whether Kafka can be used the worker itself finds out.
                pass
            self._producer.flush(self._every_s)
            if self._stopped.wait(self._every_s):
                return
