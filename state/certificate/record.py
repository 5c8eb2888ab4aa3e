"""What is remembered of one certificate.

Owns the shape of the state and the laws that hold for every value of it. It never changes
anything: `evolution` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from state.certificate.commands import Channel, NotificationChannel


class Lifecycle(StrEnum):
    """What decides what is allowed. A lock lies over it."""

    AVAILABLE = "AVAILABLE"
    RESERVED = "RESERVED"
    ISSUED = "ISSUED"
    ACTIVE = "ACTIVE"
    PARTIALLY_REDEEMED = "PARTIALLY_REDEEMED"
    REDEEMED = "REDEEMED"
    ANNULLED = "ANNULLED"


class Status(StrEnum):
    """The headline that BI, CRM and the channels read."""

    AVAILABLE = "AVAILABLE"
    RESERVED = "RESERVED"
    ISSUED = "ISSUED"
    ACTIVE = "ACTIVE"
    NOTIFICATION_REQUESTED = "NOTIFICATION_REQUESTED"
    NOTIFICATION_SENT = "NOTIFICATION_SENT"
    NOTIFICATION_FAILED = "NOTIFICATION_FAILED"
    PARTIALLY_REDEEMED = "PARTIALLY_REDEEMED"
    REDEEMED = "REDEEMED"
    REFUND_PENDING = "REFUND_PENDING"
    REFUND_PENDING_DETAILS = "REFUND_PENDING_DETAILS"
    REFUNDED = "REFUNDED"
    LOCKED = "LOCKED"
    ANNULLED = "ANNULLED"
    ISSUE_BLOCKED = "ISSUE_BLOCKED"
    ALERT = "ALERT"
    ERROR = "ERROR"


class NotificationStatus(StrEnum):
    """How far one message to the customer has come."""

    REQUESTED = "REQUESTED"
    SENT = "SENT"
    FAILED = "FAILED"


SPENDABLE = frozenset({Lifecycle.ACTIVE, Lifecycle.PARTIALLY_REDEEMED})
SOLD = frozenset(
    {Lifecycle.ISSUED, Lifecycle.ACTIVE, Lifecycle.PARTIALLY_REDEEMED, Lifecycle.REDEEMED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A number taken out of the pool for one checkout, until `until_ms`."""

    reservation_id: str
    channel: Channel
    order_id: str | None
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Money set aside for one order, until `expires_at_ms`, by a client of `channel`."""

    order_id: str
    amount_minor: int
    expires_at_ms: int
    channel: Channel | None = None

    def is_of(self, channel: Channel | None) -> bool:
        """Whether a client of that channel may use the hold: its own, or one of no channel."""
        return channel is None or self.channel is None or self.channel is channel


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedHold:
    """A hold that was spent, and how much of that order and payment have confirmed since."""

    order_id: str
    amount_minor: int
    confirmed_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLedger:
    """What one order redeemed here, and how much of it came back."""

    redeemed_minor: int = 0
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """The latest message to the customer; `revealed` once its code was read."""

    notification_id: str
    channel: NotificationChannel | None
    status: NotificationStatus
    revealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cvc:
    """What is known of the one-time code: never the code. Version 0: none was revealed yet."""

    key_id: str | None = None
    version: int = 0
    wrong_tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockInfo:
    """Why, by whom and when the certificate was stopped."""

    reason: str
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate. Amounts are minor units of `currency`, which is set at issue."""

    certificate_id: str
    pool: str
    lifecycle: Lifecycle
    status: Status
    channel: Channel | None = None
    order_id: str | None = None
    client_id: str | None = None
    correlation_id: str | None = None
    currency: str | None = None
    nominal_minor: int = 0
    remaining_minor: int = 0
    redeemed_minor: int = 0
    refunded_minor: int = 0
    annulled_minor: int = 0
    reservation: Reservation | None = None
    issued_at_ms: int | None = None
    activated_at_ms: int | None = None
    expires_at_ms: int | None = None
    notification: Notification | None = None
    cvc: Cvc = field(default_factory=Cvc)
    lock: LockInfo | None = None
    holds: Mapping[str, Hold] = field(default_factory=dict)
    captures: Mapping[str, CapturedHold] = field(default_factory=dict)
    orders: Mapping[str, OrderLedger] = field(default_factory=dict)

    @property
    def held_minor(self) -> int:
        """The sum of the open holds."""
        return sum(hold.amount_minor for hold in self.holds.values())

    @property
    def available_minor(self) -> int:
        """What can still be spent or set aside: remaining balance less what is held."""
        return self.remaining_minor - self.held_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateState:
    """The record of one key: how many events it has published, and its certificate if it exists.

    A number that nobody loaded can still have published an `error`; the sequence goes on without
    a gap should the number be loaded later.
    """

    sequence: int = 0
    certificate: Certificate | None = None


def assert_laws(certificate: Certificate) -> None:
    """Stop the worker on a state that no rule may ever produce. Source: design, law 2."""
    ledger = (
        certificate.nominal_minor
        + certificate.refunded_minor
        - certificate.redeemed_minor
        - certificate.annulled_minor
    )
    assert ledger == certificate.remaining_minor, "the ledger does not add up to the balance"
    assert certificate.remaining_minor >= 0, "the balance is negative"
    assert all(hold.amount_minor > 0 for hold in certificate.holds.values()), "an empty hold"
    assert certificate.held_minor <= certificate.remaining_minor, "more is held than remains"
    reserved = certificate.lifecycle is Lifecycle.RESERVED
    assert reserved == (certificate.reservation is not None), "reservation without RESERVED"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Deadline:
    """A moment at which a timer must ask the certificate again. `subject` is an id, not money."""

    at_ms: int
    kind: str
    subject: str


RESERVATION_DEADLINE = "RESERVATION"
HOLD_DEADLINE = "HOLD"


def deadlines(certificate: Certificate | None) -> frozenset[Deadline]:
    """Every deadline the certificate has open; the timers watch exactly these."""
    if certificate is None:
        return frozenset()
    found = {
        Deadline(at_ms=hold.expires_at_ms, kind=HOLD_DEADLINE, subject=authorization_id)
        for authorization_id, hold in certificate.holds.items()
    }
    if certificate.reservation is not None:
        reservation = certificate.reservation
        found.add(
            Deadline(
                at_ms=reservation.until_ms,
                kind=RESERVATION_DEADLINE,
                subject=reservation.reservation_id,
            )
        )
    return frozenset(found)
