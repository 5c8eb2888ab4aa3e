"""The records by which the shops and the payment system tell of each step.

Owns their ids, in payments of version 1 or 2; the producer kit makes them. Must not decide what
happens or send anything. Ids follow from the basket, so a repeated record is the same record.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.demo.baskets import CURRENCY, Basket
from pipelines.demo.steps import (
    LockedRedemption,
    Ordinary,
    Purchase,
    Redemption,
    Return,
    Shop,
    Slot,
    Telling,
    Undoing,
)
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
    Payment,
    PaymentStatus,
    PaymentType,
    Tender,
)
from pipelines.neighbours.records.record import SourceRecord


class Source(StrEnum):
    """Whose record it is, and so on which topic."""

    ORDERS = "orders"
    PAYMENTS = "payments"


_SOURCES: Final = {
    RecordName.SALES_ORDER: Source.ORDERS,
    RecordName.PAYMENT: Source.PAYMENTS,
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to write, after `held` more baskets. The key is that of the system it is from."""

    source: Source
    key: bytes
    value: bytes
    held: int = 0
    repeated: bool = False


class RecordWriter:
    """Turns steps into bytes. `numbers` says which certificate got which slot, as they are sold.

    `token_of` gives the token of the buyer's address, which is all that an order says of it.
    """

    def __init__(
        self, framing: Framing, numbers: Mapping[Slot, str], token_of: Callable[[Basket], str]
    ) -> None:
        self._framing = framing
        self._numbers = numbers
        self._token_of = token_of

    def ordinary(self, step: Ordinary) -> Iterator[Outgoing]:
        """An order and its payment; nothing is paid for a basket that costs nothing."""
        basket, shop, telling = step.basket, step.shop, step.telling
        yield self._order(basket, shop, telling, version=1, status=_done(shop))
        if basket.total_minor:
            yield self._payment(
                basket,
                shop,
                telling,
                suffix="1",
                type=PaymentType.CAPTURE,
                amount_minor=basket.total_minor,
            )

    def purchase_begun(self, step: Purchase) -> Iterator[Outgoing]:
        """The order, first as a draft in the internet store, and the promise of its money."""
        basket, shop, telling = step.basket, step.shop, step.telling
        if shop is Shop.ONLINE_STORE:
            yield self._order(
                basket, shop, Telling(), version=0, status=OrderStatus.CREATED, sold=step.slots
            )
        yield self._order(basket, shop, telling, version=1, status=_done(shop), sold=step.slots)
        promised = self._of_purchase(step, CertificateOperation.PURCHASE)
        yield self._payment(
            basket, shop, telling, suffix="1", type=PaymentType.AUTHORIZATION, **promised
        )

    def purchase_paid(self, step: Purchase) -> Outgoing:
        """The money itself."""
        telling = Telling(
            payment_version=step.telling.payment_version, payment_held=step.capture_held
        )
        return self._payment(
            step.basket,
            step.shop,
            telling,
            suffix="2",
            type=PaymentType.CAPTURE,
            original="1",
            **self._of_purchase(step, CertificateOperation.PURCHASE),
        )

    def redemption(self, step: Redemption) -> Iterator[Outgoing]:
        """The order with its certificates, a payment by each, and one by card for the rest."""
        yield self._order(
            step.basket, step.shop, step.telling, version=1, status=_done(step.shop), spent=step
        )
        for position, spending in enumerate(step.spent, start=1):
            yield self._payment(
                step.basket,
                step.shop,
                step.telling,
                suffix=str(position),
                type=PaymentType.CAPTURE,
                amount_minor=spending.amount_minor,
                tender=Tender.GIFT_CERTIFICATE,
                certificate_id=self._numbers[spending.slot],
                operation=CertificateOperation.REDEMPTION,
            )
        if step.card_minor:
            yield self._payment(
                step.basket,
                step.shop,
                step.telling,
                suffix="card",
                type=PaymentType.CAPTURE,
                amount_minor=step.card_minor,
            )

    def locked_redemption(self, step: LockedRedemption) -> Iterator[Outgoing]:
        """What a till writes that took the certificate all the same, at once and in order."""
        attempt = step.attempt
        for outgoing in self.redemption(attempt):
            yield Outgoing(outgoing.source, outgoing.key, outgoing.value)

    def returned(self, step: Return) -> Outgoing:
        """The order half of a return."""
        redemption = step.redemption
        return self._order(
            redemption.basket,
            redemption.shop,
            step.telling,
            version=2,
            status=OrderStatus.RETURNED,
            spent=redemption,
            at_ms=step.at_ms,
        )

    def refunds(self, step: Return) -> Iterator[Outgoing]:
        """The payment half of a return: each payment goes back the way it came, or fails to."""
        redemption = step.redemption
        basket, shop = redemption.basket, redemption.shop
        for position, spending in enumerate(redemption.spent, start=1):
            yield self._payment(
                basket,
                shop,
                step.telling,
                suffix=f"{position}-back",
                type=PaymentType.REFUND,
                amount_minor=spending.amount_minor,
                tender=Tender.GIFT_CERTIFICATE,
                status=PaymentStatus.FAILED if step.fails else PaymentStatus.SUCCEEDED,
                certificate_id=self._numbers[spending.slot],
                operation=CertificateOperation.REFUND,
                original=str(position),
                failure_reason="the payment system did not accept it" if step.fails else None,
                at_ms=step.at_ms,
            )
        if redemption.card_minor:
            yield self._payment(
                basket,
                shop,
                step.telling,
                suffix="card-back",
                type=PaymentType.REFUND,
                amount_minor=redemption.card_minor,
                original="card",
                at_ms=step.at_ms,
            )

    def undone(self, step: Undoing) -> Iterator[Outgoing]:
        """A purchase called off: the order, and the card's money."""
        purchase = step.purchase
        yield self._order(
            purchase.basket,
            purchase.shop,
            step.telling,
            version=2,
            status=OrderStatus.CANCELLED,
            sold=purchase.slots,
            at_ms=step.at_ms,
        )
        yield self._payment(
            purchase.basket,
            purchase.shop,
            step.telling,
            suffix="back",
            type=PaymentType.REFUND,
            original="2",
            at_ms=step.at_ms,
            **self._of_purchase(purchase, CertificateOperation.REFUND),
        )

    def _of_purchase(self, step: Purchase, operation: CertificateOperation) -> dict[str, Any]:
        """What is alike in the payments for all that is in a basket.

        They name the certificate if there is one.
        """
        return {
            "amount_minor": step.basket.total_minor,
            "certificate_id": self._numbers[step.slots[0]] if len(step.slots) == 1 else None,
            "operation": operation,
        }

    def _order(
        self,
        basket: Basket,
        shop: Shop,
        telling: Telling,
        *,
        version: int,
        status: OrderStatus,
        sold: tuple[Slot, ...] = (),
        spent: Redemption | None = None,
        at_ms: int | None = None,
    ) -> Outgoing:
        numbers = self._numbers
        order = SalesOrder(
            order_id=order_id_of(basket),
            version=version,
            at_ms=basket.at_ms if at_ms is None else at_ms,
            channel=Channel(shop),
            status=status,
            currency=CURRENCY,
            lines=_lines(basket, [numbers[slot] for slot in sold]),
            tenders=[
                CertificateTender(
                    certificate_id=numbers[spending.slot], amount_minor=spending.amount_minor
                )
                for spending in (spent.spent if spent else ())
            ],
            client_id=client_id_of(basket),
            store_id=str(basket.store_id),
            notification=self._notification(basket) if sold else None,
        )
        return self._outgoing(order.record(), telling.order_held, telling.order_repeated)

    def _notification(self, basket: Basket) -> Notification:
        return Notification(channel=NotificationChannel.SMS, address_token=self._token_of(basket))

    def _payment(
        self,
        basket: Basket,
        shop: Shop,
        telling: Telling,
        *,
        suffix: str,
        original: str | None = None,
        at_ms: int | None = None,
        tender: Tender = Tender.CARD,
        **said: Any,
    ) -> Outgoing:
        """One payment of a basket, with all that the version of its system can say."""
        order_id = order_id_of(basket)
        payment = Payment(
            payment_id=f"{order_id}/{suffix}",
            order_id=order_id,
            at_ms=basket.at_ms if at_ms is None else at_ms,
            channel=Channel(shop),
            currency=CURRENCY,
            tender=tender,
            original_payment_id=None if original is None else f"{order_id}/{original}",
            **said,
        )
        told = payment if telling.payment_version > 1 else payment.by_version_1()
        return self._outgoing(told.record(), telling.payment_held, telling.payment_repeated)

    def _outgoing(self, record: SourceRecord, held: int = 0, repeated: bool = False) -> Outgoing:
        value = record.encode(self._framing)
        return Outgoing(_SOURCES[record.name], record.key, value, held, repeated)


def order_id_of(basket: Basket) -> str:
    """The order of a basket."""
    return str(basket.basket_id)


def client_id_of(basket: Basket) -> str:
    """The customer: the household."""
    return f"household-{basket.household_id}"


def _done(shop: Shop) -> OrderStatus:
    """How far a paid order is: a till hands the goods over at once."""
    return OrderStatus.COMPLETED if shop is Shop.POS else OrderStatus.CONFIRMED


def _lines(basket: Basket, numbers: list[str]) -> list[GoodsLine | CertificateLine]:
    goods = [
        GoodsLine(
            line_id=f"goods-{position}",
            sku=str(line.product_id),
            quantity=line.quantity,
            amount_minor=line.amount_minor,
        )
        for position, line in enumerate(basket.goods)
    ]
    cards = [
        CertificateLine(
            line_id=f"card-{position}",
            sku=str(card.product_id),
            amount_minor=card.amount_minor,
            certificate_id=number,
        )
        for position, (card, number) in enumerate(zip(basket.gift_cards, numbers, strict=True))
    ]
    return [*goods, *cards]
