"""What a certificate does when its money leaves or is freed: capture, void, expire, redeem."""

from state.certificate.commands import Capture, ExpireHold, Void
from state.certificate.events import EventType
from state.certificate.record import CapturedHold, Lifecycle, OrderLedger, Status
from state.certificate.rejections import RejectionCode
from tests.state.certificate.specimens import (
    ACTIVE,
    ANNULLED,
    AVAILABLE,
    CAPTURED,
    HELD,
    HOLD_MINOR,
    HOLD_UNTIL_MS,
    ISSUED,
    NOMINAL_MINOR,
    OTHER_CURRENCY,
    OTHER_ORDER,
    PARTIALLY_REDEEMED,
    SPENDER,
    after,
    authorize_action,
    locked,
    money,
    redeem_action,
)
from tests.state.certificate.table import Row
from tests.state.certificate.unnamed_rows import UNNAMED_ROWS

AVAILABLE_MINOR = NOMINAL_MINOR - HOLD_MINOR
HELD_WHOLE = after(ACTIVE, authorize_action(NOMINAL_MINOR), "hold-all")
TWICE_HELD = after(HELD, authorize_action(10_00), "hold-2")
CONFIRMED = after(CAPTURED, redeem_action(HOLD_MINOR, authorization_id="hold-1"), "redeem-1")
CAPTURE_ALL = Capture(authorization_id="hold-1", amount=None)
CAPTURE_PARTIAL = (EventType.CAPTURE, EventType.REDEEM_PARTIAL)

HOLD_ROWS = (
    Row(
        name="capture_of_a_whole_hold_spends_it",
        given=HELD,
        action=CAPTURE_ALL,
        events=CAPTURE_PARTIAL,
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        status=Status.PARTIALLY_REDEEMED,
        then={
            "remaining_minor": AVAILABLE_MINOR,
            "redeemed_minor": HOLD_MINOR,
            "held_minor": 0,
            "orders": {SPENDER: OrderLedger(redeemed_minor=HOLD_MINOR)},
            "captures": {"hold-1": CapturedHold(order_id=SPENDER, amount_minor=HOLD_MINOR)},
        },
    ),
    Row(
        name="capture_of_part_of_a_hold_spends_that_and_frees_the_rest",
        given=HELD,
        action=Capture(authorization_id="hold-1", amount=money(50_00)),
        events=CAPTURE_PARTIAL,
        then={"remaining_minor": 50_00, "held_minor": 0, "available_minor": 50_00},
    ),
    Row(
        name="capture_of_a_hold_of_the_whole_balance_redeems_in_full",
        given=HELD_WHOLE,
        action=Capture(authorization_id="hold-all", amount=None),
        events=(EventType.CAPTURE, EventType.REDEEM_FULL),
        lifecycle=Lifecycle.REDEEMED,
        status=Status.REDEEMED,
        then={"remaining_minor": 0},
    ),
    Row(
        name="capture_of_one_of_two_holds_leaves_the_other_open",
        given=TWICE_HELD,
        action=CAPTURE_ALL,
        events=CAPTURE_PARTIAL,
        then={"remaining_minor": AVAILABLE_MINOR, "held_minor": 10_00},
    ),
    Row(
        name="capture_after_the_deadline_of_a_hold_that_is_still_open_spends_it",
        given=HELD,
        action=CAPTURE_ALL,
        at_ms=HOLD_UNTIL_MS + 1,
        events=CAPTURE_PARTIAL,
        then={"remaining_minor": AVAILABLE_MINOR},
    ),
    Row(
        name="capture_of_an_unknown_number_is_not_found",
        given=None,
        action=CAPTURE_ALL,
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="capture_of_a_locked_certificate_is_refused",
        given=locked(HELD),
        action=CAPTURE_ALL,
        refused=RejectionCode.LOCKED,
    ),
    Row(
        name="capture_in_another_currency_is_refused",
        given=HELD,
        action=Capture(authorization_id="hold-1", amount=money(1, OTHER_CURRENCY)),
        refused=RejectionCode.CURRENCY_MISMATCH,
    ),
    Row(
        name="capture_of_a_hold_never_given_is_refused",
        given=HELD,
        action=Capture(authorization_id="hold-7", amount=None),
        refused=RejectionCode.AUTHORIZATION_NOT_OPEN,
    ),
    Row(
        name="capture_of_a_hold_captured_before_is_refused",
        given=CAPTURED,
        action=CAPTURE_ALL,
        refused=RejectionCode.AUTHORIZATION_NOT_OPEN,
    ),
    Row(
        name="capture_of_more_than_the_hold_is_refused",
        given=HELD,
        action=Capture(authorization_id="hold-1", amount=money(HOLD_MINOR + 1)),
        refused=RejectionCode.HOLD_EXCEEDED,
    ),
    Row(
        name="void_of_an_open_hold_frees_it",
        given=HELD,
        action=Void(authorization_id="hold-1"),
        events=(EventType.VOID,),
        lifecycle=Lifecycle.ACTIVE,
        then={"held_minor": 0, "remaining_minor": NOMINAL_MINOR},
    ),
    Row(
        name="void_on_a_locked_certificate_frees_the_hold_because_no_value_leaves",
        given=locked(HELD),
        action=Void(authorization_id="hold-1"),
        events=(EventType.VOID,),
        status=Status.LOCKED,
        then={"held_minor": 0},
    ),
    Row(
        name="void_of_an_unknown_number_is_not_found",
        given=None,
        action=Void(authorization_id="hold-1"),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="void_of_a_captured_hold_is_refused",
        given=CAPTURED,
        action=Void(authorization_id="hold-1"),
        refused=RejectionCode.AUTHORIZATION_NOT_OPEN,
    ),
    Row(
        name="expire_hold_at_its_deadline_frees_it",
        given=HELD,
        action=ExpireHold(authorization_id="hold-1"),
        at_ms=HOLD_UNTIL_MS,
        events=(EventType.HOLD_EXPIRED,),
        lifecycle=Lifecycle.ACTIVE,
        then={"held_minor": 0, "remaining_minor": NOMINAL_MINOR},
    ),
    Row(
        name="expire_hold_of_an_unknown_number_is_not_found",
        given=None,
        action=ExpireHold(authorization_id="hold-1"),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="expire_hold_after_capture_is_refused",
        given=CAPTURED,
        action=ExpireHold(authorization_id="hold-1"),
        at_ms=HOLD_UNTIL_MS,
        refused=RejectionCode.AUTHORIZATION_NOT_OPEN,
    ),
    Row(
        name="expire_hold_a_millisecond_early_is_refused",
        given=HELD,
        action=ExpireHold(authorization_id="hold-1"),
        at_ms=HOLD_UNTIL_MS - 1,
        refused=RejectionCode.NOT_DUE,
    ),
)

REDEEM_ROWS = (
    Row(
        name="redeem_of_part_of_the_balance_takes_it",
        given=ACTIVE,
        action=redeem_action(30_00),
        events=(EventType.REDEEM_PARTIAL,),
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        status=Status.PARTIALLY_REDEEMED,
        then={
            "remaining_minor": 70_00,
            "redeemed_minor": 30_00,
            "orders": {SPENDER: OrderLedger(redeemed_minor=30_00)},
        },
    ),
    Row(
        name="redeem_of_the_whole_balance_spends_the_certificate",
        given=PARTIALLY_REDEEMED,
        action=redeem_action(70_00),
        events=(EventType.REDEEM_FULL,),
        lifecycle=Lifecycle.REDEEMED,
        status=Status.REDEEMED,
        then={"remaining_minor": 0, "orders": {SPENDER: OrderLedger(redeemed_minor=100_00)}},
    ),
    Row(
        name="redeem_that_names_an_open_hold_spends_the_hold_and_confirms_it",
        given=HELD,
        action=redeem_action(HOLD_MINOR, authorization_id="hold-1"),
        events=(*CAPTURE_PARTIAL, EventType.CAPTURE),
        then={
            "remaining_minor": AVAILABLE_MINOR,
            "held_minor": 0,
            "captures": {
                "hold-1": CapturedHold(
                    order_id=SPENDER, amount_minor=HOLD_MINOR, confirmed_minor=HOLD_MINOR
                )
            },
        },
    ),
    Row(
        name="redeem_that_names_no_hold_spends_the_open_hold_of_its_order",
        given=HELD,
        action=redeem_action(50_00),
        events=(*CAPTURE_PARTIAL, EventType.CAPTURE),
        then={"remaining_minor": 50_00, "held_minor": 0},
    ),
    Row(
        name="redeem_by_another_order_leaves_the_hold_alone",
        given=HELD,
        action=redeem_action(AVAILABLE_MINOR, order_id=OTHER_ORDER),
        events=(EventType.REDEEM_PARTIAL,),
        then={"remaining_minor": HOLD_MINOR, "held_minor": HOLD_MINOR, "available_minor": 0},
    ),
    Row(
        name="redeem_that_names_a_capture_only_confirms_it",
        given=CAPTURED,
        action=redeem_action(HOLD_MINOR, authorization_id="hold-1"),
        events=(EventType.CAPTURE,),
        then={"remaining_minor": AVAILABLE_MINOR, "redeemed_minor": HOLD_MINOR},
    ),
    Row(
        name="redeem_that_names_nothing_confirms_the_capture_of_its_order",
        given=CAPTURED,
        action=redeem_action(HOLD_MINOR),
        events=(EventType.CAPTURE,),
        then={"remaining_minor": AVAILABLE_MINOR, "redeemed_minor": HOLD_MINOR},
    ),
    Row(
        name="redeem_of_a_captured_hold_on_a_locked_certificate_still_confirms",
        given=locked(CAPTURED),
        action=redeem_action(HOLD_MINOR),
        events=(EventType.CAPTURE,),
        status=Status.LOCKED,
    ),
    Row(
        name="redeem_after_its_capture_was_confirmed_is_money_of_its_own",
        given=CONFIRMED,
        action=redeem_action(AVAILABLE_MINOR),
        events=(EventType.REDEEM_FULL,),
        then={"remaining_minor": 0},
    ),
    Row(
        name="redeem_that_names_a_hold_that_is_gone_takes_available_balance",
        given=ACTIVE,
        action=redeem_action(HOLD_MINOR, authorization_id="hold-1"),
        events=(EventType.REDEEM_PARTIAL,),
        then={"remaining_minor": AVAILABLE_MINOR},
    ),
    Row(
        name="redeem_of_an_unknown_number_is_not_found",
        given=None,
        action=redeem_action(1),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="redeem_that_names_the_hold_of_another_order_is_refused",
        given=HELD,
        action=redeem_action(HOLD_MINOR, order_id=OTHER_ORDER, authorization_id="hold-1"),
        refused=RejectionCode.ORDER_MISMATCH,
    ),
    Row(
        name="redeem_that_names_the_capture_of_another_order_is_refused",
        given=CAPTURED,
        action=redeem_action(HOLD_MINOR, order_id=OTHER_ORDER, authorization_id="hold-1"),
        refused=RejectionCode.ORDER_MISMATCH,
    ),
    Row(
        name="redeem_of_a_number_never_issued_is_refused",
        given=AVAILABLE,
        action=redeem_action(1),
        refused=RejectionCode.NOT_ACTIVE,
    ),
    Row(
        name="redeem_before_activation_is_refused",
        given=ISSUED,
        action=redeem_action(1),
        refused=RejectionCode.NOT_ACTIVE,
    ),
    Row(
        name="redeem_of_an_annulled_certificate_is_refused",
        given=ANNULLED,
        action=redeem_action(1),
        refused=RejectionCode.NOT_ACTIVE,
    ),
    Row(
        name="redeem_of_a_locked_certificate_is_refused",
        given=locked(ACTIVE),
        action=redeem_action(1),
        refused=RejectionCode.LOCKED,
    ),
    Row(
        name="redeem_in_another_currency_is_refused",
        given=ACTIVE,
        action=redeem_action(1, currency=OTHER_CURRENCY),
        refused=RejectionCode.CURRENCY_MISMATCH,
    ),
    Row(
        name="redeem_of_a_capture_in_another_currency_is_refused",
        given=CAPTURED,
        action=redeem_action(HOLD_MINOR, currency=OTHER_CURRENCY),
        refused=RejectionCode.CURRENCY_MISMATCH,
    ),
    Row(
        name="redeem_of_more_than_the_hold_it_names_is_refused_and_leaves_the_hold",
        given=TWICE_HELD,
        action=redeem_action(20_00, authorization_id="hold-2"),
        refused=RejectionCode.HOLD_EXCEEDED,
    ),
    Row(
        name="redeem_of_more_than_was_captured_under_the_name_is_refused",
        given=CAPTURED,
        action=redeem_action(HOLD_MINOR + 1, authorization_id="hold-1"),
        refused=RejectionCode.HOLD_EXCEEDED,
    ),
    Row(
        name="redeem_of_a_capture_confirmed_before_is_refused",
        given=CONFIRMED,
        action=redeem_action(1, authorization_id="hold-1"),
        refused=RejectionCode.HOLD_EXCEEDED,
    ),
    Row(
        name="redeem_of_more_than_is_available_is_refused",
        given=HELD,
        action=redeem_action(AVAILABLE_MINOR + 1, order_id=OTHER_ORDER),
        refused=RejectionCode.INSUFFICIENT_BALANCE,
    ),
)

SPEND_ROWS = HOLD_ROWS + REDEEM_ROWS + UNNAMED_ROWS
