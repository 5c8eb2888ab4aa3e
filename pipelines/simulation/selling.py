"""How shops sell certificates: numbers are reserved, orders told, money taken, late or never.

Owns the acts of a sale. Each act does the next thing, or the wrong thing, for
one of the orders under way; what was meant stands in the orders themselves.
"""

from random import Random
from typing import TYPE_CHECKING, Final

from http_edge.access.callers import Caller
from http_edge.api.models import CertificatePath, NextBody, NextQuery, NoParameters, ReserveBody
from http_edge.api.models import Reservation as Reserved
from pipelines.simulation.callers import Callers
from pipelines.simulation.errands import MARKET, STORE, TILL, Answered, Errand
from pipelines.simulation.mirror import Mirror
from pipelines.simulation.orders import Order, PaymentTold, SoldLine
from pipelines.simulation.sources import Sources
from state.certificate.commands import Channel

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

POOLS: Final = ("ELECTRONIC", "PHYSICAL")
_CURRENCIES: Final = ("RUB", "RUB", "RUB", "JPY", "KWD")
_UNDER_WAY: Final = 25


class Selling:
    """Every order that sells certificates."""

    def __init__(
        self, universe: "Universe", callers: Callers, sources: Sources, mirror: Mirror
    ) -> None:
        self._universe = universe
        self._callers = callers
        self._sources = sources
        self._mirror = mirror
        self.orders: list[Order] = []

    def new_order(self, caller: Caller, random: Random) -> Order:
        """An order that nothing was told of yet; some share another's correlation."""
        place = len(self.orders) + 1
        correlation = random.choice((None, None, f"case-{place}"))
        if self.orders and random.random() < 0.02:
            correlation = random.choice(self.orders).correlation_id
        channel = caller.channel or Channel.POS
        order = Order(
            order_id=f"sale-{place}",
            correlation_id=correlation,
            channel=channel.value,
            currency=random.choice(_CURRENCIES),
            client_id=random.choice((None, f"client-{random.randint(1, 9)}")),
            goods=random.choice((0, 0, 0, random.randint(1, 50_000))),
            notification=random.choice((None, "SMS", "EMAIL")),
        )
        self.orders.append(order)
        return order

    def reserve(self, random: Random) -> str:
        """A checkout begins: so many numbers are asked for."""
        caller = random.choice((STORE, STORE, MARKET, TILL))
        order = self.new_order(caller, random)
        pool = "ELECTRONIC" if random.random() < 0.8 else random.choice((*POOLS, "UNHEARD"))
        order.wanted = random.choice((1, 1, 1, 2, 3))
        order.at_once = random.random() < 0.6
        named = random.random() < 0.8
        for place in range(order.wanted):
            self._ask_for_number(order, caller, pool, f"{order.order_id}/{place}", random, named)
        return f"{order.order_id} asks for {order.wanted} of {pool}"

    def _ask_for_number(
        self, order: Order, caller: Caller, pool: str, key: str, random: Random, named: bool
    ) -> None:
        channel = random.choice((None, caller.channel))
        if random.random() < 0.03:
            channel = random.choice(list(Channel))
        amount = random.randint(1, 200_000)
        order_id = order.order_id if named else None
        query = NextQuery(request_id=key, pool=pool, channel=channel, order_id=order_id)
        by_get = random.random() < 0.2
        errand = Errand(
            caller=caller,
            operation="takeNextByGet" if by_get else "takeNext",
            path=query if by_get else NoParameters(),
            body=None if by_get else NextBody(pool=pool, channel=channel, order_id=order_id),
            key=key,
            then=lambda answered: self._got_number(order, amount, answered),
        )
        self._callers.start(errand, random)

    def _got_number(self, order: Order, amount: int, answered: Answered) -> None:
        order.wanted -= 1
        if isinstance(answered.content, Reserved):
            line_id = order.new_line_id()
            number = answered.content.certificate_id
            # Its reservation can have lapsed, and the next one can have brought it again.
            order.lines = [line for line in order.lines if line.number != number]
            order.lines.append(SoldLine(line_id=line_id, amount=amount, number=number))
        if order.at_once and order.wanted == 0 and order.lines:
            # Like most: the customer pays while the order is written.
            random = self._universe.random
            self._sources.order(order, random, status="CONFIRMED")
            self._payment(order, "CAPTURE", order.total, random)

    def scan(self, random: Random) -> str:
        """A card is scanned at the till: this very number is asked for, whatever it is."""
        number = self._mirror.any_number(random) or "PH-00000"
        order = self.new_order(TILL, random)
        order.wanted = 1
        order.at_once = random.random() < 0.6
        named = random.random() < 0.8
        amount = random.randint(1, 200_000)
        errand = Errand(
            caller=TILL if random.random() < 0.95 else STORE,
            operation="reserveNumber",
            path=CertificatePath(certificate_id=number),
            body=ReserveBody(order_id=order.order_id if named else None),
            key=f"{order.order_id}/scan",
            then=lambda answered: self._got_number(order, amount, answered),
        )
        self._callers.start(errand, random)
        return f"{order.order_id} scans {number}"

    def one(self, random: Random) -> Order | None:
        """One of the orders under way."""
        known = [each for each in self.orders[-_UNDER_WAY:] if each.lines or each.version]
        return random.choice(known) if known else None

    def tell(self, random: Random) -> str:
        """The next version of an order: mostly the next step of its life, sometimes a change."""
        order = self.one(random)
        if order is None:
            return "there is no order to tell of"
        chance = random.random()
        change = self._change(order, random) if chance < 0.12 else "as it is"
        status = self._next_status(order, random)
        self._sources.order(order, random, status=status)
        return f"{order.order_id} is told {status}, version {order.version}, {change}"

    def _next_status(self, order: Order, random: Random) -> str:
        if order.ended and random.random() < 0.9:
            return order.status or "CANCELLED"
        if order.status is None:
            return random.choice(("CREATED", "CONFIRMED", "CONFIRMED", "COMPLETED"))
        if random.random() < 0.15:
            return random.choice(("CANCELLED", "RETURNED"))
        return random.choice(("CONFIRMED", "COMPLETED"))

    def _change(self, order: Order, random: Random) -> str:
        """Something of the order is another than it was: a price, a number, a line, its goods."""
        what = random.choice(("price", "number", "less", "more", "goods"))
        line = random.choice(order.lines) if order.lines else None
        if what == "price" and line is not None:
            line.amount = random.randint(1, 200_000)
        elif what == "number" and line is not None:
            line.number = random.choice((None, self._mirror.any_number(random)))
        elif what == "less" and line is not None:
            order.lines.remove(line)
        elif what == "more":
            line_id = order.new_line_id()
            number = self._mirror.any_number(random)
            if number not in {each.number for each in order.lines}:
                amount = random.randint(1, 200_000)
                order.lines.append(SoldLine(line_id=line_id, amount=amount, number=number))
        else:
            order.goods = random.randint(0, 50_000)
        numbers = [each.number for each in order.lines if each.number is not None]
        if len(set(numbers)) != len(numbers):
            # No shop sells one number twice in an order: the contract does not let it be told.
            order.lines = [each for each in order.lines if each is not line]
        return f"with another {what}"

    def pay(self, random: Random) -> str:
        """Money of an order: promised, taken, taken in parts, refused, given up."""
        order = self.one(random)
        if order is None or order.total == 0:
            return "there is no order to pay for"
        chance = random.random()
        if chance < 0.03:
            return self._pay_with_certificate(order, random)
        promised = order.authorizations()
        if promised and chance < 0.75:
            return self._go_on_paying(order, random.choice(promised), random)
        missing = order.total - order.captured()
        if missing <= 0 and chance < 0.9:
            return f"{order.order_id} is paid"
        amount = missing if missing > 0 else order.total
        if chance > 0.85:
            amount = random.randint(1, amount)
        type_ = "AUTHORIZATION" if random.random() < 0.6 else "CAPTURE"
        status = random.choice(("SUCCEEDED",) * 8 + ("PENDING", "FAILED"))
        payment = self._payment(order, type_, amount, random, status=status)
        return f"{order.order_id}: {payment.type} of {payment.amount} is {payment.status}"

    def _pay_with_certificate(self, order: Order, random: Random) -> str:
        """A certificate is to pay for an order that sells certificates: good for its goods only."""
        seen = self._mirror.spendable(random)
        if seen is None or seen["currency"] != order.currency or order.tenders or order.ended:
            return f"{order.order_id} is not paid with a certificate"
        number = seen["certificateId"]
        amount = random.randint(1, order.total)
        order.tenders.append((number, amount))
        self._sources.order(order, random, status="CONFIRMED")
        payment = PaymentTold(
            payment_id=f"{order.order_id}/p{len(order.payments) + 1}",
            type="CAPTURE",
            status="SUCCEEDED",
            amount=amount,
            currency=order.currency,
            tender="GIFT_CERTIFICATE",
            certificate_id=number,
        )
        order.payments.append(payment)
        self._sources.payment(order, payment, random)
        return f"{order.order_id} is to be paid with {number}: {amount}"

    def _go_on_paying(self, order: Order, promise: PaymentTold, random: Random) -> str:
        void = random.random() < 0.15
        part = random.random() < 0.15
        amount = random.randint(1, promise.amount) if part else promise.amount
        self._payment(order, "VOID" if void else "CAPTURE", amount, random, about=promise)
        return f"{order.order_id}: what was promised is {'given up' if void else 'captured'}"

    def _payment(
        self,
        order: Order,
        type_: str,
        amount: int,
        random: Random,
        *,
        about: PaymentTold | None = None,
        status: str = "SUCCEEDED",
    ) -> PaymentTold:
        version = about.version if about is not None else random.choice((1, 2, 2))
        payment_id = f"{order.order_id}/p{len(order.payments) + 1}"
        if about is not None and (version == 1 or random.random() < 0.2):
            # A payment system of old gives all that happens to a payment one id.
            payment_id = about.payment_id
        only = order.lines[0].number if len(order.lines) == 1 and random.random() < 0.5 else None
        payment = PaymentTold(
            payment_id=payment_id,
            type=type_,
            status=status,
            amount=amount,
            currency=order.currency if random.random() < 0.98 else "USD",
            tender="CARD" if about is None else about.tender,
            about=None if about is None else about.payment_id,
            certificate_id=only if version > 1 else None,
            operation=random.choice((None, "PURCHASE")) if version > 1 else None,
            version=version,
        )
        order.payments.append(payment)
        self._sources.payment(order, payment, random)
        return payment

    def finish(self, random: Random) -> bool:
        """Most of what was begun is brought to its end: the missing halves come at last."""
        told = False
        for order in self.orders:
            if order.ended or order.wanted or not order.lines or random.random() < 0.2:
                continue
            if order.status in (None, "CREATED"):
                self._sources.order(order, random, status="CONFIRMED")
                told = True
            if order.captured() < order.total and not order.authorizations():
                self._payment(order, "CAPTURE", order.total - order.captured(), random)
                told = True
            for promise in order.authorizations():
                self._payment(order, "CAPTURE", promise.amount, random, about=promise)
                told = True
        return told
