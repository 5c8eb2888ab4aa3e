"""Orders as a store or a till tells them on All_SalesOrder.

Owns what makes an order impossible. A dataclass may hold anything; the record it gives may not:
`record` is the only way out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.contracts.fact_record import MAX_ORDER_ROWS
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.checks import (
    amount_of,
    checked_count,
    checked_id,
    checked_instant,
    checked_number,
    has_address,
    optional_id,
)
from pipelines.neighbours.records.record import ImpossibleRecord, SourceRecord, event_id_of
from pipelines.topics import ALL_SALES_ORDER
from state.certificate.commands import Channel, NotificationChannel
from state.correlation.facts import BINDING, OrderStatus

__all__ = [
    "CertificateLine",
    "CertificateTender",
    "Channel",
    "GoodsLine",
    "Notification",
    "NotificationChannel",
    "OrderStatus",
    "SalesOrder",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsLine:
    """A line of goods or services; a weighed article counts as one piece."""

    line_id: str
    sku: str
    amount_minor: int
    quantity: int = 1

    def fields(self, currency: str) -> dict[str, object]:
        return {
            "lineId": checked_id("lines.lineId", self.line_id),
            "kind": "GOODS",
            "sku": checked_id("lines.sku", self.sku),
            "quantity": checked_count("lines.quantity", self.quantity),
            "amount": amount_of("lines.amount", self.amount_minor, currency),
            "certificateId": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateLine:
    """A line that sells exactly one gift certificate of this nominal.

    `certificate_id` is the number reserved for it. Only a draft may lack it.
    """

    line_id: str
    sku: str
    amount_minor: int
    certificate_id: str | None = None

    def fields(self, currency: str) -> dict[str, object]:
        number = self.certificate_id
        return {
            "lineId": checked_id("lines.lineId", self.line_id),
            "kind": "GIFT_CERTIFICATE",
            "sku": checked_id("lines.sku", self.sku),
            "quantity": 1,
            "amount": amount_of("lines.amount", self.amount_minor, currency, positive=True),
            "certificateId": None
            if number is None
            else checked_number("lines.certificateId", number),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateTender:
    """A gift certificate given in payment, and how much of the order it pays."""

    certificate_id: str
    amount_minor: int

    def fields(self, currency: str) -> dict[str, object]:
        name = "certificateTenders"
        return {
            "certificateId": checked_number(f"{name}.certificateId", self.certificate_id),
            "amount": amount_of(f"{name}.amount", self.amount_minor, currency, positive=True),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """How the buyer wants to be told. `address_token` is the CRM's token, never the address."""

    channel: NotificationChannel
    address_token: str | None = field(default=None, repr=False)

    def fields(self) -> dict[str, object]:
        token = optional_id("notification.addressToken", self.address_token)
        if token is not None and has_address(token):
            raise ImpossibleRecord(
                "notification.addressToken is an address or looks like a phone number: give the "
                "CRM's token for it, and one of digits alone with a prefix, as crm-12345678901"
            )
        return {"channel": self.channel.value, "addressToken": token}


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesOrder:
    """One version of one order, whole. Amounts are minor units of `currency`.

    Without `total_minor` the order costs what its lines cost; give it where a discount or a
    delivery fee makes the difference. Without `event_id` the id follows from order and version, so
    that the same version told again is the same event.
    """

    order_id: str
    version: int
    at_ms: int
    channel: Channel
    status: OrderStatus
    currency: str
    lines: Sequence[GoodsLine | CertificateLine]
    total_minor: int | None = None
    tenders: Sequence[CertificateTender] = ()
    client_id: str | None = None
    store_id: str | None = None
    correlation_id: str | None = None
    notification: Notification | None = None
    event_id: str | None = None

    def record(self) -> SourceRecord:
        """The record to write. ImpossibleRecord says what the service could not accept."""
        event_id = self.event_id
        if event_id is None:
            event_id = event_id_of(checked_id("orderId", self.order_id), "order", str(self.version))
        value = {
            "eventId": checked_id("eventId", event_id),
            "eventTime": checked_instant("eventTime", self.at_ms),
            "orderId": checked_id("orderId", self.order_id),
            "correlationId": optional_id("correlationId", self.correlation_id),
            "version": checked_count("version", self.version),
            "channel": self.channel.value,
            "status": self.status.value,
            "clientId": optional_id("clientId", self.client_id),
            "storeId": optional_id("storeId", self.store_id),
            "currency": self.currency,
            "total": amount_of("total", self.total(), self.currency),
            "lines": [line.fields(self.currency) for line in self.lines],
            "certificateTenders": [tender.fields(self.currency) for tender in self.tenders],
            "notification": self.notification and self.notification.fields(),
        }
        self._check_lines()
        self._check_certificates()
        return SourceRecord(
            topic=ALL_SALES_ORDER,
            name=RecordName.SALES_ORDER,
            key=self.order_id.encode(),
            value=value,
        )

    def total(self) -> int:
        """What the order costs, in minor units."""
        if self.total_minor is not None:
            return self.total_minor
        return sum(line.amount_minor for line in self.lines)

    @property
    def certificates(self) -> list[CertificateLine]:
        """The lines that sell certificates."""
        return [line for line in self.lines if isinstance(line, CertificateLine)]

    def _check_lines(self) -> None:
        if len({line.line_id for line in self.lines}) != len(self.lines):
            raise ImpossibleRecord("lines.lineId is there twice: number the lines of an order")
        if max(len(self.certificates), len(self.tenders)) > MAX_ORDER_ROWS:
            raise ImpossibleRecord(
                f"more than {MAX_ORDER_ROWS} certificate lines or tenders: split the order"
            )
        if self.notification is not None and not self.certificates:
            raise ImpossibleRecord(
                "notification is set on an order that sells no certificate: leave it out"
            )

    def _check_certificates(self) -> None:
        sold = [line.certificate_id for line in self.certificates]
        numbers = [number for number in sold if number is not None]
        if len(numbers) < len(sold) and self.status in BINDING:
            raise ImpossibleRecord(
                f"lines.certificateId is missing on an order that is {self.status.value}: reserve "
                "a number first (POST /certificates/next)"
            )
        if any(count > 1 for count in Counter(numbers).values()):
            raise ImpossibleRecord(
                "lines.certificateId is there twice: reserve a number for each line"
            )
        if not {tender.certificate_id for tender in self.tenders}.isdisjoint(numbers):
            raise ImpossibleRecord(
                "certificateTenders names a certificate that this order sells: it pays once it is "
                "active"
            )
        goods_minor = self.total() - sum(line.amount_minor for line in self.certificates)
        if sum(tender.amount_minor for tender in self.tenders) > max(goods_minor, 0):
            raise ImpossibleRecord(
                "certificateTenders pay more than the goods of the order cost: a certificate pays "
                "for goods only, and never too much"
            )
