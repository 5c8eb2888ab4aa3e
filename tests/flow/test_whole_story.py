"""The whole story of a certificate, with all neighbours of the service, on real Kafka in a browser.

Store, till, phone, stream and BI's page are looked at by people of their own. What each page can do
is told in `test_shop_pages.py` and `test_bi_page.py`; here is that all of them tell one story.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from pipelines.local.running_broker import Broker
from pipelines.topics import STREAM
from tests.flow import written_down
from tests.flow.bi_process import mart_of
from tests.flow.giftcert_command import giftcert
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Service, running_service
from tests.flow.shop_browser import running_chromium
from tests.flow.shop_process import RunningShop, running_crm, running_shop
from tests.flow.story_people import Figures, people

PHONE = "+7 900 123-45-67"
NUMBERS = ("GC-10000001", "GC-10000002")


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def own(chromium: Browser, broker: Broker, topic_prefix: str, tmp_path: Path) -> Iterator[Service]:
    """A service of its own, whose codes are as long as customers have them."""
    settings = {"GIFTCERT_CVC_DIGITS": "6"}
    with running_service(
        broker.bootstrap, tmp_path / "stack", topic_prefix, environment=settings
    ) as service:
        yield service


@pytest.fixture
def shop(own: Service, tmp_path: Path) -> Iterator[RunningShop]:
    """A shop, beside it a CRM that sends by its gateway, and a mart whose page it shows."""
    with neighbours(own, tmp_path) as shop:
        yield shop


@contextmanager
def neighbours(service: Service, folder: Path) -> Iterator[RunningShop]:
    page = folder / "bi-page"
    told_bi = {"GIFTCERT_BI_PAGE_DIR": str(page), "GIFTCERT_BI_PAGE_S": "1"}
    with mart_of(service, folder / "mart.duckdb", told_bi) as mart:
        mart.start()
        with (
            running_shop(service, told={"GIFTCERT_SHOP_BI_PAGE": str(page)}) as shop,
            running_crm(shop),
        ):
            yield shop


def test_certificate_is_followed_in_the_browser_from_its_number_to_nothing_owed(
    chromium: Browser, own: Service, shop: RunningShop, tmp_path: Path
) -> None:
    """Loaded, bought online, its code by SMS, spent in part at the till, goods brought back, locked
    by support and refused, unlocked, and spent to nothing: on all pages, and to the last kopeck.
    """
    load(own, tmp_path)
    support = Scenario(own)
    with people(chromium, shop.url) as who:
        customer, cashier, accountant = who.customer, who.cashier, who.accountant
        accountant.sees(lambda figures: figures.cards.get("ELECTRONIC free") == "2")

        number, code = customer.buys(PHONE)
        assert number in NUMBERS
        accountant.sees(lambda figures: owed(figures) == "3,000.00")

        cashier.tries("1 900", number, "000000" if code != "000000" else "111111")
        cashier.corrects(code)
        assert cashier.finishes() == "1 100,00 ₽"
        customer.sees_left("1 100 ₽")
        accountant.sees(lambda figures: owed(figures) == "1,100.00")

        cashier.tries("2 000", number, code)
        assert cashier.takes_the_rest_by_card() == "0,00 ₽"
        assert cashier.takes_back_what_the_receipt_says() == "1 100,00 ₽"

        assert support.support(number, "lock").is_success
        cashier.tries("100", number, code)
        cashier.is_refused("заблокирован: деньги")
        locked = accountant.sees(lambda figures: "lock" in figures.events)
        assert owed(locked) == "1,100.00"
        assert support.support(number, "unlock").is_success

        customer.spends_the_rest_on_cups(number, code)
        assert "Сертификат потрачен полностью" in cashier.asks_for_the_balance(number)
        cashier.tries("100", number, code)
        cashier.is_refused("не осталось денег")
        who.stream.shows("redeem.full")
        who.stream.picture("stream")
        accountant.watches_until("RUB owed", "0.00")
        own.settle()
        happened = Counter(record.header("eventType") for record in own.log.of(STREAM.name))
        figures = accountant.sees(lambda figures: figures.events == happened)
        accountant.page.picture("bi")
        assert_story(Counter(event.type for event in own.events(number)))
        assert_nothing_is_owed(figures)
        assert_secrets_are_nowhere(own, code, accountant.page.page.content())


def load(service: Service, folder: Path) -> None:
    path = folder / "numbers.csv"
    path.write_text("\n".join(("certificateId", *NUMBERS, "")))
    done = giftcert(service, "load", str(path), "--pool", "ELECTRONIC")
    assert done.code == 0, done


def owed(figures: Figures) -> str | None:
    return figures.cards.get("RUB owed")


def assert_nothing_is_owed(figures: Figures) -> None:
    """And every kopeck that came and went is told; orders and payments say the same."""
    (month,) = figures.months
    assert month == {
        "month": month["month"],
        "channel": "ONLINE_STORE",
        "currency": "RUB",
        "opening": "0.00",
        "+ issued": "3,000.00",
        "+ refunded": "1,100.00",
        "- redeemed": "4,100.00",
        "- annulled": "0.00",
        "= closing": "0.00",
    }
    (money,) = figures.money
    assert (money["= remaining"], money["held"], money["unexplained"]) == ("0.00", "0.00", "0.00")
    assert figures.cards["ELECTRONIC free"] == "1"
    assert figures.differences == []


def assert_story(told: Counter[str]) -> None:
    """Everything happened as often as somebody did it."""
    assert told == {
        "load": 1,
        "reserve": 1,
        "issue": 1,
        "notification.requested": 1,
        "activate": 1,
        "cvc.revealed": 1,
        "notification.sent": 1,
        "error": 1,
        "authorize": 3,
        # Each hold is spent, and then confirmed by order and payment.
        "capture": 6,
        "redeem.partial": 1,
        "redeem.full": 2,
        "refund.pending": 1,
        "refund": 1,
        "lock": 1,
        "unlock": 1,
    }


def assert_secrets_are_nowhere(service: Service, code: str, page: str) -> None:
    """Neither the code nor the phone's number stands on any topic, in any log, or on BI's page."""
    places = [
        *written_down.on_topics(service),
        *written_down.in_logs(service),
        ("page", page.encode()),
    ]
    # Six digits may stand in a time or a digest by chance: whole words only.
    secret = re.compile(rb"(?<![\w.:-])" + code.encode() + rb"(?![\w.:-])")
    digits = re.sub(r"\D", "", PHONE)[1:].encode()
    found = [name for name, content in places if digits in content or secret.search(content)]
    assert found == []
    assert written_down.found_in(places, [NUMBERS[0].encode()]), "all of it was read"
