"""Reads the stream and the shop's own orders, from their beginnings and then as they grow.

Owns the following and its patience: while Kafka is away it asks again, and the pages say that they
are behind. Commits nothing and belongs to no group. Must not judge what it reads.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from threading import Event
from typing import Final, Protocol

import structlog
from confluent_kafka import Message

from pipelines.committed_reader import CommittedReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.faults import OperatorError
from pipelines.neighbours.shop.order_book import OrderBook
from pipelines.neighbours.shop.order_records import read_order
from pipelines.neighbours.shop.story import seen_of
from pipelines.neighbours.shop.stream_memory import OWN_ORDER, StreamMemory
from pipelines.settings import Settings
from pipelines.topics import ALL_SALES_ORDER, STREAM, Topic

_AGAIN_S: Final = 2.0

Take = Callable[[Message], None]
Note = Callable[[bool], None]


class Following(Protocol):
    """As much of `CommittedReader` as is needed to follow a topic."""

    def ends(self) -> dict[int, int]: ...

    def owed(self, ends: Mapping[int, int]) -> int: ...

    def batch(self) -> list[Message]: ...


Open = Callable[[Topic], AbstractContextManager[Following]]


class TopicFollower:
    """One topic, followed on the thread that runs it.

    After a fault it begins again at the start; what was passed before is not shown twice.
    """

    def __init__(self, topic: Topic, open_reader: Open, take: Take, note_caught_up: Note) -> None:
        self._topic = topic
        self._open_reader = open_reader
        self._take = take
        self._note_caught_up = note_caught_up
        self._next: dict[int, int] = {}

    def run(self, stopped: Event) -> None:
        """Follow the topic until told to stop."""
        log = structlog.get_logger(__name__)
        while not stopped.is_set():
            try:
                with self._open_reader(self._topic) as reader:
                    self._follow(reader, stopped)
            except OperatorError as fault:
                log.warning("a topic cannot be read", topic=self._topic.name, reason=str(fault))
                self._note_caught_up(False)
                stopped.wait(_AGAIN_S)

    def _follow(self, reader: Following, stopped: Event) -> None:
        ends, caught_up = reader.ends(), False
        while not stopped.is_set():
            for message in reader.batch():
                self._pass_on(message)
            if not caught_up and not reader.owed(ends):
                caught_up = True
                self._note_caught_up(True)

    def _pass_on(self, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        assert partition is not None, "a record that was read has a place"
        assert offset is not None, "a record that was read has a place"
        if offset >= self._next.get(partition, 0):
            self._next[partition] = offset + 1
            self._take(message)


def stream_follower(settings: Settings, framing: Framing, memory: StreamMemory) -> TopicFollower:
    """Fills the memory from the stream."""

    def take(message: Message) -> None:
        try:
            fields = framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, _bytes(message.value()))
            event = seen_of(_bytes(message.key()), fields)
        except BrokenRecord as error:
            structlog.get_logger(__name__).warning("an event is not readable", reason=str(error))
            return
        memory.take(event)

    return TopicFollower(STREAM, _reader(settings), take, memory.note_caught_up)


def orders_follower(settings: Settings, framing: Framing, book: OrderBook) -> TopicFollower:
    """Fills the book from All_SalesOrder: of all orders there, those that the shop wrote."""

    def take(message: Message) -> None:
        key = (_bytes(message.key()) or b"").decode(errors="replace")
        if not OWN_ORDER.fullmatch(key):
            return
        try:
            order = read_order(framing.decode(RecordName.SALES_ORDER, _bytes(message.value())))
        except BrokenRecord as error:
            structlog.get_logger(__name__).warning("an order is not readable", reason=str(error))
            return
        if order is not None and order.order_id == key:
            book.restore(order)

    return TopicFollower(ALL_SALES_ORDER, _reader(settings), take, book.note_caught_up)


def _reader(settings: Settings) -> Open:
    return lambda topic: CommittedReader(settings, topic)


def _bytes(raw: str | bytes | None) -> bytes | None:
    return raw.encode() if isinstance(raw, str) else raw
