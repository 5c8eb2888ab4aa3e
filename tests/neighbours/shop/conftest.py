"""Fixtures of the shop's tests: a shop of one's own, and a person with a browser in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.neighbours.shop.shop_under_test import Browser, Shop, shop_in


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with shop_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def browser(shop: Shop) -> Browser:
    return shop.browser()
