"""What one transaction adds to the mart: rows by table, and which rows they take the place of.

Owns which of several records about one event is kept: of those of the stream the first, for the
events of a key are in one partition; of the others' the one at the smallest place, but of a payment
one that says what it means for its certificate. So the mart is the same however the topics were
read: in one go or in a thousand, this partition first or that.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, assert_never

from pipelines.neighbours.bi.booking import (
    SEQUENCE_GAP,
    SEQUENCE_REPEATED,
    Bookings,
    KnownKey,
)
from pipelines.neighbours.bi.calendar import Calendar
from pipelines.neighbours.bi.columns import Table
from pipelines.neighbours.bi.readings import broken_row
from pipelines.neighbours.bi.rows import (
    BrokenRow,
    ClientRecordRow,
    DeadLetterRow,
    PaymentEventRow,
    Place,
    ResolutionRow,
    StreamEventRow,
)
from pipelines.neighbours.bi.tables import (
    BROKEN,
    CLIENT_RECORD,
    DEAD_LETTER,
    DEAD_LETTER_RESOLUTION,
    ORDER_LINE,
    ORDER_TENDER,
    ORDER_VERSION,
    PAYMENT_EVENT,
    STREAM_EVENT,
)
from pipelines.neighbours.bi.topic_record import OrderTold, Partition, Reading, TopicRecord

Read = tuple[TopicRecord, Reading]
"""A record, and what it was read as."""

EVENT_TABLES: Final[tuple[Table, ...]] = (
    STREAM_EVENT,
    ORDER_VERSION,
    PAYMENT_EVENT,
    CLIENT_RECORD,
)
"""The tables whose rows are events with an id."""

PARTS: Final[Mapping[str, tuple[Table, ...]]] = {ORDER_VERSION.name: (ORDER_LINE, ORDER_TENDER)}
"""The tables whose rows belong to one of another table, and go with it."""

_Told = OrderTold | PaymentEventRow | ClientRecordRow


def event_ids(read: Iterable[Read]) -> dict[str, list[str]]:
    """The ids that a batch brings, by the table of their events: what the mart is asked for."""
    found: dict[str, list[str]] = defaultdict(list)
    for _, reading in read:
        match reading:
            case StreamEventRow(event_id=event_id):
                found[STREAM_EVENT.name].append(event_id)
            case OrderTold(order=order):
                found[ORDER_VERSION.name].append(order.event_id)
            case PaymentEventRow(event_id=event_id):
                found[PAYMENT_EVENT.name].append(event_id)
            case ClientRecordRow(event_id=event_id):
                found[CLIENT_RECORD.name].append(event_id)
            case DeadLetterRow() | ResolutionRow() | BrokenRow():
                pass
            case _:
                assert_never(reading)
    return found


def stream_keys(read: Iterable[Read]) -> list[str]:
    """The keys of the stream that a batch is about, each once."""
    return list({row.record_key: None for _, row in read if isinstance(row, StreamEventRow)})


class Batch:
    """The rows of one transaction. `places`: where the events lie that the mart has already."""

    def __init__(
        self,
        calendar: Calendar,
        keys: dict[str, KnownKey],
        places: Mapping[str, Mapping[str, Place]],
    ) -> None:
        self._bookings = Bookings(calendar, keys)
        self._places = places
        self._seen: set[str] = set()
        self._told: dict[str, dict[str, _Told]] = {table.name: {} for table in EVENT_TABLES}
        self._rows: dict[str, list[Sequence[object]]] = defaultdict(list)
        self.replaced: dict[str, list[str]] = defaultdict(list)
        """Ids of events, by table, whose rows in the mart go: a copy lies at a smaller place."""
        self.repeats: Counter[Partition] = Counter()

    def take(self, record: TopicRecord, reading: Reading) -> None:
        """Add one record. Those of a partition come in its order."""
        match reading:
            case StreamEventRow():
                self._book(record, reading)
            case OrderTold(order=order):
                self._tell(record, ORDER_VERSION, order.event_id, reading)
            case PaymentEventRow():
                self._tell(record, PAYMENT_EVENT, reading.event_id, reading)
            case ClientRecordRow():
                self._tell(record, CLIENT_RECORD, reading.event_id, reading)
            case DeadLetterRow():
                self._rows[DEAD_LETTER.name].append(reading)
            case ResolutionRow():
                self._rows[DEAD_LETTER_RESOLUTION.name].append(reading)
            case BrokenRow():
                self._rows[BROKEN.name].append(reading)
            case _:
                assert_never(reading)

    def rows(self, table: Table) -> Sequence[Sequence[object]]:
        """What is to be added to a table."""
        told = self._told.get(table.name, {}).values()
        orders = self._told[ORDER_VERSION.name].values()
        match table.name:
            case ORDER_VERSION.name:
                return [each.order for each in orders if isinstance(each, OrderTold)]
            case ORDER_LINE.name:
                return [row for each in orders if isinstance(each, OrderTold) for row in each.lines]
            case ORDER_TENDER.name:
                return [
                    row for each in orders if isinstance(each, OrderTold) for row in each.tenders
                ]
            case _:
                flat = [each for each in told if not isinstance(each, OrderTold)]
                return [*self._rows[table.name], *flat]

    def _book(self, record: TopicRecord, row: StreamEventRow) -> None:
        known = row.event_id in self._places[STREAM_EVENT.name] or row.event_id in self._seen
        booked = None if known else self._bookings.book(row)
        if known:
            self.repeats[record.topic, record.partition] += 1
        elif booked is None:
            text = f"sequence {row.sequence} of its key is taken by another event"
            self._rows[BROKEN.name].append(broken_row(record, SEQUENCE_REPEATED, text))
        else:
            self._seen.add(row.event_id)
            self._rows[STREAM_EVENT.name].append(booked.row)
            if booked.missing:
                text = f"{booked.missing} events of its key are missing before it"
                self._rows[BROKEN.name].append(broken_row(record, SEQUENCE_GAP, text))

    def _tell(self, record: TopicRecord, table: Table, event_id: str, told: _Told) -> None:
        pending = self._told[table.name]
        here = _place(told)
        before = pending.get(event_id)
        there = self._places[table.name].get(event_id) if before is None else _place(before)
        if there is not None:
            self.repeats[record.topic, record.partition] += 1
            if there <= here:
                return
            if before is None:
                self.replaced[table.name].append(event_id)
        pending[event_id] = told


def _place(told: _Told) -> Place:
    row = told.order if isinstance(told, OrderTold) else told
    unmarked = isinstance(told, PaymentEventRow) and told.certificate_operation is None
    return Place(unmarked, row.partition_no, row.record_offset)
