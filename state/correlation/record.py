"""What is remembered of one correlation: an order, its payments, and what was already asked.

Owns the shape of the state and its bound. `fold` changes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from state.correlation.facts import (
    OrderSeen,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
)

MAX_PAYMENTS = 500
"""Payments kept for one order. A retailer's order has a handful; more is a broken source."""

PaymentKey = str
"""`payment_id` and type in one string: one operation, however often it is told."""


def payment_key(payment: PaymentSeen) -> PaymentKey:
    """The identity of a payment operation."""
    return f"{payment.type.value}/{payment.payment_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Everything known under one correlation key. Amounts are minor units of the order's currency.

    `done` holds the identity of every command already sent and when, so that each is sent once.
    `redeemed` says which certificate each certificate payment was taken from. `since_ms` is when
    the key was first seen: ordinary traffic is forgotten a while after it. `waiting_since_ms` is
    when the half that is missing now began to be missing: too long, and an alert is raised.
    `ordinary_draft` says that the ordinary order is only created: it may still get a certificate,
    so its payments are not forgotten yet. Versions count within one order: `ordinary_order_id` is
    whose `ordinary_version` it is, and `other_order_id` is a second order that sells or spends
    certificates under the same key, which is not folded but told to people.
    """

    correlation_id: str
    since_ms: int
    order: OrderSeen | None = None
    ordinary_version: int | None = None
    payments: Mapping[PaymentKey, PaymentSeen] = field(default_factory=dict)
    done: Mapping[str, int] = field(default_factory=dict)
    redeemed: Mapping[str, str] = field(default_factory=dict)
    waiting_since_ms: int | None = None
    deadline_ms: int | None = None
    ordinary_draft: bool = False
    ordinary_order_id: str | None = None
    other_order_id: str | None = None

    @property
    def concerns_certificates(self) -> bool:
        """Whether anything seen so far has to do with a certificate."""
        return self.order is not None or any(p.marked for p in self.payments.values())

    def succeeded(self, type_: PaymentType) -> tuple[PaymentSeen, ...]:
        """The payments of one type that went through, in the order in which they came."""
        return tuple(
            payment
            for payment in self.payments.values()
            if payment.type is type_ and payment.status is PaymentStatus.SUCCEEDED
        )
