"""Facts as records: what ingest writes and the correlation folds.

Owns the mapping between the domain's facts and `Fact.avsc`, in both directions.
"""

from typing import Any

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.fields import (
    MAX_TEXT_LENGTH,
    Fields,
    broken,
    certificate_number,
    count,
    identifier,
    instant,
    minor_units,
    optional_certificate_number,
    optional_identifier,
    optional_symbol,
    required,
    symbol,
)
from state.certificate.commands import Channel, NotificationChannel
from state.correlation.facts import (
    CertificateLine,
    CertificateOperation,
    CertificateTender,
    DeadlineReached,
    Fact,
    Happening,
    OrderSeen,
    OrderStatus,
    OrdinaryOrderSeen,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Policy,
    Tender,
)

MAX_ORDER_ROWS = 500
"""Certificate lines, and tenders, that one order may have: the state of an order is bounded."""


def fact_to_record(fact: Fact) -> dict[str, Any]:
    """The record of a fact."""
    record: dict[str, Any] = {
        "factId": fact.fact_id,
        "correlationId": fact.correlation_id,
        "at": fact.at_ms,
        "missingAfterMs": fact.policy.missing_after_ms,
        "forgetAfterMs": fact.policy.forget_after_ms,
        "order": None,
        "ordinaryOrder": None,
        "payment": None,
    }
    match fact.happening:
        case OrderSeen() as order:
            record |= {"type": "ORDER", "order": _order_to_record(order)}
        case OrdinaryOrderSeen() as order:
            ordinary = {
                "orderId": order.order_id,
                "version": order.version,
                "status": order.status.value,
            }
            record |= {"type": "ORDINARY_ORDER", "ordinaryOrder": ordinary}
        case PaymentSeen() as payment:
            record |= {"type": "PAYMENT", "payment": _payment_to_record(payment)}
        case DeadlineReached():
            record["type"] = "TIMEOUT"
    return record


def _order_to_record(order: OrderSeen) -> dict[str, Any]:
    currency = order.currency
    return {
        "orderId": order.order_id,
        "version": order.version,
        "channel": order.channel.value,
        "status": order.status.value,
        "clientId": order.client_id,
        "currency": currency,
        "total": minor_to_amount(order.total_minor, currency),
        "lines": [
            {
                "lineId": line.line_id,
                "amount": minor_to_amount(line.amount_minor, currency),
                "certificateId": line.certificate_id,
            }
            for line in order.lines
        ],
        "tenders": [
            {
                "certificateId": tender.certificate_id,
                "amount": minor_to_amount(tender.amount_minor, currency),
            }
            for tender in order.tenders
        ],
        "notificationChannel": order.notification_channel,
    }


def _payment_to_record(payment: PaymentSeen) -> dict[str, Any]:
    return {
        "paymentId": payment.payment_id,
        "orderId": payment.order_id,
        "type": payment.type.value,
        "status": payment.status.value,
        "amount": minor_to_amount(payment.amount_minor, payment.currency),
        "currency": payment.currency,
        "tender": payment.tender.value,
        "certificateId": payment.certificate_id,
        "operation": payment.operation,
        "authorizationId": payment.authorization_id,
        "originalPaymentId": payment.original_payment_id,
        "failureReason": payment.failure_reason,
    }


def fact_from_record(fields: Fields) -> Fact:
    """The fact of a record. BrokenRecord when it says what the contract does not allow."""
    return Fact(
        fact_id=identifier(fields, "factId"),
        correlation_id=identifier(fields, "correlationId"),
        at_ms=instant(fields, "at"),
        policy=Policy(
            missing_after_ms=count(fields, "missingAfterMs"),
            forget_after_ms=count(fields, "forgetAfterMs"),
        ),
        happening=_happening(fields),
    )


def _happening(fields: Fields) -> Happening:
    match fields["type"]:
        case "ORDER":
            return order_seen(
                required(fields, "order"), lines="lines", tenders="tenders", keep=lambda _: True
            )
        case "ORDINARY_ORDER":
            return ordinary_order_seen(required(fields, "ordinaryOrder"))
        case "PAYMENT":
            return payment_seen(required(fields, "payment"), operation="operation")
        case "TIMEOUT":
            return DeadlineReached()
        case _:
            raise broken("type is not a fact this version knows")


def order_seen(fields: Fields, *, lines: str, tenders: str, keep: Any) -> OrderSeen:
    """An order with certificates, from a fact or from the orders' own record.

    `lines` and `tenders` name the fields; `keep` picks the lines that sell certificates.
    """
    currency = identifier(fields, "currency")
    kept = [line for line in fields[lines] if keep(line)]
    if len(kept) > MAX_ORDER_ROWS or len(fields[tenders]) > MAX_ORDER_ROWS:
        raise broken(f"more than {MAX_ORDER_ROWS} certificate lines or tenders")
    if len({line["lineId"] for line in kept}) != len(kept):
        raise broken("two lines have the same lineId")
    numbers = [line["certificateId"] for line in kept if line["certificateId"] is not None]
    if len(set(numbers)) != len(numbers):
        raise broken("two lines sell the same certificateId")
    notification_channel = fields.get("notificationChannel")
    return OrderSeen(
        order_id=identifier(fields, "orderId"),
        version=count(fields, "version"),
        channel=symbol(fields, "channel", Channel),
        status=symbol(fields, "status", OrderStatus),
        client_id=optional_identifier(fields, "clientId"),
        currency=currency,
        total_minor=minor_units(fields, "total", currency),
        lines=tuple(
            CertificateLine(
                line_id=identifier(line, "lineId"),
                amount_minor=minor_units(line, "amount", currency, positive=True),
                certificate_id=optional_certificate_number(line, "certificateId"),
            )
            for line in kept
        ),
        tenders=tuple(
            CertificateTender(
                certificate_id=certificate_number(tender, "certificateId"),
                amount_minor=minor_units(tender, "amount", currency, positive=True),
            )
            for tender in fields[tenders]
        ),
        notification_channel=None
        if notification_channel is None
        else symbol(fields, "notificationChannel", NotificationChannel),
    )


def ordinary_order_seen(fields: Fields) -> OrdinaryOrderSeen:
    """An order without certificates."""
    return OrdinaryOrderSeen(
        order_id=identifier(fields, "orderId"),
        version=count(fields, "version"),
        status=symbol(fields, "status", OrderStatus),
    )


def payment_seen(fields: Fields, *, operation: str) -> PaymentSeen:
    """A payment, from a fact or from the payments' own record; `operation` names the field."""
    currency = identifier(fields, "currency")
    failure_reason = fields["failureReason"]
    return PaymentSeen(
        payment_id=identifier(fields, "paymentId"),
        order_id=identifier(fields, "orderId"),
        type=symbol(fields, "type", PaymentType),
        status=symbol(fields, "status", PaymentStatus),
        amount_minor=minor_units(fields, "amount", currency),
        currency=currency,
        tender=symbol(fields, "tender", Tender),
        certificate_id=optional_certificate_number(fields, "certificateId"),
        operation=optional_symbol(fields, operation, CertificateOperation),
        authorization_id=optional_identifier(fields, "authorizationId"),
        original_payment_id=optional_identifier(fields, "originalPaymentId"),
        failure_reason=None if failure_reason is None else failure_reason[:MAX_TEXT_LENGTH],
    )
