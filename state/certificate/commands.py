"""What can be asked of one certificate.

Owns the command envelope and one small type per action. A command brings its own time (`at_ms`)
and its own identity (`command_id`), so deciding needs neither a clock nor randomness.
"""

from dataclasses import dataclass
from enum import StrEnum

from state.certificate.money import Money


class Origin(StrEnum):
    """Who asks. It decides where a refusal is told, and it is part of the request's identity."""

    FACT = "FACT"  # the correlator of orders and payments, the auditor: refusals are `error` events
    HTTP = "HTTP"  # the edge: refusals are answered to the caller
    LOADER = "LOADER"  # bulk load: refusals are answered to the loader
    TIMER = "TIMER"  # a deadline: coming too late or too early is no event at all


class Channel(StrEnum):
    """Where a certificate is sold or spent."""

    ONLINE_STORE = "ONLINE_STORE"
    POS = "POS"


class NotificationChannel(StrEnum):
    """How the CRM reaches the customer."""

    SMS = "SMS"
    EMAIL = "EMAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A pre-generated number enters the service and its pool."""

    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """The pool offers this number to a checkout. Not free: the pool is asked for another."""

    pool: str
    channel: Channel
    order_id: str | None
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveNumber:
    """A physical card was scanned at the till: this very number, or a refusal."""

    channel: Channel
    order_id: str | None
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireReservation:
    """A reservation's deadline passed."""

    reservation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The order was cancelled, or its payment voided, before the certificate was issued."""

    order_id: str
    channel: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Order and payment cover the certificate: the number becomes a certificate."""

    order_id: str
    channel: Channel
    client_id: str | None
    nominal: Money
    notification_channel: NotificationChannel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activate:
    """The order is captured in full: the certificate becomes spendable."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationResult:
    """The CRM says whether its message reached the customer."""

    notification_id: str
    sent: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNotification:
    """Support asks for another message; it grants one more reveal of the code."""

    notification_channel: NotificationChannel | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealCvc:
    """The CRM asks for the one-time code; `key_id` is the derivation key in use today."""

    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorize:
    """Set money aside. The edge compared the code and says only whether it matched.

    `cvc_version` is the version the edge compared with: a code replaced in between is wrong.
    `channel` is who may capture and void the hold; absent: anybody who may at all.
    """

    order_id: str
    amount: Money
    cvc_matches: bool
    cvc_version: int
    accept_partial: bool
    expires_at_ms: int
    channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Spend a hold; `amount` absent means all of it. What is not captured is freed.

    `channel` is the asker's; absent: one that acts for every channel.
    """

    authorization_id: str
    amount: Money | None
    channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """Give a hold up. `channel` as in a capture."""

    authorization_id: str
    channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireHold:
    """A hold's deadline passed."""

    authorization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem:
    """Order and payment agree that this certificate paid."""

    order_id: str
    payment_id: str
    amount: Money
    authorization_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundToCertificate:
    """Goods came back: money returns onto the certificate that paid for them."""

    order_id: str
    payment_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPending:
    """One half of a refund was seen; the other is awaited."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPendingDetails:
    """The refund could not be done; somebody has to add details."""

    order_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPurchase:
    """The purchase of the certificate itself was undone."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Support stops the certificate, reversibly."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """Support lets the certificate work again."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annul:
    """Support ends the certificate for good."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseAlert:
    """Correlation or the auditor saw something a person should look at. Changes no money."""

    code: str
    text: str


Action = (
    Load
    | Reserve
    | ReserveNumber
    | ExpireReservation
    | Release
    | Issue
    | Activate
    | NotificationResult
    | RequestNotification
    | RevealCvc
    | Authorize
    | Capture
    | Void
    | ExpireHold
    | Redeem
    | RefundToCertificate
    | RefundPending
    | RefundPendingDetails
    | CancelPurchase
    | Lock
    | Unlock
    | Annul
    | RaiseAlert
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One imperative for one certificate.

    `command_id` with `origin` identifies the request for ever; `body_digest` tells a repeat from
    a re-use of the id with another body. `reply_to` is the asking edge or loader, absent when
    nobody waits. `at_ms` is UTC epoch milliseconds.
    """

    command_id: str
    at_ms: int
    certificate_id: str
    origin: Origin
    action: Action
    correlation_id: str | None = None
    actor: str | None = None
    reply_to: str | None = None
    body_digest: str | None = None
