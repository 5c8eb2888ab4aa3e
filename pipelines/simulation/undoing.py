"""How sales go back: payments told again, purchases called off, money returned.

Owns the acts of undoing what `selling` began, in whole or in part, one half or the other first.
"""

from random import Random

from pipelines.simulation.orders import Order, PaymentTold
from pipelines.simulation.selling import Selling
from pipelines.simulation.sources import Sources


class Undoing:
    """What is undone of the orders that sell certificates."""

    def __init__(self, selling: Selling, sources: Sources) -> None:
        self._selling = selling
        self._sources = sources

    def tell_payment_again(self, random: Random) -> str:
        """A payment is told again: as it went on, or as it was before that."""
        order = self._selling.one(random)
        if order is None or not order.payments:
            return "there is no payment to tell of again"
        payment = random.choice(order.payments)
        if payment.status == "PENDING":
            payment.status = random.choice(("SUCCEEDED", "SUCCEEDED", "FAILED"))
            self._sources.payment(order, payment, random)
            return f"{payment.payment_id} goes on to {payment.status}"
        told_before, payment.status = payment.status, "PENDING"
        self._sources.payment(order, payment, random)
        payment.status = told_before
        return f"{payment.payment_id} is told as it was before"

    def undo(self, random: Random) -> str:
        """A purchase is called off: the order, the money, or both; in whole or in part."""
        order = self._selling.one(random)
        if order is None or order.version == 0:
            return "there is no purchase to undo"
        tell_order, give_back = random.choice(((True, True), (True, False), (False, True)))
        if tell_order:
            self._sources.order(order, random, status=random.choice(("CANCELLED", "RETURNED")))
        paid = [
            payment
            for payment in order.payments
            if payment.type == "CAPTURE"
            and payment.status == "SUCCEEDED"
            and payment.tender != "GIFT_CERTIFICATE"
        ]
        if give_back:
            for payment in paid:
                if random.random() < 0.15 and _has_its_own_id(order, payment):
                    self._let_go(order, payment, random)
                else:
                    self._give_back(order, payment, random)
        return f"{order.order_id} is undone: order {tell_order}, money {give_back and bool(paid)}"

    def _let_go(self, order: Order, paid: PaymentTold, random: Random) -> None:
        """The capture itself is voided, as on the day it was made."""
        void = PaymentTold(
            payment_id=f"{order.order_id}/p{len(order.payments) + 1}",
            type="VOID",
            status="SUCCEEDED",
            amount=paid.amount,
            currency=paid.currency,
            tender=paid.tender,
            about=paid.payment_id,
        )
        order.payments.append(void)
        self._sources.payment(order, void, random)

    def _give_back(self, order: Order, paid: PaymentTold, random: Random) -> None:
        version = random.choice((1, 2, 2))
        named = version > 1 and random.random() < 0.5
        line = random.choice(order.lines) if order.lines and random.random() < 0.3 else None
        refund = PaymentTold(
            payment_id=f"{order.order_id}/p{len(order.payments) + 1}",
            type="REFUND",
            status=random.choice(("SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "PENDING", "FAILED")),
            amount=paid.amount if line is None else min(line.amount, paid.amount),
            currency=paid.currency,
            tender=paid.tender,
            about=paid.payment_id,
            certificate_id=line.number if line is not None and version > 1 else None,
            operation="REFUND" if version > 1 and line is not None else None,
            failure_reason="the bank did not take it" if version > 1 else None,
            version=version,
            named=named,
        )
        order.payments.append(refund)
        self._sources.payment(order, refund, random)


def _has_its_own_id(order: Order, paid: PaymentTold) -> bool:
    """Whether its id says which operation is meant."""
    return sum(each.payment_id == paid.payment_id for each in order.payments) == 1
