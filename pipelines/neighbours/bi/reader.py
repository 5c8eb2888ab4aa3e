"""Reads the topics of the mart from where the mart says, committed records only.

Owns the consumer. Belongs to no consumer group's membership and commits nothing: how far was read
stands in the mart, in one transaction with what was read.
"""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from pipelines.faults import BrokerFault, BrokerRefused, BrokerUnreachable, TopicMissing
from pipelines.kafka_admin import KafkaAdmin
from pipelines.kafka_clients import Consumer
from pipelines.neighbours.bi.rows import GapRow
from pipelines.neighbours.bi.target import MartDiffers
from pipelines.neighbours.bi.topic_record import TOPICS_READ, Partition, TopicRecord
from pipelines.settings import Settings
from pipelines.topic_end import end_of
from pipelines.topics import topic_name

_POLL_S: Final = 0.1
_POLLED: Final = 2_000
_BATCH_BYTES: Final = 32 * 1024 * 1024
"""So that a batch of the largest records there may be fits into memory, too."""

_NO_TIMESTAMP: Final = 0
_LOOK_FOR_PARTITIONS_S: Final = 60.0
_PASSES: Final = frozenset(
    {
        # The client goes on trying by itself; who looks at the mart's freshness sees that it waits.
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        # Of a group we have but the name, which the client asks for: no right to it is needed.
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)

_log = structlog.get_logger(__name__)


class MartReader:
    """All partitions of the mart's topics, open from entry to exit of its `with`.

    `starts` is from where each is read, 0 where it says nothing. Entering finds the topics:
    BrokerUnreachable, BrokerRefused or TopicMissing; MartDiffers when one of them ends before the
    mart has read to. `gaps` then says what Kafka has deleted of what was to be read.
    """

    def __init__(
        self,
        settings: Settings,
        starts: Mapping[Partition, int],
        *,
        timeout_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._starts = starts
        self._timeout_s = timeout_s
        self._clock = clock
        self._names = {topic_name(topic, settings): topic.name for topic in TOPICS_READ}
        self._full = {name: full for full, name in self._names.items()}
        self._looked_s = clock()
        self._consumer: Consumer | None = None
        self.passed: dict[Partition, int] = {}
        """The offset behind all that was read of each partition."""
        self.targets: dict[Partition, int] = {}
        """Where each partition ended when it was begun."""
        self.gaps: list[GapRow] = []
        self._at_end: set[Partition] = set()

    def __enter__(self) -> Self:
        self._consumer = Consumer(
            {
                **self._settings.kafka_config(),
                "client.id": f"giftcert-bi-{self._settings.worker_id}",
                # Required by the client, used for nothing: partitions are assigned by hand.
                "group.id": f"{self._settings.topic_prefix}giftcert-bi",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "queued.max.messages.kbytes": 32 * 1024,
                "log_level": 0,
            }
        )
        try:
            self._assign(self._partitions())
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def at_ends(self) -> bool:
        """Whether each partition was read to the end that it had a moment ago."""
        return len(self._at_end) == len(self.passed)

    def batch(self, records_max: int, wait_s: float) -> list[TopicRecord]:
        """The next records: those that come within a time, or fewer once all ends are reached."""
        self._look_for_partitions()
        found: list[TopicRecord] = []
        size = 0
        deadline = self._clock() + wait_s
        while len(found) < records_max and size < _BATCH_BYTES and self._clock() < deadline:
            messages = self._open().consume(min(_POLLED, records_max - len(found)), _POLL_S)
            for message in messages:
                record = self._record(message)
                if record is not None:
                    found.append(record)
                    size += len(record.value or b"")
            if not messages and self.at_ends:
                break
        return found

    def ends(self) -> dict[Partition, int]:
        """Where each partition ends now, as far as the broker says so within the time."""
        found: dict[Partition, int] = {}
        for name, partition in self.passed:
            place = TopicPartition(self._full[name], partition)
            try:
                marks = self._open().get_watermark_offsets(place, cached=True)
            except KafkaException:
                continue
            if marks is not None and marks[1] >= 0:
                found[name, partition] = max(marks[1], self.passed[name, partition])
        return found

    def _partitions(self) -> list[Partition]:
        there = KafkaAdmin(self._settings, timeout_s=self._timeout_s).topics()
        missing = [full for full in self._names if full not in there]
        if missing:
            raise TopicMissing(
                f"topics are missing: {', '.join(missing)}; run `giftcert topics apply`"
            )
        return [
            (name, partition)
            for full, name in self._names.items()
            for partition in range(there[full].partitions)
        ]

    def _assign(self, partitions: list[Partition]) -> None:
        """Begin to read those that are not read yet, where the mart has got to with them."""
        added = {place: self._start(*place) for place in partitions if place not in self.passed}
        if added:
            # Where Kafka did not answer of each, none is begun, and all are asked for again.
            self.passed.update(added)
            self._open().assign(
                [
                    TopicPartition(self._full[name], partition, offset)
                    for (name, partition), offset in self.passed.items()
                ]
            )

    def _start(self, name: str, partition: int) -> int:
        wanted = self._starts.get((name, partition), 0)
        lowest, end = self._marks(name, partition)
        self.targets[name, partition] = end
        if wanted > end:
            raise MartDiffers(
                f"the mart has read {name} partition {partition} up to offset {wanted}, and the "
                f"topic ends at {end}: it is another topic by now. Delete the mart, and it is "
                "filled anew"
            )
        if lowest > wanted:
            self.gaps.append(
                GapRow(topic=name, partition_no=partition, from_offset=wanted, to_offset=lowest)
            )
        return max(wanted, lowest)

    def _marks(self, name: str, partition: int) -> tuple[int, int]:
        full = self._full[name]
        end = end_of(self._open(), full, partition, timeout_s=self._timeout_s)
        place = TopicPartition(full, partition)
        try:
            marks = self._open().get_watermark_offsets(place, timeout=self._timeout_s)
        except KafkaException as error:
            said = f"Kafka does not say where {full} begins: {error.args[0].str()}"
            raise BrokerRefused(said) from error
        if marks is None:
            raise BrokerUnreachable(
                f"Kafka does not say where {full} begins within {self._timeout_s:g} s"
            )
        lowest: int = marks[0]
        return lowest, end

    def _look_for_partitions(self) -> None:
        """Topics of others may get more partitions while we read."""
        if self._clock() - self._looked_s < _LOOK_FOR_PARTITIONS_S:
            return
        self._looked_s = self._clock()
        try:
            self._assign(self._partitions())
        except (BrokerFault, TopicMissing) as fault:
            _log.warning("the partitions are not known", fault=str(fault))

    def _record(self, message: Message) -> TopicRecord | None:
        """The record in a message; None for the news that a partition was read to its end."""
        error = message.error()
        name, partition = self._names.get(message.topic() or ""), message.partition()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF and name is not None:
                assert partition is not None, "an end is that of a partition"
                self._reach(name, partition, message.offset() or 0)
            else:
                self._refuse(error)
            return None
        offset = message.offset()
        assert name is not None, "only what was assigned is read"
        assert partition is not None, "a record that was read has a place"
        assert offset is not None, "a record that was read has a place"
        self._at_end.discard((name, partition))
        self.passed[name, partition] = offset + 1
        kind, at_ms = message.timestamp()
        return TopicRecord(
            topic=name,
            partition=partition,
            offset=offset,
            key=_bytes(message.key()),
            value=_bytes(message.value()),
            headers=message.headers() or (),
            timestamp_ms=None if kind == _NO_TIMESTAMP else at_ms,
        )

    def _reach(self, name: str, partition: int, offset: int) -> None:
        self.passed[name, partition] = max(self.passed[name, partition], offset)
        self._at_end.add((name, partition))

    def _refuse(self, error: KafkaError) -> None:
        if error.code() in _PASSES:
            _log.warning("Kafka does not answer", fault=error.str())
            return
        where = f"Kafka at {self._settings.bootstrap}"
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise BrokerRefused(
                f"{where} has deleted records before they were read ({error.str()}): start this "
                "again, and it writes down which are missing and goes on behind them"
            )
        raise BrokerRefused(f"{where} refused to read on: {error.str()}")

    def _open(self) -> Consumer:
        assert self._consumer is not None, "the reader is not open"
        return self._consumer

    def _close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


def _bytes(raw: str | bytes | None) -> bytes | None:
    return raw.encode() if isinstance(raw, str) else raw
