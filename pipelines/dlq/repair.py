"""What a retry of a letter writes: what the record should have caused, by today's code.

Owns that one judgement. A record of ours is written again as it was, under the key and in the
partition where it belongs; what it asks for is not done twice, since it carries its identity. A
record of a topic that others write is put through today's ingest, and what that makes of it is
written: their topics are theirs. Reads and writes no topic.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.fact_record import fact_from_record
from pipelines.contracts.fields import MAX_ENTRY_LENGTH, certificate_number, identifier
from pipelines.contracts.framing import Fields, Framing
from pipelines.contracts.pool_record import pool_command_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.dlq.letters import Letter
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.stages.record import Incoming, Outgoing, StatefulStage, StatelessStage
from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, Role, Topic, topic_name
from pipelines.topology import wire
from state.certificate.commands import Origin

Subject = Callable[[Fields], str]
"""The id that a record of ours is about, which is its key. BrokenRecord when it is not whole."""


def _entry(fields: Fields) -> str:
    certificate_number(fields, "certificateId")
    return identifier(fields, "entry", MAX_ENTRY_LENGTH)


_OURS: Final[Mapping[Topic, tuple[RecordName, Subject]]] = {
    FACTS: (RecordName.FACT, lambda fields: fact_from_record(fields).correlation_id),
    COMMANDS: (RecordName.COMMAND, lambda fields: command_from_record(fields).certificate_id),
    POOL: (RecordName.POOL_COMMAND, lambda fields: pool_command_from_record(fields).pool),
    INDEX: (RecordName.INDEX_ENTRY, _entry),
}


_FOR_THE_MOMENT: Final = frozenset({Origin.HTTP, Origin.TIMER})
"""Of these only a person can say whether they are wanted yet: the caller was told that there was no
answer and has gone on, and a deadline is asked about again."""


class Unrepairable(Exception):
    """No retry can help, whatever the code of the day: `text` says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(slots=True)
class _SourceStages:
    """The stages of the topics that others write; the rest of a worker is not wanted here."""

    stages: dict[Topic, StatelessStage] = field(default_factory=dict)

    def feed(self, topic: Topic, stage: StatelessStage) -> None:
        self.stages[topic] = stage

    def fold(self, topic: Topic, stage: StatefulStage) -> None:
        """A stage with state cannot judge a record by itself."""


class Repair:
    """Judges letters by the settings and the code of now."""

    def __init__(self, settings: Settings, framing: Framing) -> None:
        self._framing = framing
        self._partitions = settings.partitions
        sources = _SourceStages()
        wire(Role.CORRELATOR, sources, settings, framing)
        self._sources = {topic_name(each, settings): it for each, it in sources.stages.items()}
        self._ours = {topic_name(each, settings): each for each in _OURS}

    def records(self, letter: Letter) -> list[Outgoing]:
        """What to write; nothing, where a record turns out to concern no certificate.

        BrokenRecord while the record is still broken, Unrepairable when it always will be.
        """
        source = letter.source
        if source is None:
            raise Unrepairable("it does not say where it comes from: it is none of our workers'")
        if letter.cut_from is not None:
            raise Unrepairable("it was too large to be kept whole: its owner must send it again")
        ingest = self._sources.get(source.topic)
        if ingest is not None:
            timestamp_ms = source.timestamp_ms
            incoming = Incoming(
                topic=source.topic,
                partition=source.partition,
                offset=source.offset,
                key=letter.key,
                value=letter.value,
                headers=letter.trace,
                timestamp_ms=letter.at_ms if timestamp_ms is None else timestamp_ms,
            )
            return ingest(incoming)
        ours = self._ours.get(source.topic)
        if ours is None:
            raise Unrepairable(f"{source.topic} is no topic whose records are taken in here")
        return [self._again(letter, ours)]

    def bound_to_its_moment(self, letter: Letter) -> Origin | None:
        """The origin of a whole command that is not to be performed late unless a person says so.

        None of any other record. BrokenRecord when it cannot be read.
        """
        source = None if letter.source is None else letter.source.topic
        if source is None or self._ours.get(source) != COMMANDS:
            return None
        command = command_from_record(self._framing.decode(RecordName.COMMAND, letter.value))
        return command.origin if command.origin in _FOR_THE_MOMENT else None

    def _again(self, letter: Letter, topic: Topic) -> Outgoing:
        record, subject = _OURS[topic]
        key = subject(self._framing.decode(record, letter.value)).encode()
        return Outgoing(
            topic=topic,
            key=key,
            value=letter.value,
            headers=letter.trace,
            partition=partition_of(key, self._partitions),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a retry of one letter comes to. `records` None: it cannot be; `says` tells why."""

    letter: Letter
    records: tuple[Outgoing, ...] | None
    says: str


def attempt(repair: Repair, letter: Letter, *, named: bool = True) -> Attempt:
    """Judge one letter. `named`: a person means this very one, and not all that a filter finds."""
    try:
        records = repair.records(letter)
        origin = None if named else repair.bound_to_its_moment(letter)
    except Unrepairable as never:
        return Attempt(letter=letter, records=None, says=f"cannot be retried: {never.text}")
    except BrokenRecord as still:
        return Attempt(letter=letter, records=None, says=f"still broken: {still}")
    if origin is not None:
        return Attempt(letter=letter, records=None, says=f"origin {origin}: name it to retry it")
    return Attempt(letter=letter, records=tuple(records), says=_written_to(records))


def _written_to(records: list[Outgoing]) -> str:
    """What is written, in a few words."""
    counts = Counter(record.topic.name for record in records)
    if not counts:
        return "nothing: it concerns no certificate"
    return ", ".join(f"{count} to {name}" for name, count in counts.items())
