"""Laws of the shop's business, whatever is pressed in whatever order while whatever is away."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.amounts import amount_to_minor
from pipelines.neighbours.records.payments import Tender
from pipelines.neighbours.shop.orders import FIRST_ATTEMPT, Line, Order, Place, State
from pipelines.neighbours.shop.sales import certificate_line
from tests.neighbours.shop.fake_edge import Card, Fault
from tests.neighbours.shop.shop_under_test import Shop, shop_in

GOODS, SOLD = "T-0000000001", "W-0000000002"
CARDS = ("GC-00000041", "GC-00000042")
FREE = ("GC-00000051", "GC-00000052")
MINUTE_MS = 60_000

Press = Callable[[Shop, int], object]


def _apply(number: str, code: str) -> Press:
    return lambda shop, attempt: shop.sales.apply(GOODS, attempt, number, code)


def _remove(shop: Shop, attempt: int) -> object:
    order = shop.sales.book.find(GOODS)
    hold = order.holds[0].authorization_id if order is not None and order.holds else "none"
    return shop.sales.remove(GOODS, attempt, hold or "none")


def _later(shop: Shop, _attempt: int) -> object:
    shop.clock.now_ms += 7 * MINUTE_MS
    return None


# What can be pressed, by the order it is about; the sale's own attempt is looked up for each.
PRESSES: Mapping[str, tuple[str, Press]] = {
    "first certificate": (GOODS, _apply(CARDS[0], "492039")),
    "second certificate": (GOODS, _apply(CARDS[1], "492039")),
    "wrong code": (GOODS, _apply(CARDS[0], "000000")),
    "remove": (GOODS, _remove),
    "pay by card": (GOODS, lambda shop, attempt: shop.sales.pay(GOODS, attempt, Tender.CARD)),
    "pay in cash": (GOODS, lambda shop, attempt: shop.sales.pay(GOODS, attempt, Tender.CASH)),
    "declined": (
        GOODS,
        lambda shop, attempt: shop.sales.pay(GOODS, attempt, Tender.CARD, declined=True),
    ),
    "cancel": (GOODS, lambda shop, attempt: shop.sales.cancel(GOODS, attempt)),
    "return": (GOODS, lambda shop, attempt: shop.sales.give_back(GOODS, attempt, Tender.CASH)),
    "reserve": (SOLD, lambda shop, attempt: shop.sales.reserve(SOLD, attempt)),
    "buy": (SOLD, lambda shop, attempt: shop.sales.pay(SOLD, attempt, Tender.CARD)),
    "buy declined": (
        SOLD,
        lambda shop, attempt: shop.sales.pay(SOLD, attempt, Tender.CARD, declined=True),
    ),
    "cancel sale": (SOLD, lambda shop, attempt: shop.sales.cancel(SOLD, attempt)),
    "return sale": (SOLD, lambda shop, attempt: shop.sales.give_back(SOLD, attempt)),
    "later": (GOODS, _later),
    "tell": (GOODS, lambda shop, _attempt: shop.sales.tell_untold()),
}
FAULTS = st.sampled_from(
    [
        None,
        None,
        None,
        Fault(503, "moving"),
        Fault(504, "no-answer", done=True),
        Fault(500, "internal-error", done=True),
    ]
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(sorted(PRESSES)),
        FAULTS,
        st.integers(0, 4),  # So many answers are lost; three are one press.
        st.integers(0, 1),  # So many writes fail.
        st.integers(1, 2),  # The press comes so often.
    ),
    max_size=14,
)


def play(shop: Shop, steps: list[tuple[str, Fault | None, int, int, int]]) -> None:
    shop.edge.add(*(Card(number, state="ACTIVE", balance_minor=70_000) for number in CARDS))
    shop.edge.add(*(Card(number) for number in FREE))
    shop.sales.begin(GOODS, Place.TILL, [Line(sku="GOODS", amount_minor=100_000)])
    shop.sales.begin(SOLD, Place.STORE, [certificate_line(300_000)], owner="web-1")
    for name, fault, lost, unwritten, times in steps:
        order_id, press = PRESSES[name]
        order = shop.sales.book.find(order_id)
        assert order is not None
        shop.edge.faults = [] if fault is None else [fault] * lost
        shop.topics.down = unwritten
        for _ in range(times):
            press(shop, order.attempt)
    shop.edge.faults, shop.topics.down = [], 0
    shop.sales.tell_untold()
    shop.sales.tell_untold()


def net_minor(shop: Shop, order_id: str) -> int:
    """What was taken for an order, less what was given back."""
    sign = {"CAPTURE": 1, "REFUND": -1}
    once = {
        each["eventId"]: each
        for each in shop.topics.payments()
        if each["orderId"] == order_id and each["status"] == "SUCCEEDED"
    }
    return sum(
        sign.get(each["type"], 0) * amount_to_minor(each["amount"], each["currency"])
        for each in once.values()
    )


def order_in(shop: Shop, order_id: str) -> Order:
    order = shop.sales.book.find(order_id)
    assert order is not None
    return order


@given(STEPS)
def test_whatever_is_pressed_money_and_records_agree(
    steps: list[tuple[str, Fault | None, int, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, shop_in(Path(folder)) as shop:
        play(shop, steps)
        _every_event_is_one_event(shop)
        for order_id in (GOODS, SOLD):
            order = order_in(shop, order_id)
            paid_minor = order.total_minor if order.state is State.PAID else 0
            assert net_minor(shop, order_id) == paid_minor, order
            assert order.telling is None
        _versions_grow(shop)
        _tenders_are_what_was_set_aside(shop)
        _numbers_are_sold_once(shop)


def _every_event_is_one_event(shop: Shop) -> None:
    """An id never means two things: the second would be lost without a word."""
    known: dict[str, Mapping[str, Any]] = {}
    for each in shop.topics.written:
        assert known.setdefault(each["eventId"], each) == each


def _versions_grow(shop: Shop) -> None:
    for order_id in (GOODS, SOLD):
        versions = [each["version"] for each in shop.topics.orders() if each["orderId"] == order_id]
        assert versions == sorted(set(versions)), versions
        statuses = [each["status"] for each in shop.topics.orders() if each["orderId"] == order_id]
        binding = {"CONFIRMED", "COMPLETED", "CANCELLED"}
        assert sum(status in binding for status in statuses) <= 1, statuses


def _tenders_are_what_was_set_aside(shop: Shop) -> None:
    for order in shop.topics.orders():
        total_minor = amount_to_minor(order["total"], "RUB")
        amounts = [amount_to_minor(each["amount"], "RUB") for each in order["certificateTenders"]]
        assert all(0 < amount <= 70_000 for amount in amounts)
        assert sum(amounts) <= total_minor
        numbers = Counter(each["certificateId"] for each in order["certificateTenders"])
        assert all(count == 1 for count in numbers.values())


def _numbers_are_sold_once(shop: Shop) -> None:
    """One number is taken for one sale, unless it lapsed; none is lost to a repetition."""
    taken = [number for number in FREE if shop.edge.cards[number].state != "AVAILABLE"]
    lapsed = shop.clock.now_ms > order_in(shop, SOLD).created_at_ms + 25 * MINUTE_MS
    assert len(taken) <= (2 if lapsed else 1), taken


@given(STEPS)
def test_wrong_code_is_tried_once_a_press_whatever_is_lost(
    steps: list[tuple[str, Fault | None, int, int, int]],
) -> None:
    """Each key of a request about a certificate is one try; repeated answers are none."""
    with tempfile.TemporaryDirectory() as folder, shop_in(Path(folder)) as shop:
        play(shop, steps)
        wrong = {
            request.headers["idempotency-key"]
            for request in shop.edge.asked
            if b'"cvc":"000000"' in request.content
        }
        presses = sum(1 for step in steps if step[0] == "wrong code")
        assert len(wrong) <= presses
        assert order_in(shop, GOODS).attempt >= FIRST_ATTEMPT
