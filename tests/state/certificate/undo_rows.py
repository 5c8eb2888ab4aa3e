"""What undoing the purchase of a certificate gives: its end, or a lock and a question to people."""

from state.certificate.commands import CancelPurchase, RefundToCertificate
from state.certificate.events import EventType
from state.certificate.record import Lifecycle, LockInfo, Status
from state.certificate.rejections import RejectionCode
from tests.state.certificate.specimens import (
    ACTIVE,
    CAPTURED,
    HELD,
    HOLD_MINOR,
    ISSUED,
    NOMINAL_MINOR,
    NOW_MS,
    ORDER,
    OTHER_ORDER,
    PARTIALLY_REDEEMED,
    REDEEMED,
    RESERVED,
    SPENDER,
    after,
    authorize_action,
    locked,
    money,
)
from tests.state.certificate.table import Row

UNDO = CancelPurchase(order_id=ORDER)
ALL_BACK = RefundToCertificate(order_id=SPENDER, payment_id="refund-1", amount=money(NOMINAL_MINOR))
WHOLLY_REFUNDED = after(REDEEMED, ALL_BACK, "refund-1")
HELD_AND_SPENT = after(PARTIALLY_REDEEMED, authorize_action(10_00), "hold-2")
# No more value leaves once the buyer has the money back, and people are asked what to do.
STOPPED = (EventType.LOCK, EventType.REFUND_PENDING_DETAILS)


def undone_but(text: str) -> LockInfo:
    return LockInfo(reason=f"the purchase was undone, but {text}", by="service", at_ms=NOW_MS)


SPENT_IN_PART = undone_but("the certificate was already spent in part")
MONEY_HELD = undone_but("money of the certificate is held")

UNDO_ROWS = (
    Row(
        name="cancel_purchase_of_an_unspent_certificate_refunds_it_and_ends_it",
        given=ACTIVE,
        action=UNDO,
        events=(EventType.REFUND,),
        lifecycle=Lifecycle.ANNULLED,
        status=Status.REFUNDED,
        then={"remaining_minor": 0, "annulled_minor": NOMINAL_MINOR, "refunded_minor": 0},
    ),
    Row(
        name="cancel_purchase_before_activation_refunds_it_and_ends_it",
        given=ISSUED,
        action=UNDO,
        events=(EventType.REFUND,),
        lifecycle=Lifecycle.ANNULLED,
        then={"remaining_minor": 0},
    ),
    Row(
        name="cancel_purchase_of_one_spent_and_wholly_refunded_ends_it",
        given=WHOLLY_REFUNDED,
        action=UNDO,
        events=(EventType.REFUND,),
        lifecycle=Lifecycle.ANNULLED,
        then={"remaining_minor": 0, "annulled_minor": NOMINAL_MINOR},
    ),
    Row(
        name="cancel_purchase_of_one_spent_in_part_locks_it_and_waits_for_details",
        given=PARTIALLY_REDEEMED,
        action=UNDO,
        actor="anna",
        events=STOPPED,
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        status=Status.REFUND_PENDING_DETAILS,
        then={"remaining_minor": 70_00, "annulled_minor": 0, "lock": SPENT_IN_PART},
    ),
    Row(
        name="cancel_purchase_of_one_spent_by_a_capture_locks_it_and_waits_for_details",
        given=CAPTURED,
        action=UNDO,
        events=STOPPED,
        then={"remaining_minor": NOMINAL_MINOR - HOLD_MINOR, "lock": SPENT_IN_PART},
    ),
    Row(
        name="cancel_purchase_of_one_spent_in_full_locks_it_and_waits_for_details",
        given=REDEEMED,
        action=UNDO,
        events=STOPPED,
        lifecycle=Lifecycle.REDEEMED,
        status=Status.REFUND_PENDING_DETAILS,
        then={"remaining_minor": 0, "lock": SPENT_IN_PART},
    ),
    Row(
        name="cancel_purchase_of_a_locked_one_spent_in_part_replaces_the_reason_of_the_lock",
        given=locked(PARTIALLY_REDEEMED),
        action=UNDO,
        events=STOPPED,
        status=Status.REFUND_PENDING_DETAILS,
        then={"lock": SPENT_IN_PART},
    ),
    Row(
        name="cancel_purchase_of_a_locked_unspent_certificate_refunds_it_and_ends_it",
        given=locked(ACTIVE),
        action=UNDO,
        events=(EventType.REFUND,),
        lifecycle=Lifecycle.ANNULLED,
        then={"remaining_minor": 0},
    ),
    Row(
        name="cancel_purchase_of_an_unknown_number_is_not_found",
        given=None,
        action=UNDO,
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="cancel_purchase_again_is_refused",
        given=after(ACTIVE, UNDO, "undo"),
        action=UNDO,
        refused=RejectionCode.ANNULLED,
    ),
    Row(
        name="cancel_purchase_before_issue_is_refused",
        given=RESERVED,
        action=UNDO,
        refused=RejectionCode.NOT_ISSUED,
    ),
    Row(
        name="cancel_purchase_by_another_order_is_refused",
        given=ACTIVE,
        action=CancelPurchase(order_id=OTHER_ORDER),
        refused=RejectionCode.ORDER_MISMATCH,
    ),
    Row(
        name="cancel_purchase_while_money_is_held_is_refused_and_locks_it",
        given=HELD,
        action=UNDO,
        events=STOPPED,
        refused=RejectionCode.OPEN_HOLDS,
        lifecycle=Lifecycle.ACTIVE,
        status=Status.REFUND_PENDING_DETAILS,
        then={"remaining_minor": NOMINAL_MINOR, "held_minor": HOLD_MINOR, "lock": MONEY_HELD},
    ),
    Row(
        name="cancel_purchase_of_one_spent_in_part_while_money_is_held_tells_of_the_holds",
        given=HELD_AND_SPENT,
        action=UNDO,
        events=STOPPED,
        refused=RejectionCode.OPEN_HOLDS,
        then={"remaining_minor": 70_00, "held_minor": 10_00, "lock": MONEY_HELD},
    ),
    Row(
        name="cancel_purchase_by_another_order_while_money_is_held_locks_nothing",
        given=HELD,
        action=CancelPurchase(order_id=OTHER_ORDER),
        refused=RejectionCode.ORDER_MISMATCH,
    ),
)
