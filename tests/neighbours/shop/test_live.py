"""News reach every page that waits, and a page that comes back misses none."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pipelines.neighbours.records.payments import Tender
from pipelines.neighbours.shop.broadcast import Broadcast, News
from pipelines.neighbours.shop.live import event, follow
from pipelines.neighbours.shop.order_book import OrderBook
from pipelines.neighbours.shop.orders import Order, Place, State, Telling
from pipelines.neighbours.shop.store_pages import about

pytestmark = pytest.mark.anyio


def joined(news: News[str]) -> str:
    return ",".join(news.items)


async def next_news(lines: AsyncIterator[str]) -> str:
    """The next event that is news, past the lines that only keep the connection."""
    async with asyncio.timeout(10):
        async for line in lines:
            if line.startswith("event: news"):
                return line
    raise AssertionError("the stream ended")


async def test_news_of_another_thread_reach_a_page_that_waits() -> None:
    source: Broadcast[str] = Broadcast(10)
    lines = follow(source, joined, 0)
    assert (await anext(lines)).startswith("retry:")
    asked = asyncio.ensure_future(next_news(lines))
    await asyncio.sleep(0)
    threading.Thread(target=source.publish, args=("a",)).start()
    assert await asked == "event: news\nid: 1\ndata: a\n\n"


async def test_page_that_comes_back_gets_what_it_missed() -> None:
    source: Broadcast[str] = Broadcast(10)
    for item in "abc":
        source.publish(item)
    lines = follow(source, joined, 1)
    await anext(lines)
    assert "data: b,c\n" in await next_news(lines)


async def test_page_of_an_earlier_life_of_the_shop_gets_all_there_is() -> None:
    source: Broadcast[str] = Broadcast(10)
    source.publish("a")
    lines = follow(source, joined, 99)
    await anext(lines)
    assert "data: a\n" in await next_news(lines)


async def test_quiet_stream_says_that_it_is_still_there() -> None:
    source: Broadcast[str] = Broadcast(10)
    lines = follow(source, joined, 0, quiet_s=0.01)
    await anext(lines)
    assert (await anext(lines)).startswith(":")


async def test_closed_source_ends_the_stream() -> None:
    source: Broadcast[str] = Broadcast(10)
    lines = follow(source, joined, 0)
    await anext(lines)
    asked = asyncio.ensure_future(anext(lines, "ended"))
    await asyncio.sleep(0)
    source.close()
    async with asyncio.timeout(10):
        await asked
        assert await anext(lines, "ended") == "ended"
    assert source.closed


async def test_page_that_gives_up_waiting_leaves_nothing_behind() -> None:
    source: Broadcast[str] = Broadcast(10)
    waiting = asyncio.ensure_future(source.wait(0, 60.0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert source._waiting == set()


def test_items_beyond_the_bound_are_forgotten_and_said_to_be() -> None:
    source: Broadcast[str] = Broadcast(2)
    for item in "abcd":
        source.publish(item)
    assert source.since(0) == News(items=("c", "d"), last=4, gap=True)
    assert source.since(2) == News(items=("c", "d"), last=4, gap=False)
    assert source.since(4) == News(items=(), last=4, gap=False)


def test_news_of_one_order_are_told_apart_and_a_gap_may_hold_them() -> None:
    tell = about("W-1")
    assert tell(News(items=("W-2", "W-1"), last=2, gap=False)) == "W-1"
    assert tell(News(items=("W-2",), last=1, gap=False)) is None
    assert tell(News(items=("W-2",), last=9, gap=True)) == "W-1"


def test_text_of_several_lines_is_one_event() -> None:
    assert event("a\nb", 7) == "event: news\nid: 7\ndata: a\ndata: b\n\n"
    assert event("", 7) == "event: news\nid: 7\ndata:\n\n"


def order(order_id: str, owner: str | None = None, at_ms: int = 0) -> Order:
    return Order(
        order_id=order_id,
        place=Place.STORE,
        owner=owner,
        currency="RUB",
        lines=(),
        created_at_ms=at_ms,
        changed_at_ms=at_ms,
    )


def test_book_forgets_the_order_that_was_touched_longest_ago() -> None:
    book = OrderBook(2)
    for order_id in ("W-A", "W-B"):
        book.restore(order(order_id))
    with book.editing("W-A"):
        pass
    book.restore(order("W-C"))
    assert [book.find(each) is not None for each in ("W-A", "W-B", "W-C")] == [True, False, True]


def test_book_keeps_an_order_that_somebody_is_changing() -> None:
    book = OrderBook(1)
    with book.editing("W-A") as slot:
        book.restore(order("W-B"))
        slot.order = order("W-A")
    assert book.find("W-A") is not None


def test_book_lists_the_orders_of_one_customer_the_newest_first() -> None:
    book = OrderBook(10)
    for position, owner in enumerate(("anna", "boris", "anna")):
        book.restore(order(f"W-{position}", owner, at_ms=position))
    assert [each.order_id for each in book.of_owner("anna", 5)] == ["W-2", "W-0"]
    assert len(book.of_owner("anna", 1)) == 1


def test_order_is_changed_by_one_thread_at_a_time() -> None:
    book, seen = OrderBook(10), []
    inside, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with book.editing("W-A") as slot:
            inside.set()
            go_on.wait(10)
            slot.order = order("W-A")

    def second() -> None:
        inside.wait(10)
        with book.editing("W-A") as slot:
            seen.append(slot.order is not None)

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    assert inside.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert seen == [True]


def test_order_that_the_topic_has_is_told_though_the_answer_got_lost() -> None:
    """Kafka took it and did not say so: the shop still knows more of it than the topic does."""
    book = OrderBook(10)
    telling = Telling(records=(), version=1, then=State.PAID)
    with book.editing("W-A") as slot:
        slot.order = replace(order("W-A"), telling=telling, rest_tender=Tender.CASH)
    book.restore(replace(order("W-A"), version=1, state=State.PAID))
    found = book.find("W-A")
    assert found is not None
    assert (found.state, found.telling, found.rest_tender) == (State.PAID, None, Tender.CASH)
    book.restore(replace(order("W-A"), version=2, state=State.RETURNED))
    book.restore(replace(order("W-A"), version=1, state=State.PAID))
    assert getattr(book.find("W-A"), "state", None) is State.RETURNED
