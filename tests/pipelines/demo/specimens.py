"""Made-up baskets: few households, so that much happens to each certificate."""

from random import Random

from pipelines.demo.baskets import GIFT_CARD_POOLS, Basket, GiftCard, Goods

HOUR_MS = 60 * 60 * 1000
FIRST_MS = 1_483_228_800_000  # 2017-01-01


def goods(amount_minor: int, *, quantity: int = 1) -> Goods:
    """A line of goods."""
    return Goods(product_id=1, quantity=quantity, amount_minor=amount_minor)


def gift_card(amount_minor: int, product_type: str = "ELECTRONIC GIFT CARDS ACTIVATI") -> GiftCard:
    """A line that sold a gift card."""
    return GiftCard(product_id=2, product_type=product_type, amount_minor=amount_minor)


def basket(
    basket_id: int,
    *,
    household_id: int = 7,
    store_id: int = 3,
    goods_minor: int = 0,
    cards: tuple[GiftCard, ...] = (),
    at_ms: int | None = None,
) -> Basket:
    """A basket of at most one line of goods; an hour after the one before, unless told."""
    return Basket(
        basket_id=basket_id,
        household_id=household_id,
        store_id=store_id,
        at_ms=FIRST_MS + basket_id * HOUR_MS if at_ms is None else at_ms,
        goods=(goods(goods_minor),) if goods_minor else (),
        gift_cards=cards,
    )


def year_of(count: int, *, seed: int, households: int = 25) -> list[Basket]:
    """A small town's year: every tenth basket or so buys gift cards, a few cost nothing."""
    chance = Random(seed)
    types = sorted(GIFT_CARD_POOLS)
    made = []
    for basket_id in range(1, count + 1):
        cards: tuple[GiftCard, ...] = ()
        if chance.random() < 0.1:
            number = chance.choice((1, 1, 1, 2, 3))
            amounts = [chance.choice((500, 1_000, 2_500, 2_799)) for _ in range(number)]
            cards = tuple(gift_card(amount, chance.choice(types)) for amount in amounts)
        made.append(
            basket(
                basket_id,
                household_id=chance.randrange(households),
                store_id=chance.randrange(40),
                goods_minor=chance.choice((0, 99, 1_000, 1_250, 4_321)) if not cards else 350,
                cards=cards,
            )
        )
    return made
