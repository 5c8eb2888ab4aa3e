"""What is said between the CRM and its consumer group: what comes, what is committed, what fails.

Owns these words, and what a member of the group can do. Reads and writes nothing itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipelines.neighbours.crm.progress_note import Progress
from pipelines.neighbours.crm.request import StreamRecord
from pipelines.neighbours.records.record import SourceRecord


class PutOut(Exception):
    """Kafka took no commit: the group went on without this member."""


class NotCommitted(Exception):
    """A transaction came to nothing; the same can be committed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTo:
    """A partition was read to its end as of now."""

    partition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What the group has committed of a partition; `note` is the text beside it."""

    offset: int
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A partition that is ours from now on, and the end that it has at that moment."""

    committed: Committed | None
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One outcome to write, with the trace of its request."""

    record: SourceRecord
    trace: bytes | None


class Member(Protocol):
    """This process in the consumer group; see `GroupMember`."""

    def read(self, timeout_s: float) -> Sequence[StreamRecord | ReadTo]:
        """What has come. Calls the intake's `assigned` and `gone` meanwhile."""
        ...

    def commit(self, progress: Mapping[int, Progress], told: Sequence[Told]) -> None:
        """All of it in one transaction. PutOut, NotCommitted."""
        ...
