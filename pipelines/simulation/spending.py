"""How certificates are spent and given back: over HTTP, by orders and payments, or by both.

Owns the acts of a redemption and of its refund, with every way in which the two halves can differ.
"""

from random import Random
from typing import TYPE_CHECKING

from http_edge.access.callers import Caller
from http_edge.api.models import (
    Authorization,
    AuthorizationPath,
    AuthorizeBody,
    CaptureBody,
    CertificatePath,
    VoidBody,
)
from pipelines.simulation.callers import Callers
from pipelines.simulation.errands import MARKET, STORE, SUPPORT, TILL, Answered, Errand
from pipelines.simulation.mirror import Mirror, Snapshot
from pipelines.simulation.orders import Order, PaymentTold
from pipelines.simulation.sources import Sources
from pipelines.simulation.told_amounts import amount_text, minor_of, minor_of_text
from state.certificate.commands import Channel

if TYPE_CHECKING:
    from pipelines.simulation.wallet import Wallet

_UNDER_WAY = 25


class Spending:
    """Every order that pays with certificates."""

    def __init__(
        self, callers: Callers, sources: Sources, mirror: Mirror, wallet: "Wallet"
    ) -> None:
        self._callers = callers
        self._sources = sources
        self._mirror = mirror
        self._wallet = wallet
        self.orders: list[Order] = []
        self._authorized = 0

    def begin(self, random: Random) -> str:
        """A customer wants to pay with a certificate, or with two."""
        seen = self._somebodys(random) or self._mirror.spendable(random)
        if seen is None or random.random() < 0.05:
            seen = self._mirror.sold(random)
        if seen is None:
            return "nobody has a certificate to spend"
        place, currency = len(self.orders) + 1, seen["currency"]
        order = Order(
            order_id=f"basket-{place}",
            correlation_id=random.choice((None, f"spent-{place}")),
            channel=random.choice(list(Channel)).value,
            currency=currency if random.random() < 0.97 else "USD",
            client_id=None,
            goods=0,
        )
        self._add_tender(order, seen, random)
        other = self._mirror.spendable(random)
        if random.random() < 0.15 and other is not None and other["currency"] == currency:
            self._add_tender(order, other, random)
        order.goods = sum(amount for _, amount in order.tenders) + random.choice((0, 0, 700))
        self.orders.append(order)
        return f"{order.order_id} is to be paid with {[number for number, _ in order.tenders]}"

    def _somebodys(self, random: Random) -> Snapshot | None:
        """A certificate that is good for something, and whose code somebody has."""
        found = [
            seen
            for number in self._wallet.codes
            if (seen := self._mirror.numbers.get(number)) is not None
            and seen["lifecycle"] in ("ACTIVE", "PARTIALLY_REDEEMED")
            and seen["lock"] is None
        ]
        return random.choice(found) if found and random.random() < 0.85 else None

    def _add_tender(self, order: Order, seen: Snapshot, random: Random) -> None:
        left = minor_of(seen["remainingBalance"], seen["currency"])
        amount = left if random.random() < 0.15 else random.randint(1, max(left // 2, 1))
        amount = amount + 1 if random.random() < 0.03 else amount
        number = seen["certificateId"]
        if amount > 0 and number not in {known for known, _ in order.tenders}:
            order.tenders.append((number, amount))

    def _one(self, random: Random) -> Order | None:
        known = [each for each in self.orders[-_UNDER_WAY:] if each.tenders]
        return random.choice(known) if known else None

    def authorize(self, random: Random) -> str:
        """A channel sets money aside, with the right code mostly."""
        order = self._one(random)
        if order is None or ((order.holds or order.refused) and random.random() < 0.9):
            return "no basket is open"
        number, amount = random.choice(order.tenders)
        if number not in self._wallet.codes and random.random() < 0.8:
            return f"nobody has the code of {number}"
        code, newest = self._wallet.code_to_try(number, random)
        accept_partial = random.random() < 0.2
        asked = amount * 2 if accept_partial else amount
        self._authorized += 1
        errand = Errand(
            caller=_caller_of(order, random),
            operation="authorize",
            path=CertificatePath(certificate_id=number),
            body=AuthorizeBody(
                amount=amount_text(asked, order.currency),
                currency=order.currency,
                order_id=order.order_id,
                cvc=code,
                accept_partial=accept_partial,
            ),
            key=f"hold-{self._authorized}",
            code=code,
            newest_code=newest,
            then=lambda answered: self._set_aside(order, number, answered),
        )
        self._callers.start(errand, random)
        return f"{order.order_id} asks to set {asked} aside on {number}"

    def _set_aside(self, order: Order, number: str, answered: Answered) -> None:
        content = answered.content
        if isinstance(content, Authorization):
            amount = minor_of_text(content.amount, content.currency)
            order.holds.append((number, content.authorization_id, amount))
        else:
            order.refused = True

    def close(self, random: Random) -> str:
        """A hold is captured, in whole or in part, or given up; by its channel or by another."""
        held = [order for order in self.orders[-_UNDER_WAY:] if order.holds]
        if not held:
            return "nothing is set aside"
        order = random.choice(held)
        hold = random.choice(order.holds)
        number, authorization_id, amount = hold
        if random.random() < 0.9:
            order.holds.remove(hold)
            order.closed.append(hold)
        void = random.random() < 0.2
        self._authorized += 1
        whole = random.random() < 0.6
        asked = random.randint(1, amount) if random.random() < 0.8 else amount + 1
        text = amount_text(asked, order.currency)
        taken = CaptureBody() if whole else CaptureBody(amount=text)
        errand = Errand(
            caller=_caller_of(order, random),
            operation="voidAuthorization" if void else "capture",
            path=AuthorizationPath(certificate_id=number, authorization_id=authorization_id),
            body=VoidBody() if void else taken,
            key=f"close-{self._authorized}",
        )
        self._callers.start(errand, random)
        return f"{order.order_id} {'voids' if void else 'captures'} on {number}"

    def tell(self, random: Random) -> str:
        """The order says that certificates paid, the payments say so too: one, the other, or both.

        They may disagree, until a later version of the order agrees.
        """
        order = self._one(random)
        if order is None:
            return "no basket was paid"
        chance = random.random()
        told_order = order.version > 0 and random.random() < 0.7
        if not told_order:
            self._tell_order(order, random, agree=chance > 0.1)
        paid = {each.certificate_id for each in order.payments}
        for number, amount in order.tenders:
            if number not in paid and random.random() < 0.7:
                self._pay(order, number, amount if chance < 0.95 else amount + 1, random)
        rest = order.total - sum(amount for _, amount in order.tenders)
        if rest > 0 and not any(each.tender == "CARD" for each in order.payments):
            self._told(order, self._payment(order, "CAPTURE", rest, "CARD", random), random)
        return f"{order.order_id} is told, version {order.version}"

    def _tell_order(self, order: Order, random: Random, *, agree: bool) -> None:
        meant = order.tenders
        if not agree:
            order.tenders = [(number, amount + 7) for number, amount in meant]
        self._sources.order(order, random, status=random.choice(("CONFIRMED", "COMPLETED")))
        order.tenders = meant

    def _pay(self, order: Order, number: str, amount: int, random: Random) -> None:
        payment = self._payment(order, "CAPTURE", amount, "GIFT_CERTIFICATE", random)
        payment.certificate_id = number
        payment.operation = random.choice((None, "REDEMPTION"))
        holds = [name for held, name, _ in (*order.holds, *order.closed) if held == number]
        if holds and random.random() < 0.6:
            payment.authorization_id = random.choice(holds)
        self._told(order, payment, random)

    def _payment(
        self, order: Order, type_: str, amount: int, tender: str, random: Random
    ) -> PaymentTold:
        return PaymentTold(
            payment_id=f"{order.order_id}/p{len(order.payments) + 1}",
            type=type_,
            status=random.choice(("SUCCEEDED",) * 9 + ("PENDING",)),
            amount=amount,
            currency=order.currency,
            tender=tender,
            version=random.choice((1, 2, 2)),
        )

    def _told(self, order: Order, payment: PaymentTold, random: Random) -> None:
        order.payments.append(payment)
        self._sources.payment(order, payment, random)

    def go_on(self, random: Random) -> str:
        """A payment that was under way goes through, or an order is told once more, as it is."""
        order = self._one(random)
        if order is None:
            return "nothing is under way"
        pending = [each for each in order.payments if each.status == "PENDING"]
        if not pending:
            self._tell_order(order, random, agree=True)
            return f"{order.order_id} is told again, version {order.version}"
        payment = random.choice(pending)
        payment.status = random.choice(("SUCCEEDED", "SUCCEEDED", "FAILED"))
        self._sources.payment(order, payment, random)
        return f"{payment.payment_id} goes on to {payment.status}"

    def give_back(self, random: Random) -> str:
        """Goods come back: the order says so, and each payment goes back the way it came."""
        order = self._one(random)
        if order is None or not order.payments:
            return "nothing comes back"
        if random.random() < 0.8:
            status = "RETURNED" if random.random() < 0.7 else "CANCELLED"
            self._sources.order(order, random, status=status)
        for paid in [each for each in order.payments if each.type == "CAPTURE"]:
            if random.random() < 0.8:
                self._refund(order, paid, random)
        return f"{order.order_id} comes back, {order.status}"

    def _refund(self, order: Order, paid: PaymentTold, random: Random) -> None:
        part = random.random() < 0.25
        amount = random.randint(1, paid.amount) if part else paid.amount
        refund = self._payment(order, "REFUND", amount, paid.tender, random)
        refund.about, refund.named = paid.payment_id, random.random() < 0.5
        if random.random() < 0.6:
            refund.certificate_id = paid.certificate_id
        refund.status = random.choice(("SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "PENDING", "FAILED"))
        refund.failure_reason = "nobody knows why"
        self._told(order, refund, random)

    def finish(self, random: Random) -> bool:
        """The missing halves of most redemptions come at last."""
        told = False
        for order in self.orders:
            if random.random() < 0.2 or not (order.version or order.payments):
                continue
            if order.version == 0:
                self._tell_order(order, random, agree=True)
                told = True
            for number, amount in order.tenders:
                if number not in {each.certificate_id for each in order.payments}:
                    self._pay(order, number, amount, random)
                    told = True
        return told


def _caller_of(order: Order, random: Random) -> Caller:
    """A client of the order's channel; seldom another one, who must not touch its money."""
    if random.random() < 0.05:
        return random.choice((STORE, TILL, SUPPORT))
    return random.choice((STORE, MARKET)) if order.channel == "ONLINE_STORE" else TILL
