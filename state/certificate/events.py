"""What happened to one certificate.

Owns the event types of the stream, one small type per event, the ledger entry, and the headline
status each event shows. Events are facts: they carry all that `evolution` needs.
"""

from dataclasses import dataclass
from enum import StrEnum

from state.certificate.commands import Channel, NotificationChannel
from state.certificate.record import Reservation
from state.certificate.rejections import Rejection


class EventType(StrEnum):
    """The closed list of event types on GiftCertificates.Stream."""

    LOAD = "load"
    RESERVE = "reserve"
    RELEASE = "release"
    ISSUE = "issue"
    ACTIVATE = "activate"
    NOTIFICATION_REQUESTED = "notification.requested"
    NOTIFICATION_SENT = "notification.sent"
    NOTIFICATION_FAILED = "notification.failed"
    CVC_REVEALED = "cvc.revealed"
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    HOLD_EXPIRED = "hold.expired"
    REDEEM_PARTIAL = "redeem.partial"
    REDEEM_FULL = "redeem.full"
    REFUND_PENDING = "refund.pending"
    REFUND_PENDING_DETAILS = "refund.pendingDetails"
    REFUND = "refund"
    LOCK = "lock"
    UNLOCK = "unlock"
    ANNUL = "annul"
    ISSUE_BLOCKED = "issue.blocked"
    ALERT = "alert"
    ERROR = "error"


class EntryKind(StrEnum):
    """What changed money. Kinds of holds change only what is held: their amount is zero."""

    ISSUE = "ISSUE"
    AUTHORIZE = "AUTHORIZE"
    CAPTURE = "CAPTURE"
    VOID = "VOID"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    REDEEM = "REDEEM"
    REFUND = "REFUND"
    PURCHASE_UNDONE = "PURCHASE_UNDONE"
    ANNUL = "ANNUL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: a code for programs and a text for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    reservation: Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    order_id: str
    channel: Channel
    client_id: str | None
    correlation_id: str | None
    amount_minor: int
    currency: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated:
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRequested:
    notification_id: str
    channel: NotificationChannel | None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSent:
    notification_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationFailed:
    notification_id: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CvcRevealed:
    notification_id: str
    key_id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized:
    authorization_id: str
    order_id: str
    amount_minor: int
    expires_at_ms: int
    channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """The hold is closed; `Redeemed` follows and takes the money."""

    authorization_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureConfirmed:
    """Order and payment tell of a capture that was already done: no money moves again."""

    authorization_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Voided:
    authorization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldExpired:
    authorization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    order_id: str
    amount_minor: int
    full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAwaited:
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundDetailsAwaited:
    order_id: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """Money came back onto the certificate."""

    order_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseUndone:
    """The certificate itself was returned: its whole balance left, for good."""

    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    reason: Reason
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocked:
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Annulled:
    reason: Reason
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRaised:
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRaised:
    """A refusal that the world should see. `wrong_tries` is set when it was a wrong code."""

    rejection: Rejection
    wrong_tries: int | None = None


Event = (
    Loaded
    | Reserved
    | Released
    | Issued
    | Activated
    | NotificationRequested
    | NotificationSent
    | NotificationFailed
    | CvcRevealed
    | Authorized
    | Captured
    | CaptureConfirmed
    | Voided
    | HoldExpired
    | Redeemed
    | RefundAwaited
    | RefundDetailsAwaited
    | Refunded
    | PurchaseUndone
    | Locked
    | Unlocked
    | Annulled
    | AlertRaised
    | ErrorRaised
)
