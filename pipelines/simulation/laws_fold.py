"""Law 4: folding each input topic again from its start gives the stores, byte for byte.

Owns the folding, through the very stages, and the comparison with what the workers have and with
what their changelogs would restore. What the correlation asks for on the way is kept: it must be in
the log once, all of it and nothing else.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.simulation.actors import Breach
from pipelines.simulation.earlier_version import earlier_state
from pipelines.simulation.laws_log import Fields, Findings, Line, ReadLog
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.index import IndexStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import Incoming, StatefulStage
from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, STATEFUL, Topic, changelog_name
from state.stores.layout import DEADLINES, SEPARATOR, DeadlineEntry, deadline_key, stored_key

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

_STANDS: Final = b"\x01"
"""The value of a deadline: the key says it all."""

Stored = dict[bytes, bytes]


class _FoldFraming(SingleObjectFraming):
    """Reads what was read before without decoding it again, and writes nothing.

    What a stage would have written as a command is kept as it is.
    """

    def __init__(self, log: ReadLog) -> None:
        self._log = log
        self.commands: list[Fields] = []

    def encode(
        self, record: RecordName, value: Mapping[str, object], *, version: int | None = None
    ) -> bytes:
        assert version is None, "a stage writes by the current version"
        if record is RecordName.COMMAND:
            self.commands.append(dict(value))
        return b""

    def decode(self, record: RecordName, payload: bytes | None) -> dict[str, Any]:
        return self._log.decode(record, payload)


class _Records:
    """The records of one message key."""

    __slots__ = ("_key", "_stored")

    def __init__(self, stored: Stored, key: bytes) -> None:
        self._stored = stored
        self._key = key

    def get_bytes(self, key: bytes) -> bytes | None:
        return self._stored.get(stored_key(self._key, key))

    def set_bytes(self, key: bytes, value: bytes) -> None:
        self._stored[stored_key(self._key, key)] = value

    def delete(self, key: bytes) -> None:
        self._stored.pop(stored_key(self._key, key), None)


class _Deadlines:
    """The deadlines of one partition."""

    __slots__ = ("_stored",)

    def __init__(self, stored: Stored) -> None:
        self._stored = stored

    def add(self, entry: DeadlineEntry) -> None:
        self._stored[stored_key(DEADLINES, deadline_key(entry))] = _STANDS

    def remove(self, entry: DeadlineEntry) -> None:
        self._stored.pop(stored_key(DEADLINES, deadline_key(entry)), None)


@dataclass(slots=True)
class Folded:
    """One topic folded: its stores by partition, and which records a stage refused.

    `commands` are what it asked of certificates, each with the record that it followed from.
    """

    stores: dict[int, Stored] = field(default_factory=dict)
    refused: list[Incoming] = field(default_factory=list)
    commands: list[tuple[Incoming, Fields]] = field(default_factory=list)


def fold_again(log: ReadLog, partitions: int) -> Mapping[Topic, Folded]:
    """Every input topic, folded from its start. Nothing is written anywhere."""
    framing = _FoldFraming(log)
    stages: Mapping[Topic, StatefulStage] = {
        FACTS: CorrelateStage(framing, partitions),
        COMMANDS: CertificatesStage(framing, partitions),
        POOL: PoolStage(framing, partitions),
        INDEX: IndexStage(framing, partitions),
    }
    return {topic: _fold(log, topic, stage, framing) for topic, stage in stages.items()}


def _fold(log: ReadLog, topic: Topic, stage: StatefulStage, framing: _FoldFraming) -> Folded:
    folded = Folded(stores=defaultdict(dict))
    deadlines = {}
    for record in log.records(topic):
        stored = folded.stores[record.partition]
        if record.partition not in deadlines:
            deadlines[record.partition] = _Deadlines(stored)
        framing.commands.clear()
        try:
            stage(record, _Records(stored, record.key or b""), deadlines[record.partition])
        except BrokenRecord:
            folded.refused.append(record)
            continue
        folded.commands += [(record, command) for command in framing.commands]
    return folded


def judge_fold(universe: "Universe", folded: Mapping[Topic, Folded]) -> list[Breach]:
    """Where a store, or what its changelog restores, is not what its topic folds into."""
    law = Findings("4")
    for role, topics in STATEFUL.items():
        for topic in topics:
            stores = universe.stores(topic)
            name = changelog_name(role, topic, universe.settings)
            for partition in range(universe.partitions):
                where = f"{topic.name} {partition}"
                expected = folded[topic].stores.get(partition, {})
                changes = universe.log.changelog(name, partition).visible()
                if partition not in stores:
                    law.add(f"{where}: nobody has the store")
                    continue
                mixed = universe.mixed_versions
                compare(law, f"{where} store", topic, stores[partition], expected, mixed=mixed)
                restored = _restored(changes)
                compare(law, f"{where} changelog", topic, restored, expected, mixed=mixed)
    return law.breaches


def _restored(changes: Iterator[tuple[bytes, bytes | None]]) -> Stored:
    """What a worker with an empty disk makes of a changelog."""
    last = dict(changes)
    return {key: value for key, value in last.items() if value is not None}


def compare(
    law: Findings,
    subject: str,
    topic: Topic,
    found: Mapping[bytes, bytes],
    expected: Mapping[bytes, bytes],
    *,
    mixed: bool,
) -> None:
    """Note each record that differs. Of mixed versions, by what the bytes say, not by the bytes."""
    if found == expected:
        return
    rewrite = earlier_state(topic)
    for key in sorted(found.keys() | expected.keys()):
        here, there = found.get(key), expected.get(key)
        if here == there:
            continue
        within = key.rpartition(SEPARATOR)[2]
        same = mixed and here is not None and there is not None
        if same and rewrite(within, here or b"") == rewrite(within, there or b""):
            continue
        law.add(f"{subject}: the record {key!r} is {here!r}, folded again {there!r}")


def judge_asked(log: ReadLog, folded: Mapping[Topic, Folded]) -> list[Breach]:
    """Law 5 for the correlation: what it asks of certificates is in the log once, in its order."""
    law = Findings("5")
    expected: defaultdict[tuple[str, str], list[Fields]] = defaultdict(list)
    for _, command in folded[FACTS].commands:
        expected[command["correlationId"], command["certificateId"]].append(command)
    found: defaultdict[tuple[str, str], list[Fields]] = defaultdict(list)
    for line in log.lines(COMMANDS):
        fields = line.fields
        if fields["origin"] == "FACT" and not _is_delivery(line):
            found[fields["correlationId"], fields["certificateId"]].append(fields)
    for key in sorted(expected.keys() | found.keys()):
        if found[key] != expected[key]:
            told = [each["commandId"] for each in found[key]]
            asked = [each["commandId"] for each in expected[key]]
            law.compare(f"what {key} is asked for", told, asked)
            if told == asked:
                law.add(f"what {key} is asked for: the same commands with other contents")
    return law.breaches


def _is_delivery(line: Line) -> bool:
    return bool(line.fields["type"] == "NOTIFICATION_RESULT")
