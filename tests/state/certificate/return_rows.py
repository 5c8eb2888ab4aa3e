"""What a certificate does when money comes back, and how it ends: refunds, locks, annulment."""

from state.certificate.commands import (
    Annul,
    Lock,
    RaiseAlert,
    RefundPending,
    RefundPendingDetails,
    RefundToCertificate,
    Unlock,
)
from state.certificate.decision import ForgetInPool, ReturnToPool
from state.certificate.events import EventType
from state.certificate.record import Lifecycle, LockInfo, OrderLedger, Status
from state.certificate.rejections import RejectionCode
from tests.state.certificate.specimens import (
    ACTIVE,
    ANNULLED,
    AVAILABLE,
    HELD,
    NOMINAL_MINOR,
    NOW_MS,
    OTHER_CURRENCY,
    OTHER_ORDER,
    PARTIALLY_REDEEMED,
    POOL,
    REDEEMED,
    RESERVED,
    SPENDER,
    after,
    locked,
    money,
)
from tests.state.certificate.table import Row
from tests.state.certificate.undo_rows import UNDO_ROWS


def refund_action(
    amount_minor: int, order_id: str = SPENDER, currency: str = "RUB"
) -> RefundToCertificate:
    return RefundToCertificate(
        order_id=order_id, payment_id="refund-1", amount=money(amount_minor, currency)
    )


PENDING = RefundPending(order_id=SPENDER)
DETAILS = RefundPendingDetails(order_id=SPENDER, reason="the card is closed")
PARTLY_REFUNDED = after(PARTIALLY_REDEEMED, refund_action(10_00), "refund-1")

REFUND_ROWS = (
    Row(
        name="refund_to_certificate_of_all_that_was_spent_makes_it_whole_again",
        given=PARTIALLY_REDEEMED,
        action=refund_action(30_00),
        events=(EventType.REFUND,),
        lifecycle=Lifecycle.ACTIVE,
        status=Status.REFUNDED,
        then={
            "remaining_minor": NOMINAL_MINOR,
            "refunded_minor": 30_00,
            "orders": {SPENDER: OrderLedger(redeemed_minor=30_00, refunded_minor=30_00)},
        },
    ),
    Row(
        name="refund_to_certificate_of_part_makes_a_spent_one_spendable_again",
        given=REDEEMED,
        action=refund_action(40_00),
        events=(EventType.REFUND,),
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        status=Status.REFUNDED,
        then={"remaining_minor": 40_00},
    ),
    Row(
        name="refund_to_certificate_lands_on_a_locked_one",
        given=locked(PARTIALLY_REDEEMED),
        action=refund_action(30_00),
        events=(EventType.REFUND,),
        lifecycle=Lifecycle.ACTIVE,
        then={"remaining_minor": NOMINAL_MINOR, "lock": locked(ACTIVE).lock},
    ),
    Row(
        name="refund_to_certificate_of_an_unknown_number_is_not_found",
        given=None,
        action=refund_action(1),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="refund_to_certificate_that_is_annulled_is_refused",
        given=ANNULLED,
        action=refund_action(1),
        refused=RejectionCode.ANNULLED,
    ),
    Row(
        name="refund_to_certificate_before_issue_is_refused",
        given=RESERVED,
        action=refund_action(1),
        refused=RejectionCode.NOT_ISSUED,
    ),
    Row(
        name="refund_to_certificate_in_another_currency_is_refused",
        given=PARTIALLY_REDEEMED,
        action=refund_action(1, currency=OTHER_CURRENCY),
        refused=RejectionCode.CURRENCY_MISMATCH,
    ),
    Row(
        name="refund_to_certificate_of_more_than_the_order_spent_is_refused",
        given=PARTIALLY_REDEEMED,
        action=refund_action(30_01),
        refused=RejectionCode.REFUND_EXCEEDS_REDEMPTION,
    ),
    Row(
        name="refund_to_certificate_of_more_than_is_left_to_refund_is_refused",
        given=PARTLY_REFUNDED,
        action=refund_action(20_01),
        refused=RejectionCode.REFUND_EXCEEDS_REDEMPTION,
    ),
    Row(
        name="refund_to_certificate_by_an_order_that_spent_nothing_here_is_refused",
        given=PARTIALLY_REDEEMED,
        action=refund_action(1, order_id=OTHER_ORDER),
        refused=RejectionCode.REFUND_EXCEEDS_REDEMPTION,
    ),
    Row(
        name="refund_pending_shows_and_moves_no_money",
        given=PARTIALLY_REDEEMED,
        action=PENDING,
        events=(EventType.REFUND_PENDING,),
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        status=Status.REFUND_PENDING,
        then={"remaining_minor": 70_00},
    ),
    Row(
        name="refund_pending_of_an_unknown_number_is_not_found",
        given=None,
        action=PENDING,
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="refund_pending_of_an_annulled_certificate_is_refused",
        given=ANNULLED,
        action=PENDING,
        refused=RejectionCode.ANNULLED,
    ),
    Row(
        name="refund_pending_before_issue_is_refused",
        given=RESERVED,
        action=PENDING,
        refused=RejectionCode.NOT_ISSUED,
    ),
    Row(
        name="refund_pending_details_shows_and_moves_no_money",
        given=REDEEMED,
        action=DETAILS,
        events=(EventType.REFUND_PENDING_DETAILS,),
        lifecycle=Lifecycle.REDEEMED,
        status=Status.REFUND_PENDING_DETAILS,
        then={"remaining_minor": 0},
    ),
    Row(
        name="refund_pending_details_of_an_unknown_number_is_not_found",
        given=None,
        action=DETAILS,
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="refund_pending_details_of_an_annulled_certificate_is_refused",
        given=ANNULLED,
        action=DETAILS,
        refused=RejectionCode.ANNULLED,
    ),
    Row(
        name="refund_pending_details_before_issue_is_refused",
        given=AVAILABLE,
        action=DETAILS,
        refused=RejectionCode.NOT_ISSUED,
    ),
)

SUPPORT_ROWS = (
    Row(
        name="lock_stops_the_certificate_with_reason_and_actor",
        given=PARTIALLY_REDEEMED,
        action=Lock(reason="a complaint"),
        actor="anna",
        events=(EventType.LOCK,),
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        status=Status.LOCKED,
        then={
            "lock": LockInfo(reason="a complaint", by="anna", at_ms=NOW_MS),
            "remaining_minor": 70_00,
        },
    ),
    Row(
        name="lock_of_a_locked_certificate_replaces_the_reason",
        given=locked(ACTIVE),
        action=Lock(reason="a second complaint"),
        events=(EventType.LOCK,),
        then={"lock": LockInfo(reason="a second complaint", by="unknown", at_ms=NOW_MS)},
    ),
    Row(
        name="lock_of_an_unknown_number_is_not_found",
        given=None,
        action=Lock(reason="a complaint"),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="unlock_gives_the_working_status_back",
        given=locked(PARTIALLY_REDEEMED),
        action=Unlock(reason="settled"),
        events=(EventType.UNLOCK,),
        lifecycle=Lifecycle.PARTIALLY_REDEEMED,
        status=Status.PARTIALLY_REDEEMED,
        then={"lock": None},
    ),
    Row(
        name="unlock_of_a_free_number_puts_it_back_into_its_pool",
        given=locked(AVAILABLE),
        action=Unlock(reason="settled"),
        events=(EventType.UNLOCK,),
        pool=ReturnToPool(pool=POOL),
        status=Status.AVAILABLE,
    ),
    Row(
        name="unlock_of_an_unknown_number_is_not_found",
        given=None,
        action=Unlock(reason="settled"),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="unlock_of_one_that_is_not_locked_is_refused",
        given=ACTIVE,
        action=Unlock(reason="settled"),
        refused=RejectionCode.NOT_LOCKED,
    ),
    Row(
        name="annul_ends_the_certificate_and_its_balance_leaves",
        given=PARTIALLY_REDEEMED,
        action=Annul(reason="lost"),
        events=(EventType.ANNUL,),
        lifecycle=Lifecycle.ANNULLED,
        status=Status.ANNULLED,
        then={"remaining_minor": 0, "annulled_minor": 70_00},
    ),
    Row(
        name="annul_of_a_free_number_takes_it_out_of_its_pool",
        given=AVAILABLE,
        action=Annul(reason="misprint"),
        events=(EventType.ANNUL,),
        pool=ForgetInPool(pool=POOL),
        lifecycle=Lifecycle.ANNULLED,
    ),
    Row(
        name="annul_of_a_reserved_number_ends_its_reservation",
        given=RESERVED,
        action=Annul(reason="misprint"),
        events=(EventType.ANNUL,),
        lifecycle=Lifecycle.ANNULLED,
        then={"reservation": None},
    ),
    Row(
        name="annul_of_an_unknown_number_is_not_found",
        given=None,
        action=Annul(reason="lost"),
        refused=RejectionCode.NOT_FOUND,
    ),
    Row(
        name="annul_again_is_refused",
        given=ANNULLED,
        action=Annul(reason="lost"),
        refused=RejectionCode.ANNULLED,
    ),
    Row(
        name="annul_while_money_is_held_is_refused",
        given=HELD,
        action=Annul(reason="lost"),
        refused=RejectionCode.OPEN_HOLDS,
    ),
    Row(
        name="raise_alert_on_a_certificate_tells_and_changes_nothing",
        given=ACTIVE,
        action=RaiseAlert(code="OVERPAID", text="more was captured than the order costs"),
        events=(EventType.ALERT,),
        lifecycle=Lifecycle.ACTIVE,
        status=Status.ACTIVE,
    ),
    Row(
        name="raise_alert_on_an_unknown_number_tells_and_changes_nothing",
        given=None,
        action=RaiseAlert(code="ORDER_MISSING", text="no order"),
        events=(EventType.ALERT,),
    ),
)

RETURN_ROWS = REFUND_ROWS + UNDO_ROWS + SUPPORT_ROWS
