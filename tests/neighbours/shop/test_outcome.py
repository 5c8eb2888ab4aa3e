"""What an order's page says, from what the shop did and what the stream told."""

from dataclasses import replace
from typing import Any

import pytest

from pipelines.contracts.amounts import minor_to_amount
from pipelines.neighbours.shop.orders import Hold, Line, Order, Place, State, Telling
from pipelines.neighbours.shop.outcome import Standing, has_settled, outcome_of
from pipelines.neighbours.shop.story import Seen, Story, seen_of
from pipelines.neighbours.shop.stream_memory import StreamMemory
from tests.neighbours.shop.fake_topics import seen

ORDER_ID = "T-0000000001"
NUMBER = "GC-00000042"


def goods(**changes: Any) -> Order:
    order = Order(
        order_id=ORDER_ID,
        place=Place.TILL,
        owner=None,
        currency="RUB",
        lines=(Line(sku="GOODS", amount_minor=190_000),),
        created_at_ms=1_000,
        changed_at_ms=1_000,
        state=State.PAID,
        holds=(Hold(certificate_id=NUMBER, amount_minor=100_000, left_minor=50_000),),
    )
    return replace(order, **changes)


def certificate(**changes: Any) -> Order:
    line = Line(sku="G", amount_minor=300_000, sells_certificate=True, certificate_id=NUMBER)
    return goods(lines=(line,), holds=(), **changes)


def story(*events: Seen) -> Story:
    told = Story(order_id=ORDER_ID)
    for event in events:
        told = told.told(event)
    return told


def about_sale(event_type: str, **fields: Any) -> Seen:
    return seen(event_type, order_id=ORDER_ID, certificate_id=NUMBER, at_ms=2_000, **fields)


def about_order(event_type: str, **fields: Any) -> Seen:
    given = {"certificate_id": NUMBER, "at_ms": 2_000, **fields}
    return seen(event_type, correlation_id=ORDER_ID, **given)


def standings(order: Order, *events: Seen) -> dict[str, Standing]:
    return {step.name: step.standing for step in outcome_of(order, story(*events)).steps}


def test_sold_certificate_shows_each_step_as_the_stream_tells_it() -> None:
    sold = certificate(address_token="to-a")
    done, awaited = Standing.DONE, Standing.AWAITED
    events = [about_sale("issue"), about_sale("activate"), about_sale("notification.sent")]
    assert standings(sold) == {
        "paid": done,
        "issued": awaited,
        "active": awaited,
        "sent": awaited,
    }
    assert standings(sold, *events[:1])["issued"] is done
    assert set(standings(sold, *events).values()) == {done}


def test_failed_message_is_shown_until_a_later_one_is_sent() -> None:
    sold = certificate(address_token="to-a")
    failed, sent = about_sale("notification.failed"), about_sale("notification.sent")
    assert standings(sold, failed)["sent"] is Standing.FAILED
    assert standings(sold, failed, sent)["sent"] is Standing.DONE


def test_sale_that_the_rules_refused_shows_where_it_stopped() -> None:
    sold = certificate()
    refusal = about_order("error", reason_code="NUMBER_GONE")
    outcome = outcome_of(sold, story(refusal))
    assert outcome.refusal == "NUMBER_GONE"
    assert not outcome.waiting
    assert standings(sold, refusal)["issued"] is Standing.FAILED


def test_redemption_shows_what_is_left_after_it_and_not_what_is_there_now() -> None:
    """A receipt is about its own purchase."""
    redeemed = about_order("redeem.partial", remaining_minor=40_000, sequence=5)
    later = seen("redeem.full", certificate_id=NUMBER, correlation_id="T-2", remaining_minor=0)
    (spent,) = outcome_of(goods(), story(redeemed, later)).spent
    assert (spent.left_minor, spent.confirmed, spent.given_back) == (40_000, True, False)


def test_redemption_that_is_not_confirmed_shows_what_the_hold_promised() -> None:
    (spent,) = outcome_of(goods(), story()).spent
    assert (spent.left_minor, spent.confirmed) == (50_000, False)


def test_refund_shows_the_balance_it_led_to() -> None:
    order = goods(state=State.RETURNED)
    events = [
        about_order("redeem.partial", remaining_minor=40_000),
        about_order("refund", remaining_minor=140_000),
    ]
    (spent,) = outcome_of(order, story(*events)).spent
    assert (spent.left_minor, spent.given_back) == (140_000, True)


REFUSED = about_order("error", reason_code="LOCKED")


@pytest.mark.parametrize(
    ("order", "events", "settled"),
    [
        (goods(state=State.OPEN), [], True),
        (goods(state=State.CANCELLED), [], True),
        (goods(holds=()), [], True),
        (goods(), [], False),
        (goods(), [about_order("redeem.full")], True),
        (goods(), [about_order("redeem.full", certificate_id="GC-OTHER")], False),
        (goods(), [about_order("error", reason_code="LOCKED")], True),
        # The log's clock may be behind the shop's.
        (goods(changed_at_ms=3_000), [about_order("error", reason_code="LOCKED")], True),
        (goods(changed_at_ms=90_000), [about_order("error", reason_code="LOCKED")], False),
        (goods(refused_before=REFUSED), [REFUSED], False),
        (goods(refused_before=REFUSED), [about_order("error", reason_code="HELD")], True),
        (goods(state=State.RETURNED), [about_order("redeem.full")], False),
        (goods(state=State.RETURNED), [about_order("refund")], True),
        (goods(state=State.RETURNED), [about_order("refund.pendingDetails")], True),
        (goods(state=State.RETURNED, holds=()), [], True),
        (certificate(), [about_sale("issue")], False),
        (certificate(), [about_sale("activate")], True),
        (certificate(state=State.RETURNED), [about_sale("activate")], False),
        (certificate(state=State.RETURNED), [about_order("refund")], True),
    ],
)
def test_order_is_waited_for_until_the_stream_has_told_all_of_it(
    order: Order, events: list[Seen], settled: bool
) -> None:
    given = [
        replace(event, reason_code="PARTLY_USED")
        if event.event_type == "refund.pendingDetails"
        else event
        for event in events
    ]
    assert has_settled(order, story(*given)) is settled


def test_order_that_is_not_written_yet_is_waited_for() -> None:
    telling = Telling(records=(), version=1, then=State.PAID)
    assert not has_settled(goods(state=State.OPEN, telling=telling), story())


def test_story_of_very_many_events_keeps_the_latest() -> None:
    told = story(*(about_sale("notification.sent", sequence=number) for number in range(500)))
    latest = told.latest(NUMBER)
    assert latest is not None
    assert latest.sequence == 499
    assert len(told.events) < 100


def test_certificate_that_is_spent_from_very_often_stays_issued() -> None:
    """Its story ends with what it has left, and its sale does not seem to be awaited again."""
    sale = [about_sale("issue"), about_sale("activate"), about_sale("notification.sent")]
    often = [
        about_sale(kind, sequence=number, remaining_minor=number, correlation_id=f"T-{number}")
        for number in range(300)
        for kind in ("authorize", "redeem.partial")
    ]
    order = certificate(address_token="to-a")
    assert set(standings(order, *sale, *often).values()) == {Standing.DONE}
    assert outcome_of(order, story(*sale, *often)).sold_left_minor == 299


# From the stream


def record(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "sequence": 8,
        "eventType": "redeem.partial",
        "status": "PARTIALLY_REDEEMED",
        "channel": "POS",
        "occurredAt": 1_000,
        "correlationId": ORDER_ID,
        "reason": None,
        "entry": {"kind": "REDEEM", "amount": minor_to_amount(-100_000, "RUB", negative=True)},
        "payload": {
            "certificateId": NUMBER,
            "pool": "PHYSICAL",
            "orderId": "W-0000000002",
            "currency": "RUB",
            "remainingBalance": minor_to_amount(50_000, "RUB"),
            "held": minor_to_amount(0, "RUB"),
        },
    }
    return {**fields, **changes}


def test_event_is_read_with_its_amounts_in_minor_units() -> None:
    event = seen_of(NUMBER.encode(), record())
    assert (event.amount_minor, event.remaining_minor, event.held_minor) == (-100_000, 50_000, 0)
    assert (event.correlation_id, event.order_id) == (ORDER_ID, "W-0000000002")


def test_event_of_a_pool_has_no_amounts() -> None:
    reason = {"code": "POOL_EMPTY", "text": "…"}
    event = seen_of(b"ELECTRONIC", record(payload=None, entry=None, reason=reason))
    assert (event.amount_minor, event.certificate_id) == (None, None)
    assert event.reason_code == "POOL_EMPTY"


def test_memory_files_an_event_under_both_orders_that_it_concerns() -> None:
    """The order that sold the certificate, and the one that spends from it."""
    memory = StreamMemory(10)
    memory.take(seen_of(NUMBER.encode(), record()))
    assert memory.story(ORDER_ID).redeemed(NUMBER)
    latest = memory.story("W-0000000002").latest(NUMBER)
    assert latest is not None
    assert latest.remaining_minor == 50_000
    assert set(memory.changes.since(0).items) == {ORDER_ID, "W-0000000002"}


def test_memory_keeps_no_story_of_other_systems_orders() -> None:
    memory = StreamMemory(10)
    for order_id in ("42", "T-000000000U", "X-0000000001", ORDER_ID + "1"):
        memory.take(seen("issue", order_id=order_id))
        assert memory.story(order_id).events == ()
    assert memory.events.last == 4


def test_memory_forgets_the_oldest_stories() -> None:
    memory = StreamMemory(2)
    for number in range(4):
        memory.take(seen("issue", order_id=f"T-000000000{number}"))
    kept = [bool(memory.story(f"T-000000000{number}").events) for number in range(4)]
    assert kept == [False, False, True, True]


def test_waiting_ends_with_the_event_or_with_the_time() -> None:
    memory = StreamMemory(2)
    assert not memory.wait_for(ORDER_ID, lambda told: bool(told.events), 0.0)
    memory.take(seen("issue", order_id=ORDER_ID))
    assert memory.wait_for(ORDER_ID, lambda told: bool(told.events), 0.0)
