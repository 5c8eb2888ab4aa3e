"""What the store has on its shelves, beside certificates.

Owns the articles and their prices, in whole units of whatever currency the shop sells in. Their
names are in `words/`, their pictures in `assets/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipelines.contracts.amounts import exponent
from pipelines.neighbours.shop.orders import Line

_MOST_PIECES: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article. Its name on pages is `goods.<sku>`, its picture `<sku>.svg`."""

    sku: str
    price_units: int

    def price_minor(self, currency: str) -> int:
        """What one piece costs."""
        return int(self.price_units * 10 ** exponent(currency))


ARTICLES: Final = (
    Article(sku="teapot", price_units=2_900),
    Article(sku="cups", price_units=1_400),
    Article(sku="tea", price_units=450),
    Article(sku="blanket", price_units=5_200),
    Article(sku="book", price_units=1_150),
    Article(sku="candle", price_units=790),
)


def chosen_lines(form: Mapping[str, str], currency: str) -> list[Line]:
    """A line for each article of which a form wants some; what is no sensible count wants none."""
    lines = []
    for article in ARTICLES:
        typed = form.get(f"pieces-{article.sku}", "")
        pieces = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 3 else 0
        if 0 < pieces <= _MOST_PIECES:
            amount_minor = article.price_minor(currency) * pieces
            lines.append(Line(sku=article.sku, amount_minor=amount_minor, quantity=pieces))
    return lines
