"""From a record of GiftCertificates.DLQ to its row: a letter, or what became of one.

Owns what the mart takes from the headers. Key and value are somebody's broken record: they are not
looked at.
"""

from collections.abc import Mapping
from typing import Final

from pipelines.contracts.fields import broken
from pipelines.neighbours.bi.calendar import Calendar, utc
from pipelines.neighbours.bi.rows import DeadLetterRow, ResolutionRow
from pipelines.neighbours.bi.stream_readings import arrival, readable
from pipelines.neighbours.bi.topic_record import TopicRecord

NO_CODE: Final = "NONE"
"""The code of a letter that has none: it was not our workers who wrote it."""

_LARGEST_PARTITION: Final = 2**31 - 1
_LARGEST_OFFSET: Final = 2**63 - 1
_HOW: Final = frozenset({"RETRIED", "DISCARDED"})

Headers = Mapping[str, bytes]


class LetterReadings:
    """Reads the queue. `prefix` is what stands before every topic's name in this installation."""

    def __init__(self, calendar: Calendar, prefix: str) -> None:
        self._day_of = calendar.day_of
        self._prefix = prefix

    def read(self, record: TopicRecord) -> DeadLetterRow | ResolutionRow:
        """The letter or resolution. BrokenRecord when a resolution names no letter of its own."""
        headers = _by_name(record)
        if "resolution" in headers:
            return _resolution(record, headers)
        return self._letter(record, headers)

    def _letter(self, record: TopicRecord, headers: Headers) -> DeadLetterRow:
        arrived_at = arrival(record)
        source = headers.get("sourceTopic")
        ours = source is not None and "errorCode" in headers
        return DeadLetterRow(
            partition_no=record.partition,
            record_offset=record.offset,
            arrived_at=arrived_at,
            day=self._day_of(utc(0) if arrived_at is None else arrived_at),
            source_topic=None if source is None else _text(source).removeprefix(self._prefix),
            source_partition=_number(headers.get("sourcePartition"), _LARGEST_PARTITION),
            source_offset=_number(headers.get("sourceOffset"), _LARGEST_OFFSET),
            code=_text(headers.get("errorCode", b"")) or NO_CODE,
            # A stranger's letter may say anything; ours holds nothing of the record.
            text=_text(headers.get("errorText", b"")) if ours else "",
        )


def _resolution(record: TopicRecord, headers: Headers) -> ResolutionRow:
    offset = _number(headers.get("letterOffset"), _LARGEST_OFFSET)
    how = _text(headers["resolution"])
    if offset is None or how not in _HOW:
        raise broken("a resolution does not say of which letter, or how it ended")
    if _number(headers.get("letterPartition"), _LARGEST_PARTITION) != record.partition:
        raise broken("a resolution is not in the partition of its letter")
    return ResolutionRow(
        partition_no=record.partition,
        record_offset=record.offset,
        arrived_at=arrival(record),
        letter_offset=offset,
        how=how,
    )


def _by_name(record: TopicRecord) -> dict[str, bytes]:
    """The headers by name; of one that comes twice, the first."""
    found: dict[str, bytes] = {}
    for name, value in record.headers:
        found.setdefault(name, value or b"")
    return found


def _text(raw: bytes) -> str:
    return readable(raw.decode(errors="replace"))


def _number(raw: bytes | None, largest: int) -> int | None:
    """The number that a header says; None where it says none, or one that nothing can be at."""
    if raw is None or not raw.isdigit() or len(raw) > len(str(largest)):
        return None
    number = int(raw)
    return number if number <= largest else None
