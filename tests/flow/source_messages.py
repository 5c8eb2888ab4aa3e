"""What the other systems write, as the dictionaries that the contracts encode.

Owns the shape of orders, payments and deliveries in flow tests; amounts are minor units of roubles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipelines.contracts.amounts import minor_to_amount

CURRENCY: Final = "RUB"
VERSION_2_ONLY: Final = (
    "certificateId",
    "certificateOperation",
    "authorizationId",
    "originalPaymentId",
    "failureReason",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One order line; without a number it sells goods."""

    amount_minor: int
    number: str | None = None
    line_id: str = "1"
    quantity: int = 1
    kind: str | None = None

    def record(self) -> dict[str, Any]:
        kind = self.kind or ("GIFT_CERTIFICATE" if self.number else "GOODS")
        return {
            "lineId": self.line_id,
            "kind": kind,
            "sku": "sku",
            "quantity": self.quantity,
            "amount": minor_to_amount(self.amount_minor, CURRENCY),
            "certificateId": self.number,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One version of an order."""

    order_id: str
    total_minor: int
    lines: Sequence[Line] = ()
    tenders: Sequence[tuple[str, int]] = ()
    version: int = 1
    status: str = "CONFIRMED"
    channel: str = "ONLINE_STORE"
    client_id: str | None = None
    correlation_id: str | None = None
    address_token: str = "token-of-an-address"
    currency: str = CURRENCY

    def record(self, event_id: str, at_ms: int) -> dict[str, Any]:
        return {
            "eventId": event_id,
            "eventTime": at_ms,
            "orderId": self.order_id,
            "correlationId": self.correlation_id,
            "version": self.version,
            "channel": self.channel,
            "status": self.status,
            "clientId": self.client_id,
            "storeId": None,
            "currency": self.currency,
            "total": minor_to_amount(self.total_minor, CURRENCY),
            "lines": [line.record() for line in self.lines],
            "certificateTenders": [
                {"certificateId": number, "amount": minor_to_amount(amount_minor, CURRENCY)}
                for number, amount_minor in self.tenders
            ],
            "notification": {"channel": "SMS", "addressToken": self.address_token},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment operation. Contract version 1 has none of the fields after `currency`."""

    payment_id: str
    order_id: str
    amount_minor: int
    type: str = "CAPTURE"
    status: str = "SUCCEEDED"
    tender: str = "CARD"
    channel: str = "ONLINE_STORE"
    correlation_id: str | None = None
    contract: int = 2
    currency: str = CURRENCY
    number: str | None = None
    operation: str | None = None
    authorization_id: str | None = None
    original: str | None = None
    failure: str | None = None

    def record(self, event_id: str, at_ms: int) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "eventId": event_id,
            "eventTime": at_ms,
            "paymentId": self.payment_id,
            "orderId": self.order_id,
            "correlationId": self.correlation_id,
            "channel": self.channel,
            "type": self.type,
            "status": self.status,
            "amount": minor_to_amount(self.amount_minor, CURRENCY),
            "currency": self.currency,
            "tender": self.tender,
            "certificateId": self.number,
            "certificateOperation": self.operation,
            "authorizationId": self.authorization_id,
            "originalPaymentId": self.original,
            "failureReason": self.failure,
        }
        if self.contract == 1:
            lost = [name for name in VERSION_2_ONLY if fields.pop(name) is not None]
            assert not lost, f"version 1 cannot say {lost}"
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The CRM's word on one message to the customer."""

    number: str
    notification_id: str
    outcome: str = "SENT"
    reason: str | None = None

    def record(self, event_id: str, at_ms: int) -> dict[str, Any]:
        return {
            "eventId": event_id,
            "eventTime": at_ms,
            "clientId": "client",
            "correlationId": None,
            "delivery": {
                "certificateId": self.number,
                "notificationId": self.notification_id,
                "channel": "SMS",
                "outcome": self.outcome,
                "reason": self.reason,
            },
        }
