"""How an event looks on the stream: its type, headline status, ledger entry and reason.

Pure mapping from events to the words of the contract; it decides nothing and changes nothing.
"""

from dataclasses import dataclass
from typing import assert_never

from state.certificate.events import (
    Activated,
    AlertRaised,
    Annulled,
    Authorized,
    CaptureConfirmed,
    Captured,
    CvcRevealed,
    EntryKind,
    ErrorRaised,
    Event,
    EventType,
    HoldExpired,
    Issued,
    Loaded,
    Locked,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    PurchaseUndone,
    Reason,
    Redeemed,
    RefundAwaited,
    RefundDetailsAwaited,
    Refunded,
    Released,
    Reserved,
    Unlocked,
    Voided,
)
from state.certificate.record import Certificate, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One change of money on one certificate: signed amount, then balance and held after it."""

    kind: EntryKind
    amount_minor: int
    remaining_minor: int
    held_minor: int


def event_type(event: Event) -> EventType:
    """The name of the event on the stream."""
    if isinstance(event, Redeemed):
        return EventType.REDEEM_FULL if event.full else EventType.REDEEM_PARTIAL
    return _TYPES[type(event)]


_TYPES: dict[type[Event], EventType] = {
    Loaded: EventType.LOAD,
    Reserved: EventType.RESERVE,
    Released: EventType.RELEASE,
    Issued: EventType.ISSUE,
    Activated: EventType.ACTIVATE,
    NotificationRequested: EventType.NOTIFICATION_REQUESTED,
    NotificationSent: EventType.NOTIFICATION_SENT,
    NotificationFailed: EventType.NOTIFICATION_FAILED,
    CvcRevealed: EventType.CVC_REVEALED,
    Authorized: EventType.AUTHORIZE,
    Captured: EventType.CAPTURE,
    CaptureConfirmed: EventType.CAPTURE,
    Voided: EventType.VOID,
    HoldExpired: EventType.HOLD_EXPIRED,
    RefundAwaited: EventType.REFUND_PENDING,
    RefundDetailsAwaited: EventType.REFUND_PENDING_DETAILS,
    Refunded: EventType.REFUND,
    PurchaseUndone: EventType.REFUND,
    Locked: EventType.LOCK,
    Unlocked: EventType.UNLOCK,
    Annulled: EventType.ANNUL,
    AlertRaised: EventType.ALERT,
    ErrorRaised: EventType.ERROR,
}


def headline(event: Event, certificate: Certificate | None) -> Status:
    """The status the event shows; alerts and errors show themselves, not the certificate."""
    match event:
        case AlertRaised():
            return Status.ALERT
        case ErrorRaised():
            return Status.ERROR
        case _:
            assert certificate is not None, "only alerts and errors concern unknown numbers"
            return certificate.status


def ledger_entry(event: Event, certificate: Certificate | None) -> LedgerEntry | None:
    """The change of money the event stands for, if it is one."""
    change = _money_change(event)
    if change is None:
        return None
    assert certificate is not None, "money moves on certificates only"
    kind, amount_minor = change
    return LedgerEntry(
        kind=kind,
        amount_minor=amount_minor,
        remaining_minor=certificate.remaining_minor,
        held_minor=certificate.held_minor,
    )


def _money_change(event: Event) -> tuple[EntryKind, int] | None:
    match event:
        case Issued(amount_minor=amount_minor):
            return EntryKind.ISSUE, amount_minor
        case Redeemed(amount_minor=amount_minor):
            return EntryKind.REDEEM, -amount_minor
        case Refunded(amount_minor=amount_minor):
            return EntryKind.REFUND, amount_minor
        case PurchaseUndone(amount_minor=amount_minor):
            return EntryKind.PURCHASE_UNDONE, -amount_minor
        case Annulled(amount_minor=amount_minor):
            return EntryKind.ANNUL, -amount_minor
        case Authorized():
            return EntryKind.AUTHORIZE, 0
        case Captured():
            return EntryKind.CAPTURE, 0
        case Voided():
            return EntryKind.VOID, 0
        case HoldExpired():
            return EntryKind.HOLD_EXPIRED, 0
        case _:
            return None


def reason_of(event: Event) -> Reason | None:
    """Why it happened, where the event knows."""
    match event:
        case (
            Released(reason=reason)
            | NotificationFailed(reason=reason)
            | RefundDetailsAwaited(reason=reason)
            | Locked(reason=reason)
            | Unlocked(reason=reason)
            | Annulled(reason=reason)
            | AlertRaised(reason=reason)
        ):
            return reason
        case NotificationRequested(reason=asked_for):
            return asked_for
        case ErrorRaised(rejection=rejection):
            return Reason(code=rejection.code.value, text=rejection.text)
        case CaptureConfirmed():
            return Reason(code="CAPTURE_CONFIRMED", text="order and payment agree with the capture")
        case PurchaseUndone():
            return Reason(code="PURCHASE_UNDONE", text="the certificate itself was returned")
        case (
            Loaded()
            | Reserved()
            | Issued()
            | Activated()
            | NotificationSent()
            | CvcRevealed()
            | Authorized()
            | Captured()
            | Voided()
            | HoldExpired()
            | Redeemed()
            | RefundAwaited()
            | Refunded()
        ):
            return None
        case _:
            assert_never(event)
