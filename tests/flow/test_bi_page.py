"""The page of the mart in a real browser: on a telephone, on a desk, on paper."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from pipelines.neighbours.bi.page import write_page
from state.certificate.commands import Channel
from tests.flow.shop_browser import DESK, PHONE, TILL, running_chromium, screen_on
from tests.neighbours.bi.mart_in_memory import MartUnderTest, filled
from tests.neighbours.bi.simulated_topics import simulated_topics
from tests.neighbours.bi.told_topics import DAY_MS, ToldTopics

_SMALLEST_PX = 9.0
_LETTERS = """() => [...document.querySelectorAll("svg text")]
  .filter((each) => each.textContent.trim())
  .map((each) => each.getBoundingClientRect().height)"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def season() -> MartUnderTest:
    """Three months of a shop: sales in both channels, redemptions, returns, a pool that empties."""
    told = ToldTopics(now_ms=1_785_542_400_000)
    numbers = [f"GC-{place:08d}" for place in range(120)]
    for number in numbers:
        told.load(number)
    for place, number in enumerate(numbers[:110]):
        told.pass_time(DAY_MS * 4 // 5)
        sale, basket = f"sale-{place}", f"basket-{place}"
        minor = (1_000_00, 3_000_00, 5_000_00)[place % 3]
        channel = Channel.POS if place % 4 == 0 else Channel.ONLINE_STORE
        told.reserve(number, channel)
        told.selling_order(order_id=sale, number=number, minor=minor, channel=channel)
        told.payment(minor, order_id=sale, number=number, channel=channel)
        told.issue(number, order_id=sale, minor=minor, channel=channel)
        if place % 3:
            spent = minor * (place % 7 + 1) // 8
            told.spending_order(spent, order_id=basket, number=number)
            if place % 11:
                told.payment(spent, order_id=basket, tender="GIFT_CERTIFICATE", number=number)
                told.redeem(spent, order_id=basket, number=number)
    told.blocked()
    return filled(told.records)


STORIES: dict[str, Callable[[], MartUnderTest]] = {
    "season": season,
    "attacked": lambda: filled(simulated_topics(66, 500)),
    "empty": lambda: MartUnderTest().begin().feed([]),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each story."""
    return {
        story: write_page(mart().report(), tmp_path_factory.mktemp(story))
        for story, mart in STORIES.items()
    }


@pytest.mark.parametrize("size", [PHONE, TILL, DESK], ids=["phone", "till", "desk"])
@pytest.mark.parametrize("story", STORIES)
def test_page_can_be_read_on_every_screen(
    story: str, size: tuple[int, int], chromium: Browser, pages: dict[str, Path]
) -> None:
    """Nothing runs off the side, every text stands out, and the charts' letters are not crumbs."""
    with screen_on(chromium, pages[story].as_uri(), size, locale="en-US") as screen:
        screen.open("")
        screen.looks_right()
        letters: list[float] = screen.page.evaluate(_LETTERS)
        assert (min(letters) >= _SMALLEST_PX) if letters else story == "empty"
        if story == "season":
            screen.picture(f"bi-{size[0]}")
        screen.press("Differences")
        screen.shows("in all")


def test_page_on_paper_has_everything(chromium: Browser, pages: dict[str, Path]) -> None:
    with screen_on(chromium, pages["season"].as_uri(), DESK, locale="en-US") as screen:
        screen.open("")
        screen.page.emulate_media(media="print")
        assert not screen.page.get_by_role("navigation").is_visible()
        printed = screen.page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") >= 2
