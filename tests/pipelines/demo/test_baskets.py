"""Reading the data set: as files, in time order, in whole cents."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import duckdb
import pytest

from pipelines.demo import baskets
from pipelines.demo.baskets import (
    Basket,
    BasketData,
    DataFiles,
    GiftCard,
    Goods,
    completejourney_files,
)
from pipelines.faults import OperatorError

# basket, household, store, product, quantity, price, time
_LINES = [
    (12, 7, 3, 100, 2, 0.29, "2017-01-20 08:00:00"),
    (12, 7, 3, 101, 1, 1.1, "2017-01-20 08:00:00"),
    (12, 7, 3, 900, 1, 25.0, "2017-01-20 08:00:00"),
    (11, 8, 4, 100, 0, 0.0, "2017-01-20 08:00:00"),
    (13, 9, 4, 901, 3, 49.99, "2017-01-01 23:59:59"),
]
_PRODUCTS = [
    (100, "BANANAS"),
    (101, None),
    (900, "ELECTRONIC GIFT CARDS ACTIVATI"),
    (901, "OUTSIDE VENDORS GIFT CARDS"),
]


@pytest.fixture
def files(tmp_path: Path) -> DataFiles:
    """A data set of three baskets, of which two were bought in the same second."""
    made = DataFiles(
        transactions=tmp_path / "transactions.parquet", products=tmp_path / "products.parquet"
    )
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE line (basket_id BIGINT, household_id BIGINT, store_id BIGINT, "
            "product_id BIGINT, quantity BIGINT, sales_value DOUBLE, "
            "transaction_timestamp TIMESTAMP)"
        )
        connection.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?)", _LINES)
        connection.execute("CREATE TABLE product (product_id BIGINT, product_type VARCHAR)")
        connection.executemany("INSERT INTO product VALUES (?, ?)", _PRODUCTS)
        connection.execute(f"COPY line TO '{made.transactions}' (FORMAT parquet)")
        connection.execute(f"COPY product TO '{made.products}' (FORMAT parquet)")
    return made


@pytest.fixture
def data(files: DataFiles) -> Iterator[BasketData]:
    opened = BasketData(files)
    yield opened
    opened.close()


def test_reading_baskets_gives_them_by_time_then_id_in_cents(data: BasketData) -> None:
    """Prices are rounded once, so 0.29 and 1.1 are 29 and 110 cents; times are UTC."""
    assert list(data.baskets()) == [
        Basket(
            basket_id=13,
            household_id=9,
            store_id=4,
            at_ms=1_483_315_199_000,
            goods=(),
            gift_cards=(
                GiftCard(
                    product_id=901, product_type="OUTSIDE VENDORS GIFT CARDS", amount_minor=4_999
                ),
            ),
        ),
        Basket(
            basket_id=11,
            household_id=8,
            store_id=4,
            at_ms=1_484_899_200_000,
            goods=(Goods(product_id=100, quantity=0, amount_minor=0),),
            gift_cards=(),
        ),
        Basket(
            basket_id=12,
            household_id=7,
            store_id=3,
            at_ms=1_484_899_200_000,
            goods=(
                Goods(product_id=100, quantity=2, amount_minor=29),
                Goods(product_id=101, quantity=1, amount_minor=110),
            ),
            gift_cards=(
                GiftCard(
                    product_id=900,
                    product_type="ELECTRONIC GIFT CARDS ACTIVATI",
                    amount_minor=2_500,
                ),
            ),
        ),
    ]


def test_total_of_a_basket_is_its_goods_and_its_gift_cards(data: BasketData) -> None:
    """The last basket: 0.29 + 1.10 + 25.00."""
    assert [basket.total_minor for basket in data.baskets()] == [4_999, 0, 2_639]


def test_pool_of_a_gift_card_follows_from_its_product_type(data: BasketData) -> None:
    """What a till activates is electronic; what another vendor printed is not."""
    assert [card.pool for card in data.gift_cards(limited=False)] == ["ELECTRONIC", "PHYSICAL"]


def test_limit_keeps_the_first_baskets_and_their_gift_cards(files: DataFiles) -> None:
    """By time, as in the whole; the cards of the whole year stay to be had."""
    data = BasketData(files, limit=2)

    assert [basket.basket_id for basket in data.baskets()] == [13, 11]
    assert data.count() == 2
    assert [card.product_id for card in data.gift_cards(limited=True)] == [901]
    assert [card.product_id for card in data.gift_cards(limited=False)] == [900, 901]
    data.close()


def test_limit_beyond_the_data_is_the_data(files: DataFiles) -> None:
    """A limit is not a promise."""
    data = BasketData(files, limit=99)

    assert data.count() == len(list(data.baskets())) == 3
    data.close()


def test_the_installed_data_set_is_the_year_that_it_is_known_to_be() -> None:
    """155,848 baskets and 402 lines that sold gift cards, of five product types."""
    data = BasketData(completejourney_files())
    cards = data.gift_cards(limited=False)

    assert data.count() == 155_848
    assert len(cards) == 402
    assert sum(card.amount_minor for card in cards) == 1_262_415
    assert {card.product_type for card in cards} == set(baskets.GIFT_CARD_POOLS)
    data.close()


def test_looking_for_the_data_set_where_it_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line for a person, not a traceback."""

    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(baskets, "distribution", missing)

    with pytest.raises(OperatorError, match="pip install"):
        completejourney_files()


def test_looking_for_the_data_set_that_lacks_a_file_names_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A broken installation is told as such."""

    class Installed:
        def locate_file(self, path: str) -> Path:
            return tmp_path / path

    monkeypatch.setattr(baskets, "distribution", lambda _name: Installed())

    with pytest.raises(OperatorError, match=r"without transactions\.parquet"):
        completejourney_files()


def test_a_stop_signal_during_a_query_interrupts_the_demo(
    data: BasketData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database says it in its own way; whoever pressed Ctrl-C must not see a traceback."""

    class Interrupted:
        def execute(self, _query: str, _parameters: object) -> None:
            raise RuntimeError("Query interrupted")

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(data, "_connection", Interrupted())

    with pytest.raises(KeyboardInterrupt):
        data.count()
