"""The till: sell a certificate, take one in payment, say its balance, take goods back.

Owns what each page shows and what each form does, as calls of `Sales`. Who stands at the till is
not asked: it belongs behind the shop's own log-in. A code goes from the form into one call and is
kept nowhere.
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
from pipelines.neighbours.shop.balance_checks import BalanceChecks
from pipelines.neighbours.shop.entries import (
    amount_of,
    code_of,
    number_of,
    order_id_of,
    phone_of,
)
from pipelines.neighbours.shop.live import LiveStreams
from pipelines.neighbours.shop.order_pages import (
    is_order_id,
    new_order_id,
    not_found,
    order_context,
    told,
)
from pipelines.neighbours.shop.orders import (
    FIRST_ATTEMPT,
    TILL_GOODS_SKU,
    Line,
    Order,
    Place,
    State,
)
from pipelines.neighbours.shop.sales import Sales, certificate_line
from pipelines.neighbours.shop.settings import ShopSettings
from pipelines.neighbours.shop.store_pages import about, nominal_bounds
from pipelines.neighbours.shop.trouble import OwnTrouble, Trouble, last_four, own
from pipelines.neighbours.shop.visits import Door, Visit, see

_LATEST_MAX: Final = 6
_MOST_UNITS: Final = 10_000_000
"""What a purchase may cost: more is a slip of the finger."""
_TENDERS: Final = {"card": Tender.CARD, "cash": Tender.CASH}


@dataclass(frozen=True, slots=True, kw_only=True)
class TillPages:
    """The till's pages."""

    door: Door
    sales: Sales
    directory: AddressDirectory
    balances: BalanceChecks
    settings: ShopSettings
    live: LiveStreams

    def routes(self) -> list[Route]:
        """Where the pages are."""
        shows, acts = self.door.shows, self.door.acts
        order = "/till/orders/{order_id}"
        return [
            Route("/till/", shows(lambda _visit: see("/till/pay"))),
            Route("/till/pay", shows(lambda visit: self._form(visit, "till_pay.html"))),
            Route("/till/pay", acts(self.begin_payment), methods=["POST"]),
            Route("/till/sell", shows(lambda visit: self._form(visit, "till_sell.html"))),
            Route("/till/sell", acts(self.begin_sale), methods=["POST"]),
            Route("/till/balance", shows(lambda visit: self._form(visit, "till_balance.html"))),
            Route("/till/balance", acts(self.check_balance), methods=["POST"]),
            Route("/till/balance/{check}", shows(self.balance)),
            Route("/till/return", shows(lambda visit: self._form(visit, "till_return.html"))),
            Route("/till/return", acts(self.find_return), methods=["POST"]),
            Route(order, shows(self.order)),
            Route(f"{order}/live", self.news),
            Route(f"{order}/number", acts(self.number), methods=["POST"]),
            Route(f"{order}/certificate", acts(self.certificate), methods=["POST"]),
            Route(f"{order}/remove", acts(self.remove), methods=["POST"]),
            Route(f"{order}/pay", acts(self.pay), methods=["POST"]),
            Route(f"{order}/cancel", acts(self.cancel), methods=["POST"]),
            Route(f"{order}/return", shows(self.confirm_return)),
            Route(f"{order}/return", acts(self.give_back), methods=["POST"]),
        ]

    def begin_payment(self, visit: Visit) -> Response:
        """Goods are to be paid, at first with a certificate."""
        amount, number, code = self._amount(visit), self._number(visit), self._code(visit)
        if isinstance(amount, Trouble) or isinstance(number, Trouble) or isinstance(code, Trouble):
            wrong = {"amount": amount, "number": number, "code": code}
            return self._form(visit, "till_pay.html", wrong, 422)
        line = Line(sku=TILL_GOODS_SKU, amount_minor=amount)
        begun = self._begun(visit, line, None)
        if isinstance(begun, Trouble):
            return self._form(visit, "till_pay.html", {"form": begun}, 409)
        if not _is_about(begun, number):
            wrong = {"form": own(OwnTrouble.FORM_TOO_OLD)}
            return self._form(visit, "till_pay.html", wrong, 409)
        self.sales.apply(begun.order_id, FIRST_ATTEMPT, number, code)
        return see(f"/till/orders/{begun.order_id}")

    def begin_sale(self, visit: Visit) -> Response:
        """A physical certificate is sold: take the number that was scanned."""
        amount, number = self._nominal(visit), self._number(visit)
        address = phone_of(visit.form.get("phone", "")) if self._tells_buyers else None
        if (
            isinstance(amount, Trouble)
            or isinstance(number, Trouble)
            or isinstance(address, Trouble)
        ):
            wrong = {"amount": amount, "number": number, "phone": address}
            return self._form(visit, "till_sell.html", wrong, 422)
        token = None if address is None else self.directory.token_for(address)
        begun = self._begun(visit, certificate_line(amount), token)
        if isinstance(begun, Trouble):
            return self._form(visit, "till_sell.html", {"form": begun}, 409)
        if not _is_about(begun, number):
            wrong = {"form": own(OwnTrouble.FORM_TOO_OLD)}
            return self._form(visit, "till_sell.html", wrong, 409)
        self.sales.reserve(begun.order_id, FIRST_ATTEMPT, number)
        return see(f"/till/orders/{begun.order_id}")

    def check_balance(self, visit: Visit) -> Response:
        """What is left on a certificate."""
        number = self._number(visit)
        if isinstance(number, Trouble):
            return self._form(visit, "till_balance.html", {"number": number}, 422)
        return see(f"/till/balance/{self.balances.check(number)}")

    def balance(self, visit: Visit) -> Response:
        """What was found; a reload asks nothing again, for the answer has its time on it."""
        check = self.balances.find(visit.params["check"])
        if check is None:
            return see("/till/balance")
        trouble = None if check.trouble is None else told(check.trouble, visit.words, Place.TILL)
        return self._form(visit, "till_balance.html", {}, 200, check=check, check_trouble=trouble)

    def find_return(self, visit: Visit) -> Response:
        """The order of a receipt."""
        order_id = order_id_of(visit.form.get("receipt", ""))
        found = self.sales.book.find(order_id) if is_order_id(order_id, Place.TILL) else None
        if found is None:
            trouble, status = not_found(self.sales.book)
            return self._form(visit, "till_return.html", {"receipt": trouble}, status)
        if found.state not in (State.PAID, State.RETURNED):
            wrong = {"receipt": own(OwnTrouble.ORDER_NOT_PAID)}
            return self._form(visit, "till_return.html", wrong, 409)
        return see(f"/till/orders/{order_id}/return")

    def order(self, visit: Visit) -> Response:
        """One order, whatever has become of it."""
        order = self._found(visit)
        return self._unknown(visit) if order is None else self._order(visit, order, {}, 200)

    def confirm_return(self, visit: Visit) -> Response:
        """What is about to be given back."""
        order = self._found(visit)
        if order is None:
            return self._unknown(visit)
        if order.state is not State.PAID:
            return see(f"/till/orders/{order.order_id}")
        return self._order(visit, order, {}, 200, confirming=True)

    async def news(self, request: Request) -> Response:
        """Tells the order's page that there is something new."""
        order = self._found(self.door.visit(request, {}))
        if order is None:
            return Response(status_code=404)
        return self.live.respond(request, self.sales.memory.changes, about(order.order_id))

    def number(self, visit: Visit) -> Response:
        """Another physical certificate is sold instead."""
        order, number = self._found(visit), self._number(visit)
        if order is None:
            return self._unknown(visit)
        if isinstance(number, Trouble):
            return self._order(visit, order, {"number": number}, 422)
        self.sales.reserve(order.order_id, visit.attempt, number)
        return see(f"/till/orders/{order.order_id}")

    def certificate(self, visit: Visit) -> Response:
        """One more certificate pays, or the same one with the right code."""
        order, number, code = self._found(visit), self._number(visit), self._code(visit)
        if order is None:
            return self._unknown(visit)
        if isinstance(number, Trouble) or isinstance(code, Trouble):
            return self._order(visit, order, {"number": number, "code": code}, 422)
        self.sales.apply(order.order_id, visit.attempt, number, code)
        return see(f"/till/orders/{order.order_id}")

    def remove(self, visit: Visit) -> Response:
        """A certificate does not pay after all."""
        hold = visit.form.get("hold", "")
        return self._acted(
            visit, lambda order: self.sales.remove(order.order_id, visit.attempt, hold)
        )

    def pay(self, visit: Visit) -> Response:
        """The rest is paid, or the card was declined."""
        chosen = visit.form.get("tender", "")
        tender, declined = _TENDERS.get(chosen, Tender.CARD), chosen == "declined"
        return self._acted(
            visit,
            lambda order: self.sales.pay(order.order_id, visit.attempt, tender, declined=declined),
        )

    def cancel(self, visit: Visit) -> Response:
        """Nothing is bought after all."""
        return self._acted(visit, lambda order: self.sales.cancel(order.order_id, visit.attempt))

    def give_back(self, visit: Visit) -> Response:
        """All of it comes back; the cashier says how the rest is given back."""
        tender = _TENDERS.get(visit.form.get("tender", ""))
        return self._acted(
            visit, lambda order: self.sales.give_back(order.order_id, visit.attempt, tender)
        )

    @property
    def _tells_buyers(self) -> bool:
        return self.settings.gateway_secret_file is not None

    def _acted(self, visit: Visit, act: Callable[[Order], Order | None]) -> Response:
        order = self._found(visit)
        if order is None:
            return self._unknown(visit)
        act(order)
        return see(f"/till/orders/{order.order_id}")

    def _found(self, visit: Visit) -> Order | None:
        order_id = visit.params["order_id"]
        return self.sales.book.find(order_id) if is_order_id(order_id, Place.TILL) else None

    def _unknown(self, visit: Visit) -> Response:
        trouble, status = not_found(self.sales.book)
        return self.door.trouble(visit, trouble, status)

    def _begun(self, visit: Visit, line: Line, token: str | None) -> Order | Trouble:
        order_id = visit.form.get("order", "")
        if not is_order_id(order_id, Place.TILL):
            return own(OwnTrouble.FORM_TOO_OLD)
        return self.sales.begin(order_id, Place.TILL, [line], address_token=token)

    def _amount(self, visit: Visit) -> int | Trouble:
        currency = self.settings.currency
        amount = amount_of(visit.form.get("amount", ""), currency, visit.words.language)
        if isinstance(amount, Trouble):
            return amount
        most_minor = int(_MOST_UNITS * 10 ** exponent(currency))
        return amount if amount <= most_minor else own(OwnTrouble.AMOUNT_OUT_OF_RANGE)

    def _nominal(self, visit: Visit) -> int | Trouble:
        amount = self._amount(visit)
        if isinstance(amount, Trouble):
            return amount
        least, most = nominal_bounds(self.settings.currency)
        return amount if least <= amount <= most else own(OwnTrouble.AMOUNT_OUT_OF_RANGE)

    def _number(self, visit: Visit) -> str | Trouble:
        return number_of(visit.form.get("number", ""))

    def _code(self, visit: Visit) -> str | Trouble:
        return code_of(visit.form.get("code", ""))

    def _form(
        self,
        visit: Visit,
        name: str,
        wrong: Mapping[str, object] | None = None,
        status: int = 200,
        **context: Any,
    ) -> Response:
        """One of the till's forms, with what was wrong with it; a code is never shown again."""
        values = {field: text for field, text in visit.form.items() if field != "code"}
        return self.door.page(
            visit,
            name,
            status,
            values=values,
            wrong=_told_all(wrong or {}, visit),
            new_order=new_order_id(Place.TILL),
            **{"check": None, "check_trouble": None, **self._frame(), **context},
        )

    def _order(
        self,
        visit: Visit,
        order: Order,
        wrong: Mapping[str, object],
        status: int,
        *,
        confirming: bool = False,
    ) -> Response:
        return self.door.page(
            visit,
            "till_order.html",
            status,
            values={"number": visit.form.get("number", order.tried_number or "")},
            wrong=_told_all(wrong, visit),
            confirming=confirming,
            **self._frame(),
            **order_context(order, self.sales.memory, visit.words),
        )

    def _frame(self) -> dict[str, Any]:
        """What every page of the till has."""
        least, most = nominal_bounds(self.settings.currency)
        return {
            "shop_id": self.settings.shop_id,
            "currency": self.settings.currency,
            "nominals": self.settings.nominals_minor(),
            "least": least,
            "most": most,
            "tells_buyers": self._tells_buyers,
            "caught_up": self.sales.memory.caught_up and self.sales.book.caught_up,
            "latest": self.sales.book.of_place(Place.TILL, _LATEST_MAX),
        }


def _is_about(order: Order, number: str) -> bool:
    """Whether a form that begins an order may have begun this one: with this very certificate."""
    if order.attempt == FIRST_ATTEMPT:
        return True
    refused = None if order.trouble is None else order.trouble.certificate
    numbers = {
        order.sold_number,
        order.tried_number,
        *(each.certificate_id for each in order.holds),
    }
    return number in numbers or refused == last_four(number)


def _told_all(wrong: Mapping[str, object], visit: Visit) -> dict[str, Any]:
    """What is said beside each field; a field that was read well has nothing said of it."""
    return {
        name: told(each, visit.words, Place.TILL)
        for name, each in wrong.items()
        if isinstance(each, Trouble)
    }
