"""What each event makes of a certificate.

`evolve` never refuses: an event already happened. It ends by asserting the laws, so a state that
no rule may produce stops the worker instead of reaching a store.
"""

from dataclasses import replace
from typing import assert_never

from state.certificate.events import (
    Activated,
    AlertRaised,
    Annulled,
    Authorized,
    CaptureConfirmed,
    Captured,
    CvcRevealed,
    ErrorRaised,
    Event,
    HoldExpired,
    Issued,
    Loaded,
    Locked,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    PurchaseUndone,
    Redeemed,
    RefundAwaited,
    RefundDetailsAwaited,
    Refunded,
    Released,
    Reserved,
    Unlocked,
    Voided,
)
from state.certificate.record import (
    CapturedHold,
    Certificate,
    Hold,
    Lifecycle,
    LockInfo,
    Notification,
    NotificationStatus,
    OrderLedger,
    Status,
    assert_laws,
)


def evolve(
    certificate: Certificate | None, certificate_id: str, event: Event
) -> Certificate | None:
    """Apply one event. Only alerts and errors can concern a number that does not exist."""
    if isinstance(event, Loaded):
        assert certificate is None, "a number is loaded once"
        return Certificate(
            certificate_id=certificate_id,
            pool=event.pool,
            lifecycle=Lifecycle.AVAILABLE,
            status=Status.AVAILABLE,
        )
    if certificate is None:
        assert isinstance(event, AlertRaised | ErrorRaised), "an event needs its certificate"
        return None
    after = _apply(certificate, event)
    assert_laws(after)
    return after


def _apply(certificate: Certificate, event: Event) -> Certificate:
    match event:
        case Reserved() | Released() | Issued() | Activated():
            return _apply_sale(certificate, event)
        case NotificationRequested() | NotificationSent() | NotificationFailed() | CvcRevealed():
            return _apply_notification(certificate, event)
        case Authorized() | Captured() | CaptureConfirmed() | Voided() | HoldExpired():
            return _apply_hold(certificate, event)
        case Redeemed() | Refunded() | PurchaseUndone() | Annulled():
            return _apply_money(certificate, event)
        case RefundAwaited():
            return replace(certificate, status=Status.REFUND_PENDING)
        case RefundDetailsAwaited():
            return replace(certificate, status=Status.REFUND_PENDING_DETAILS)
        case Locked():
            lock = LockInfo(reason=event.reason.text, by=event.by, at_ms=event.at_ms)
            return replace(certificate, lock=lock, status=Status.LOCKED)
        case Unlocked():
            cvc = replace(certificate.cvc, wrong_tries=0)
            status = Status(certificate.lifecycle.value)
            return replace(certificate, lock=None, cvc=cvc, status=status)
        case ErrorRaised():
            if event.wrong_tries is None:
                return certificate
            return replace(certificate, cvc=replace(certificate.cvc, wrong_tries=event.wrong_tries))
        case AlertRaised():
            return certificate
        case Loaded():
            raise AssertionError("a number is loaded once")
        case _:
            assert_never(event)


def _apply_sale(
    certificate: Certificate, event: Reserved | Released | Issued | Activated
) -> Certificate:
    match event:
        case Reserved():
            return replace(
                certificate,
                lifecycle=Lifecycle.RESERVED,
                status=Status.RESERVED,
                reservation=event.reservation,
                channel=event.reservation.channel,
            )
        case Released():
            return replace(
                certificate,
                lifecycle=Lifecycle.AVAILABLE,
                status=Status.AVAILABLE,
                reservation=None,
                channel=None,
            )
        case Issued():
            return replace(
                certificate,
                lifecycle=Lifecycle.ISSUED,
                status=Status.ISSUED,
                reservation=None,
                channel=event.channel,
                order_id=event.order_id,
                client_id=event.client_id,
                correlation_id=event.correlation_id,
                currency=event.currency,
                nominal_minor=event.amount_minor,
                remaining_minor=event.amount_minor,
                issued_at_ms=event.at_ms,
            )
        case Activated():
            return replace(
                certificate,
                lifecycle=Lifecycle.ACTIVE,
                status=Status.ACTIVE,
                activated_at_ms=event.at_ms,
            )


def _apply_notification(
    certificate: Certificate,
    event: NotificationRequested | NotificationSent | NotificationFailed | CvcRevealed,
) -> Certificate:
    if isinstance(event, NotificationRequested):
        opened = Notification(
            notification_id=event.notification_id,
            channel=event.channel,
            status=NotificationStatus.REQUESTED,
        )
        return replace(certificate, notification=opened, status=Status.NOTIFICATION_REQUESTED)
    notification = certificate.notification
    assert notification is not None, "a notification was requested before it is answered"
    match event:
        case NotificationSent():
            sent = replace(notification, status=NotificationStatus.SENT)
            return replace(certificate, notification=sent, status=Status.NOTIFICATION_SENT)
        case NotificationFailed():
            failed = replace(notification, status=NotificationStatus.FAILED)
            return replace(certificate, notification=failed, status=Status.NOTIFICATION_FAILED)
        case CvcRevealed():
            cvc = replace(
                certificate.cvc, key_id=event.key_id, version=event.version, wrong_tries=0
            )
            return replace(certificate, notification=replace(notification, revealed=True), cvc=cvc)


def _apply_hold(
    certificate: Certificate,
    event: Authorized | Captured | CaptureConfirmed | Voided | HoldExpired,
) -> Certificate:
    match event:
        case Authorized():
            hold = Hold(
                order_id=event.order_id,
                amount_minor=event.amount_minor,
                expires_at_ms=event.expires_at_ms,
                channel=event.channel,
            )
            holds = {**certificate.holds, event.authorization_id: hold}
            return replace(certificate, holds=holds, cvc=replace(certificate.cvc, wrong_tries=0))
        case Captured():
            captured = CapturedHold(
                order_id=certificate.holds[event.authorization_id].order_id,
                amount_minor=event.amount_minor,
            )
            captures = {**certificate.captures, event.authorization_id: captured}
            return replace(_without_hold(certificate, event.authorization_id), captures=captures)
        case CaptureConfirmed():
            captured = certificate.captures[event.authorization_id]
            confirmed = replace(
                captured, confirmed_minor=captured.confirmed_minor + event.amount_minor
            )
            captures = {**certificate.captures, event.authorization_id: confirmed}
            return replace(certificate, captures=captures)
        case Voided() | HoldExpired():
            return _without_hold(certificate, event.authorization_id)


def _without_hold(certificate: Certificate, authorization_id: str) -> Certificate:
    holds = {key: hold for key, hold in certificate.holds.items() if key != authorization_id}
    return replace(certificate, holds=holds)


def _apply_money(
    certificate: Certificate, event: Redeemed | Refunded | PurchaseUndone | Annulled
) -> Certificate:
    amount_minor = event.amount_minor
    match event:
        case Redeemed():
            ledger = certificate.orders.get(event.order_id, OrderLedger())
            ledger = replace(ledger, redeemed_minor=ledger.redeemed_minor + amount_minor)
            spent = Lifecycle.REDEEMED if event.full else Lifecycle.PARTIALLY_REDEEMED
            return replace(
                certificate,
                remaining_minor=certificate.remaining_minor - amount_minor,
                redeemed_minor=certificate.redeemed_minor + amount_minor,
                orders={**certificate.orders, event.order_id: ledger},
                lifecycle=spent,
                status=Status(spent.value),
            )
        case Refunded():
            ledger = certificate.orders[event.order_id]
            ledger = replace(ledger, refunded_minor=ledger.refunded_minor + amount_minor)
            remaining_minor = certificate.remaining_minor + amount_minor
            whole = remaining_minor == certificate.nominal_minor
            return replace(
                certificate,
                remaining_minor=remaining_minor,
                refunded_minor=certificate.refunded_minor + amount_minor,
                orders={**certificate.orders, event.order_id: ledger},
                lifecycle=Lifecycle.ACTIVE if whole else Lifecycle.PARTIALLY_REDEEMED,
                status=Status.REFUNDED,
            )
        case PurchaseUndone() | Annulled():
            undone = isinstance(event, PurchaseUndone)
            return replace(
                certificate,
                remaining_minor=certificate.remaining_minor - amount_minor,
                annulled_minor=certificate.annulled_minor + amount_minor,
                lifecycle=Lifecycle.ANNULLED,
                status=Status.REFUNDED if undone else Status.ANNULLED,
                reservation=None,
            )
