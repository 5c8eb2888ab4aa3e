"""The records by which the shops and the payment system tell of each step.

Owns their ids, keys and bytes, in the contracts of `avro/`, payments in version 1 or 2. Must not
decide what happens or send anything. Ids follow from the basket, so a repeated record is the same
record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.demo.baskets import CURRENCY, Basket, GiftCard, Goods
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


class Source(StrEnum):
    """Whose record it is, and so on which topic."""

    ORDERS = "orders"
    PAYMENTS = "payments"
    CLIENTS = "clients"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to write, after `held` more baskets. The key is that of the system it is from."""

    source: Source
    key: bytes
    value: bytes
    held: int = 0
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payment:
    """What differs from one payment of a basket to the next."""

    suffix: str
    type: str
    amount_minor: int
    tender: str = "CARD"
    status: str = "SUCCEEDED"
    certificate_id: str | None = None
    operation: str | None = None
    original: str | None = None
    failure: str | None = None


class RecordWriter:
    """Turns steps into bytes. `numbers` says which certificate got which slot, as they are sold."""

    def __init__(self, framing: Framing, numbers: Mapping[Slot, str]) -> None:
        self._framing = framing
        self._numbers = numbers

    def ordinary(self, step: Ordinary) -> Iterator[Outgoing]:
        """An order and its payment; nothing is paid for a basket that costs nothing."""
        basket, shop, telling = step.basket, step.shop, step.telling
        yield self._order(basket, shop, telling, version=1, status=_done(shop))
        if basket.total_minor:
            paid = _Payment(suffix="1", type="CAPTURE", amount_minor=basket.total_minor)
            yield self._payment(basket, shop, telling, paid)

    def purchase_begun(self, step: Purchase) -> Iterator[Outgoing]:
        """The order, first as a draft in the internet store, and the promise of its money."""
        basket, shop, telling = step.basket, step.shop, step.telling
        if shop is Shop.ONLINE_STORE:
            yield self._order(basket, shop, Telling(), version=0, status="CREATED", sold=step.slots)
        yield self._order(basket, shop, telling, version=1, status=_done(shop), sold=step.slots)
        yield self._payment(basket, shop, telling, self._for_purchase(step, "1", "AUTHORIZATION"))

    def purchase_paid(self, step: Purchase) -> Outgoing:
        """The money itself."""
        captured = self._for_purchase(step, "2", "CAPTURE")
        telling = Telling(
            payment_version=step.telling.payment_version, payment_held=step.capture_held
        )
        return self._payment(step.basket, step.shop, telling, captured)

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
                _Payment(
                    suffix=str(position),
                    type="CAPTURE",
                    amount_minor=spending.amount_minor,
                    tender="GIFT_CERTIFICATE",
                    certificate_id=self._numbers[spending.slot],
                    operation="REDEMPTION",
                ),
            )
        if step.card_minor:
            card = _Payment(suffix="card", type="CAPTURE", amount_minor=step.card_minor)
            yield self._payment(step.basket, step.shop, step.telling, card)

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
            status="RETURNED",
            spent=redemption,
            at_ms=step.at_ms,
        )

    def refunds(self, step: Return) -> Iterator[Outgoing]:
        """The payment half of a return: each payment goes back the way it came, or fails to."""
        redemption = step.redemption
        basket, shop = redemption.basket, redemption.shop
        for position, spending in enumerate(redemption.spent, start=1):
            refund = _Payment(
                suffix=f"{position}-back",
                type="REFUND",
                amount_minor=spending.amount_minor,
                tender="GIFT_CERTIFICATE",
                status="FAILED" if step.fails else "SUCCEEDED",
                certificate_id=self._numbers[spending.slot],
                operation="REFUND",
                original=str(position),
                failure="the payment system did not accept it" if step.fails else None,
            )
            yield self._payment(basket, shop, step.telling, refund, at_ms=step.at_ms)
        if redemption.card_minor:
            card = _Payment(
                suffix="card-back",
                type="REFUND",
                amount_minor=redemption.card_minor,
                original="card",
            )
            yield self._payment(basket, shop, step.telling, card, at_ms=step.at_ms)

    def undone(self, step: Undoing) -> Iterator[Outgoing]:
        """A purchase called off: the order, and the card's money."""
        purchase = step.purchase
        yield self._order(
            purchase.basket,
            purchase.shop,
            step.telling,
            version=2,
            status="CANCELLED",
            sold=purchase.slots,
            at_ms=step.at_ms,
        )
        refund = self._for_purchase(purchase, "back", "REFUND", operation="REFUND", original="2")
        yield self._payment(purchase.basket, purchase.shop, step.telling, refund, at_ms=step.at_ms)

    def delivery(
        self, *, certificate_id: str, notification_id: str, client_id: str, at_ms: int
    ) -> Outgoing:
        """The CRM's word that the message with the code was delivered."""
        value = {
            "eventId": f"delivery-{notification_id}",
            "eventTime": at_ms,
            "clientId": client_id,
            "correlationId": None,
            "delivery": {
                "certificateId": certificate_id,
                "notificationId": notification_id,
                "channel": "SMS",
                "outcome": "SENT",
                "reason": None,
            },
        }
        return Outgoing(
            Source.CLIENTS, client_id.encode(), self._framing.encode(RecordName.CLIENT, value)
        )

    def _for_purchase(
        self,
        step: Purchase,
        suffix: str,
        type_: str,
        *,
        operation: str = "PURCHASE",
        original: str | None = None,
    ) -> _Payment:
        """One payment for all that is in the basket; it names the certificate if there is one."""
        only = self._numbers[step.slots[0]] if len(step.slots) == 1 else None
        return _Payment(
            suffix=suffix,
            type=type_,
            amount_minor=step.basket.total_minor,
            certificate_id=only,
            operation=operation,
            original="1" if type_ == "CAPTURE" else original,
        )

    def _order(
        self,
        basket: Basket,
        shop: Shop,
        telling: Telling,
        *,
        version: int,
        status: str,
        sold: tuple[Slot, ...] = (),
        spent: Redemption | None = None,
        at_ms: int | None = None,
    ) -> Outgoing:
        order_id = order_id_of(basket)
        numbers = self._numbers
        lines = [_goods_line(position, line) for position, line in enumerate(basket.goods)]
        lines += [
            _certificate_line(position, card, numbers[slot])
            for position, (card, slot) in enumerate(zip(basket.gift_cards, sold, strict=True))
        ]
        value = {
            "eventId": f"{order_id}/order/{version}",
            "eventTime": basket.at_ms if at_ms is None else at_ms,
            "orderId": order_id,
            "correlationId": None,
            "version": version,
            "channel": shop.value,
            "status": status,
            "clientId": client_id_of(basket),
            "storeId": str(basket.store_id),
            "currency": CURRENCY,
            "total": _amount(basket.total_minor),
            "lines": lines,
            "certificateTenders": [
                {
                    "certificateId": numbers[spending.slot],
                    "amount": _amount(spending.amount_minor),
                }
                for spending in (spent.spent if spent else ())
            ],
            "notification": {"channel": "SMS", "addressToken": None} if sold else None,
        }
        return Outgoing(
            Source.ORDERS,
            order_id.encode(),
            self._framing.encode(RecordName.SALES_ORDER, value),
            telling.order_held,
            telling.order_repeated,
        )

    def _payment(
        self,
        basket: Basket,
        shop: Shop,
        telling: Telling,
        payment: _Payment,
        *,
        at_ms: int | None = None,
    ) -> Outgoing:
        order_id = order_id_of(basket)
        payment_id = f"{order_id}/{payment.suffix}"
        value: dict[str, object] = {
            "eventId": f"{payment_id}/{payment.type}",
            "eventTime": basket.at_ms if at_ms is None else at_ms,
            "paymentId": payment_id,
            "orderId": order_id,
            "correlationId": None,
            "channel": shop.value,
            "type": payment.type,
            "status": payment.status,
            "amount": _amount(payment.amount_minor),
            "currency": CURRENCY,
            "tender": payment.tender,
        }
        if telling.payment_version > 1:
            original = payment.original
            value |= {
                "certificateId": payment.certificate_id,
                "certificateOperation": payment.operation,
                "authorizationId": None,
                "originalPaymentId": None if original is None else f"{order_id}/{original}",
                "failureReason": payment.failure,
            }
        return Outgoing(
            Source.PAYMENTS,
            payment_id.encode(),
            self._framing.encode(RecordName.PAYMENT, value, version=telling.payment_version),
            telling.payment_held,
            telling.payment_repeated,
        )


def order_id_of(basket: Basket) -> str:
    """The order of a basket."""
    return str(basket.basket_id)


def client_id_of(basket: Basket) -> str:
    """The customer: the household."""
    return f"household-{basket.household_id}"


@lru_cache(maxsize=20_000)
def _amount(amount_minor: int) -> bytes:
    """The same few thousand prices make up a million lines."""
    return minor_to_amount(amount_minor, CURRENCY)


def _done(shop: Shop) -> str:
    """How far a paid order is: a till hands the goods over at once."""
    return "COMPLETED" if shop is Shop.POS else "CONFIRMED"


def _goods_line(position: int, line: Goods) -> dict[str, object]:
    return {
        "lineId": f"goods-{position}",
        "kind": "GOODS",
        "sku": str(line.product_id),
        "quantity": line.quantity,
        "amount": _amount(line.amount_minor),
        "certificateId": None,
    }


def _certificate_line(position: int, card: GiftCard, certificate_id: str) -> dict[str, object]:
    return {
        "lineId": f"card-{position}",
        "kind": "GIFT_CERTIFICATE",
        "sku": str(card.product_id),
        "quantity": 1,
        "amount": _amount(card.amount_minor),
        "certificateId": certificate_id,
    }
