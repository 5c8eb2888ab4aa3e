"""What the other systems' records mean for us: orders, payments and deliveries.

Owns the reading of SalesOrder, Payment and Client. An address, or a token for one, is dropped here
and reaches nothing of ours.
"""

from pipelines.contracts.fact_record import order_seen, ordinary_order_seen, payment_seen
from pipelines.contracts.fields import (
    MAX_MADE_ID_LENGTH,
    MAX_TEXT_LENGTH,
    Fields,
    broken,
    certificate_number,
    count,
    identifier,
)
from state.certificate.commands import Command, NotificationResult, Origin
from state.correlation.facts import OrderSeen, OrdinaryOrderSeen, PaymentSeen

_GIFT_CERTIFICATE = "GIFT_CERTIFICATE"


def correlation_key(fields: Fields) -> str:
    """The key that brings an order and its payments together; without one, the order's id."""
    if fields["correlationId"] is not None:
        return identifier(fields, "correlationId")
    return identifier(fields, "orderId")


def _sells_certificate(line: Fields) -> bool:
    return bool(line["kind"] == _GIFT_CERTIFICATE)


def read_order(fields: Fields) -> OrderSeen | OrdinaryOrderSeen:
    """An order, in full when it sells or spends certificates, else in one line."""
    certificate_lines = [line for line in fields["lines"] if _sells_certificate(line)]
    if not certificate_lines and not fields["certificateTenders"]:
        return ordinary_order_seen(fields)
    for line in certificate_lines:
        if count(line, "quantity") != 1:
            raise broken("a certificate line must have quantity 1: one number, one line")
    notification = fields["notification"]
    channel = None if notification is None else notification["channel"]
    return order_seen(
        {**fields, "notificationChannel": channel},
        lines="lines",
        tenders="certificateTenders",
        keep=_sells_certificate,
    )


def read_payment(fields: Fields) -> PaymentSeen:
    """A payment of version 1 or 2; what version 1 cannot say is absent."""
    return payment_seen(fields, operation="certificateOperation")


def read_delivery(fields: Fields, at_ms: int) -> Command | None:
    """The CRM's word on a message, as a command; None when the record is about something else."""
    delivery = fields["delivery"]
    if delivery is None:
        return None
    outcome = delivery["outcome"]
    if outcome not in ("SENT", "FAILED"):
        raise broken("delivery.outcome is not one of SENT, FAILED")
    return Command(
        command_id=f"delivery/{identifier(fields, 'eventId')}",
        at_ms=at_ms,
        certificate_id=certificate_number(delivery, "certificateId"),
        origin=Origin.FACT,
        actor="crm",
        action=NotificationResult(
            notification_id=identifier(delivery, "notificationId", MAX_MADE_ID_LENGTH),
            sent=outcome == "SENT",
            reason=(delivery["reason"] or "")[:MAX_TEXT_LENGTH],
        ),
    )
