"""The shop and its customers beside a service on real Kafka, in a real browser.

What the pages look like, and that nothing is asked twice, is `test_shop_pages.py`'s to show, and a
certificate's whole life `test_whole_story.py`'s; here is what goes wrong or back in between.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Browser

from pipelines.local.running_broker import Broker
from tests.flow.giftcert_command import giftcert
from tests.flow.service_under_test import Service, running_service
from tests.flow.shop_browser import TILL, Screen, running_chromium, screen_on
from tests.flow.shop_process import RunningShop, running_shop

PHONE = "+7 900 123-45-67"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def own(
    chromium: Browser, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service of its own: each test leaves the store's pool, ELECTRONIC, as empty as it was."""
    prefix = f"shop-{secrets.token_hex(3)}-"
    folder = tmp_path_factory.mktemp("shop")
    with running_service(broker.bootstrap, folder, prefix) as service:
        yield service


@pytest.fixture(scope="module")
def shop(own: Service) -> Iterator[RunningShop]:
    with running_shop(own) as shop:
        yield shop


def load(service: Service, folder: Path, pool: str, *numbers: str) -> None:
    path = folder / f"{pool}-{len(numbers)}-{numbers[0]}.csv"
    path.write_text("certificateId\n" + "".join(f"{number}\n" for number in numbers))
    done = giftcert(service, "load", str(path), "--pool", pool)
    assert done.code == 0, done


def buy(store: Screen) -> None:
    store.open("/store/")
    store.fill(phone=PHONE)
    store.press("Оформить сертификат")
    store.press("Оплатить")


def test_card_of_the_shelf_is_sold_spent_and_taken_back_at_the_till(
    chromium: Browser, own: Service, shop: RunningShop, tmp_path: Path
) -> None:
    """And a number that is not free, or of the store's pool, is not sold."""
    load(own, tmp_path, "PHYSICAL", "GC-20000001", "GC-20000002")
    with screen_on(chromium, shop.url, TILL) as till:
        till.open("/till/pay")
        till.picture("till-pay")
        till.open("/till/sell")
        till.fill(number="GC-20000001", amount="3 000", phone=PHONE)
        till.picture("till-sell")
        till.press("Отложить карту")
        till.shows("Карта отложена")
        till.press("Картой")
        till.shows("Действует: им можно платить")
        receipt = till.page.locator(".receipt-id").text_content()
        assert receipt is not None

        till.open("/till/sell")
        till.fill(number="GC-20000001", amount="3 000", phone=PHONE)
        till.press("Отложить карту")
        till.shows("продать нельзя")
        till.fill(number="GC-20000002")
        till.press("Отложить карту")
        till.shows("Карта отложена")
        till.press("Отменить")
        till.shows("Отменено")

        till.open("/till/balance")
        till.fill(number="GC-20000001")
        till.press("Показать остаток")
        till.shows("3 000,00")
        till.picture("till-balance")

        till.open("/till/return")
        till.fill(receipt=receipt)
        till.press("Найти чек")
        till.press("карту")
        till.shows("Возвращён и больше не действует")
    own.settle()
    assert [event.type for event in own.events("GC-20000002")][-1] == "release"


def test_store_with_an_empty_pool_says_so_and_sells_again_once_it_is_filled(
    chromium: Browser, own: Service, shop: RunningShop, tmp_path: Path
) -> None:
    with screen_on(chromium, shop.url) as store:
        store.open("/store/")
        store.fill(phone=PHONE)
        store.press("Оформить сертификат")
        store.shows("Свободные сертификаты закончились")
        order = store.page.url
        _await_text(store, "/store/", "Электронные сертификаты сейчас закончились")
        load(own, tmp_path, "ELECTRONIC", "GC-30000001")
        store.page.goto(order)
        store.press("Попробовать ещё раз")
        store.shows("Сертификат отложен для вас")
        store.press("Отменить заказ")
        store.shows("Заказ отменён")
        # Its number is free at once, and so the next customer gets it.
        buy(store)
        store.shows("GC-30000001")


def _await_text(screen: Screen, path: str, text: str) -> None:
    """Open a page until it says something that the stream brings."""
    pause = Event()
    for _ in range(100):
        screen.open(path)
        if text in (screen.page.text_content("main") or ""):
            return
        pause.wait(0.1)
    raise AssertionError(f"{path} never said {text}")


def test_orders_are_known_again_after_a_restart(
    chromium: Browser, own: Service, shop: RunningShop, tmp_path: Path
) -> None:
    """The customer still sees the order, and the till finds the receipt: both from the topic."""
    load(own, tmp_path, "ELECTRONIC", "GC-40000001")
    with screen_on(chromium, shop.url) as store:
        buy(store)
        store.shows("Действует: им можно платить")
        order = store.page.url
        store.open("/")
        assert shop.url in shop.log(), "who starts it by hand is told where it is"
        assert shop.end() == 0, shop.log()
        shop.start()
        _await_text(store, order.removeprefix(shop.url), "GC-40000001")
        store.shows("Действует: им можно платить")
        store.page.get_by_text("Вернуть заказ").click()
        store.page.get_by_role("button", name="Вернуть", exact=True).click()
        store.shows("Возвращён и больше не действует")
