"""The log of a run as the laws read it: every topic decoded once.

Owns the reading and the remembering of what bytes say. Judges nothing.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Any, Final, NamedTuple, Protocol

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.simulation.actors import Breach
from pipelines.stages.record import Incoming
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    INDEX,
    POOL,
    REPLIES,
    STREAM,
    Topic,
)

Fields = dict[str, Any]

RECORDS: Final[Mapping[Topic, RecordName]] = {
    ALL_SALES_ORDER: RecordName.SALES_ORDER,
    ALL_PAYMENTS: RecordName.PAYMENT,
    ALL_CLIENTS: RecordName.CLIENT,
    FACTS: RecordName.FACT,
    COMMANDS: RecordName.COMMAND,
    POOL: RecordName.POOL_COMMAND,
    STREAM: RecordName.GIFT_CERTIFICATE_EVENT,
    INDEX: RecordName.INDEX_ENTRY,
    REPLIES: RecordName.REPLY,
}
"""What the values of each topic are; those of the DLQ are anything."""

REPORTED_MAX: Final = 50
"""Breaches that one law reports: what comes after them follows from them, mostly."""


class Line(NamedTuple):
    """One record and what it says."""

    record: Incoming
    fields: Fields

    @property
    def key(self) -> str:
        return (self.record.key or b"").decode(errors="replace")

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset."""
        return self.record.partition, self.record.offset


class ReadableLog(Protocol):
    """What of a universe the laws read."""

    @property
    def framing(self) -> Framing: ...

    def records(self, topic: Topic) -> Iterator[Incoming]: ...


class ReadLog:
    """Every topic as a read_committed reader sees it, without the records that are `poison`.

    Decoded records are shared: change none.
    """

    def __init__(self, universe: ReadableLog, poison: Set[bytes] = frozenset()) -> None:
        self._universe = universe
        self._poison = poison
        self._lines: dict[Topic, list[Line]] = {}
        self._decoded: dict[bytes, Fields | BrokenRecord] = {}
        self.unreadable: dict[Topic, list[Incoming]] = {}

    def records(self, topic: Topic) -> Iterator[Incoming]:
        """The records as they are."""
        return self._universe.records(topic)

    def lines(self, topic: Topic) -> list[Line]:
        """The records that can be read, partition by partition, in order."""
        known = self._lines.get(topic)
        if known is None:
            known = self._lines[topic] = self._read(topic)
        return known

    def _read(self, topic: Topic) -> list[Line]:
        name, lines = RECORDS[topic], []
        self.unreadable[topic] = []
        for record in self._universe.records(topic):
            if record.value in self._poison:
                continue
            try:
                lines.append(Line(record, self.decode(name, record.value)))
            except BrokenRecord:
                self.unreadable[topic].append(record)
        return lines

    def decode(self, name: RecordName, payload: bytes | None) -> Fields:
        """What the bytes say. BrokenRecord, the same one again, when they say nothing."""
        known = self._decoded.get(payload or b"")
        if known is None:
            try:
                known = self._universe.framing.decode(name, payload)
            except BrokenRecord as error:
                known = error
            self._decoded[payload or b""] = known
        if isinstance(known, BrokenRecord):
            raise known
        return known


class Findings:
    """What a law found broken."""

    def __init__(self, law: str) -> None:
        self._law = law
        self.breaches: list[Breach] = []

    def add(self, text: str) -> None:
        """Note a breach, unless there are many already."""
        if len(self.breaches) < REPORTED_MAX:
            self.breaches.append(Breach(law=self._law, text=text))

    def compare(self, subject: str, found: object, expected: object) -> bool:
        """Note a breach where the two differ; whether they are equal."""
        if found == expected:
            return True
        self.add(f"{subject}: {_difference(found, expected)}")
        return False


def _difference(found: object, expected: object) -> str:
    """In what two things differ: field by field where they have fields."""
    names = getattr(found, "_fields", None)
    if names is not None and isinstance(found, tuple) and isinstance(expected, tuple):
        pairs = zip(names, found, expected, strict=False)
        return "; ".join(
            f"{name} is {here!r}, must be {there!r}" for name, here, there in pairs if here != there
        )
    return f"is {found!r}, must be {expected!r}"
