"""What a customer does in the store, as many tests need it."""

from tests.neighbours.shop.fake_edge import Card
from tests.neighbours.shop.shop_under_test import Browser, Shop

NUMBER = "GC-00000042"


def buy(browser: Browser, nominal: str = "3000", phone: str = "+7 900 123-45-67") -> None:
    """Order a certificate, up to its payment."""
    browser.open("/store/")
    browser.submit("/store/certificates", nominal=nominal, phone=phone)


def choose_goods(browser: Browser) -> None:
    """Two articles for 1,850 in all."""
    browser.open("/store/")
    browser.submit("/store/goods", **{"pieces-cups": "1", "pieces-tea": "1"})


def spendable(shop: Shop, balance_minor: int = 300_000, number: str = NUMBER) -> Card:
    card = Card(number, state="ACTIVE", balance_minor=balance_minor)
    shop.edge.add(card)
    return card


def apply(browser: Browser, number: str = NUMBER, code: str = "492039") -> None:
    browser.submit("/certificate", number=number, code=code)
