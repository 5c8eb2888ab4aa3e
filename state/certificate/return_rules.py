"""Rules of money coming back, and of the end: refunds, a purchase undone, lock, unlock, annul.

Each rule is a pure function; checks stand in the order of precedence of the rejection codes.
"""

from state.certificate.commands import (
    Annul,
    CancelPurchase,
    Command,
    Lock,
    RefundPending,
    RefundPendingDetails,
    RefundToCertificate,
    Unlock,
)
from state.certificate.decision import (
    Decision,
    ForgetInPool,
    ReturnToPool,
    accepted,
    refused,
)
from state.certificate.events import (
    Annulled,
    Locked,
    PurchaseUndone,
    Reason,
    RefundAwaited,
    RefundDetailsAwaited,
    Refunded,
    Unlocked,
)
from state.certificate.record import SOLD, Certificate, Lifecycle, OrderLedger
from state.certificate.rejections import RejectionCode, reject


def refund_to_certificate(certificate: Certificate, action: RefundToCertificate) -> Decision:
    """Money returns, never more than that order redeemed here. A lock does not stop it."""
    assert action.amount.amount_minor > 0, "a refund of nothing is a broken record"
    if certificate.lifecycle is Lifecycle.ANNULLED:
        return refused(RejectionCode.ANNULLED)
    if certificate.lifecycle not in SOLD:
        return refused(RejectionCode.NOT_ISSUED)
    if certificate.currency != action.amount.currency:
        return refused(RejectionCode.CURRENCY_MISMATCH)
    ledger = certificate.orders.get(action.order_id, OrderLedger())
    if action.amount.amount_minor > ledger.redeemed_minor - ledger.refunded_minor:
        return refused(RejectionCode.REFUND_EXCEEDS_REDEMPTION)
    return accepted(Refunded(order_id=action.order_id, amount_minor=action.amount.amount_minor))


def refund_pending(certificate: Certificate, action: RefundPending) -> Decision:
    """One half of a refund was seen."""
    refusal = _not_refundable(certificate)
    return refusal or accepted(RefundAwaited(order_id=action.order_id))


def refund_pending_details(certificate: Certificate, action: RefundPendingDetails) -> Decision:
    """A refund failed; people have to add details."""
    refusal = _not_refundable(certificate)
    reason = Reason(code="REFUND_FAILED", text=action.reason)
    return refusal or accepted(RefundDetailsAwaited(order_id=action.order_id, reason=reason))


def _not_refundable(certificate: Certificate) -> Decision | None:
    if certificate.lifecycle is Lifecycle.ANNULLED:
        return refused(RejectionCode.ANNULLED)
    if certificate.lifecycle not in SOLD:
        return refused(RejectionCode.NOT_ISSUED)
    return None


def cancel_purchase(certificate: Certificate, command: Command, action: CancelPurchase) -> Decision:
    """The purchase is undone: the whole balance leaves and the certificate ends.

    One that was spent in part, or of which money is held, cannot be undone by a rule: people have
    to decide. The buyer has the money back, so the certificate is locked until they have.
    """
    refusal = _not_refundable(certificate)
    if refusal is not None:
        return refusal
    if certificate.order_id != action.order_id:
        return refused(RejectionCode.ORDER_MISMATCH)
    if certificate.holds:
        stopped = _stopped(command, action, "OPEN_HOLDS", "money of the certificate is held")
        return Decision(events=stopped, rejection=reject(RejectionCode.OPEN_HOLDS))
    if certificate.remaining_minor < certificate.nominal_minor:
        text = "the certificate was already spent in part"
        return accepted(*_stopped(command, action, "PARTLY_USED", text))
    return accepted(PurchaseUndone(amount_minor=certificate.remaining_minor))


def _stopped(
    command: Command, action: CancelPurchase, code: str, text: str
) -> tuple[Locked, RefundDetailsAwaited]:
    """No more value leaves, and people are asked: the second event is the headline."""
    reason = Reason(code=code, text=text)
    return (
        Locked(
            reason=Reason(code="PURCHASE_UNDONE", text=f"the purchase was undone, but {text}"),
            by="service",
            at_ms=command.at_ms,
        ),
        RefundDetailsAwaited(order_id=action.order_id, reason=reason),
    )


def lock(command: Command, action: Lock) -> Decision:
    """Stop the certificate. Locking a locked one replaces the reason."""
    reason = Reason(code="SUPPORT", text=action.reason)
    return accepted(Locked(reason=reason, by=command.actor or "unknown", at_ms=command.at_ms))


def unlock(certificate: Certificate, action: Unlock) -> Decision:
    """Let it work again. A free number may have left the queue meanwhile: it is put back."""
    if certificate.lock is None:
        return refused(RejectionCode.NOT_LOCKED)
    free = certificate.lifecycle is Lifecycle.AVAILABLE
    return accepted(
        Unlocked(reason=Reason(code="SUPPORT", text=action.reason)),
        pool=ReturnToPool(pool=certificate.pool) if free else None,
    )


def annul(certificate: Certificate, action: Annul) -> Decision:
    """End the certificate; what was left on it leaves with a ledger entry."""
    if certificate.lifecycle is Lifecycle.ANNULLED:
        return refused(RejectionCode.ANNULLED)
    if certificate.holds:
        return refused(RejectionCode.OPEN_HOLDS)
    free = certificate.lifecycle is Lifecycle.AVAILABLE
    return accepted(
        Annulled(
            reason=Reason(code="SUPPORT", text=action.reason),
            amount_minor=certificate.remaining_minor,
        ),
        pool=ForgetInPool(pool=certificate.pool) if free else None,
    )
