"""One stage with records in memory, given one record after another as Kafka would.

Owns plain fakes of the records of a key and of the deadlines of a partition, which keep the rule
that the real ones keep: a stage that raises has changed nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.stages.record import Incoming, Outgoing, StatefulStage
from pipelines.topics import Topic
from state.stores.layout import DeadlineEntry

PARTITIONS = 6
AT_MS = 1_735_689_600_123
TRACE = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
FRAMING = SingleObjectFraming()

_VALUES: Mapping[str, RecordName] = {
    "Fact": RecordName.FACT,
    "Command": RecordName.COMMAND,
    "PoolCommand": RecordName.POOL_COMMAND,
    "GiftCertificateEvent": RecordName.GIFT_CERTIFICATE_EVENT,
    "IndexEntry": RecordName.INDEX_ENTRY,
    "Reply": RecordName.REPLY,
}


class DictRecords:
    """The records of one key, and how often they were written."""

    def __init__(self) -> None:
        self.records: dict[bytes, bytes] = {}
        self.written: list[bytes] = []

    def get_bytes(self, key: bytes) -> bytes | None:
        return self.records.get(key)

    def set_bytes(self, key: bytes, value: bytes) -> None:
        self.written.append(key)
        self.records[key] = value

    def delete(self, key: bytes) -> None:
        self.written.append(key)
        self.records.pop(key, None)


class SetDeadlines:
    """The deadlines of one partition. What is removed must be there."""

    def __init__(self) -> None:
        self.entries: set[DeadlineEntry] = set()

    def add(self, entry: DeadlineEntry) -> None:
        assert entry not in self.entries, "a deadline is added once"
        self.entries.add(entry)

    def remove(self, entry: DeadlineEntry) -> None:
        self.entries.remove(entry)


def incoming(
    value: bytes | None,
    key: bytes | None,
    *,
    topic: str = "GiftCertificates.Commands",
    partition: int | None = None,
    offset: int = 0,
    headers: Sequence[tuple[str, bytes | None]] = (TRACE, ("other", b"dropped")),
    timestamp_ms: int = AT_MS,
) -> Incoming:
    """A record where its key belongs, with a trace, unless told otherwise."""
    where = partition_of(key or b"", PARTITIONS) if partition is None else partition
    return Incoming(
        topic=topic,
        partition=where,
        offset=offset,
        key=key,
        value=value,
        headers=headers,
        timestamp_ms=timestamp_ms,
    )


def opened(output: Outgoing) -> dict[str, Any]:
    """The fields of a record that a stage wrote."""
    return FRAMING.decode(_VALUES[output.topic.value], output.value)


def to(topic: Topic, outputs: Sequence[Outgoing]) -> list[Outgoing]:
    """The outputs to one topic, in order."""
    return [output for output in outputs if output.topic is topic]


@dataclass
class StageInMemory:
    """A stage, its records by message key, and the deadlines of its partitions taken together."""

    stage: StatefulStage
    records: dict[bytes | None, DictRecords] = field(default_factory=dict)
    deadlines: SetDeadlines = field(default_factory=SetDeadlines)
    offset: int = 0

    def of(self, key: bytes | None) -> DictRecords:
        return self.records.setdefault(key, DictRecords())

    def give(self, value: bytes | None, key: bytes | None, **changes: Any) -> list[Outgoing]:
        """Let the stage perform the next record. What was written so far is forgotten first."""
        records = self.of(key)
        records.written.clear()
        given = incoming(value, key, offset=self.offset, **changes)
        self.offset += 1
        return self.stage(given, records, self.deadlines)
