"""The shop fills its memory from the topics, and goes on after Kafka was away."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerUnreachable
from pipelines.neighbours.shop import topic_reader
from pipelines.neighbours.shop.order_book import OrderBook
from pipelines.neighbours.shop.order_records import purchase
from pipelines.neighbours.shop.orders import Line, Order, Place
from pipelines.neighbours.shop.stream_memory import StreamMemory
from pipelines.neighbours.shop.topic_reader import (
    Following,
    TopicFollower,
    orders_follower,
    stream_follower,
)
from pipelines.settings import Settings
from pipelines.topics import STREAM, Topic
from tests.contracts.samples import SAMPLES

FRAMING = SingleObjectFraming()
WAIT_S = 30.0


@dataclass(frozen=True)
class FakeMessage:
    """As much of a Kafka message as is read."""

    offset_: int
    key_: bytes = b"k"
    value_: bytes = b"v"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.offset_

    def key(self) -> bytes:
        return self.key_

    def value(self) -> bytes:
        return self.value_


class FakeReader:
    """Gives batches, then nothing; a fault among them is raised."""

    def __init__(self, batches: list[Any]) -> None:
        self._batches = batches

    def ends(self) -> dict[int, int]:
        return {0: 1}

    def owed(self, _ends: Mapping[int, int]) -> int:
        return len(self._batches)

    def batch(self) -> list[Any]:
        if not self._batches:
            return []
        batch = self._batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return list(batch)


def opening(*lives: list[Any]) -> Callable[[Topic], Any]:
    """A reader for each time that the topic is opened; the last stays empty."""
    left = [*lives]

    @contextmanager
    def opened(_topic: Topic) -> Iterator[Following]:
        yield FakeReader(left.pop(0) if left else [])

    return opened


def test_follower_passes_each_record_on_once_also_after_a_fault(monkeypatch: Any) -> None:
    """It begins again at the start; what was passed is known by its place."""
    monkeypatch.setattr(topic_reader, "_AGAIN_S", 0.0)
    seen: list[int] = []
    notes: list[bool] = []
    stopped = Event()

    def take(message: Any) -> None:
        seen.append(message.offset())
        if message.offset() == 2:
            stopped.set()

    first = [[FakeMessage(0), FakeMessage(1)], BrokerUnreachable("away")]
    second = [[FakeMessage(0), FakeMessage(1), FakeMessage(2)]]
    TopicFollower(STREAM, opening(first, second), take, notes.append).run(stopped)
    assert seen == [0, 1, 2]
    assert notes[0] is False


def fed(follower: TopicFollower, messages: list[FakeMessage], until: Callable[[], bool]) -> None:
    """Run a follower over messages until a condition holds."""
    stopped = Event()
    follower._open_reader = opening([messages])
    thread = Thread(target=follower.run, args=(stopped,))
    thread.start()
    try:
        assert _comes(until)
    finally:
        stopped.set()
        thread.join(WAIT_S)
    assert not thread.is_alive()


def test_stream_fills_the_memory_and_what_is_broken_is_passed_over() -> None:
    memory = StreamMemory(10)
    value = FRAMING.encode(
        RecordName.GIFT_CERTIFICATE_EVENT, SAMPLES[RecordName.GIFT_CERTIFICATE_EVENT]
    )
    messages = [
        FakeMessage(0, value_=b"\x00broken"),
        FakeMessage(1, value_=b""),
        FakeMessage(2, key_=b"GC-1", value_=value),
    ]
    follower = stream_follower(Settings(), FRAMING, memory)
    fed(follower, messages, lambda: memory.events.last == 1)


def test_own_orders_fill_the_book_and_others_are_not_even_decoded() -> None:
    book = OrderBook(10)
    order = Order(
        order_id="T-0000000001",
        place=Place.TILL,
        owner=None,
        currency="RUB",
        lines=(Line(sku="GOODS", amount_minor=100),),
        created_at_ms=1,
        changed_at_ms=1,
    )
    record = purchase(order, "shop-1", 1).records[0]
    messages = [
        FakeMessage(0, key_=b"42", value_=b"never looked at"),
        FakeMessage(1, key_=record.key, value_=b"\x00broken"),
        # Somebody else's order under a key of ours.
        FakeMessage(2, key_=b"T-0000000009", value_=record.encode(FRAMING)),
        FakeMessage(3, key_=record.key, value_=record.encode(FRAMING)),
    ]
    follower = orders_follower(Settings(), FRAMING, book)
    fed(follower, messages, lambda: book.find("T-0000000001") is not None)
    assert book.find("T-0000000009") is None


def _comes(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold in time; another thread brings it about."""
    pause = Event()
    for _ in range(int(WAIT_S * 100)):
        if holds():
            return True
        pause.wait(0.01)
    return False
