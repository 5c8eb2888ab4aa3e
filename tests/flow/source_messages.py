"""What the other systems write, in the words of a test; the producer kit makes the records.

Owns those words: symbols are text, amounts minor units of roubles. What the kit refuses to make is
put over a record that it made, by whoever wants it (see `Scenario.message`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.neighbours.records.clients import Client, DeliveryOutcome
from pipelines.neighbours.records.clients import Delivery as ToldDelivery
from pipelines.neighbours.records.orders import (
    CertificateLine,
    CertificateTender,
    Channel,
    GoodsLine,
    Notification,
    NotificationChannel,
    OrderStatus,
    SalesOrder,
)
from pipelines.neighbours.records.payments import (
    CertificateOperation,
    PaymentStatus,
    PaymentType,
    PaymentVersion1,
    Tender,
)
from pipelines.neighbours.records.payments import Payment as ToldPayment

CURRENCY: Final = "RUB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One order line; without a number it sells goods."""

    amount_minor: int
    number: str | None = None
    line_id: str = "1"

    def told(self) -> GoodsLine | CertificateLine:
        if self.number is None:
            return GoodsLine(line_id=self.line_id, sku="sku", amount_minor=self.amount_minor)
        return CertificateLine(
            line_id=self.line_id,
            sku="sku",
            amount_minor=self.amount_minor,
            certificate_id=self.number,
        )


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

    def record(self, event_id: str, at_ms: int) -> Mapping[str, object]:
        notification = Notification(
            channel=NotificationChannel.SMS, address_token=self.address_token
        )
        order = SalesOrder(
            event_id=event_id,
            order_id=self.order_id,
            correlation_id=self.correlation_id,
            version=self.version,
            at_ms=at_ms,
            channel=Channel(self.channel),
            status=OrderStatus(self.status),
            currency=CURRENCY,
            total_minor=self.total_minor,
            lines=[line.told() for line in self.lines],
            tenders=[
                CertificateTender(certificate_id=number, amount_minor=amount_minor)
                for number, amount_minor in self.tenders
            ],
            client_id=self.client_id,
            notification=notification if any(line.number for line in self.lines) else None,
        )
        return order.record().value


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment operation. Contract version 1 has none of the fields after `contract`."""

    payment_id: str
    order_id: str
    amount_minor: int
    type: str = "CAPTURE"
    status: str = "SUCCEEDED"
    tender: str = "CARD"
    channel: str = "ONLINE_STORE"
    correlation_id: str | None = None
    contract: int = 2
    number: str | None = None
    operation: str | None = None
    authorization_id: str | None = None
    original: str | None = None
    failure: str | None = None

    def record(self, event_id: str, at_ms: int) -> Mapping[str, object]:
        payment = ToldPayment(
            event_id=event_id,
            payment_id=self.payment_id,
            order_id=self.order_id,
            correlation_id=self.correlation_id,
            at_ms=at_ms,
            channel=Channel(self.channel),
            type=PaymentType(self.type),
            status=PaymentStatus(self.status),
            amount_minor=self.amount_minor,
            currency=CURRENCY,
            tender=Tender(self.tender),
            certificate_id=self.number,
            operation=None if self.operation is None else CertificateOperation(self.operation),
            authorization_id=self.authorization_id,
            original_payment_id=self.original,
            failure_reason=self.failure,
        )
        if self.contract > 1:
            return payment.record().value
        old: PaymentVersion1 = payment.by_version_1()
        return old.record().value


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The CRM's word on one message to the customer."""

    number: str
    notification_id: str
    outcome: str = "SENT"
    reason: str | None = None

    def record(self, event_id: str, at_ms: int) -> Mapping[str, object]:
        delivery = ToldDelivery(
            certificate_id=self.number,
            notification_id=self.notification_id,
            channel=NotificationChannel.SMS,
            outcome=DeliveryOutcome(self.outcome),
            reason=self.reason,
        )
        client = Client(client_id="client", at_ms=at_ms, delivery=delivery, event_id=event_id)
        return client.record().value
