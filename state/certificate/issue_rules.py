"""Rules of a number that becomes a certificate: issue, activate, notifications, the code.

Each rule is a pure function; checks stand in the order of precedence of the rejection codes.
"""

from state.certificate.commands import (
    Activate,
    Command,
    Issue,
    NotificationResult,
    RequestNotification,
    RevealCvc,
)
from state.certificate.decision import Decision, ForgetInPool, accepted, alert, refused
from state.certificate.events import (
    Activated,
    CvcRevealed,
    Event,
    Issued,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    Reason,
    Reserved,
)
from state.certificate.record import (
    SOLD,
    Certificate,
    Lifecycle,
    NotificationStatus,
    Reservation,
)
from state.certificate.rejections import RejectionCode, reject


def issue(certificate: Certificate | None, command: Command, action: Issue) -> Decision:
    """Make the number a certificate of this order, then ask for the customer to be told.

    A number that went to another order, or does not exist, is refused with an alert: a customer
    paid for something we cannot give, and no money on any certificate is touched.
    """
    assert action.nominal.amount_minor > 0, "a certificate of nothing is a broken record"
    if certificate is None:
        return _lost(RejectionCode.NOT_FOUND)
    if certificate.lifecycle not in (Lifecycle.AVAILABLE, Lifecycle.RESERVED):
        if certificate.lifecycle is Lifecycle.ANNULLED:
            return _lost(RejectionCode.ANNULLED)
        if certificate.order_id == action.order_id:
            return refused(RejectionCode.ALREADY_ISSUED)
        return _lost(RejectionCode.NUMBER_GONE)
    reservation = certificate.reservation
    if reservation is not None:
        if reservation.channel is not action.channel:
            return refused(RejectionCode.WRONG_CHANNEL)
        if reservation.order_id not in (None, action.order_id):
            return _lost(RejectionCode.ORDER_MISMATCH, "it is reserved for another order")
        return accepted(*_issued(command, action))
    # The reservation lapsed but the number is still free: take it now, for this very order.
    taken = Reservation(
        reservation_id=command.command_id,
        channel=action.channel,
        order_id=action.order_id,
        until_ms=command.at_ms,
    )
    return accepted(
        Reserved(reservation=taken),
        *_issued(command, action),
        pool=ForgetInPool(pool=certificate.pool),
    )


def _lost(code: RejectionCode, detail: str = "") -> Decision:
    text = "an order was paid for a number that cannot be issued to it"
    return Decision(events=(alert(code.value, text),), rejection=reject(code, detail))


def _not_sold(certificate: Certificate) -> Decision | None:
    if certificate.lifecycle is Lifecycle.ANNULLED:
        return refused(RejectionCode.ANNULLED)
    if certificate.lifecycle not in SOLD:
        return refused(RejectionCode.NOT_ISSUED)
    return None


def _issued(command: Command, action: Issue) -> tuple[Event, ...]:
    return (
        Issued(
            order_id=action.order_id,
            channel=action.channel,
            client_id=action.client_id,
            correlation_id=command.correlation_id,
            amount_minor=action.nominal.amount_minor,
            currency=action.nominal.currency,
            at_ms=command.at_ms,
        ),
        NotificationRequested(
            notification_id=command.command_id, channel=action.notification_channel
        ),
    )


def activate(certificate: Certificate, command: Command, action: Activate) -> Decision:
    """Captured in full: spendable."""
    refusal = _not_sold(certificate)
    if refusal is not None:
        return refusal
    if certificate.order_id != action.order_id:
        return refused(RejectionCode.ORDER_MISMATCH)
    if certificate.lifecycle is not Lifecycle.ISSUED:
        return refused(RejectionCode.ALREADY_ACTIVE)
    return accepted(Activated(at_ms=command.at_ms))


def notification_result(certificate: Certificate, action: NotificationResult) -> Decision:
    """The CRM closes the open notification."""
    notification = certificate.notification
    if (
        notification is None
        or notification.notification_id != action.notification_id
        or notification.status is not NotificationStatus.REQUESTED
    ):
        return refused(RejectionCode.NOTIFICATION_NOT_OPEN)
    if action.sent:
        return accepted(NotificationSent(notification_id=action.notification_id))
    reason = Reason(code="DELIVERY_FAILED", text=action.reason)
    return accepted(NotificationFailed(notification_id=action.notification_id, reason=reason))


def request_notification(
    certificate: Certificate, command: Command, action: RequestNotification
) -> Decision:
    """Another message, with one more reveal of the code."""
    refusal = _not_sold(certificate)
    if refusal is not None:
        return refusal
    channel = action.notification_channel
    if channel is None and certificate.notification is not None:
        channel = certificate.notification.channel
    reason = None if action.reason is None else Reason(code="SUPPORT", text=action.reason)
    return accepted(
        NotificationRequested(notification_id=command.command_id, channel=channel, reason=reason)
    )


def reveal_cvc(certificate: Certificate, action: RevealCvc) -> Decision:
    """One reveal for each notification. A new reveal makes a new version: the old code dies."""
    refusal = _not_sold(certificate)
    if refusal is not None:
        return refusal
    notification = certificate.notification
    if notification is None:
        return refused(RejectionCode.NOTIFICATION_NOT_OPEN)
    if notification.revealed:
        return refused(RejectionCode.CVC_ALREADY_REVEALED)
    if notification.status is not NotificationStatus.REQUESTED:
        return refused(RejectionCode.NOTIFICATION_NOT_OPEN)
    return accepted(
        CvcRevealed(
            notification_id=notification.notification_id,
            key_id=action.key_id,
            version=certificate.cvc.version + 1,
        )
    )
