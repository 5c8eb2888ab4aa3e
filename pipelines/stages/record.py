"""What a stage is given and what it gives: records in, records out, and the state of its key.

Owns the small types between the stages and the runtime. A stage performs no input or output of its
own and knows no clock: everything it says follows from its record and its state, so folding a topic
again gives the same state and the same output, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar
from uuid import UUID, uuid5

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.partitioning import partition_of
from pipelines.topics import DLQ, LARGEST_RECORD_BYTES, Topic
from pipelines.tracing.trace_context import TRACEPARENT
from state.stores.codec import RecordCodec
from state.stores.layout import DeadlineEntry, KeyedRecords

EVENT_TIME: Final = "eventTime"
"""On facts and commands: when, by its source, that happened which they follow from (epoch ms)."""

_EVENT_IDS: Final = UUID("6f1d1c0e-6a53-5c0b-9a2f-0d6b7b1f8a11")
"""The name space of event ids: a constant of this service, so that a replay gives the same ids."""

_LONGEST_TRACE: Final = 128
"""The standard's have 55 characters, and may get more in later versions."""

_LONGEST_TIME: Final = 15
"""The digits of a time within the ten thousand years that our contracts allow."""

LARGEST_KEPT_BYTES: Final = 4 * 1024 * 1024
"""Of one record in a store: half of what its changelog takes, where it would stop the worker."""

Headers = Sequence[tuple[str, bytes | None]]
"""As Kafka has them: a header may come twice, and without a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One record of an input topic. `topic` is its full name; `timestamp_ms` is Kafka's."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int

    def event_id(self, position: int) -> str:
        """The id of the event at this position among those the record causes."""
        return str(uuid5(_EVENT_IDS, f"{self.topic}/{self.partition}/{self.offset}/{position}"))

    @property
    def trace(self) -> list[tuple[str, bytes]]:
        """The trace to hand on, where the record has one; what is too long for one is dropped.

        It goes with everything the record causes, a thousand commands perhaps.
        """
        for name, value in self.headers:
            if name == TRACEPARENT and value is not None and len(value) <= _LONGEST_TRACE:
                return [(name, value)]
        return []

    @property
    def event_time_ms(self) -> int | None:
        """When its source says that it happened; None where nothing credible is said of it."""
        for name, value in self.headers:
            if name == EVENT_TIME and value is not None and len(value) <= _LONGEST_TIME:
                return int(value) if value.isdigit() else None
        return None

    @property
    def handed_on(self) -> list[tuple[str, bytes]]:
        """The headers of what a fact causes: the trace, and when it happened at its source."""
        happened_ms = self.event_time_ms
        if happened_ms is None:
            return self.trace
        return [*self.trace, event_time_header(happened_ms)]


def event_time_header(happened_ms: int) -> tuple[str, bytes]:
    """The header that says when something happened at its source."""
    return EVENT_TIME, b"%d" % happened_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One record to write. `partition` is set only where the key does not decide it."""

    topic: Topic
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default=())
    partition: int | None = None


CUT_FROM: Final = "cutFrom"
"""On a dead letter that was cut: how many bytes key and value had."""

_LARGEST_LETTER_BYTES: Final = LARGEST_RECORD_BYTES - 16 * 1024
"""What leaves room for the headers."""

_CUT_BYTES: Final = 64 * 1024

Kept = TypeVar("Kept")


class DeadlineRecords(Protocol):
    """The deadlines of the partition that the record is in."""

    def add(self, entry: DeadlineEntry) -> None: ...

    def remove(self, entry: DeadlineEntry) -> None: ...


class StatelessStage(Protocol):
    """A stage that remembers nothing."""

    def __call__(self, incoming: Incoming) -> list[Outgoing]: ...


class StatefulStage(Protocol):
    """A stage that folds the records of a key.

    It raises BrokenRecord before it has changed anything: what was set before an exception stays
    set, so every stage computes first and writes last.
    """

    def __call__(
        self, incoming: Incoming, records: KeyedRecords, deadlines: DeadlineRecords, /
    ) -> list[Outgoing]: ...


def checked_key(incoming: Incoming, key: str, partitions: int) -> None:
    """Refuse a record that is not where its key belongs.

    A producer with another partitioner, or another key, would otherwise make a second truth about
    the same certificate in another partition.
    """
    if incoming.key != key.encode():
        raise BrokenRecord(BrokenCode.CONTRACT, "the record's key is not the id it is about")
    if incoming.partition != partition_of(incoming.key, partitions):
        raise BrokenRecord(
            BrokenCode.CONTRACT, "the record is in the wrong partition: produce with murmur2"
        )


def kept(codec: RecordCodec[Kept], record: Kept, largest: int = LARGEST_KEPT_BYTES) -> bytes:
    """The bytes of a record to keep. BrokenRecord when what asks for it has it outgrow its place.

    A source that is broken may tell of one order, or spend one certificate, for ever.
    """
    try:
        encoded = codec.encode(record)
    except OverflowError:
        raise BrokenRecord(BrokenCode.CONTRACT, "the amounts of its key sum to too much") from None
    if len(encoded) > largest:
        mebibytes = largest // (1024 * 1024)
        raise BrokenRecord(
            BrokenCode.CONTRACT, f"what is kept of its key would have more than {mebibytes} MiB"
        )
    return encoded


def dead_letter(incoming: Incoming, error: BrokenRecord) -> Outgoing:
    """The record itself, untouched, with where it was and what is wrong with it.

    One that is larger than what may be written is cut, and says so: its beginning is all that the
    topic can take, and the stream must not wait for it for ever.
    """
    key, value = incoming.key, incoming.value
    headers: list[tuple[str, bytes | None]] = [
        ("sourceTopic", incoming.topic.encode()),
        ("sourcePartition", str(incoming.partition).encode()),
        ("sourceOffset", str(incoming.offset).encode()),
        ("sourceTimestamp", str(incoming.timestamp_ms).encode()),
        ("errorCode", error.code.value.encode()),
        ("errorText", error.text.encode()),
        *incoming.trace,
    ]
    if len(key or b"") + len(value or b"") > _LARGEST_LETTER_BYTES:
        headers.append((CUT_FROM, f"{len(key or b'')}+{len(value or b'')}".encode()))
        key, value = key and key[:_CUT_BYTES], value and value[:_CUT_BYTES]
    return Outgoing(topic=DLQ, key=key, value=value, headers=headers)
