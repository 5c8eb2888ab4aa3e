"""Bringing one store to where its changelog was when the partition came.

Owns which records of a changelog count, and when the store is whole. Reads nothing itself and knows
no consumer: it is given records in their order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from confluent_kafka import Message

from pipelines.recovery.store_faults import ChangelogLost

FAMILY_HEADER: Final = "__column_family__"
PROCESSED_HEADER: Final = "__processed_tp_offsets__"
EXPIRY_HEADER: Final = "__ttl_stamped__"
"""The stream library's own words; a test holds them to it."""

FAMILY: Final = "default"
"""The only column family that a stage writes to; `KeptPartition` holds it to that."""

_NOTHING: Final = (b"", b"{}", b"null")
"""A record that says nothing of that counts, as it does for the library."""

_PROCESSED: Final = msgspec.json.Decoder(dict[str, int])


class CaughtUp(Protocol):
    """The store that is brought there."""

    def apply(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """Write what a changelog held up to an offset, as one."""
        ...

    def complete(self, offset: int, at_ms: int) -> None:
        """Everything is in it that its changelog held at that time."""
        ...


@dataclass(slots=True, kw_only=True)
class CatchUp:
    """The recovery of one partition's store."""

    store: CaughtUp
    changelog: str
    partition: int
    committed: Mapping[str, int]
    """What the group committed for the inputs of this store, by full name of the topic."""
    next_offset: int
    last: int
    """The record with which the store is whole, or the place where it was."""
    assigned_ms: int
    exactly_once: bool
    applied: int = 0

    @property
    def done(self) -> bool:
        """Whether the store is whole."""
        return self.next_offset > self.last

    def take(self, records: Sequence[Message]) -> None:
        """Apply records; those behind the last one are the next owner's business.

        With exactly-once whatever can be read is committed, unless the group's offsets went back;
        and then the last record shows it. Reading the headers of every record would cost as much
        as all the rest.
        """
        wanted = self._up_to_last(records)
        if not wanted:
            return
        looked_at = wanted[-1:] if self.exactly_once else wanted
        counts = [self._counts(record) for record in looked_at]
        if self.exactly_once:
            changes = [(record.key(), record.value()) for record in wanted]
        else:
            changes = [
                (record.key(), record.value())
                for record, counted in zip(wanted, counts, strict=True)
                if counted
            ]
        self.next_offset = wanted[-1].offset() + 1
        self.applied += len(changes)
        self.store.apply(changes, self.next_offset - 1)

    def _up_to_last(self, records: Sequence[Message]) -> Sequence[Message]:
        if records[-1].offset() <= self.last:
            return records
        wanted = [record for record in records if record.offset() <= self.last]
        behind = _processed_of(records[len(wanted)])
        assert not self._is_committed(behind), "the note lags behind what was committed"
        return wanted

    def _counts(self, record: Message) -> bool:
        """Whether the group committed what a record follows from, or the record does not say.

        ChangelogLost with exactly-once, where it cannot be otherwise but for one reason.
        """
        processed = _processed_of(record)
        if processed in _NOTHING or self._is_committed(processed):
            return True
        if self.exactly_once:
            raise self._lost(processed)
        return False

    def reach(self, end: int) -> None:
        """Nothing is left to be read before that offset."""
        self.next_offset = max(self.next_offset, end)

    def finish(self) -> None:
        """Say in the store that it is whole.

        Not where the group never committed: nothing was applied then, and a store that says it has
        records is taken for one whose group lost its offsets.
        """
        if self.committed:
            self.store.complete(self.last, self.assigned_ms)

    def _is_committed(self, processed: bytes) -> bool:
        """Whether the group committed what a record says that it follows from."""
        offsets = _PROCESSED.decode(processed) if processed else {}
        return bool(offsets) and all(
            offset < self.committed.get(topic, -1) for topic, offset in offsets.items()
        )

    def _lost(self, processed: bytes) -> ChangelogLost:
        """With exactly-once a record that is not committed cannot be.

        Unless somebody set the group's offsets back: what the state was then is gone, for a
        changelog keeps only the last of each key.
        """
        return ChangelogLost(
            self.changelog,
            self.partition,
            f"it holds what followed from {processed.decode()}, which the group has not committed: "
            "its offsets are gone or were set back",
        )


def _processed_of(record: Message) -> bytes:
    """What a record says of the input it follows from; empty when it says nothing."""
    headers = dict(record.headers() or ())
    assert EXPIRY_HEADER not in headers, "nothing of ours expires by itself"
    assert headers[FAMILY_HEADER] == FAMILY.encode(), "a store has one column family"
    processed = headers.get(PROCESSED_HEADER, b"")
    assert isinstance(processed, bytes), processed
    return processed
