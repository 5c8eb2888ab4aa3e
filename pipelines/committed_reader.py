"""Reads one topic of ours from its start to an end taken at a moment: committed records only.

Owns the consumer and when enough was read. Belongs to no consumer group's membership, commits
nothing, and must not know what the records mean.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from types import TracebackType
from typing import Final, Self

from confluent_kafka import (
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from pipelines.faults import BrokerRefused, BrokerUnreachable, TopicDiffers, TopicMissing
from pipelines.kafka_admin import KafkaAdmin
from pipelines.kafka_clients import Consumer
from pipelines.settings import Settings
from pipelines.topic_end import end_of
from pipelines.topics import Topic, topic_name

_BATCH: Final = 2_000
_POLL_S: Final = 0.1
_SILENCE_S: Final = 30.0
"""A broker that says nothing for this long, with records still owed, is taken for unreachable."""


class CommittedReader:
    """One topic, open from entry to exit of its `with`: all partitions, or those named.

    `starts` are the offsets to begin at; a partition that is not among them is read from its start.
    Entering it checks that the topic is there: BrokerUnreachable, BrokerRefused or TopicMissing.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        *,
        partitions: Collection[int] | None = None,
        starts: Mapping[int, int] | None = None,
        timeout_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._wanted = partitions
        self._starts = starts or {}
        self._topic = topic_name(topic, settings)
        self._timeout_s = timeout_s
        self._clock = clock
        self._next: dict[int, int] = {}
        self._consumer: Consumer | None = None

    def __enter__(self) -> Self:
        found = KafkaAdmin(self._settings, timeout_s=self._timeout_s).topics().get(self._topic)
        if found is None:
            raise TopicMissing(f"topics are missing: {self._topic}; run `giftcert topics apply`")
        there = range(found.partitions)
        wanted = there if self._wanted is None else sorted(self._wanted)
        if not set(wanted) <= set(there):
            raise TopicDiffers(
                f"{self._topic} has {found.partitions} partitions, and partition {wanted[-1]} was "
                "asked for: set GIFTCERT_PARTITIONS to what the topics have"
            )
        self._next = {partition: self._starts.get(partition, 0) for partition in wanted}
        self._consumer = Consumer(
            {
                **self._settings.kafka_config(),
                "client.id": f"giftcert-reader-{self._settings.worker_id}",
                # Required by the client, used for nothing: partitions are assigned by hand.
                "group.id": f"{self._settings.processor_group}-reader",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "queued.max.messages.kbytes": 32 * 1024,
                "log_level": 0,
            }
        )
        # By number also where it is the start: for a word the client asks the broker, before it
        # knows whom, and asks again after half a second. What was deleted since is passed over.
        self._consumer.assign([TopicPartition(self._topic, *place) for place in self._next.items()])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    @property
    def partitions(self) -> int:
        """How many partitions are read."""
        return len(self._next)

    @property
    def read(self) -> int:
        """How many offsets were passed so far, over all partitions."""
        return sum(self._next.values())

    def ends(self) -> dict[int, int]:
        """The offset after the last committed record of each partition, as of now."""
        consumer = self._open()
        return {
            partition: end_of(consumer, self._topic, partition, timeout_s=self._timeout_s)
            for partition in self._next
        }

    def batches_to(self, ends: Mapping[int, int]) -> Iterator[list[Message]]:
        """Records in batches until every partition was read to its end; perhaps a few beyond.

        Goes on where an earlier call stopped.
        """
        heard_at = self._clock()
        while self.owed(ends):
            heard, records = self._consumed()
            if heard:
                heard_at = self._clock()
            elif self._clock() - heard_at > _SILENCE_S:
                raise BrokerUnreachable(
                    f"Kafka at {self._settings.bootstrap} gave nothing of {self._topic} for "
                    f"{_SILENCE_S:g} s, though there is more: look at the brokers' health"
                )
            if records:
                yield records

    def owed(self, ends: Mapping[int, int]) -> int:
        """How many offsets are between what was passed so far and these ends."""
        return sum(max(0, end - self._next[partition]) for partition, end in ends.items())

    def batch(self) -> list[Message]:
        """The next records that are there by now, or none after a moment; for who follows."""
        return self._consumed()[1]

    def _consumed(self) -> tuple[bool, list[Message]]:
        """Whether anything was heard, and the records that were."""
        batch = self._open().consume(_BATCH, _POLL_S)
        records = [message for message in batch if message.error() is None]
        for message in records:
            self._next[message.partition()] = message.offset() + 1
        if len(records) != len(batch):
            # After the records: an end stands behind those that came with it.
            self._note_errors(batch)
        return bool(batch), records

    def _open(self) -> Consumer:
        assert self._consumer is not None, "the reader is not open"
        return self._consumer

    def _note_errors(self, batch: list[Message]) -> None:
        for message in batch:
            error = message.error()
            if error is None:
                continue
            if error.code() != KafkaError._PARTITION_EOF:
                self._refuse(error)
            # Markers of transactions have offsets too: only the end itself says it is reached.
            partition = message.partition()
            self._next[partition] = max(self._next[partition], message.offset())

    def _refuse(self, error: KafkaError) -> None:
        where = f"Kafka at {self._settings.bootstrap}"
        if error.code() in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT):
            raise BrokerUnreachable(f"{where} does not answer any more: {error.str()}")
        refused = f"{where} refused to read {self._topic}: {error.str()}"
        raise BrokerRefused(refused) from KafkaException(error)
