"""What the shop writes about its orders: versions of the order, and what was paid.

Owns the translation between `Order` and the records of the kit, both ways, and the payments' ids,
which follow from the order's so that an order read again from its topic has the same. Must not send
anything. The shop plays the payment system too: what its card terminal says becomes payments.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pipelines.contracts.amounts import amount_to_minor
from pipelines.neighbours.records.orders import (
    CertificateLine,
    CertificateTender,
    GoodsLine,
    Notification,
    NotificationChannel,
    OrderStatus,
    SalesOrder,
)
from pipelines.neighbours.records.payments import (
    CertificateOperation,
    Payment,
    PaymentStatus,
    PaymentType,
    Tender,
)
from pipelines.neighbours.records.record import SourceRecord
from pipelines.neighbours.shop.orders import Hold, Line, Order, Place, State, Telling

_DONE: Final = {Place.STORE: OrderStatus.CONFIRMED, Place.TILL: OrderStatus.COMPLETED}
_STATES: Final = {
    "CREATED": State.OPEN,
    "CONFIRMED": State.PAID,
    "COMPLETED": State.PAID,
    "CANCELLED": State.CANCELLED,
    "RETURNED": State.RETURNED,
}
_CHANNELS: Final = {place.channel.value: place for place in Place}


def draft(order: Order, shop_id: str) -> Telling:
    """An order that is not binding yet: a number is reserved for it."""
    record = _order(order, shop_id, OrderStatus.CREATED, order.changed_at_ms)
    return Telling(records=(record,), version=order.version + 1, then=State.OPEN)


def purchase(order: Order, shop_id: str, at_ms: int) -> Telling:
    """The order is paid: all that was bought, and every payment, in one piece."""
    records = [_order(order, shop_id, _DONE[order.place], at_ms)]
    if order.certificate_line is not None:
        records += _certificate_payments(order, at_ms)
    else:
        records += _goods_payments(order, at_ms)
    return Telling(records=tuple(records), version=order.version + 1, then=State.PAID)


def declined(order: Order, at_ms: int) -> Telling:
    """The card did not pay for the certificate. The order stays as it is."""
    failed = _payment(
        order,
        f"card-{order.attempt}",
        at_ms,
        type=PaymentType.AUTHORIZATION,
        amount_minor=order.rest_minor,
        tender=Tender.CARD,
        status=PaymentStatus.FAILED,
        certificate_id=order.sold_number,
        operation=CertificateOperation.PURCHASE,
        failure_reason="the card was declined",
    )
    return Telling(records=(failed.record(),), version=order.version, then=State.OPEN)


def cancellation(order: Order, shop_id: str, at_ms: int) -> Telling:
    """An order that was never paid: its number is free again at once."""
    record = _order(order, shop_id, OrderStatus.CANCELLED, at_ms)
    return Telling(records=(record,), version=order.version + 1, then=State.CANCELLED)


def giving_back(order: Order, shop_id: str, at_ms: int) -> Telling:
    """All that was bought comes back, and each payment goes back the way it came."""
    records = [_order(order, shop_id, OrderStatus.RETURNED, at_ms)]
    for position, hold in enumerate(order.holds, start=1):
        records.append(
            _payment(
                order,
                f"certificate-{position}-back",
                at_ms,
                type=PaymentType.REFUND,
                amount_minor=hold.amount_minor,
                tender=Tender.GIFT_CERTIFICATE,
                certificate_id=hold.certificate_id,
                operation=CertificateOperation.REFUND,
                original_payment_id=f"{order.order_id}-certificate-{position}",
            ).record()
        )
    if order.rest_minor:
        sold = order.sold_number
        records.append(
            _payment(
                order,
                "back",
                at_ms,
                type=PaymentType.REFUND,
                amount_minor=order.rest_minor,
                tender=_rest_tender(order),
                certificate_id=sold,
                operation=None if sold is None else CertificateOperation.REFUND,
                original_payment_id=f"{order.order_id}-paid",
            ).record()
        )
    return Telling(records=tuple(records), version=order.version + 1, then=State.RETURNED)


def _certificate_payments(order: Order, at_ms: int) -> list[SourceRecord]:
    """A certificate is issued on the promise of money, and works once the money is taken."""
    records = []
    promised = None
    if order.rest_tender is Tender.CARD:
        promised = f"{order.order_id}-promised"
        records.append(
            _payment(
                order,
                "promised",
                at_ms,
                type=PaymentType.AUTHORIZATION,
                amount_minor=order.rest_minor,
                tender=Tender.CARD,
                certificate_id=order.sold_number,
                operation=CertificateOperation.PURCHASE,
            ).record()
        )
    records.append(
        _payment(
            order,
            "paid",
            at_ms,
            type=PaymentType.CAPTURE,
            amount_minor=order.rest_minor,
            tender=_rest_tender(order),
            certificate_id=order.sold_number,
            operation=CertificateOperation.PURCHASE,
            original_payment_id=promised,
        ).record()
    )
    return records


def _goods_payments(order: Order, at_ms: int) -> list[SourceRecord]:
    """Each certificate pays its part under its hold; card or cash pay the rest."""
    records = [
        _payment(
            order,
            f"certificate-{position}",
            at_ms,
            type=PaymentType.CAPTURE,
            amount_minor=hold.amount_minor,
            tender=Tender.GIFT_CERTIFICATE,
            certificate_id=hold.certificate_id,
            operation=CertificateOperation.REDEMPTION,
            authorization_id=hold.authorization_id,
        ).record()
        for position, hold in enumerate(order.holds, start=1)
    ]
    if order.rest_minor:
        records.append(
            _payment(
                order,
                "paid",
                at_ms,
                type=PaymentType.CAPTURE,
                amount_minor=order.rest_minor,
                tender=_rest_tender(order),
            ).record()
        )
    return records


def _rest_tender(order: Order) -> Tender:
    assert order.rest_tender is not None, "whoever pays or gives back has said how"
    return order.rest_tender


def _payment(
    order: Order,
    suffix: str,
    at_ms: int,
    *,
    type: PaymentType,  # noqa: A002 - the contract's own word
    amount_minor: int,
    tender: Tender,
    status: PaymentStatus = PaymentStatus.SUCCEEDED,
    certificate_id: str | None = None,
    operation: CertificateOperation | None = None,
    authorization_id: str | None = None,
    original_payment_id: str | None = None,
    failure_reason: str | None = None,
) -> Payment:
    return Payment(
        payment_id=f"{order.order_id}-{suffix}",
        order_id=order.order_id,
        at_ms=at_ms,
        channel=order.place.channel,
        type=type,
        amount_minor=amount_minor,
        currency=order.currency,
        tender=tender,
        status=status,
        certificate_id=certificate_id,
        operation=operation,
        authorization_id=authorization_id,
        original_payment_id=original_payment_id,
        failure_reason=failure_reason,
    )


def _order(order: Order, shop_id: str, status: OrderStatus, at_ms: int) -> SourceRecord:
    sells = order.certificate_line is not None
    told = SalesOrder(
        order_id=order.order_id,
        version=order.version + 1,
        at_ms=at_ms,
        channel=order.place.channel,
        status=status,
        currency=order.currency,
        lines=[_line(position, line) for position, line in enumerate(order.lines, start=1)],
        tenders=[
            CertificateTender(certificate_id=hold.certificate_id, amount_minor=hold.amount_minor)
            for hold in order.holds
        ],
        client_id=order.owner,
        store_id=shop_id if order.place is Place.TILL else None,
        notification=Notification(
            channel=NotificationChannel.SMS, address_token=order.address_token
        )
        if sells and order.address_token is not None
        else None,
    )
    return told.record()


def _line(position: int, line: Line) -> GoodsLine | CertificateLine:
    if line.sells_certificate:
        return CertificateLine(
            line_id=f"{position}",
            sku=line.sku,
            amount_minor=line.amount_minor,
            certificate_id=line.certificate_id,
        )
    return GoodsLine(
        line_id=f"{position}", sku=line.sku, amount_minor=line.amount_minor, quantity=line.quantity
    )


def read_order(fields: Mapping[str, Any]) -> Order | None:
    """An order of the shop's own, from its record; None where no order of ours looks like that.

    It tells no hold's authorization, and not how the rest was paid: in the store always by card.
    """
    place = _CHANNELS.get(fields["channel"])
    state = _STATES.get(fields["status"])
    if place is None or state is None:
        return None
    currency: str = fields["currency"]
    notification = fields["notification"]
    return Order(
        order_id=fields["orderId"],
        place=place,
        owner=fields["clientId"],
        currency=currency,
        lines=tuple(_read_line(line, currency) for line in fields["lines"]),
        created_at_ms=fields["eventTime"],
        changed_at_ms=fields["eventTime"],
        state=state,
        rest_tender=Tender.CARD if place is Place.STORE else None,
        # Money that was set aside for an order that was not paid cannot be counted on any more.
        holds=() if state is State.OPEN else tuple(_read_holds(fields, currency)),
        address_token=None if notification is None else notification["addressToken"],
        version=fields["version"],
    )


def _read_holds(fields: Mapping[str, Any], currency: str) -> Iterator[Hold]:
    for tender in fields["certificateTenders"]:
        yield Hold(
            certificate_id=tender["certificateId"],
            amount_minor=amount_to_minor(tender["amount"], currency),
        )


def _read_line(line: Mapping[str, Any], currency: str) -> Line:
    return Line(
        sku=line["sku"],
        amount_minor=amount_to_minor(line["amount"], currency),
        quantity=line["quantity"],
        sells_certificate=line["kind"] == "GIFT_CERTIFICATE",
        certificate_id=line["certificateId"],
    )
