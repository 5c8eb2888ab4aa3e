"""The till as a cashier meets it: selling, taking a certificate, balances, returns, receipts."""

import re

import pytest

from pipelines.neighbours.shop.order_records import read_order
from pipelines.neighbours.shop.orders import State
from pipelines.neighbours.shop.words import Language, words_in
from tests.neighbours.shop.fake_edge import Card, Fault, foreign_page
from tests.neighbours.shop.shop_under_test import Browser, Shop, says

NUMBER = "GC-00000042"


def scan(
    browser: Browser, amount: str = "1900", number: str = NUMBER, code: str = "492039"
) -> None:
    """A purchase, and the certificate that shall pay for it."""
    browser.open("/till/pay")
    browser.submit("/till/pay", amount=amount, number=number, code=code)


def sell(browser: Browser, number: str = NUMBER, amount: str = "3000") -> None:
    browser.open("/till/sell")
    browser.submit("/till/sell", number=number, amount=amount, phone="+7 900 123-45-67")


def spendable(shop: Shop, balance_minor: int = 100_000) -> Card:
    card = Card(NUMBER, pool="PHYSICAL", state="PARTIALLY_REDEEMED", balance_minor=balance_minor)
    shop.edge.add(card)
    return card


def plain(browser: Browser) -> str:
    """The page's text, as one reads it."""
    seen = browser.text.replace("\u00a0", " ").replace("\u2060", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", seen))


# Selling


@pytest.mark.parametrize(
    ("button", "tender", "payments"),
    [("card", "CARD", ["AUTHORIZATION", "CAPTURE"]), ("cash", "CASH", ["CAPTURE"])],
)
def test_selling_a_scanned_card_takes_that_number_and_prints_a_receipt(
    shop: Shop, browser: Browser, button: str, tender: str, payments: list[str]
) -> None:
    shop.edge.add(Card(NUMBER, pool="PHYSICAL"))
    sell(browser)
    assert shop.edge.asked[-1].url.path == f"/certificates/{NUMBER}/actions/reserve"
    assert "3,000.00" in plain(browser)

    browser.submit("/pay", tender=button)
    order = shop.topics.orders()[-1]
    assert (order["status"], order["channel"], order["storeId"]) == ("COMPLETED", "POS", "shop-1")
    assert order["clientId"] is None
    assert [each["type"] for each in shop.topics.payments()] == payments
    assert {each["tender"] for each in shop.topics.payments()} == {tender}
    assert 'class="receipt"' in browser.text
    assert "Gift certificate …0042" in plain(browser)
    assert NUMBER not in browser.text


def test_selling_a_number_that_is_not_free_asks_for_another_card(
    shop: Shop, browser: Browser
) -> None:
    spendable(shop)
    shop.edge.add(Card("GC-00000043", pool="PHYSICAL"))
    sell(browser)
    assert says(browser, "not-available", "till")
    browser.submit("/number", number="GC-00000043")
    assert shop.order().sold_number == "GC-00000043"
    browser.submit("/pay", tender="cash")
    assert shop.order().state is State.PAID


def test_cancelled_sale_frees_the_card(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER, pool="PHYSICAL"))
    sell(browser)
    browser.submit("/cancel")
    assert shop.edge.cards[NUMBER].state == "AVAILABLE"
    assert shop.order().state is State.CANCELLED


def test_sale_whose_reservation_lapsed_takes_the_same_card_again(
    shop: Shop, browser: Browser
) -> None:
    shop.edge.add(Card(NUMBER, pool="PHYSICAL"))
    sell(browser)
    shop.clock.now_ms += 31 * 60 * 1_000
    shop.edge.cards[NUMBER].state = "AVAILABLE"
    shop.edge.reserved_until = "2026-03-01T11:30:00.000Z"
    browser.submit("/pay", tender="card")
    assert shop.order().state is State.PAID
    assert shop.order().sold_number == NUMBER


# Taking a certificate


def test_certificate_pays_a_part_and_the_card_the_rest(shop: Shop, browser: Browser) -> None:
    """The receipt says what is left, which is what the customer wants to know."""
    spendable(shop)
    scan(browser)
    assert "Left to pay 900.00" in plain(browser).replace("RUB", "")
    browser.submit("/pay", tender="card")

    order = shop.topics.orders()[-1]
    assert (order["status"], order["version"]) == ("COMPLETED", 1)
    redemption, rest = shop.topics.payments()
    assert (redemption["tender"], redemption["certificateOperation"]) == (
        "GIFT_CERTIFICATE",
        "REDEMPTION",
    )
    assert rest["tender"] == "CARD"
    assert "Left on certificate …0042 RUB0.00" in plain(browser)
    assert f'aria-label="{shop.order().order_id}"' in browser.text
    assert "data-prints" in browser.text


def test_certificate_that_covers_all_leaves_one_button(shop: Shop, browser: Browser) -> None:
    spendable(shop, 500_000)
    scan(browser)
    assert "Finish the purchase" in browser.text
    browser.submit("/pay", tender="card")
    assert [each["tender"] for each in shop.topics.payments()] == ["GIFT_CERTIFICATE"]
    assert "Left on certificate …0042 RUB3,100.00" in plain(browser)


def test_receipt_before_the_stream_has_spoken_shows_what_the_hold_promised(
    shop: Shop, browser: Browser
) -> None:
    spendable(shop, 500_000)
    shop.topics.silent = True
    scan(browser)
    browser.submit("/pay", tender="card")
    assert "Left on certificate …0042 RUB3,100.00" in plain(browser)
    assert "Waiting for the service to confirm" in browser.text
    assert "data-live=" in browser.text

    shop.topics.answer(shop.topics.orders()[-1])
    browser.open(browser.path)
    assert "Waiting for the service" not in browser.text


def test_declined_card_keeps_what_the_certificate_set_aside(shop: Shop, browser: Browser) -> None:
    card = spendable(shop)
    scan(browser)
    browser.submit("/pay", tender="declined")
    assert says(browser, "card-declined", "till")
    assert shop.topics.written == []
    browser.submit("/pay", tender="cash")
    assert [each["tender"] for each in shop.topics.payments()] == ["GIFT_CERTIFICATE", "CASH"]
    assert card.balance_minor == 0


def test_cancelled_purchase_gives_back_what_was_set_aside(shop: Shop, browser: Browser) -> None:
    card = spendable(shop)
    scan(browser)
    assert card.held
    browser.submit("/cancel")
    assert not card.held
    assert shop.topics.written == []


def test_purchase_is_cancelled_even_while_the_service_is_away(shop: Shop, browser: Browser) -> None:
    """What cannot be given back now ends by itself."""
    spendable(shop)
    scan(browser)
    shop.edge.faults = [Fault(503, "stopping")] * 3
    browser.submit("/cancel")
    assert shop.order().state is State.CANCELLED


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (402, "insufficient-balance"),
        (403, "wrong-cvc"),
        (403, "channel-forbidden"),
        (404, "not-found"),
        (409, "not-active"),
        (409, "currency-mismatch"),
        (422, "invalid-request"),
        (423, "locked"),
        (429, "too-many-requests"),
        (500, "internal-error"),
        (503, "moving"),
        (503, "overloaded"),
        (503, "stopping"),
        (503, "keys-unavailable"),
        (503, "code-key-missing"),
        (504, "no-answer"),
        (418, "brand-new"),
    ],
)
def test_every_refusal_of_a_certificate_is_told_to_the_cashier(
    shop: Shop, language: str, status: int, problem: str
) -> None:
    spendable(shop)
    browser = shop.browser(language)
    shop.edge.faults = [Fault(status, problem)] * 3
    scan(browser)
    assert browser.page.status_code == 200
    assert says(browser, problem, "till")
    assert problem in browser.text, "the name that a help desk asks for"
    assert shop.order().holds == ()


@pytest.mark.parametrize(
    ("status", "problem"),
    [(200, "not-understood"), (201, "not-understood"), (404, "not-understood"), (502, "busy")],
)
def test_answer_that_is_no_answer_is_told(
    shop: Shop, browser: Browser, status: int, problem: str
) -> None:
    spendable(shop)
    shop.edge.faults = [foreign_page(status)] * 3
    scan(browser)
    assert says(browser, problem, "till")


def test_entries_that_cannot_be_read_are_said_beside_their_fields(
    shop: Shop, browser: Browser
) -> None:
    browser.open("/till/pay")
    browser.submit("/till/pay", amount="much", number="??", code="12")
    assert browser.page.status_code == 422
    for problem in ("amount-wrong", "number-wrong", "code-wrong-form"):
        assert says(browser, problem, "till")
    assert browser.text.count('aria-invalid="true"') == 3
    assert 'value="much"' in browser.text
    assert 'value="12"' not in browser.text
    assert shop.edge.asked == []


# Balances


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("ACTIVE", "Nothing was taken from it so far"),
        ("PARTIALLY_REDEEMED", "A part of it is used"),
        ("REDEEMED", "spent in full"),
        ("ANNULLED", "ended for good"),
        ("AVAILABLE", "has not been sold yet"),
        ("SOMETHING_NEW", "does not know the state"),
    ],
)
def test_balance_is_shown_with_what_it_means(
    shop: Shop, browser: Browser, state: str, sentence: str
) -> None:
    spendable(shop).state = state
    browser.open("/till/balance")
    browser.submit("/till/balance", number=NUMBER)
    assert sentence in plain(browser)
    assert NUMBER not in browser.text
    asked = len(shop.edge.asked)
    browser.open(browser.path)
    assert len(shop.edge.asked) == asked, "a reload asks nothing again"


def test_balance_of_a_locked_certificate_with_money_set_aside_says_both(
    shop: Shop, browser: Browser
) -> None:
    card = spendable(shop)
    card.locked, card.held = True, {"h": 40_000}
    browser.open("/till/balance")
    browser.submit("/till/balance", number=NUMBER)
    assert "RUB600.00" in plain(browser)
    assert "Another RUB400.00 is set aside" in plain(browser)
    assert "The certificate is locked" in plain(browser)


def test_balance_of_an_unknown_number_is_told(shop: Shop, browser: Browser) -> None:
    browser.open("/till/balance")
    browser.submit("/till/balance", number=NUMBER)
    assert says(browser, "not-found", "till")


def test_balance_that_is_forgotten_leads_back_to_the_form(browser: Browser) -> None:
    browser.open("/till/balance/gone")
    assert browser.path == "/till/balance"


# Returns


def returned(shop: Shop, browser: Browser, tender: str) -> None:
    order_id = shop.order().order_id
    browser.open("/till/return")
    browser.submit("/till/return", receipt=f" {order_id.lower()} ")
    assert browser.path == f"/till/orders/{order_id}/return"
    browser.submit("/return", tender=tender)


def test_returned_goods_go_back_the_way_they_were_paid(shop: Shop, browser: Browser) -> None:
    card = spendable(shop)
    scan(browser)
    browser.submit("/pay", tender="card")
    returned(shop, browser, "cash")
    order = shop.topics.orders()[-1]
    assert (order["status"], order["version"]) == ("RETURNED", 2)
    onto, rest = shop.topics.payments()[-2:]
    assert (onto["type"], onto["tender"], onto["certificateId"]) == (
        "REFUND",
        "GIFT_CERTIFICATE",
        NUMBER,
    )
    assert (rest["type"], rest["tender"], rest["certificateId"]) == ("REFUND", "CASH", None)
    assert card.balance_minor == 100_000
    assert "Receipt of a return" in plain(browser)
    assert "Left on certificate …0042 RUB1,000.00" in plain(browser)


def test_returned_certificate_ends(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER, pool="PHYSICAL"))
    sell(browser)
    browser.submit("/pay", tender="cash")
    returned(shop, browser, "cash")
    refund = shop.topics.payments()[-1]
    assert (refund["tender"], refund["certificateOperation"]) == ("CASH", "REFUND")
    assert shop.edge.cards[NUMBER].state == "ANNULLED"


def test_return_of_an_order_that_was_restored_from_its_topic(shop: Shop, browser: Browser) -> None:
    """Payments have the ids that follow from the order: the refund names what it gives back."""
    spendable(shop)
    scan(browser)
    browser.submit("/pay", tender="card")
    paid_ids = {each["paymentId"] for each in shop.topics.payments()}
    shop.forget()
    order = read_order(shop.topics.orders()[-1])
    assert order is not None
    shop.sales.book.restore(order)
    returned(shop, browser, "card")
    refunds = shop.topics.payments()[-2:]
    assert {each["originalPaymentId"] for each in refunds} == paid_ids


def test_receipt_from_before_a_restart_claims_no_tender(shop: Shop, browser: Browser) -> None:
    """How the rest was paid is on the payments' topic only: cash must not be called a card."""
    spendable(shop)
    scan(browser)
    browser.submit("/pay", tender="cash")
    path = browser.path
    assert "In cash" in browser.text
    shop.forget()
    order = read_order(shop.topics.orders()[-1])
    assert order is not None
    shop.sales.book.restore(order)
    assert "By card or in cash" in browser.open(path).text


def test_receipt_is_not_denied_while_orders_are_still_read(shop: Shop, browser: Browser) -> None:
    shop.sales.book.note_caught_up(False)
    browser.open("/till/return")
    browser.submit("/till/return", receipt="T-0000000000")
    assert browser.page.status_code == 503
    assert says(browser, "still-reading", "till")
    browser.open("/till/orders/T-0000000000")
    assert says(browser, "still-reading", "till")


@pytest.mark.parametrize("receipt", ["T-0000000000", "W-0000000000", "nonsense", ""])
def test_receipt_that_nobody_knows_is_told(browser: Browser, receipt: str) -> None:
    browser.open("/till/return")
    browser.submit("/till/return", receipt=receipt)
    assert browser.page.status_code == 404
    assert says(browser, "order-unknown", "till")


def test_return_of_an_order_that_was_not_paid_is_refused(shop: Shop, browser: Browser) -> None:
    spendable(shop)
    scan(browser)
    order_id = shop.order().order_id
    browser.open("/till/return")
    browser.submit("/till/return", receipt=order_id)
    assert says(browser, "order-not-paid", "till")
    assert browser.open(f"/till/orders/{order_id}/return").url.path == f"/till/orders/{order_id}"


def test_return_sent_twice_is_told_once(shop: Shop, browser: Browser) -> None:
    spendable(shop)
    scan(browser)
    browser.submit("/pay", tender="card")
    browser.open(f"/till/orders/{shop.order().order_id}/return")
    form = browser.form("/return")
    browser.send(form, tender="card")
    browser.send(form, tender="cash")
    assert [each["version"] for each in shop.topics.orders()] == [1, 2]


def test_second_card_in_a_form_that_sold_another_is_turned_away(
    shop: Shop, browser: Browser
) -> None:
    """The cashier must not take the second card for sold; the same card again is a double click."""
    shop.edge.add(Card(NUMBER, pool="PHYSICAL"), Card("GC-00000043", pool="PHYSICAL"))
    browser.open("/till/sell")
    form = browser.form("/till/sell")
    typed = {"amount": "3000", "phone": "+7 900 123-45-67"}
    browser.send(form, **typed, number=NUMBER)
    order_path = browser.path
    browser.send(form, **typed, number="GC-00000043")
    assert browser.page.status_code == 409
    assert says(browser, "form-too-old", "till")
    browser.send(form, **typed, number=NUMBER)
    assert browser.path == order_path
    assert shop.order().sold_number == NUMBER


def test_another_certificate_in_a_form_that_was_sent_is_turned_away(
    shop: Shop, browser: Browser
) -> None:
    spendable(shop)
    browser.open("/till/pay")
    form = browser.form("/till/pay")
    typed = {"amount": "1900", "code": "000000"}
    for _ in range(2):
        browser.send(form, **typed, number=NUMBER)
        assert says(browser, "wrong-cvc", "till")
    browser.send(form, **typed, number="GC-00000043")
    assert browser.page.status_code == 409
    assert len(shop.edge.keys()) == 1


@pytest.mark.parametrize(
    ("press", "stage"), [("/cancel", "cancelled"), ("/pay", "paid"), ("/return", "returned")]
)
def test_what_kafka_has_not_taken_is_told_for_what_it_is(
    shop: Shop, browser: Browser, press: str, stage: str
) -> None:
    """Money was taken, or not, or goes back: the cashier must not read the wrong one."""
    shop.edge.add(Card(NUMBER, pool="PHYSICAL"))
    sell(browser)
    if press == "/return":
        browser.submit("/pay", tender="cash")
        browser.open(f"{browser.path}/return")
    shop.topics.down = 1
    browser.submit(press)
    words = words_in(Language.ENGLISH)
    assert words(f"till.stage_recording_{stage}") in plain(browser)
    assert words(f"till.recording_{stage}_text") in plain(browser)
    shop.sales.tell_untold()
    browser.open(f"/till/orders/{shop.order().order_id}")
    assert words(f"till.stage_{stage}") in plain(browser)


# The till itself


def test_latest_operations_are_beside_every_form(shop: Shop, browser: Browser) -> None:
    spendable(shop)
    scan(browser)
    browser.submit("/pay", tender="card")
    for tab in ("pay", "sell", "balance", "return"):
        assert shop.order().order_id in browser.open(f"/till/{tab}").text


def test_till_says_when_it_is_behind_the_stream(shop: Shop, browser: Browser) -> None:
    shop.memory.note_caught_up(False)
    assert "catching up" in browser.open("/till/pay").text


def test_purchase_without_a_certificate_is_an_ordinary_one(shop: Shop, browser: Browser) -> None:
    """The certificate was refused, and the customer paid by card."""
    spendable(shop).locked = True
    scan(browser)
    browser.submit("/pay", tender="card")
    order = shop.topics.orders()[-1]
    assert order["certificateTenders"] == []
    assert shop.order().state is State.PAID
    assert 'class="receipt"' in browser.text
