"""Whatever is pressed twice, gets lost or is not taken: in the store it happens once."""

import httpx
import pytest

from pipelines.neighbours.shop.orders import State
from pipelines.neighbours.shop.words import Language, words_in
from tests.neighbours.shop.customer import NUMBER, apply, buy, choose_goods, spendable
from tests.neighbours.shop.fake_edge import Card, Fault
from tests.neighbours.shop.shop_under_test import Browser, Shop, says


@pytest.mark.parametrize(
    "fault",
    [
        Fault(503, "moving"),
        Fault(504, "no-answer", done=True),
        Fault(500, "internal-error", done=True),
        Fault(429, "too-many-requests"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
    ],
    ids=repr,
)
def test_call_whose_answer_got_lost_is_repeated_under_its_key(
    shop: Shop, browser: Browser, fault: Fault | Exception
) -> None:
    shop.edge.add(Card(NUMBER), Card("GC-00000043"))
    browser.open("/store/")
    shop.edge.faults = [fault, fault]
    browser.submit("/store/certificates", nominal="3000", phone="9001234567")
    assert shop.order().sold_number == NUMBER
    assert len(shop.edge.keys()) == 3
    assert len(set(shop.edge.keys())) == 1
    assert shop.edge.cards["GC-00000043"].state == "AVAILABLE"


def test_service_that_stays_away_is_told_and_the_next_press_asks_the_same(
    shop: Shop, browser: Browser
) -> None:
    shop.edge.add(Card(NUMBER))
    shop.edge.faults = [Fault(504, "no-answer", done=True)] * 3
    buy(browser)
    assert says(browser, "no-answer")
    browser.submit("/number")
    assert shop.order().sold_number == NUMBER
    assert len(set(shop.edge.keys())) == 1


def test_form_sent_twice_orders_once(shop: Shop, browser: Browser) -> None:
    """A double click, or a reload that sends again."""
    shop.edge.add(Card(NUMBER), Card("GC-00000043"))
    browser.open("/store/")
    form = browser.form("/store/certificates")
    for _ in range(3):
        browser.send(form, nominal="3000", phone="9001234567")
    assert shop.order().sold_number == NUMBER
    assert len(shop.edge.keys()) == 1
    assert len(shop.topics.orders()) == 1


def test_payment_sent_twice_is_told_once(shop: Shop, browser: Browser) -> None:
    shop.edge.add(Card(NUMBER))
    buy(browser)
    form = browser.form("/pay")
    browser.send(form)
    browser.send(form)
    assert len(set(shop.topics.event_ids)) == len(shop.topics.event_ids)
    assert shop.order().version == 2


def test_wrong_code_sent_twice_counts_as_one_try(shop: Shop, browser: Browser) -> None:
    """Five wrong codes lock a certificate: a nervous finger must not use up two."""
    spendable(shop)
    choose_goods(browser)
    form = browser.form("/certificate")
    browser.send(form, number=NUMBER, code="000000")
    browser.send(form, number=NUMBER, code="000000")
    assert len(shop.edge.keys()) == 1


def test_form_sent_again_with_other_content_is_turned_away(shop: Shop, browser: Browser) -> None:
    """The order it began stays what it was."""
    shop.edge.add(Card(NUMBER))
    browser.open("/store/")
    form = browser.form("/store/certificates")
    browser.send(form, nominal="3000", phone="9001234567")
    for changed in ({"nominal": "5000"}, {"phone": "9007654321"}):
        browser.send(form, **{"nominal": "3000", "phone": "9001234567", **changed})
        assert browser.page.status_code == 409
        assert says(browser, "form-too-old")
    order = shop.order()
    assert order.total_minor == 300_000
    assert shop.parts.directory.address_of(order.address_token or "") == "+79001234567"


def test_order_that_kafka_does_not_take_is_kept_and_told_later(
    shop: Shop, browser: Browser
) -> None:
    """What was decided is written unchanged until it is taken, and nothing else is done."""
    spendable(shop)
    choose_goods(browser)
    apply(browser)
    shop.topics.down = 2
    cancel = browser.form("/cancel")
    browser.submit("/pay")
    assert says(browser, "not-recorded")
    browser.send(cancel)
    assert shop.topics.written == []
    shop.sales.tell_untold()
    assert shop.topics.written == []
    shop.sales.tell_untold()
    assert shop.order().state is State.PAID
    assert len(shop.topics.payments()) == 1
    assert "not-recorded" not in browser.open(f"/store/orders/{shop.order().order_id}").text


def test_draft_that_was_perhaps_written_never_hides_the_paid_order(
    shop: Shop, browser: Browser
) -> None:
    """An older version changes nothing: the paid one must be newer, also after a lost draft."""
    shop.edge.add(Card(NUMBER))
    shop.topics.down = 1
    buy(browser)
    browser.submit("/pay")
    assert [each["version"] for each in shop.topics.orders()] == [2]


@pytest.mark.parametrize(
    ("press", "stage"), [("/cancel", "cancelled"), ("/pay", "paid"), ("/return", "returned")]
)
def test_what_kafka_has_not_taken_is_told_for_what_it_is(
    shop: Shop, browser: Browser, press: str, stage: str
) -> None:
    """A customer who cancels must not read that a payment was taken."""
    shop.edge.add(Card(NUMBER))
    buy(browser)
    if press == "/return":
        browser.submit("/pay")
    shop.topics.down = 1
    browser.submit(press)
    words = words_in(Language.ENGLISH)
    assert words(f"store.stage_recording_{stage}") in browser.text
    assert words(f"store.recording_{stage}_text") in browser.text
    shop.sales.tell_untold()
    assert words(f"store.stage_{stage}") in browser.open(browser.path).text


def test_cancelling_waits_once_for_a_service_that_does_not_answer(
    shop: Shop, browser: Browser
) -> None:
    """What two certificates have set aside ends by itself; the customer does not wait for both."""
    spendable(shop, 100_000)
    spendable(shop, 50_000, "GC-00000043")
    choose_goods(browser)
    apply(browser)
    apply(browser, "GC-00000043")
    asked = len(shop.edge.asked)
    shop.edge.faults = [Fault(503, "moving")] * 20
    browser.submit("/cancel")
    assert shop.order().state is State.CANCELLED
    assert len(shop.edge.asked) - asked == 3, "one call, and its repetitions"
