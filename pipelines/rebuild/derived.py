"""What today's code makes of the retained records: facts, deliveries and commands, by their ids.

Owns the running of ingest and correlation over records that are handed in, and what of their output
is kept. Reads and writes no topic.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.fact_record import fact_from_record
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.rebuild.dead_letters import Place
from pipelines.replay import FoldedPartition, fold_one
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.record import Headers, Incoming, StatelessStage
from pipelines.topics import FACTS, Topic
from state.certificate.commands import Command
from state.correlation.facts import Fact, Policy

Noted = Callable[[Incoming], None]
"""Told of a record that could not be taken in."""

NO_POLICY = Policy(missing_after_ms=0, forget_after_ms=0)


def unnoted(_incoming: Incoming) -> None:
    """For who does not ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One record as a stage would write it today. `about`: the correlation that it belongs to.

    `told_ms`: when its source told it, where it has one.
    """

    topic: Topic
    key: bytes
    value: bytes
    headers: Headers
    about: str
    told_ms: int | None = None


@dataclass(slots=True, kw_only=True)
class DerivedRecords:
    """Records by their ids, in the order of their making. A source that tells twice may differ."""

    by_id: dict[str, list[Written]] = field(default_factory=dict)

    def add(self, record_id: str, written: Written) -> None:
        """Keep one; of the very same there is one, which was told when it was told last."""
        known = self.by_id.setdefault(record_id, [])
        for place, each in enumerate(known):
            if each.value == written.value:
                if each.told_ms is not None and written.told_ms is not None:
                    known[place] = replace(each, told_ms=max(each.told_ms, written.told_ms))
                return
        known.append(written)


def fact_of(framing: Framing, value: bytes | None) -> Fact:
    """The fact of a record, without the waiting times that were in force: those are settings."""
    fact = fact_from_record(framing.decode(RecordName.FACT, value))
    return Fact(
        fact_id=fact.fact_id,
        correlation_id=fact.correlation_id,
        at_ms=fact.at_ms,
        policy=NO_POLICY,
        happening=fact.happening,
    )


def command_of(framing: Framing, value: bytes | None) -> Command:
    """The command of a record."""
    return command_from_record(framing.decode(RecordName.COMMAND, value))


def derive(
    records: Iterable[Incoming],
    ingest: StatelessStage,
    framing: Framing,
    into: Mapping[Topic, DerivedRecords],
    *,
    discarded: Collection[Place] = (),
    only: Collection[str] = (),
    note_broken: Noted = unnoted,
) -> None:
    """Run ingest over the records of a source; `only` these correlations, where any is named.

    Nothing is made of what was `discarded`: a person decided that nothing is to come of it, and
    today's code may well be able to read it.
    """
    for incoming in records:
        if (incoming.topic, incoming.partition, incoming.offset) in discarded:
            continue
        try:
            outputs = ingest(incoming)
        except BrokenRecord:
            note_broken(incoming)
            continue
        for output in outputs:
            assert output.key is not None, "what ingest writes has a key"
            assert output.value is not None, "what ingest writes has a value"
            key = output.key.decode()
            if only and (output.topic is not FACTS or key not in only):
                continue
            record_id = (
                fact_of(framing, output.value).fact_id
                if output.topic is FACTS
                else command_of(framing, output.value).command_id
            )
            written = Written(
                topic=output.topic,
                key=output.key,
                value=output.value,
                headers=output.headers,
                about=key,
                told_ms=incoming.timestamp_ms,
            )
            into[output.topic].add(record_id, written)


def correlate_again(
    facts: Iterable[Incoming],
    framing: Framing,
    partitions: int,
    *,
    dead: Collection[Place] = (),
    only: Collection[str] = (),
    note_broken: Noted = unnoted,
) -> DerivedRecords:
    """Fold the facts of all partitions, and keep every command that comes out."""
    stage = CorrelateStage(framing, partitions)
    folded: dict[int, FoldedPartition] = {}
    derived = DerivedRecords()
    for incoming in facts:
        about = (incoming.key or b"").decode(errors="replace")
        if (only and about not in only) or (
            (incoming.topic, incoming.partition, incoming.offset) in dead
        ):
            continue
        partition = folded.setdefault(incoming.partition, FoldedPartition())
        broken = partition.broken
        outputs = fold_one(partition, incoming, stage)
        if partition.broken > broken:
            note_broken(incoming)
        for output in outputs:
            assert output.key is not None, "a command has a key"
            assert output.value is not None, "a command has a value"
            written = Written(
                topic=output.topic,
                key=output.key,
                value=output.value,
                headers=output.headers,
                about=about,
            )
            derived.add(command_of(framing, output.value).command_id, written)
    return derived
