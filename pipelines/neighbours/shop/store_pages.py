"""The internet store: buy a certificate and watch it being issued, buy goods and pay with one.

Owns what each page shows and what each form does, as calls of `Sales`. A customer sees their own
orders only. A code goes from the form into one call and is kept nowhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipelines.contracts.amounts import exponent
from pipelines.neighbours.records.payments import Tender
from pipelines.neighbours.shop.address_directory import AddressDirectory
from pipelines.neighbours.shop.broadcast import News
from pipelines.neighbours.shop.catalogue import ARTICLES, chosen_lines
from pipelines.neighbours.shop.entries import amount_of, code_of, number_of, phone_of
from pipelines.neighbours.shop.live import LiveStreams
from pipelines.neighbours.shop.order_pages import (
    is_order_id,
    new_order_id,
    not_found,
    order_context,
    told,
)
from pipelines.neighbours.shop.orders import FIRST_ATTEMPT, Order, Place
from pipelines.neighbours.shop.sales import ELECTRONIC, Sales, certificate_line
from pipelines.neighbours.shop.settings import ShopSettings
from pipelines.neighbours.shop.trouble import OwnTrouble, Trouble, own
from pipelines.neighbours.shop.visits import Door, Visit, see

_MINE_MAX: Final = 50
_LEAST_UNITS: Final = 100
_MOST_UNITS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePages:
    """The store's pages."""

    door: Door
    sales: Sales
    directory: AddressDirectory
    settings: ShopSettings
    live: LiveStreams

    def routes(self) -> list[Route]:
        """Where the pages are."""
        shows, acts = self.door.shows, self.door.acts
        order = "/store/orders/{order_id}"
        return [
            Route("/store/", shows(self.front)),
            Route("/store/orders", shows(self.mine)),
            Route("/store/certificates", acts(self.begin_certificate), methods=["POST"]),
            Route("/store/goods", acts(self.begin_goods), methods=["POST"]),
            Route(order, shows(self.order)),
            Route(f"{order}/live", self.news),
            Route(f"{order}/number", acts(self.number), methods=["POST"]),
            Route(f"{order}/certificate", acts(self.certificate), methods=["POST"]),
            Route(f"{order}/remove", acts(self.remove), methods=["POST"]),
            Route(f"{order}/pay", acts(self.pay), methods=["POST"]),
            Route(f"{order}/cancel", acts(self.cancel), methods=["POST"]),
            Route(f"{order}/return", acts(self.give_back), methods=["POST"]),
        ]

    def front(self, visit: Visit) -> Response:
        """What there is to buy."""
        return self._front(visit, {}, 200)

    def mine(self, visit: Visit) -> Response:
        """The customer's own orders."""
        orders = self.sales.book.of_owner(visit.session.owner, _MINE_MAX)
        return self.door.page(visit, "store_orders.html", orders=orders)

    def begin_certificate(self, visit: Visit) -> Response:
        """A certificate is ordered: get a number for it."""
        nominal = self._nominal(visit)
        address = phone_of(visit.form.get("phone", "")) if self._tells_buyers else None
        wrong: dict[str, Trouble] = {}
        if isinstance(nominal, Trouble):
            wrong["nominal"] = nominal
        if isinstance(address, Trouble):
            wrong["phone"] = address
        if isinstance(nominal, Trouble) or isinstance(address, Trouble):
            return self._front(visit, wrong, 422)
        token = None if address is None else self.directory.token_for(address)
        begun = self._begun(visit, [certificate_line(nominal)], token)
        if isinstance(begun, Trouble):
            return self._front(visit, {"certificate": begun}, 409)
        self.sales.reserve(begun.order_id, FIRST_ATTEMPT)
        return see(f"/store/orders/{begun.order_id}")

    def begin_goods(self, visit: Visit) -> Response:
        """Goods are ordered."""
        lines = chosen_lines(visit.form, self.settings.currency)
        if not lines:
            return self._front(visit, {"goods": own(OwnTrouble.NOTHING_CHOSEN)}, 422)
        begun = self._begun(visit, lines, None)
        if isinstance(begun, Trouble):
            return self._front(visit, {"goods": begun}, 409)
        return see(f"/store/orders/{begun.order_id}")

    def order(self, visit: Visit) -> Response:
        """One order, whatever has become of it."""
        order = self._own(visit)
        if order is None:
            return self._unknown(visit)
        return self._order(visit, order, {}, 200)

    async def news(self, request: Request) -> Response:
        """Tells the order's page that there is something new."""
        visit = self.door.visit(request, {})
        order = self._own(visit)
        if order is None:
            return Response(status_code=404)
        return self.live.respond(request, self.sales.memory.changes, about(order.order_id))

    def number(self, visit: Visit) -> Response:
        """Try once more to get a number."""
        return self._acted(visit, lambda order: self.sales.reserve(order.order_id, visit.attempt))

    def certificate(self, visit: Visit) -> Response:
        """A certificate shall pay, as far as it goes."""
        order = self._own(visit)
        if order is None:
            return self._unknown(visit)
        number = number_of(visit.form.get("number", ""))
        code = code_of(visit.form.get("code", ""))
        if isinstance(number, Trouble) or isinstance(code, Trouble):
            wrong = {"number": number, "code": code}
            found = {name: each for name, each in wrong.items() if isinstance(each, Trouble)}
            return self._order(visit, order, found, 422)
        self.sales.apply(order.order_id, visit.attempt, number, code)
        return see(f"/store/orders/{order.order_id}")

    def remove(self, visit: Visit) -> Response:
        """A certificate shall not pay after all."""
        hold = visit.form.get("hold", "")
        return self._acted(
            visit, lambda order: self.sales.remove(order.order_id, visit.attempt, hold)
        )

    def pay(self, visit: Visit) -> Response:
        """The card pays; or does not, where the visitor tries that."""
        declined = visit.form.get("card") == "declined"
        return self._acted(
            visit,
            lambda order: self.sales.pay(
                order.order_id, visit.attempt, Tender.CARD, declined=declined
            ),
        )

    def cancel(self, visit: Visit) -> Response:
        """Nothing is bought after all."""
        return self._acted(visit, lambda order: self.sales.cancel(order.order_id, visit.attempt))

    def give_back(self, visit: Visit) -> Response:
        """All of it comes back."""
        return self._acted(visit, lambda order: self.sales.give_back(order.order_id, visit.attempt))

    @property
    def _tells_buyers(self) -> bool:
        return self.settings.gateway_secret_file is not None

    def _acted(self, visit: Visit, act: Callable[[Order], Order | None]) -> Response:
        order = self._own(visit)
        if order is None:
            return self._unknown(visit)
        act(order)
        return see(f"/store/orders/{order.order_id}")

    def _own(self, visit: Visit) -> Order | None:
        """The order of the address, if it is this customer's."""
        order_id = visit.params["order_id"]
        order = self.sales.book.find(order_id) if is_order_id(order_id, Place.STORE) else None
        return order if order is not None and order.owner == visit.session.owner else None

    def _unknown(self, visit: Visit) -> Response:
        trouble, status = not_found(self.sales.book)
        return self.door.trouble(visit, trouble, status)

    def _begun(self, visit: Visit, lines: list[Any], token: str | None) -> Order | Trouble:
        order_id = visit.form.get("order", "")
        if not is_order_id(order_id, Place.STORE):
            return own(OwnTrouble.FORM_TOO_OLD)
        return self.sales.begin(
            order_id, Place.STORE, lines, owner=visit.session.owner, address_token=token
        )

    def _nominal(self, visit: Visit) -> int | Trouble:
        """What the certificate shall be worth: one of those offered, or what was typed."""
        currency = self.settings.currency
        typed = visit.form.get("nominal", "")
        if typed == "own":
            typed = visit.form.get("amount", "")
        amount = amount_of(typed, currency, visit.words.language)
        if isinstance(amount, Trouble):
            return amount
        least, most = nominal_bounds(currency)
        return amount if least <= amount <= most else own(OwnTrouble.AMOUNT_OUT_OF_RANGE)

    def _front(self, visit: Visit, wrong: Mapping[str, Trouble], status: int) -> Response:
        least, most = nominal_bounds(self.settings.currency)
        return self.door.page(
            visit,
            "store_front.html",
            status,
            currency=self.settings.currency,
            nominals=self.settings.nominals_minor(),
            least=least,
            most=most,
            articles=ARTICLES,
            sold_out=self.sales.memory.is_empty(ELECTRONIC),
            tells_buyers=self._tells_buyers,
            new_order=new_order_id(Place.STORE),
            values=visit.form,
            wrong={name: told(each, visit.words, Place.STORE) for name, each in wrong.items()},
        )

    def _order(
        self, visit: Visit, order: Order, wrong: Mapping[str, Trouble], status: int
    ) -> Response:
        return self.door.page(
            visit,
            "store_order.html",
            status,
            values={"number": visit.form.get("number", order.tried_number or "")},
            wrong={name: told(each, visit.words, Place.STORE) for name, each in wrong.items()},
            **order_context(order, self.sales.memory, visit.words),
        )


def nominal_bounds(currency: str) -> tuple[int, int]:
    """The least and the most that a certificate may be worth, in minor units."""
    unit = int(10 ** exponent(currency))
    return _LEAST_UNITS * unit, _MOST_UNITS * unit


def about(order_id: str) -> Callable[[News[str]], str | None]:
    """News of one order among those of all; the page asks for the order itself."""
    return lambda news: order_id if news.gap or order_id in news.items else None
