"""A stage that is watched while it takes in what nobody should send.

Owns the three things that must hold of every record whatever: it is performed or broken, never
another exception; where it is broken nothing was changed and nothing is put out; and where it is
performed, the next stage can read whatever was put out.
"""

from collections.abc import Callable, Mapping
from typing import Final

from pipelines.audit.stream_event import EventReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.fact_record import fact_from_record
from pipelines.contracts.fields import MAX_ENTRY_LENGTH, certificate_number, identifier
from pipelines.contracts.framing import Framing
from pipelines.contracts.pool_record import pool_command_from_record
from pipelines.contracts.reply_record import reply_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.stages.record import Incoming, Outgoing, StatefulStage
from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, REPLIES, STREAM, Topic
from state.stores.layout import DeadlineEntry, deadline_entry, deadline_key
from tests.contracts.framings import SINGLE_OBJECT
from tests.pipelines.stages.stage_in_memory import (
    AT_MS,
    PARTITIONS,
    TRACE,
    DictRecords,
)

LARGEST_OUTPUT_BYTES: Final = 1024 * 1024
"""Far below what Kafka takes: one record must not become a larger one."""


class StoredDeadlines:
    """The deadlines of one partition under the very keys that a store has them under."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()

    def add(self, entry: DeadlineEntry) -> None:
        key = deadline_key(entry)
        assert deadline_entry(key) == entry, "a deadline cannot be read back"
        assert key not in self.keys, "a deadline is added once"
        self.keys.add(key)

    def remove(self, entry: DeadlineEntry) -> None:
        self.keys.remove(deadline_key(entry))


Subject = Callable[[Framing, bytes | None], str]
"""The key that a record of one topic belongs under. BrokenRecord when it cannot be read."""


def _command(framing: Framing, value: bytes | None) -> str:
    return command_from_record(framing.decode(RecordName.COMMAND, value)).certificate_id


def _fact(framing: Framing, value: bytes | None) -> str:
    return fact_from_record(framing.decode(RecordName.FACT, value)).correlation_id


def _pool_command(framing: Framing, value: bytes | None) -> str:
    return pool_command_from_record(framing.decode(RecordName.POOL_COMMAND, value)).pool


def _index_entry(framing: Framing, value: bytes | None) -> str:
    fields = framing.decode(RecordName.INDEX_ENTRY, value)
    certificate_number(fields, "certificateId")
    return identifier(fields, "entry", MAX_ENTRY_LENGTH)


SUBJECTS: Final[Mapping[Topic, Subject]] = {
    FACTS: _fact,
    COMMANDS: _command,
    POOL: _pool_command,
    INDEX: _index_entry,
}


class GuardedStage:
    """A stage with the records of every key, given one record after another."""

    def __init__(self, topic: Topic, stage: StatefulStage) -> None:
        self.topic = topic
        self._stage = stage
        self._records: dict[bytes | None, DictRecords] = {}
        self._deadlines = StoredDeadlines()
        self._offset = 0

    def give(
        self,
        value: bytes | None,
        key: bytes | None,
        *,
        partition: int | None = None,
        timestamp_ms: int = AT_MS,
    ) -> list[Outgoing] | BrokenRecord:
        """What the stage made of the record; every guarantee was checked on the way."""
        records = self._records.setdefault(key, DictRecords())
        before, deadlines = dict(records.records), set(self._deadlines.keys)
        records.written.clear()
        self._offset += 1
        incoming = Incoming(
            topic=self.topic.name,
            partition=partition_of(key or b"", PARTITIONS) if partition is None else partition,
            offset=self._offset,
            key=key,
            value=value,
            headers=(TRACE,),
            timestamp_ms=timestamp_ms,
        )
        try:
            outputs = self._stage(incoming, records, self._deadlines)
        except BrokenRecord as broken:
            assert records.written == [], "a refusal has written"
            assert records.records == before, "a refusal has changed a record"
            assert self._deadlines.keys == deadlines, "a refusal has moved a deadline"
            return broken
        for output in outputs:
            assert_readable(output)
        return outputs


def assert_readable(output: Outgoing) -> None:
    """Whoever reads the topic takes it in: a stage never feeds the dead letters of the next one."""
    assert output.value is not None
    assert len(output.value) + len(output.key or b"") < LARGEST_OUTPUT_BYTES
    if output.topic is STREAM:
        fields = SINGLE_OBJECT.decode(RecordName.GIFT_CERTIFICATE_EVENT, output.value)
        EventReader().event_of(fields, 0, 0, output.key)
    elif output.topic is REPLIES:
        reply_from_record(SINGLE_OBJECT.decode(RecordName.REPLY, output.value))
    else:
        subject = SUBJECTS[output.topic](SINGLE_OBJECT, output.value)
        assert output.key == subject.encode()
        assert output.partition is None
