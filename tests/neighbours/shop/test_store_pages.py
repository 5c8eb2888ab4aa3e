"""The store as a customer meets it: buying a certificate, paying with one, and what goes wrong."""

import pytest

from pipelines.neighbours.shop.order_records import read_order
from pipelines.neighbours.shop.orders import State
from pipelines.neighbours.shop.words import Language, words_in
from tests.neighbours.shop.customer import NUMBER, apply, buy, choose_goods, spendable
from tests.neighbours.shop.fake_edge import Card
from tests.neighbours.shop.fake_topics import seen
from tests.neighbours.shop.shop_under_test import Browser, Shop, says

# Buying a certificate


def test_buying_a_certificate_reserves_a_number_and_waits_for_payment(
    shop: Shop, browser: Browser
) -> None:
    """The order is on its topic as a draft, with a token in place of the phone number."""
    shop.edge.add(Card(NUMBER))
    buy(browser)

    order = shop.order()
    assert browser.path == f"/store/orders/{order.order_id}"
    assert order.sold_number == NUMBER
    assert "3,000 RUB" in browser.text.replace("\u00a0", " ")
    (draft,) = shop.topics.orders()
    assert (draft["status"], draft["version"]) == ("CREATED", 1)
    token = draft["notification"]["addressToken"]
    assert shop.parts.directory.address_of(token) == "+79001234567"
    assert "900" not in str(shop.topics.written)


def test_paying_for_a_certificate_tells_order_and_payments_and_shows_it_issued(
    shop: Shop, browser: Browser
) -> None:
    shop.edge.add(Card(NUMBER))
    buy(browser)
    browser.submit("/pay")

    confirmed = shop.topics.orders()[-1]
    assert (confirmed["status"], confirmed["version"]) == ("CONFIRMED", 2)
    assert [(each["type"], each["status"]) for each in shop.topics.payments()] == [
        ("AUTHORIZATION", "SUCCEEDED"),
        ("CAPTURE", "SUCCEEDED"),
    ]
    assert NUMBER in browser.text
    assert "Active: it can be spent" in browser.text
    assert "Sending the code" in browser.text


def test_own_amount_is_the_certificate_s_value(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER))
    browser.open("/store/")
    browser.submit("/store/certificates", nominal="own", amount="1,234.50", phone="9001234567")
    assert shop.order().total_minor == 123_450


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"nominal": "own", "amount": "a lot"}, "amount-wrong"),
        ({"nominal": "own", "amount": "99"}, "amount-out-of-range"),
        ({"nominal": "own", "amount": "100001"}, "amount-out-of-range"),
        ({"nominal": ""}, "amount-wrong"),
        ({"nominal": "3000", "phone": "call me"}, "phone-wrong"),
    ],
)
def test_order_form_with_a_wrong_entry_says_so_beside_it_and_asks_nothing(
    shop: Shop, browser: Browser, fields: dict[str, str], problem: str
) -> None:
    browser.open("/store/")
    browser.submit("/store/certificates", **{"phone": "+7 900 123-45-67", **fields})
    assert browser.page.status_code == 422
    assert says(browser, problem)
    assert shop.edge.asked == []


def test_declined_card_leaves_the_order_to_be_paid_again(shop: Shop, browser: Browser) -> None:
    """The failed payment is told; the number stays set aside, and a good card buys it."""
    shop.edge.add(Card(NUMBER))
    buy(browser)
    browser.submit("/pay", card="declined")
    assert says(browser, "card-declined")
    assert [each["status"] for each in shop.topics.payments()] == ["FAILED"]

    browser.submit("/pay", card="good")
    assert shop.order().state is State.PAID
    assert "card-declined" not in browser.text


def test_empty_pool_is_told_and_a_later_try_gets_a_number(shop: Shop, browser: Browser) -> None:
    """The refusal belongs to its key: the next try has another."""
    buy(browser)
    assert says(browser, "pool-empty")
    assert shop.topics.written == []

    shop.edge.add(Card(NUMBER))
    browser.submit("/number")
    assert shop.order().sold_number == NUMBER
    assert len(set(shop.edge.keys())) == 2


def test_sold_out_pool_is_told_before_anybody_orders(shop: Shop, browser: Browser) -> None:
    sold_out = words_in(Language.ENGLISH)("store.sold_out")
    assert sold_out not in browser.open("/store/").text
    shop.memory.take(seen("issue.blocked", key="ELECTRONIC"))
    assert sold_out in browser.open("/store/").text
    shop.memory.take(seen("load", pool="ELECTRONIC"))
    assert sold_out not in browser.open("/store/").text


def test_cancelled_order_frees_its_number_at_once(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER))
    buy(browser)
    browser.submit("/cancel")
    assert [each["status"] for each in shop.topics.orders()] == ["CREATED", "CANCELLED"]
    assert shop.edge.cards[NUMBER].state == "AVAILABLE"
    assert "cancelled" in browser.text


def test_order_whose_number_lapsed_gets_another_when_it_is_paid(
    shop: Shop, browser: Browser
) -> None:
    shop.edge.add(Card(NUMBER), Card("GC-00000043"))
    buy(browser)
    shop.clock.now_ms += 31 * 60 * 1_000
    browser.submit("/pay")
    assert shop.order().state is State.PAID
    assert shop.topics.orders()[-1]["lines"][0]["certificateId"] == "GC-00000043"
    versions = [each["version"] for each in shop.topics.orders()]
    assert versions == sorted(set(versions))


def test_returned_certificate_gives_its_money_back_and_ends(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER))
    buy(browser)
    browser.submit("/pay")
    browser.submit("/return")
    assert shop.topics.orders()[-1]["status"] == "RETURNED"
    refund = shop.topics.payments()[-1]
    assert (refund["type"], refund["tender"]) == ("REFUND", "CARD")
    assert refund["certificateId"] == NUMBER
    assert "Returned; it has ended" in browser.text


# Paying with a certificate


def test_applied_certificate_pays_a_part_and_shows_what_will_be_left(
    shop: Shop, browser: Browser
) -> None:
    spendable(shop, balance_minor=100_000)
    choose_goods(browser)
    apply(browser)
    text = browser.text.replace("\u00a0", " ")
    assert "pays 1,000 RUB" in text
    assert "0 RUB will be left on it" in text
    assert shop.order().rest_minor == 85_000

    browser.submit("/pay")
    order = shop.topics.orders()[-1]
    assert order["certificateTenders"][0]["certificateId"] == NUMBER
    payments = shop.topics.payments()
    assert [each["tender"] for each in payments] == ["GIFT_CERTIFICATE", "CARD"]
    assert payments[0]["authorizationId"] == shop.order().holds[0].authorization_id
    assert "paid 1,000 RUB" in browser.text.replace("\u00a0", " ")


def test_certificate_that_covers_all_needs_no_card(shop: Shop, browser: Browser) -> None:
    spendable(shop)
    choose_goods(browser)
    apply(browser)
    assert "4242" not in browser.text
    browser.submit("/pay")
    assert [each["tender"] for each in shop.topics.payments()] == ["GIFT_CERTIFICATE"]
    assert "1,150 RUB left on it" in browser.text.replace("\u00a0", " ")


def test_removed_certificate_gets_its_money_back(shop: Shop, browser: Browser) -> None:
    card = spendable(shop)
    choose_goods(browser)
    apply(browser)
    assert card.held
    browser.submit("/remove")
    assert not card.held
    assert shop.order().holds == ()


def test_two_certificates_pay_one_order(shop: Shop, browser: Browser) -> None:
    spendable(shop, 100_000)
    spendable(shop, 50_000, "GC-00000043")
    choose_goods(browser)
    apply(browser)
    apply(browser, "GC-00000043")
    assert shop.order().rest_minor == 35_000
    browser.submit("/pay")
    assert len(shop.topics.orders()[-1]["certificateTenders"]) == 2


REFUSED = [
    ("wrong code", lambda card: setattr(card, "code", "111111"), "wrong-cvc"),
    ("locked", lambda card: setattr(card, "locked", True), "locked"),
    ("empty", lambda card: setattr(card, "balance_minor", 0), "insufficient-balance"),
    ("not paid yet", lambda card: setattr(card, "state", "ISSUED"), "not-active"),
    ("other currency", lambda card: setattr(card, "currency", "EUR"), "currency-mismatch"),
    ("unknown", lambda card: setattr(card, "number", "gone"), "not-found"),
]


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(
    ("change", "problem"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_certificate_that_is_refused_is_told_why_in_the_customer_s_language(
    shop: Shop, language: str, change: object, problem: str
) -> None:
    card = spendable(shop)
    assert callable(change)
    change(card)
    shop.edge.cards = {card.number: card}
    browser = shop.browser(language)
    choose_goods(browser)
    apply(browser)
    assert says(browser, problem)
    assert shop.order().holds == ()
    assert 'value="492039"' not in browser.text


def test_wrong_code_then_the_right_one_pays_under_another_key(shop: Shop, browser: Browser) -> None:
    spendable(shop)
    choose_goods(browser)
    apply(browser, code="000000")
    assert says(browser, "wrong-cvc")
    assert f'value="{NUMBER}"' in browser.text
    apply(browser)
    assert shop.order().held_minor == 185_000
    first, second = shop.edge.keys()
    assert first != second


@pytest.mark.parametrize(
    ("number", "code", "problem"),
    [(NUMBER, "12345", "code-wrong-form"), ("GC", "492039", "number-wrong")],
)
def test_certificate_that_is_written_wrongly_is_not_even_asked_for(
    shop: Shop, browser: Browser, number: str, code: str, problem: str
) -> None:
    """A wrong try counts towards the lock: what cannot be a code is none."""
    choose_goods(browser)
    apply(browser, number, code)
    assert browser.page.status_code == 422
    assert says(browser, problem)
    assert shop.edge.asked == []


def test_locked_between_the_hold_and_the_payment_is_told_after_it(
    shop: Shop, browser: Browser
) -> None:
    """The stream's word comes last: the order's page says that the certificate did not pay."""
    spendable(shop)
    shop.topics.refuses_with = "LOCKED"
    choose_goods(browser)
    apply(browser)
    browser.submit("/pay")
    assert says(browser, "locked")
    assert "Return the order" not in browser.text


def test_money_set_aside_too_long_is_asked_for_again(shop: Shop, browser: Browser) -> None:
    spendable(shop)
    choose_goods(browser)
    apply(browser)
    shop.clock.now_ms += 15 * 60 * 1_000
    browser.submit("/pay")
    assert says(browser, "hold-expired")
    assert shop.topics.written == []


def test_cancelled_order_claims_no_payment(shop: Shop, browser: Browser) -> None:
    choose_goods(browser)
    browser.submit("/cancel")
    assert words_in(Language.ENGLISH)("order.not_paid") in browser.text
    assert "By card" not in browser.text


# Whose order it is


def test_order_is_not_denied_while_orders_are_still_read(shop: Shop, browser: Browser) -> None:
    shop.sales.book.note_caught_up(False)
    assert browser.open("/store/orders/W-0000000001").status_code == 503
    assert says(browser, "still-reading")
    shop.sales.book.note_caught_up(True)
    assert browser.open("/store/orders/W-0000000001").status_code == 404
    assert says(browser, "order-unknown")


def test_order_of_somebody_else_is_not_shown(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER))
    buy(browser)
    path, other = browser.path, shop.browser()
    assert other.open(path).status_code == 404
    assert NUMBER not in other.text
    assert "W-" not in other.open("/store/orders").text
    assert path.rpartition("/")[2] in browser.open("/store/orders").text


def test_finished_orders_are_known_again_after_a_restart(shop: Shop, browser: Browser) -> None:
    """From the topic that the shop itself wrote; whose they are is in them."""
    shop.edge.add(Card(NUMBER))
    buy(browser)
    browser.submit("/pay")
    path, owner = browser.path, shop.order().owner
    shop.forget()
    assert browser.open(path).status_code == 404
    for record in shop.topics.orders():
        order = read_order(record)
        assert order is not None
        shop.sales.book.restore(order)
    assert shop.order().owner == owner
    assert NUMBER in browser.open(path).text
    browser.submit("/return")
    assert shop.topics.orders()[-1]["version"] == 3
