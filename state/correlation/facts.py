"""What other systems told us, as far as certificates are concerned.

Owns the facts that the correlation folds. A fact brings its own time and the policy in force when
it came in, so that replaying the topic never depends on a clock or on today's settings. An
address, or a token for one, is never part of a fact.
"""

from dataclasses import dataclass
from enum import StrEnum

from state.certificate.commands import Channel, NotificationChannel


class OrderStatus(StrEnum):
    """How far an order has come."""

    CREATED = "CREATED"
    CONFIRMED = "CONFIRMED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


BINDING = frozenset({OrderStatus.CONFIRMED, OrderStatus.COMPLETED})
UNDONE = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNED})


class PaymentType(StrEnum):
    """What a payment does with money."""

    AUTHORIZATION = "AUTHORIZATION"
    CAPTURE = "CAPTURE"
    VOID = "VOID"
    REFUND = "REFUND"


class PaymentStatus(StrEnum):
    """How a payment ended, or that it has not."""

    PENDING = "PENDING"
    FAILED = "FAILED"
    SUCCEEDED = "SUCCEEDED"


class Tender(StrEnum):
    """What was paid with."""

    CARD = "CARD"
    CASH = "CASH"
    GIFT_CERTIFICATE = "GIFT_CERTIFICATE"
    OTHER = "OTHER"


class CertificateOperation(StrEnum):
    """What a version 2 payment says it does with a certificate."""

    PURCHASE = "PURCHASE"
    REDEMPTION = "REDEMPTION"
    REFUND = "REFUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateLine:
    """An order line that sells a certificate; the number may still be missing."""

    line_id: str
    amount_minor: int
    certificate_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateTender:
    """An order says that a certificate pays this much of it."""

    certificate_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """One version of an order that sells or spends certificates. Amounts in `currency`."""

    order_id: str
    version: int
    channel: Channel
    status: OrderStatus
    client_id: str | None
    currency: str
    total_minor: int
    lines: tuple[CertificateLine, ...]
    tenders: tuple[CertificateTender, ...]
    notification_channel: NotificationChannel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinaryOrderSeen:
    """One version of an order that has nothing to do with certificates."""

    order_id: str
    version: int
    status: OrderStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSeen:
    """One report of a payment. `payment_id` with `type` is one operation, however often told.

    A version 1 payment has none of the last five; what they would say follows from the order.
    """

    payment_id: str
    order_id: str
    type: PaymentType
    status: PaymentStatus
    amount_minor: int
    currency: str
    tender: Tender
    certificate_id: str | None = None
    operation: CertificateOperation | None = None
    authorization_id: str | None = None
    original_payment_id: str | None = None
    failure_reason: str | None = None

    @property
    def marked(self) -> bool:
        """Whether the payment itself says that it concerns a certificate."""
        return (
            self.certificate_id is not None
            or self.operation is not None
            or self.tender is Tender.GIFT_CERTIFICATE
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineReached:
    """A timer says that `at_ms` has come; the fold judges what that means."""


Happening = OrderSeen | OrdinaryOrderSeen | PaymentSeen | DeadlineReached


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The waiting times in force when a fact came in, in milliseconds."""

    missing_after_ms: int
    forget_after_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One happening under its correlation key, at the time the source record was written.

    `received_ms` is when the fact itself was written: waiting counts from it, because a year of
    history that is replayed, or a source whose clock is wrong, must not look like a year of
    waiting. Absent: the same as `at_ms`.
    """

    fact_id: str
    correlation_id: str
    at_ms: int
    policy: Policy
    happening: Happening
    received_ms: int | None = None

    @property
    def waiting_from_ms(self) -> int:
        """From when a missing half, or the time to forget, is counted."""
        return self.at_ms if self.received_ms is None else self.received_ms
