"""The people of the whole story, each before pages of the shop in a browser of their own.

Owns what they do with the pages and what they read off them; what they see wrongly stops them. What
has to come of it all is the test's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import Final

from playwright.sync_api import Browser

from tests.flow.shop_browser import TILL, Screen, screen_on

_DEADLINE_S: Final = 90.0
_AGAIN_S: Final = 0.2

_CARDS: Final = """() => Object.fromEntries([...document.querySelectorAll(".card:has(> b)")].map(
  (card) => [card.firstChild.textContent.trim(), card.querySelector("b").textContent.trim()]))"""
_ROWS: Final = """(anchor) => [...document.querySelectorAll(`#${anchor} tbody tr`)].map((row) =>
  Object.fromEntries([...row.cells].map((cell) => [cell.dataset.label, cell.innerText.trim()])))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Has the store open, and a phone at hand."""

    store: Screen
    phone: Screen

    def buys(self, phone_number: str) -> tuple[str, str]:
        """A certificate over the amount that the store offers first; its number and code."""
        store = self.store
        store.open("/store/")
        store.picture("store")
        store.fill(phone=phone_number)
        store.press("Оформить сертификат")
        store.shows("Сертификат отложен для вас")
        store.picture("store-payment")
        store.press("Оплатить")
        store.shows("Код отправлен в сообщении")
        store.picture("store-issued")
        number = text_of(store, ".big-number")
        code = text_of(self.phone, ".code-shown")
        self.phone.picture("phone")
        return number, code

    def sees_left(self, amount: str) -> None:
        """On the page of the order, which renews itself."""
        self.store.shows(f"нём сейчас {amount}")

    def spends_the_rest_on_cups(self, number: str, code: str) -> None:
        """Cups cost more than is left: the card pays what is missing."""
        store = self.store
        store.open("/store/")
        store.page.locator("#pieces-cups").fill("1")
        store.press("оформлению")
        store.fill(number=number, code=code)
        store.press("Применить")
        store.shows("Останется на нём 0 ₽")
        store.picture("store-checkout")
        store.press("Оплатить")
        store.shows("нём осталось 0 ₽")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cashier:
    """Stands at the till."""

    till: Screen

    def tries(self, amount: str, number: str, code: str) -> None:
        """Type a purchase, scan the certificate and type its code."""
        self.till.open("/till/pay")
        self.till.fill(amount=amount, number=number, code=code)
        self.till.press("Проверить")

    def corrects(self, code: str) -> None:
        """After a code that does not fit."""
        self.till.shows("Код не подходит")
        self.till.picture("till-wrong-code")
        self.till.fill(code=code)
        self.till.press("Проверить")

    def finishes(self) -> str:
        """A purchase that the certificate pays; what the receipt says is left."""
        self.till.shows("Завершить покупку")
        self.till.press("Завершить покупку")
        return self.reads_left()

    def takes_the_rest_by_card(self) -> str:
        """A purchase that costs more than there is; what the receipt says is left."""
        self.till.shows("Осталось доплатить")
        self.till.picture("till-rest")
        self.till.press("Картой")
        left = self.reads_left()
        self.till.picture("till-receipt")
        return left

    def takes_back_what_the_receipt_says(self) -> str:
        """The goods of the receipt in hand; what the receipt of their return says is left."""
        till = self.till
        receipt = text_of(till, ".receipt-id")
        till.open("/till/return")
        till.fill(receipt=receipt)
        till.press("Найти чек")
        till.picture("till-return")
        till.press("карту")
        till.shows("Возврат оформлен")
        return self.reads_left()

    def is_refused(self, sentence: str) -> None:
        """What the till says instead of taking the certificate; the customer then goes."""
        self.till.shows(sentence)
        self.till.press("Отменить")
        self.till.shows("Ничего не списано")

    def reads_left(self) -> str:
        """What is left, once the stream has confirmed it."""
        self.till.page.locator(".receipt-left strong").wait_for()
        self.till.page.locator(".with-receipt .waiting").wait_for(state="hidden")
        return text_of(self.till, ".receipt-left strong")

    def asks_for_the_balance(self, number: str) -> str:
        """What the till says of a certificate."""
        self.till.open("/till/balance")
        self.till.fill(number=number)
        self.till.press("Показать остаток")
        return text_of(self.till, ".balance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the page of BI says: its figures at the top, and the rows of its tables."""

    cards: Mapping[str, str]
    money: Sequence[Mapping[str, str]]
    months: Sequence[Mapping[str, str]]
    differences: Sequence[Mapping[str, str]]
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accountant:
    """Looks at the page of BI."""

    page: Screen

    def sees(self, holds: Callable[[Figures], bool]) -> Figures:
        """The figures once they are so; the page is asked for again and again until then."""
        deadline_s, pause = monotonic() + _DEADLINE_S, Event()
        while True:
            self.page.open("/bi/")
            figures = self._read()
            if figures.cards and holds(figures):
                return figures
            assert monotonic() < deadline_s, figures
            pause.wait(_AGAIN_S)

    def watches_until(self, label: str, figure: str) -> None:
        """Only look: the page renews itself until it has the figure."""
        card = self.page.page.locator(".card", has_text=label)
        card.get_by_text(figure, exact=True).wait_for(timeout=_DEADLINE_S * 1_000)

    def _read(self) -> Figures:
        def rows(anchor: str) -> Sequence[Mapping[str, str]]:
            found: list[dict[str, str]] = self.page.page.evaluate(_ROWS, anchor)
            return found

        return Figures(
            cards=self.page.page.evaluate(_CARDS),
            money=rows("money"),
            months=rows("months"),
            differences=rows("differences"),
            events={row["event"]: int(row["in all"].replace(",", "")) for row in rows("events")},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Everybody."""

    customer: Customer
    cashier: Cashier
    accountant: Accountant
    stream: Screen


@contextmanager
def people(chromium: Browser, url: str) -> Iterator[People]:
    """Everybody, each where the story finds them; what a browser complains of is a fault."""
    with (
        screen_on(chromium, url) as store,
        screen_on(chromium, url) as phone,
        screen_on(chromium, url, TILL) as till,
        screen_on(chromium, url) as bi,
        screen_on(chromium, url) as stream,
    ):
        phone.open("/phone/")
        stream.open("/stream/")
        yield People(
            customer=Customer(store=store, phone=phone),
            cashier=Cashier(till=till),
            accountant=Accountant(page=bi),
            stream=stream,
        )


def text_of(screen: Screen, selector: str) -> str:
    """The text of the only thing there is of that kind, once it is there, with plain spaces."""
    text = screen.page.locator(selector).text_content()
    assert text is not None
    return " ".join(text.split())
