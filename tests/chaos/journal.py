"""What callers did, line by line in a file: written before a call is sent, and when it is answered.

Owns the records and the file. A line is in the file before anything else happens, so a caller that
is killed leaves behind what it had under way, and its successor and the checks read the same. No
code and no token is ever in it. Times are `time.monotonic_ns`, one clock for all processes here.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct


class Record(Struct, frozen=True, kw_only=True, tag_field="what"):
    """One line; `at_ns` is when it was written."""

    at_ns: int


class Started(Record, frozen=True, kw_only=True, tag="started"):
    """A caller process began; whatever an earlier one had under way got no answer."""

    process: int


class Resumed(Record, frozen=True, kw_only=True, tag="resumed"):
    """All that the earlier process had left open has been answered."""

    repeated: int


class LifeBegun(Record, frozen=True, kw_only=True, tag="life"):
    life: str


class LifeEnded(Record, frozen=True, kw_only=True, tag="end"):
    """The story is over; `how` says in a word or two with what."""

    life: str
    how: str


class Invoked(Record, frozen=True, kw_only=True, tag="invoked"):
    """A call is about to be sent. `key` is None for one that changes nothing.

    `body` is what it asks for, without the code, but whether that is `wrong_code`; `position` is
    what it sends to read its own writes.
    """

    call: int
    life: str
    step: str
    operation: str
    client: str
    key: str | None
    number: str | None
    body: Mapping[str, Any]
    edge: int
    position: str | None
    wrong_code: bool = False


class Answered(Record, frozen=True, kw_only=True, tag="answered"):
    """An answer came; `problem` is the last part of its type. Of a code only that it came."""

    call: int
    status: int
    problem: str | None
    content: Mapping[str, Any]
    position: str | None
    version: int | None


class Unanswered(Record, frozen=True, kw_only=True, tag="unanswered"):
    """No answer came. `sent` is False where nobody listened, so nothing can have happened."""

    call: int
    why: str
    sent: bool


class Telling(Record, frozen=True, kw_only=True, tag="telling"):
    """A source record is about to be written; `fields` say what it tells."""

    life: str
    event: str
    kind: str
    fields: Mapping[str, Any]


class Told(Record, frozen=True, kw_only=True, tag="told"):
    """Kafka has the source record."""

    event: str


Line: TypeAlias = (
    Started | Resumed | LifeBegun | LifeEnded | Invoked | Answered | Unanswered | Telling | Told
)

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Line)


class Journal:
    """One caller's file, open to append. What a killed predecessor wrote in part is cut off."""

    def __init__(self, path: Path) -> None:
        self.kept = list(read_journal(path)) if path.exists() else []
        if path.exists():
            content = path.read_bytes()
            os.truncate(path, content.rfind(b"\n") + 1)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, line: Line) -> None:
        """Put a line into the file; when this returns it survives the end of the process."""
        written = _ENCODER.encode(line) + b"\n"
        assert os.write(self._descriptor, written) == len(written), "a line was written in part"

    def close(self) -> None:
        os.close(self._descriptor)


def read_journal(path: Path) -> Iterator[Line]:
    """The lines of a file, in order; what stands after the last line break is not one yet."""
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    for line in whole.splitlines():
        yield _DECODER.decode(line)
