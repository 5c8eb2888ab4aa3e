"""Records that a source writes in a transaction and then gives up: nobody may ever act on one.

Owns the transactional producer. What is written here is in no journal, for it never happened.
"""

from typing import Final

from confluent_kafka import KafkaException, Producer

from pipelines.settings import Settings

_PATIENCE_S: Final = 60.0
# A caller that is killed in the middle holds readers up until its successor comes, or for so long.
_TRANSACTION_MS: Final = 10_000


class GivenUp:
    """Writes for one caller; one thread at a time."""

    def __init__(self, settings: Settings, caller: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "partitioner": "murmur2_random",
                "transactional.id": f"given-up-{caller}",
                "transaction.timeout.ms": _TRANSACTION_MS,
                "linger.ms": 0,
                "log_level": 0,
            }
        )
        self._producer.init_transactions(_PATIENCE_S)

    def write(self, topic: str, key: str, value: bytes) -> None:
        """Write it and give it up."""
        self._producer.begin_transaction()
        try:
            self._producer.produce(topic, key=key, value=value)
            if self._producer.flush(_PATIENCE_S):
                raise KafkaException("Kafka did not take a record within its time")
        finally:
            self._producer.abort_transaction(_PATIENCE_S)
