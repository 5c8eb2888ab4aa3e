"""What lies on the dead letter queue: letters, and resolutions that say what became of them.

Owns the form of both and the folding of the topic into who is open. Reads and writes no topic. The
topic is the only state there is: a letter is open as long as no resolution behind it, in the same
partition, names it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pipelines.contracts.broken import BrokenCode
from pipelines.stages.record import CUT_FROM, Incoming, Outgoing
from pipelines.topics import DLQ

RETENTION_MS: Final = DLQ.retention_ms or 0

RESOLUTION: Final = "resolution"
LETTER_PARTITION: Final = "letterPartition"
LETTER_OFFSET: Final = "letterOffset"
BY: Final = "by"
REASON: Final = "reason"
WRITTEN: Final = "written"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where a letter lies on the dead letter queue; written `partition:offset`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"

    @classmethod
    def parsed(cls, text: str) -> "Place":
        """The place of such a text. ValueError when it is none."""
        partition, _, offset = text.partition(":")
        return cls(partition=_number(partition), offset=_number(offset))


class Resolved(StrEnum):
    """How a letter ended."""

    RETRIED = "RETRIED"  # what it should have caused was written
    DISCARDED = "DISCARDED"  # a person decided that nothing is to come of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the record was. `timestamp_ms` absent: the letter is of a time that kept none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One record that was put aside. `source` absent: it was not our workers who wrote it.

    `code` and `text` are as they were told then; `at_ms` is when it was put aside.
    """

    place: Place
    at_ms: int
    key: bytes | None
    value: bytes | None
    source: Source | None
    code: str
    text: str
    trace: tuple[tuple[str, bytes], ...] = ()
    cut_from: str | None = None

    @property
    def expires_ms(self) -> int:
        """Until when the topic keeps it, at the least."""
        return self.at_ms + RETENTION_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What became of one letter. `reason` is empty, or what a person said."""

    place: Place
    how: Resolved
    at_ms: int
    by: str
    reason: str
    written: str = ""


@dataclass(slots=True, kw_only=True)
class LetterQueue:
    """Everything on the topic, as of when it was read. `strange` counts what is neither."""

    letters: dict[Place, Letter] = field(default_factory=dict)
    resolutions: dict[Place, Resolution] = field(default_factory=dict)
    strange: int = 0

    @classmethod
    def of(cls, records: Iterable[Incoming]) -> "LetterQueue":
        """Fold the records of the topic, in their order within each partition."""
        queue = cls()
        for record in records:
            queue.take(record)
        return queue

    def take(self, record: Incoming) -> None:
        """Fold one record. The first resolution of a letter stands; one of no letter is no matter.

        Its letter may have been deleted by age, just before it.
        """
        headers = _headers(record)
        if RESOLUTION not in headers:
            letter = letter_of(record)
            self.letters[letter.place] = letter
            return
        resolution = _resolution(record, headers)
        if resolution is None or resolution.place.partition != record.partition:
            self.strange += 1
        elif resolution.place in self.letters:
            self.resolutions.setdefault(resolution.place, resolution)

    def in_order(self) -> list[Letter]:
        """Every letter, in the order in which they were put aside."""
        return sorted(self.letters.values(), key=lambda each: (each.at_ms, each.place))

    def is_open(self, letter: Letter) -> bool:
        """Whether nothing was done about the letter yet."""
        return letter.place not in self.resolutions


def letter_of(record: Incoming) -> Letter:
    """The letter in a record of the topic, whoever wrote it."""
    headers = _headers(record)
    cut_from = headers.get(CUT_FROM)
    return Letter(
        place=Place(partition=record.partition, offset=record.offset),
        at_ms=record.timestamp_ms,
        key=record.key,
        value=record.value,
        source=_source(headers),
        code=_text(headers.get("errorCode")),
        text=_text(headers.get("errorText")),
        trace=tuple(record.trace),
        cut_from=None if cut_from is None else _text(cut_from),
    )


def known_code(letter: Letter) -> BrokenCode | None:
    """The code, if it is one that this version knows."""
    try:
        return BrokenCode(letter.code)
    except ValueError:
        return None


def resolution_record(
    letter: Letter, how: Resolved, *, by: str, reason: str = "", written: str = ""
) -> Outgoing:
    """The record that resolves a letter: behind it, in its partition, and without a value.

    The topic's own time of it is when that was. It has none of the headers of a letter, so that a
    reader of letters, who looks for `errorCode`, passes it over.
    """
    headers = [
        (RESOLUTION, how.value),
        (LETTER_PARTITION, str(letter.place.partition)),
        (LETTER_OFFSET, str(letter.place.offset)),
        (BY, by),
        (REASON, reason),
        (WRITTEN, written),
    ]
    return Outgoing(
        topic=DLQ,
        key=letter.key,
        value=None,
        headers=[(name, text.encode()) for name, text in headers if text],
        partition=letter.place.partition,
    )


def _resolution(record: Incoming, headers: Mapping[str, bytes]) -> Resolution | None:
    try:
        return Resolution(
            place=Place(
                partition=_number(_text(headers.get(LETTER_PARTITION))),
                offset=_number(_text(headers.get(LETTER_OFFSET))),
            ),
            how=Resolved(_text(headers.get(RESOLUTION))),
            at_ms=record.timestamp_ms,
            by=_text(headers.get(BY)),
            reason=_text(headers.get(REASON)),
            written=_text(headers.get(WRITTEN)),
        )
    except ValueError:
        return None


def _source(headers: Mapping[str, bytes]) -> Source | None:
    try:
        timestamp = headers.get("sourceTimestamp")
        return Source(
            topic=headers["sourceTopic"].decode(),
            partition=_number(_text(headers.get("sourcePartition"))),
            offset=_number(_text(headers.get("sourceOffset"))),
            timestamp_ms=None if timestamp is None else int(timestamp.decode()),
        )
    except (KeyError, ValueError):
        return None


def _headers(record: Incoming) -> dict[str, bytes]:
    """The headers by name; of one that comes twice, the first."""
    found: dict[str, bytes] = {}
    for name, value in record.headers:
        found.setdefault(name, value or b"")
    return found


def _text(raw: bytes | None) -> str:
    """What a header says, fit for a terminal: whoever wrote it."""
    text = (raw or b"").decode(errors="replace")[:_LONGEST_TEXT]
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


_LONGEST_TEXT: Final = 1_000


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_NUMBER:
        raise ValueError("it is no number")
    return int(text)


_LONGEST_NUMBER: Final = 18
