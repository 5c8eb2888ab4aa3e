"""The shop's pages in a real browser, on a small service in memory: what hands and eyes meet.

Whether the shop and the service understand each other is `test_shop.py`'s to show.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from pipelines.neighbours.shop.app import create_shop
from pipelines.neighbours.shop.orders import State
from pipelines.neighbours.shop.serving import ShopServer
from tests.flow.shop_browser import DESK, PHONE, TILL, Screen, running_chromium, screen_on
from tests.neighbours.shop.fake_edge import Card, Fault
from tests.neighbours.shop.fake_topics import seen
from tests.neighbours.shop.shop_under_test import Shop, shop_in

NUMBER = "GC-70000042"
SIZES = pytest.mark.parametrize("size", [PHONE, TILL, DESK], ids=["phone", "till", "desk"])
_STOP_S = 30.0


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@dataclass
class Served:
    """A shop that listens."""

    shop: Shop
    url: str


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = ShopServer("127.0.0.1", 0)
    port = server.port
    told = {"port": port, "time_zone": "Europe/Moscow", "bi_page": tmp_path / "bi"}
    with shop_in(tmp_path, **told) as shop:
        app = create_shop(shop.parts)

        def close() -> None:
            shop.memory.close()
            shop.parts.box.arrivals.close()

        thread = threading.Thread(target=server.run, args=(app, close))
        thread.start()
        try:
            yield Served(shop=shop, url=f"http://127.0.0.1:{port}")
        finally:
            server.stop()
            thread.join(_STOP_S)
            server.close()
    assert not thread.is_alive()


@pytest.fixture
def screen(chromium: Browser, served: Served) -> Iterator[Screen]:
    with screen_on(chromium, served.url) as opened:
        yield opened


def spendable(served: Served, balance_minor: int = 100_000) -> Card:
    card = Card(NUMBER, pool="PHYSICAL", state="ACTIVE", balance_minor=balance_minor)
    served.shop.edge.add(card)
    return card


def scan(screen: Screen, code: str = "492039") -> None:
    screen.open("/till/pay")
    screen.fill(amount="1 900", number=NUMBER, code=code)
    screen.press("Проверить")


# Sizes


@SIZES
@pytest.mark.parametrize("language", ["ru-RU", "en-GB"])
def test_every_page_fits_and_can_be_read(
    chromium: Browser, served: Served, size: tuple[int, int], language: str
) -> None:
    served.shop.memory.take(
        seen(
            "redeem.partial",
            certificate_id=NUMBER,
            channel="POS",
            amount_minor=-100_000,
            remaining_minor=5_000_000,
            status="PARTIALLY_REDEEMED",
            at_ms=1_772_359_200_000,
        )
    )
    served.shop.parts.box.put("1", "+79001234567", "Код 492039 " * 9, 1_772_359_200_000)
    with screen_on(chromium, served.url, size, language) as screen:
        for path in (
            "/",
            "/store/",
            "/store/orders",
            "/till/pay",
            "/till/sell",
            "/till/balance",
            "/till/return",
            "/phone/",
            "/stream/",
            "/bi/",
            "/nowhere",
        ):
            screen.open(path)
            screen.looks_right()


@SIZES
def test_every_stage_of_an_order_fits_and_can_be_read(
    chromium: Browser, served: Served, size: tuple[int, int]
) -> None:
    """With long amounts, an error, a receipt, and an order that Kafka has not taken."""
    served.shop.edge.add(Card("GC-90000001"), Card("GC-90000002", pool="PHYSICAL"))
    card = spendable(served, 9_000_000)
    with screen_on(chromium, served.url, size) as screen:
        screen.open("/store/")
        screen.page.locator("input[name=nominal][value=own]").check(force=True)
        screen.fill(amount="99999,99", phone="+7 900 123-45-67")
        screen.press("Оформить сертификат")
        screen.looks_right_with("Сертификат отложен для вас")
        screen.press("Оплатить")
        screen.looks_right_with("Спасибо, заказ оплачен")
        screen.open("/store/orders")
        screen.looks_right_with("Оплачен")
        screen.open("/till/pay")
        screen.fill(amount="99 999,99", number=NUMBER, code="000000")
        screen.press("Проверить")
        screen.looks_right_with("Код не подходит")
        screen.fill(code="492039")
        screen.press("Проверить")
        screen.looks_right_with("Останется на нём")
        screen.press("Картой")
        screen.looks_right_with("Напечатать чек")
        if size == PHONE:
            screen.picture("till-320", whole=True)
        screen.press("Вернуть эту покупку")
        screen.looks_right_with("Вернуть покупку?")
        screen.open("/till/balance")
        card.locked = True
        screen.fill(number=NUMBER)
        screen.press("Показать остаток")
        screen.looks_right_with("заблокирован")
        screen.open("/till/sell")
        screen.fill(number="GC-90000002", amount="3000", phone="9001234567")
        screen.press("Отложить карту")
        screen.looks_right_with("Карта отложена")
        served.shop.topics.down = 1
        screen.press("Отменить")
        screen.looks_right_with("Отмена записывается")


@SIZES
def test_every_wrong_entry_fits_and_can_be_read(
    chromium: Browser, served: Served, size: tuple[int, int]
) -> None:
    with screen_on(chromium, served.url, size) as screen:
        screen.open("/till/pay")
        screen.fill(amount="много", number="№", code="x")
        screen.press("Проверить")
        screen.looks_right_with("Сумма не читается")
        screen.open("/till/return")
        screen.fill(receipt="T-0000000000")
        screen.press("Найти чек")
        screen.looks_right_with("Такого заказа здесь нет")
        screen.open("/store/")
        screen.fill(phone="позвоните")
        screen.press("Оформить сертификат")
        screen.looks_right_with("Телефон не читается")


# Keys only


def test_certificate_is_taken_at_the_till_with_keys_and_a_scanner_alone(
    served: Served, screen: Screen
) -> None:
    """A scanner types and ends with Enter; nobody touches a mouse, or Tab."""
    spendable(served)
    screen.resize(TILL)
    screen.open("/till/sell")
    screen.type("F1")
    screen.shows("Оплата сертификатом")
    screen.type("1900", "Enter", NUMBER, "Enter", "492039", "Enter")
    screen.shows("Осталось доплатить")
    assert "Картой" in screen.focused
    screen.settles()
    screen.type("Enter")
    screen.shows("Остаток на сертификате")
    assert served.shop.order().state is State.PAID
    assert "Напечатать" in screen.focused


def test_wrong_code_is_typed_again_where_the_focus_is(served: Served, screen: Screen) -> None:
    """The number does not have to be scanned again."""
    spendable(served)
    screen.open("/till/pay")
    screen.type("500", "Enter", NUMBER, "Enter", "000000", "Enter")
    screen.shows("Код не подходит")
    assert screen.focused == "code"
    screen.type("492039", "Enter")
    screen.shows("Завершить покупку")
    assert served.shop.order().holds


def test_certificate_is_bought_in_the_store_with_keys_alone(served: Served, screen: Screen) -> None:
    served.shop.edge.add(Card("GC-90000001"))
    screen.open("/store/")
    screen.type("Tab")
    assert screen.focused.endswith("содержанию")
    screen.type("Enter")
    for _ in range(8):
        screen.type("Tab")
        if screen.focused == "nominal":
            break
    screen.page.keyboard.press("ArrowRight")
    screen.type("Tab")
    assert screen.focused == "phone"
    screen.type("+7 900 123-45-67", "Enter")
    screen.shows("Сертификат отложен для вас")
    for _ in range(20):
        screen.type("Tab")
        if screen.focused.startswith("Оплатить"):
            break
    screen.type("Enter")
    screen.shows("Спасибо, заказ оплачен")
    assert served.shop.order().total_minor == 500_000


def test_focus_can_be_seen_on_everything_that_takes_it(served: Served, screen: Screen) -> None:
    for path in ("/store/", "/till/sell"):
        screen.open(path)
        for _ in range(25):
            screen.type("Tab")
            outlined: bool = screen.page.evaluate(
                """() => {
                  const at = document.activeElement;
                  const near = [at, at.nextElementSibling].filter(Boolean);
                  return at === document.body ||
                    near.some((each) => getComputedStyle(each).outlineStyle === "solid");
                }"""
            )
            assert outlined, screen.focused


# Once


def test_impatient_double_click_asks_once(served: Served, screen: Screen) -> None:
    spendable(served)
    screen.open("/till/pay")
    screen.fill(amount="500", number=NUMBER, code="000000")
    screen.page.get_by_role("button", name="Проверить").dblclick()
    screen.shows("Код не подходит")
    assert len(served.shop.edge.keys()) == 1


def test_reload_and_back_repeat_nothing(served: Served, screen: Screen) -> None:
    spendable(served)
    scan(screen)
    screen.press("Картой")
    screen.shows("Готово")
    screen.page.reload()
    screen.shows("Готово")
    screen.page.go_back()
    screen.page.go_back()
    assert len(served.shop.topics.orders()) == 1
    assert len(served.shop.edge.keys()) == 1


def test_service_that_was_away_is_asked_again_by_the_same_button(
    served: Served, screen: Screen
) -> None:
    spendable(served)
    served.shop.edge.faults = [Fault(504, "no-answer", done=True)] * 3
    scan(screen)
    screen.shows("возможно, он уже всё сделал")
    screen.fill(code="492039")
    screen.press("Проверить")
    screen.shows("Осталось доплатить")
    assert len(set(served.shop.edge.keys())) == 1


# Live


def test_page_renews_itself_when_the_stream_speaks(served: Served, screen: Screen) -> None:
    """Nobody reloads; what changed is said aloud."""
    spendable(served)
    served.shop.topics.silent = True
    scan(screen)
    screen.press("Картой")
    screen.shows("Ждём подтверждения")
    served.shop.topics.answer(served.shop.topics.orders()[-1])
    screen.page.locator(".with-receipt .waiting").wait_for(state="hidden")
    screen.page.locator("#said").filter(has_text="Готово").wait_for(state="attached")


def test_order_that_kafka_took_late_shows_its_receipt_by_itself(
    served: Served, screen: Screen
) -> None:
    spendable(served)
    served.shop.topics.down = 1
    scan(screen)
    screen.press("Картой")
    screen.shows("Покупка записывается")
    served.shop.sales.tell_untold()
    screen.shows("Остаток на сертификате")


def test_phone_rings_while_one_looks_at_it(served: Served, screen: Screen) -> None:
    screen.open("/phone/")
    screen.shows("Сообщений пока нет")
    served.shop.parts.box.put("1", "+79001234567", "Код <b>492039</b>", 1_772_359_200_000)
    screen.shows("492039")
    assert screen.page.locator(".bubble b").count() == 0
    assert screen.page.get_by_text("Сообщений пока нет").is_hidden()


def test_stream_grows_and_can_be_stopped(served: Served, screen: Screen) -> None:
    screen.open("/stream/")
    screen.page.locator(".live-sign.on").wait_for()
    served.shop.memory.take(seen("issue", certificate_id="GC-1111", at_ms=1_772_359_200_000))
    screen.shows("…1111")
    screen.press("Остановить")
    served.shop.memory.take(seen("lock", certificate_id="GC-2222", at_ms=1_772_359_200_000))
    served.shop.memory.take(seen("unlock", certificate_id="GC-3333", at_ms=1_772_359_200_000))
    screen.press("Продолжить")
    screen.shows("…3333")
    first = screen.page.locator("tbody tr").first.text_content()
    assert first is not None
    assert "3333" in first


def test_page_that_nobody_sees_gives_its_connection_up_and_misses_nothing(
    served: Served, screen: Screen
) -> None:
    """A browser has six connections to one host: the seventh tab would hang."""
    screen.open("/stream/")
    screen.page.locator(".live-sign.on").wait_for()
    screen.hide(hidden=True)
    screen.page.locator(".live-sign:not(.on)").wait_for()
    served.shop.memory.take(seen("issue", certificate_id="GC-1111", at_ms=1_772_359_200_000))
    screen.hide(hidden=False)
    screen.shows("…1111")
    assert screen.page.locator("tbody tr").count() == 1


def test_receipt_prints_alone(served: Served, screen: Screen) -> None:
    spendable(served)
    scan(screen)
    screen.press("Картой")
    screen.shows("Остаток на сертификате")
    screen.page.emulate_media(media="print")
    assert screen.page.locator(".receipt").is_visible()
    for hidden in ("header", ".side", "[data-prints]", "h1"):
        assert screen.page.locator(hidden).first.is_hidden(), hidden


def test_pages_work_without_any_script(chromium: Browser, served: Served) -> None:
    """Slower, and all there."""
    spendable(served)
    context = chromium.new_context(java_script_enabled=False, locale="ru-RU")
    try:
        page = context.new_page()
        page.goto(f"{served.url}/till/pay")
        for name, text in {"amount": "1900", "number": NUMBER, "code": "492039"}.items():
            page.locator(f"input[name={name}]").fill(text)
        page.get_by_role("button", name="Проверить").click()
        page.get_by_role("button", name="Картой").click()
        page.get_by_text("Остаток на сертификате").wait_for()
    finally:
        context.close()
    assert served.shop.order().state is State.PAID
