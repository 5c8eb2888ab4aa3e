"""A record as it comes from a topic and as it goes to one, and what becomes of a broken one.

Owns the headers of a dead letter, the same as those of the service's own. Knows no topic by its
name, and nothing of what records mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipelines.contracts.broken import BrokenRecord
from pipelines.topics import LARGEST_RECORD_BYTES

TRACEPARENT: Final = "traceparent"
_LONGEST_TRACE: Final = 128
_LARGEST_LETTER_BYTES: Final = LARGEST_RECORD_BYTES - 16 * 1024
"""What leaves room for the headers."""

_CUT_BYTES: Final = 64 * 1024

Headers = Sequence[tuple[str, bytes | None]]
"""As Kafka has them: a header may come twice, and without a value."""


class Destination(StrEnum):
    """Which of our topics a record goes to."""

    JOIN = "join"
    OUTPUT = "output"
    DEAD_LETTERS = "dead-letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One record of an input topic. `timestamp_ms` is Kafka's."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int

    @property
    def trace(self) -> bytes | None:
        """The trace to hand on, where there is one; what is too long for one is dropped."""
        for name, value in self.headers:
            if name == TRACEPARENT and value is not None and len(value) <= _LONGEST_TRACE:
                return value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One record to write. `timestamp_ms` absent: the time of writing."""

    destination: Destination
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int | None = None


def dead_letter(taken: Taken, error: BrokenRecord) -> Given:
    """The record itself, untouched, with where it was and what is wrong with it.

    One that is larger than what may be written is cut, and says so.
    """
    key, value = taken.key, taken.value
    headers: list[tuple[str, bytes | None]] = [
        ("sourceTopic", taken.topic.encode()),
        ("sourcePartition", str(taken.partition).encode()),
        ("sourceOffset", str(taken.offset).encode()),
        ("sourceTimestamp", str(taken.timestamp_ms).encode()),
        ("errorCode", error.code.value.encode()),
        ("errorText", error.text.encode()),
    ]
    if taken.trace is not None:
        headers.append((TRACEPARENT, taken.trace))
    if len(key or b"") + len(value or b"") > _LARGEST_LETTER_BYTES:
        headers.append(("cutFrom", f"{len(key or b'')}+{len(value or b'')}".encode()))
        key, value = key and key[:_CUT_BYTES], value and value[:_CUT_BYTES]
    return Given(destination=Destination.DEAD_LETTERS, key=key, value=value, headers=headers)
