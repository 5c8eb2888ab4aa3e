"""Replay: fold a topic again, through the very stages that run, into records in memory.

Owns reading a topic from its start to its end as it stands, and the folding without any output.
What comes out must equal the stores byte for byte: that is what makes the log the only source of
truth.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Message

from pipelines.committed_reader import CommittedReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.settings import Settings
from pipelines.stages.record import Incoming, Outgoing, StatefulStage
from pipelines.topics import Topic
from state.stores.layout import DEADLINES, DeadlineEntry, deadline_key, stored_key


@dataclass(slots=True)
class FoldedPartition:
    """The records of one partition, by the key under which a store keeps them."""

    records: dict[bytes, bytes] = field(default_factory=dict)
    broken: int = 0


class _KeyView:
    """The records of one message key within a partition."""

    def __init__(self, records: dict[bytes, bytes], message_key: bytes) -> None:
        self._records = records
        self._message_key = message_key

    def get_bytes(self, key: bytes) -> bytes | None:
        return self._records.get(stored_key(self._message_key, key))

    def set_bytes(self, key: bytes, value: bytes) -> None:
        self._records[stored_key(self._message_key, key)] = value

    def delete(self, key: bytes) -> None:
        self._records.pop(stored_key(self._message_key, key), None)


class _DeadlineView:
    """The deadlines of a partition."""

    def __init__(self, records: dict[bytes, bytes]) -> None:
        self._records = records

    def add(self, entry: DeadlineEntry) -> None:
        self._records[stored_key(DEADLINES, deadline_key(entry))] = b"\x01"

    def remove(self, entry: DeadlineEntry) -> None:
        self._records.pop(stored_key(DEADLINES, deadline_key(entry)), None)


def fold_records(records: Iterator[Incoming], stage: StatefulStage) -> dict[int, FoldedPartition]:
    """Fold records, in the order given within each partition. Nothing is written anywhere."""
    partitions: dict[int, FoldedPartition] = {}
    for incoming in records:
        folded = partitions.setdefault(incoming.partition, FoldedPartition())
        fold_one(folded, incoming, stage)
    return partitions


def fold_one(
    folded: FoldedPartition, incoming: Incoming, stage: StatefulStage
) -> Sequence[Outgoing]:
    """Fold one record into its partition; what the stage would write, which nobody does."""
    view = _KeyView(folded.records, incoming.key or b"")
    try:
        return stage(incoming, view, _DeadlineView(folded.records))
    except BrokenRecord:
        folded.broken += 1
        return ()


def read_topic(settings: Settings, topic: Topic) -> Iterator[Incoming]:
    """Every committed record of a topic, from its start to its end as it stands now."""
    with CommittedReader(settings, topic) as reader:
        yield from read_to(reader, reader.ends())


def read_to(reader: CommittedReader, ends: Mapping[int, int]) -> Iterator[Incoming]:
    """Every committed record before these ends, from where the reader is."""
    for batch in reader.batches_to(ends):
        for message in batch:
            # A batch may reach beyond the ends, into what was written meanwhile.
            if message.offset() < ends[message.partition()]:
                yield incoming_of(message)


def incoming_of(message: Message) -> Incoming:
    """A record as a stage is given it."""
    return Incoming(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value(),
        headers=message.headers() or (),
        timestamp_ms=message.timestamp()[1],
    )
