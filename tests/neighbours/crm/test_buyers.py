"""Tokens of buyers by order: from memory, from the record at its place, and never another's."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest

from pipelines.last_turn import LastTurn
from pipelines.neighbours.crm import buyers as buyers_module
from pipelines.neighbours.crm.buyers import Buyers, OrdersNotRead
from pipelines.neighbours.crm.order_places import OrderPlace, OrderPlaces
from tests.neighbours.crm.asked_messages import FRAMING
from tests.neighbours.crm.told_orders import ToldOrders, order
from tests.pipelines.told_time import ToldTime


class Bench:
    """An index, a topic and whoever follows it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.orders = ToldOrders()
        self.time = ToldTime()
        self.last_turn = LastTurn(hangs_after_s=60.0, clock=self.time)
        self.places = OrderPlaces(directory)
        self.buyers = Buyers(self.places, self.orders, FRAMING, self.last_turn)
        self._stop = Event()
        self._follower: Thread | None = None

    def follow(self) -> None:
        """Read on in a thread, as the process does."""
        self._stop.clear()
        self._follower = Thread(target=self.buyers.follow, args=(self.orders, self._stop))
        self._follower.start()

    def stop(self) -> None:
        self._stop.set()
        if self._follower is not None:
            self._follower.join(10.0)
        self.places.close()

    def restart(self) -> None:
        """Another process with the same directory."""
        self.stop()
        self.places = OrderPlaces(self.directory)
        self.orders.next = {0: 0, 1: 0} | self.places.next_offsets()
        self.buyers = Buyers(self.places, self.orders, FRAMING, self.last_turn)
        self.follow()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.follow()
    yield made
    made.stop()


def test_token_is_that_of_the_order(bench: Bench) -> None:
    bench.orders.write(order("42", token="token-1"))
    bench.orders.write(order("43", token="token-2"), partition=1)
    assert bench.buyers.token_of("42") == "token-1"
    assert bench.buyers.token_of("43") == "token-2"
    assert bench.orders.reads == 0, "what is new is in memory"


def test_follower_with_nothing_to_read_turns_and_one_that_has_ended_does_not(bench: Bench) -> None:
    bench.time.now_s += 61.0
    deadline_s = monotonic() + 10.0
    while not bench.last_turn.alive:
        assert monotonic() < deadline_s
    bench.stop()
    bench.time.now_s += 61.0
    assert not bench.last_turn.alive


def test_order_that_comes_while_it_is_asked_for_is_waited_for(bench: Bench) -> None:
    """The request is on the stream behind the order, but another reader may be faster."""
    for position in range(20):
        bench.orders.write(order(f"order-{position}", token=f"token-{position}"))
        assert bench.buyers.token_of(f"order-{position}") == f"token-{position}"


def test_newest_version_says_how_to_reach_the_buyer(bench: Bench) -> None:
    bench.orders.write(order("42", version=2, token="new"))
    bench.orders.write(order("42", version=1, token="old"))
    bench.orders.write(order("42", version=3, token=None))
    assert bench.buyers.token_of("42") == "new"
    bench.restart()
    assert bench.buyers.token_of("42") == "new"


def test_token_of_an_old_order_is_read_from_its_record(bench: Bench) -> None:
    bench.orders.write(order("42", token="token-1"), partition=1)
    assert bench.buyers.token_of("42") == "token-1"
    bench.restart()
    assert bench.buyers.token_of("42") == "token-1"
    assert bench.orders.reads == 1


@pytest.mark.parametrize(
    "value",
    [
        order("42", token=None),
        order("42", sells=False),
        None,
        b"",
        b"no record of ours",
    ],
)
def test_order_that_does_not_say_how_to_reach_the_buyer_has_no_token(
    bench: Bench, value: bytes | None
) -> None:
    bench.orders.write(value)
    bench.orders.write(order("43", token="token-2"))
    assert bench.buyers.token_of("42") is None
    assert bench.buyers.token_of("43") == "token-2"


@pytest.mark.parametrize("value", [None, order("another", token="token-of-another")])
def test_record_that_is_not_of_that_order_gives_no_token(bench: Bench, value: bytes | None) -> None:
    """The topic was made anew, or the record deleted: a code never goes to another's address."""
    bench.orders.write(value)
    bench.places.note({"42": OrderPlace(version=1, partition=0, offset=0)}, {})
    assert bench.buyers.token_of("42") is None


def test_orders_that_are_not_read_to_their_end_are_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buyers_module, "_READING_ON_S", 0.05)
    bench = Bench(tmp_path)
    bench.orders.write(order("42"))
    with pytest.raises(OrdersNotRead, match="not read to their end"):
        bench.buyers.token_of("42")
    bench.stop()


def test_kafka_that_says_nothing_is_no_answer(bench: Bench) -> None:
    bench.orders.silent = True
    with pytest.raises(OrdersNotRead, match="Kafka"):
        bench.buyers.token_of("42")
    bench.places.note({"42": OrderPlace(version=1, partition=0, offset=0)}, {})
    with pytest.raises(OrdersNotRead, match="Kafka"):
        bench.buyers.token_of("42")


def test_topic_that_began_anew_begins_the_index_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.places.note({"42": OrderPlace(version=1, partition=0, offset=9)}, {0: 10})
    bench.orders.begun_anew = True
    assert bench.buyers.follow(bench.orders, Event()) is False
    assert bench.places.place_of("42") is None
    assert bench.places.next_offsets() == {}
    bench.stop()


def test_no_more_tokens_are_remembered_than_are_needed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buyers_module, "_REMEMBERED", 3)
    for position in range(10):
        bench.orders.write(order(f"order-{position}", token=f"token-{position}"))
    assert bench.buyers.token_of("order-9") == "token-9"
    assert bench.orders.reads == 0
    assert bench.buyers.token_of("order-0") == "token-0"
    assert bench.orders.reads == 1
