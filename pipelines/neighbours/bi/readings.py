"""From a record of any topic of the mart to what it comes to.

Owns the choice by topic, and that a broken record is a row like any other: it is counted and
listed, and the mart goes on.
"""

from collections.abc import Callable

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.neighbours.bi.calendar import Calendar
from pipelines.neighbours.bi.letter_readings import LetterReadings
from pipelines.neighbours.bi.rows import BrokenRow
from pipelines.neighbours.bi.source_readings import SourceReadings
from pipelines.neighbours.bi.stream_readings import StreamReadings, arrival
from pipelines.neighbours.bi.topic_record import Reading, TopicRecord
from pipelines.topics import ALL_CLIENTS, ALL_PAYMENTS, ALL_SALES_ORDER, DLQ, STREAM


class Readings:
    """Reads records of every topic of the mart."""

    def __init__(self, framing: Framing, calendar: Calendar, *, topic_prefix: str = "") -> None:
        sources = SourceReadings(framing, calendar)
        self._readers: dict[str, Callable[[TopicRecord], Reading]] = {
            STREAM.name: StreamReadings(framing, calendar).read,
            ALL_SALES_ORDER.name: sources.order,
            ALL_PAYMENTS.name: sources.payment,
            ALL_CLIENTS.name: sources.client,
            DLQ.name: LetterReadings(calendar, topic_prefix).read,
        }

    def read(self, record: TopicRecord) -> Reading:
        """What the record says, or that it is broken."""
        try:
            return self._readers[record.topic](record)
        except BrokenRecord as error:
            return broken_row(record, error.code.value, error.text)


def broken_row(record: TopicRecord, code: str, text: str) -> BrokenRow:
    """That the mart could make nothing of a record."""
    return BrokenRow(
        topic=record.topic,
        partition_no=record.partition,
        record_offset=record.offset,
        arrived_at=arrival(record),
        code=code,
        text=text,
    )
