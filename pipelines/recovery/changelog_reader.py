"""Reading changelogs in bulk, beside the group: a consumer of its own that joins nothing.

Owns its options and the sorting of what comes by partition. The worker's own consumer stays in the
group meanwhile and fetches nothing. Knows nothing of stores.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaError, Message, TopicPartition

from pipelines.faults import BrokerRefused
from pipelines.kafka_clients import Consumer
from pipelines.recovery.log_places import Place
from pipelines.settings import Settings

BATCH_RECORDS: Final = 1_000
"""More at once are slower: their memory is then given back and asked for again, batch by batch."""
_WAIT_S: Final = 0.05


@dataclass(slots=True, kw_only=True)
class Batch:
    """What came: records by partition in their order, and ends that were reached."""

    records: dict[Place, list[Message]] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)
    """The next offset of a partition of which nothing more can be read now."""


class ChangelogReader:
    """Reads committed records from entry to exit of its `with`."""

    def __init__(self, settings: Settings, group: str) -> None:
        self._bootstrap = settings.bootstrap
        self._consumer = Consumer(
            {
                **settings.kafka_config(),
                "client.id": f"giftcert-recovery-{settings.worker_id}",
                # The client wants one; no group is joined and nothing is committed.
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                # Tells at once that a partition holds no more, also behind transactions' marks and
                # what compaction took away; a position would not move there.
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "check.crcs": True,
                "fetch.wait.max.ms": 50,
                "fetch.error.backoff.ms": 50,
                "max.partition.fetch.bytes": 8 * 1024 * 1024,
                "queued.max.messages.kbytes": 64 * 1024,
                # A partition whose queue is full is asked again soon: the client's own wait, a
                # second, is longer than it takes us to empty all of them.
                "fetch.queue.backoff.ms": 20,
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._consumer.close()

    def read_from(self, places: Mapping[Place, int]) -> None:
        """Read these partitions from there on, and no others."""
        self._consumer.assign(
            [
                TopicPartition(topic, partition, offset)
                for (topic, partition), offset in places.items()
            ]
        )

    def batch(self) -> Batch:
        """What is there, after waiting a moment for the first of it."""
        batch = Batch()
        first = self._consumer.poll(_WAIT_S)
        if first is None:
            return batch
        # Records come in runs of one partition: its list is looked for once a run.
        topic, partition, run = "", -1, list[Message]()
        for message in (first, *self._consumer.consume(BATCH_RECORDS, timeout=0)):
            error = message.error()
            if error is None:
                if message.partition() != partition or message.topic() != topic:
                    topic, partition = message.topic(), message.partition()
                    run = batch.records.setdefault((topic, partition), [])
                run.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                batch.ends[message.topic(), message.partition()] = message.offset()
            else:
                raise BrokerRefused(
                    f"Kafka at {self._bootstrap} does not let {message.topic()} be read: "
                    f"{error.str()}"
                )
        return batch
