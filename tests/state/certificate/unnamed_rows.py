"""What a redemption that names no authorization is taken for: captures, holds, then the balance."""

from state.certificate.commands import Capture, Void
from state.certificate.events import EventType
from state.certificate.record import CapturedHold, Certificate, Hold, Lifecycle, OrderLedger, Status
from state.certificate.rejections import RejectionCode
from tests.state.certificate.specimens import (
    ACTIVE,
    CAPTURED,
    HELD,
    HOLD_MINOR,
    HOLD_UNTIL_MS,
    NOMINAL_MINOR,
    OTHER_CURRENCY,
    OTHER_ORDER,
    SPENDER,
    after,
    authorize_action,
    locked,
    money,
    redeem_action,
)
from tests.state.certificate.table import Row


def held(
    amount_minor: int,
    hold_id: str,
    on: Certificate = ACTIVE,
    order_id: str = SPENDER,
) -> Certificate:
    return after(on, authorize_action(amount_minor, order_id=order_id), hold_id)


def spent(hold_id: str, on: Certificate, amount_minor: int | None = None) -> Certificate:
    """Captured over HTTP."""
    amount = None if amount_minor is None else money(amount_minor)
    return after(on, Capture(authorization_id=hold_id, amount=amount), f"capture-{hold_id}")


def captured(amount_minor: int, confirmed_minor: int, order_id: str = SPENDER) -> CapturedHold:
    return CapturedHold(
        order_id=order_id, amount_minor=amount_minor, confirmed_minor=confirmed_minor
    )


def open_hold(amount_minor: int, order_id: str = SPENDER) -> Hold:
    return Hold(order_id=order_id, amount_minor=amount_minor, expires_at_ms=HOLD_UNTIL_MS)


CONFIRM = (EventType.CAPTURE,)
SPEND_HOLD = (EventType.CAPTURE, EventType.REDEEM_PARTIAL, EventType.CAPTURE)
SPEND_LAST_HOLD = (EventType.CAPTURE, EventType.REDEEM_FULL, EventType.CAPTURE)
FROM_BALANCE = (EventType.REDEEM_PARTIAL,)

HELD_50 = held(50_00, "a")
HELD_TWICE = held(30_00, "b", on=HELD_50)
CAPTURED_BOTH_HALVES = spent("b", on=spent("a", on=held(50_00, "b", on=HELD_50)))
CAPTURED_30 = spent("a", on=held(30_00, "a"))
TOLD_OF_10 = after(CAPTURED_30, redeem_action(10_00), "redeem-10")
CAPTURED_60 = CAPTURED
TOLD_OF_40 = after(CAPTURED_60, redeem_action(40_00), "redeem-40")
CAPTURED_WHOLE = spent("all", on=held(NOMINAL_MINOR, "all"))
CAPTURED_20_HELD_30 = held(30_00, "b", on=spent("a", on=held(20_00, "a")))
HELD_BY_BOTH = held(30_00, "other", on=HELD_50, order_id=OTHER_ORDER)
CAPTURED_BY_OTHER = spent("other", on=held(50_00, "other", order_id=OTHER_ORDER))
FREED = after(HELD_50, Void(authorization_id="a"), "void")

CONFIRMING_ROWS = (
    Row(
        name="redeem_unnamed_of_the_sum_of_two_captures_only_confirms_both",
        given=CAPTURED_BOTH_HALVES,
        action=redeem_action(100_00),
        events=CONFIRM * 2,
        lifecycle=Lifecycle.REDEEMED,
        then={
            "remaining_minor": 0,
            "redeemed_minor": NOMINAL_MINOR,
            "captures": {"a": captured(50_00, 50_00), "b": captured(50_00, 50_00)},
        },
    ),
    Row(
        name="redeem_unnamed_of_less_than_two_captures_confirms_the_earlier_one_first",
        given=CAPTURED_BOTH_HALVES,
        action=redeem_action(70_00),
        events=CONFIRM * 2,
        then={"captures": {"a": captured(50_00, 50_00), "b": captured(50_00, 20_00)}},
    ),
    Row(
        name="redeem_unnamed_of_part_of_a_whole_capture_confirms_that_part",
        given=CAPTURED_WHOLE,
        action=redeem_action(60_00),
        events=CONFIRM,
        lifecycle=Lifecycle.REDEEMED,
        then={"remaining_minor": 0, "captures": {"all": captured(NOMINAL_MINOR, 60_00)}},
    ),
    Row(
        name="redeem_unnamed_of_the_other_part_of_a_whole_capture_confirms_the_rest",
        given=after(CAPTURED_WHOLE, redeem_action(60_00), "redeem-60"),
        action=redeem_action(40_00),
        events=CONFIRM,
        then={
            "remaining_minor": 0,
            "redeemed_minor": NOMINAL_MINOR,
            "captures": {"all": captured(NOMINAL_MINOR, NOMINAL_MINOR)},
        },
    ),
    Row(
        name="redeem_unnamed_of_less_than_the_capture_takes_nothing_from_the_balance",
        given=CAPTURED_30,
        action=redeem_action(10_00),
        events=CONFIRM,
        status=Status.PARTIALLY_REDEEMED,
        then={"remaining_minor": 70_00, "captures": {"a": captured(30_00, 10_00)}},
    ),
    Row(
        name="redeem_unnamed_of_more_than_is_unconfirmed_takes_the_difference_from_the_balance",
        given=TOLD_OF_10,
        action=redeem_action(30_00),
        events=CONFIRM + FROM_BALANCE,
        then={
            "remaining_minor": 60_00,
            "redeemed_minor": 40_00,
            "orders": {SPENDER: OrderLedger(redeemed_minor=40_00)},
            "captures": {"a": captured(30_00, 30_00)},
        },
    ),
    Row(
        name="redeem_unnamed_on_a_locked_certificate_still_confirms_a_part",
        given=locked(CAPTURED_60),
        action=redeem_action(20_00),
        events=CONFIRM,
        status=Status.LOCKED,
        then={"remaining_minor": 40_00},
    ),
)

SPENDING_ROWS = (
    Row(
        name="redeem_unnamed_of_more_than_the_hold_spends_it_and_takes_the_rest_from_the_balance",
        given=HELD_50,
        action=redeem_action(100_00),
        events=(*SPEND_HOLD, EventType.REDEEM_FULL),
        lifecycle=Lifecycle.REDEEMED,
        status=Status.REDEEMED,
        then={
            "remaining_minor": 0,
            "redeemed_minor": NOMINAL_MINOR,
            "holds": {},
            "captures": {"a": captured(50_00, 50_00)},
            "orders": {SPENDER: OrderLedger(redeemed_minor=NOMINAL_MINOR)},
        },
    ),
    Row(
        name="redeem_unnamed_of_less_than_the_hold_frees_the_rest_of_it",
        given=HELD,
        action=redeem_action(20_00),
        events=SPEND_HOLD,
        then={"remaining_minor": 80_00, "held_minor": 0, "available_minor": 80_00},
    ),
    Row(
        name="redeem_unnamed_of_more_than_the_first_hold_spends_part_of_the_second",
        given=HELD_TWICE,
        action=redeem_action(60_00),
        events=SPEND_HOLD * 2,
        then={
            "remaining_minor": 40_00,
            "holds": {},
            "captures": {"a": captured(50_00, 50_00), "b": captured(10_00, 10_00)},
        },
    ),
    Row(
        name="redeem_unnamed_of_less_than_the_first_hold_leaves_the_second_open",
        given=HELD_TWICE,
        action=redeem_action(40_00),
        events=SPEND_HOLD,
        then={"remaining_minor": 60_00, "holds": {"b": open_hold(30_00)}},
    ),
    Row(
        name="redeem_unnamed_of_two_holds_of_the_whole_balance_is_full_with_the_second",
        given=held(50_00, "b", on=HELD_50),
        action=redeem_action(100_00),
        events=SPEND_HOLD + SPEND_LAST_HOLD,
        lifecycle=Lifecycle.REDEEMED,
        then={"remaining_minor": 0, "holds": {}},
    ),
    Row(
        name="redeem_unnamed_confirms_first_then_spends_the_hold_then_the_balance",
        given=CAPTURED_20_HELD_30,
        action=redeem_action(90_00),
        events=CONFIRM + SPEND_HOLD + FROM_BALANCE,
        then={
            "remaining_minor": 10_00,
            "redeemed_minor": 90_00,
            "holds": {},
            "captures": {"a": captured(20_00, 20_00), "b": captured(30_00, 30_00)},
        },
    ),
    Row(
        name="redeem_unnamed_of_what_is_captured_leaves_the_open_hold_alone",
        given=CAPTURED_20_HELD_30,
        action=redeem_action(20_00),
        events=CONFIRM,
        then={"remaining_minor": 80_00, "holds": {"b": open_hold(30_00)}},
    ),
    Row(
        name="redeem_unnamed_takes_all_that_other_orders_do_not_hold",
        given=HELD_BY_BOTH,
        action=redeem_action(70_00),
        events=SPEND_HOLD + FROM_BALANCE,
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        then={"remaining_minor": 30_00, "holds": {"other": open_hold(30_00, OTHER_ORDER)}},
    ),
    Row(
        name="redeem_unnamed_does_not_confirm_the_capture_of_another_order",
        given=CAPTURED_BY_OTHER,
        action=redeem_action(50_00),
        events=(EventType.REDEEM_FULL,),
        then={"remaining_minor": 0, "captures": {"other": captured(50_00, 0, OTHER_ORDER)}},
    ),
    Row(
        name="redeem_unnamed_after_its_hold_was_voided_takes_the_balance",
        given=FREED,
        action=redeem_action(50_00),
        events=FROM_BALANCE,
        then={"remaining_minor": 50_00, "captures": {}},
    ),
)

REFUSED_ROWS = (
    Row(
        name="redeem_unnamed_of_more_than_the_captures_of_a_spent_certificate_confirms_nothing",
        given=after(CAPTURED_WHOLE, redeem_action(60_00), "redeem-60"),
        action=redeem_action(40_01),
        refused=RejectionCode.NOT_ACTIVE,
    ),
    Row(
        name="redeem_unnamed_of_more_than_the_captures_of_a_locked_one_confirms_nothing",
        given=locked(TOLD_OF_40),
        action=redeem_action(20_01),
        refused=RejectionCode.LOCKED,
    ),
    Row(
        name="redeem_unnamed_of_the_hold_of_a_locked_certificate_leaves_it_open",
        given=locked(HELD_50),
        action=redeem_action(50_00),
        refused=RejectionCode.LOCKED,
    ),
    Row(
        name="redeem_unnamed_of_part_of_a_capture_in_another_currency_is_refused",
        given=CAPTURED_60,
        action=redeem_action(20_00, currency=OTHER_CURRENCY),
        refused=RejectionCode.CURRENCY_MISMATCH,
    ),
    Row(
        name="redeem_unnamed_of_more_than_a_capture_in_another_currency_is_refused",
        given=CAPTURED_60,
        action=redeem_action(HOLD_MINOR + 1, currency=OTHER_CURRENCY),
        refused=RejectionCode.CURRENCY_MISMATCH,
    ),
    Row(
        name="redeem_unnamed_that_reaches_into_the_hold_of_another_order_spends_nothing",
        given=HELD_BY_BOTH,
        action=redeem_action(70_01),
        refused=RejectionCode.INSUFFICIENT_BALANCE,
    ),
    Row(
        name="redeem_unnamed_of_more_than_captures_holds_and_balance_spends_nothing",
        given=CAPTURED_20_HELD_30,
        action=redeem_action(100_01),
        refused=RejectionCode.INSUFFICIENT_BALANCE,
    ),
)

UNNAMED_ROWS = CONFIRMING_ROWS + SPENDING_ROWS + REFUSED_ROWS
