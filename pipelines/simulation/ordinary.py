"""Orders that have nothing to do with certificates: nearly all there is, and to leave no trace.

Owns their acts. Some of them are paid before anybody hears of the order, some are never told of.
"""

from random import Random

from pipelines.simulation.orders import Order, PaymentTold
from pipelines.simulation.sources import Sources


class Ordinary:
    """Every ordinary order."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self.orders: list[Order] = []

    def go_on(self, random: Random) -> str:
        """Somebody buys something else: the order, its payment, a draft of it, or its return."""
        known = self.orders[-5:]
        if known and random.random() < 0.6:
            order = random.choice(known)
        else:
            place = len(self.orders) + 1
            order = Order(
                order_id=f"goods-{place}",
                correlation_id=None,
                channel="POS",
                currency=random.choice(("RUB", "JPY")),
                client_id=f"client-{place % 7}",
                goods=random.randint(1, 9_999),
            )
            self.orders.append(order)
        if random.random() < 0.5:
            status = random.choice(("CREATED", "CONFIRMED", "COMPLETED", "CANCELLED"))
            self._sources.order(order, random, status=status)
            return f"{order.order_id} is told {status}"
        payment = PaymentTold(
            payment_id=f"{order.order_id}/p{len(order.payments) + 1}",
            type=random.choice(("AUTHORIZATION", "CAPTURE", "CAPTURE", "VOID", "REFUND")),
            status="SUCCEEDED",
            amount=order.goods,
            currency=order.currency,
            tender=random.choice(("CARD", "CASH", "OTHER")),
            version=random.choice((1, 2)),
        )
        order.payments.append(payment)
        self._sources.payment(order, payment, random)
        return f"{order.order_id}: {payment.type} of {payment.amount}"
