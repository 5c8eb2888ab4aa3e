"""The plot: the same for the same seed, and never one that the other systems could not play."""

from collections import Counter

import pytest

from pipelines.demo.schedule import Schedule, Shares
from pipelines.demo.steps import (
    LockedRedemption,
    Ordinary,
    Purchase,
    Redemption,
    Return,
    Spending,
    Step,
    Undoing,
)
from tests.pipelines.demo.specimens import basket, gift_card, year_of

_SEEDS = range(4)
_ALWAYS = Shares(redeemed=1.0, undone=0.0, returned=1.0)


def played(seed: int, count: int = 1_500) -> tuple[Schedule, list[Step]]:
    schedule = Schedule(seed=seed)
    return schedule, list(schedule.steps(year_of(count, seed=seed)))


def test_same_baskets_and_seed_give_the_same_steps() -> None:
    """A run can be told again."""
    assert played(1)[1] == played(1)[1]


def test_another_seed_gives_another_story() -> None:
    """The seed is not for show."""
    year = year_of(500, seed=1)

    assert list(Schedule(seed=1).steps(year)) != list(Schedule(seed=2).steps(year))


@pytest.mark.parametrize("seed", _SEEDS)
def test_every_basket_becomes_one_step_in_the_order_of_time(seed: int) -> None:
    """And what comes later of a basket comes after it."""
    _, steps = played(seed)
    bought: list[int] = []
    for step in steps:
        match step:
            case Ordinary() | Purchase() | Redemption():
                bought.append(step.basket.basket_id)
            case LockedRedemption():
                bought.append(step.attempt.basket.basket_id)
            case Return():
                assert step.redemption.basket.basket_id in bought
            case Undoing():
                assert step.purchase.basket.basket_id in bought

    assert bought == list(range(1, 1_501))


@pytest.mark.parametrize("seed", _SEEDS)
def test_exactly_one_certificate_is_locked_and_the_first_return_fails(seed: int) -> None:
    """Once is enough to see it, and the rest of the story does not depend on it."""
    _, steps = played(seed)
    returns = [step.fails for step in steps if isinstance(step, Return)]

    assert sum(isinstance(step, LockedRedemption) for step in steps) == 1
    assert returns == [True] + [False] * (len(returns) - 1)
    assert len(returns) > 3


@pytest.mark.parametrize("seed", _SEEDS)
def test_version_1_payments_are_not_asked_to_say_what_they_cannot(seed: int) -> None:
    """They know neither why a refund failed nor onto which of two certificates it goes."""
    _, steps = played(seed)
    returns = [step for step in steps if isinstance(step, Return)]

    assert {step.telling.payment_version for step in returns} == {1, 2}
    for step in returns:
        if step.fails or len(step.redemption.spent) > 1:
            assert step.telling.payment_version == 2


@pytest.mark.parametrize("seed", _SEEDS)
def test_a_purchase_that_is_undone_is_never_spent_from(seed: int) -> None:
    """The rules would refuse to undo it; people would have to decide."""
    _, steps = played(seed)
    undone = {slot for step in steps if isinstance(step, Undoing) for slot in step.purchase.slots}
    spent = {
        spending.slot for step in steps if isinstance(step, Redemption) for spending in step.spent
    }

    assert undone
    assert not undone & spent


@pytest.mark.parametrize("seed", _SEEDS)
def test_a_store_is_an_internet_store_or_not_for_ever(seed: int) -> None:
    """Both kinds are there, and none changes."""
    _, steps = played(seed)
    shops: dict[int, set[str]] = {}
    for step in steps:
        if isinstance(step, Ordinary | Purchase | Redemption):
            shops.setdefault(step.basket.store_id, set()).add(step.shop)

    assert all(len(kinds) == 1 for kinds in shops.values())
    assert len(set().union(*shops.values())) == 2


def test_disorder_comes_in_about_the_shares_that_are_asked_for() -> None:
    """Late orders, late payments, repetitions and version 1, in a story of 5,000 baskets."""
    _, steps = played(1, 5_000)
    tellings = [step.telling for step in steps if isinstance(step, Ordinary)]
    shares = Counter(
        order_held=sum(telling.order_held > 0 for telling in tellings),
        payment_held=sum(telling.payment_held > 0 for telling in tellings),
        repeated=sum(telling.order_repeated for telling in tellings),
        version_1=sum(telling.payment_version == 1 for telling in tellings),
    )

    wanted = Shares()
    for name, count in shares.items():
        assert count / len(tellings) == pytest.approx(getattr(wanted, name), abs=0.02), name


def test_a_certificate_pays_its_balance_and_the_card_pays_the_rest() -> None:
    """30.00 of goods on a certificate of 25.00, after the locked attempt on another."""
    schedule = Schedule(seed=1, shares=_ALWAYS)
    steps = schedule.steps(
        [
            basket(1, household_id=1, cards=(gift_card(500),)),
            basket(2, household_id=1, goods_minor=100),
            basket(3, household_id=2, cards=(gift_card(2_500),)),
            basket(4, household_id=2, goods_minor=3_000),
        ]
    )
    redemption = next(step for step in steps if isinstance(step, Redemption))

    assert redemption.spent == (Spending(slot=1, amount_minor=2_500),)
    assert redemption.card_minor == 500
    assert schedule.book.accounts[1].remaining_minor == 0


def test_a_returned_balance_can_be_spent_again() -> None:
    """The first return fails; what later ones bring back, the household spends."""
    schedule = Schedule(seed=3, shares=_ALWAYS)
    many = [basket(number, goods_minor=400) for number in range(2, 2_000)]
    steps = list(schedule.steps([basket(1, cards=(gift_card(2_000),)), *many]))
    spent = sum(
        spending.amount_minor
        for step in steps
        if isinstance(step, Redemption)
        for spending in step.spent
    )

    assert spent > 2_000


def test_a_basket_that_costs_nothing_spends_nothing() -> None:
    """A certificate is not shown at the till for it."""
    steps = Schedule(seed=1, shares=_ALWAYS).steps(
        [basket(1, cards=(gift_card(500),)), basket(2, goods_minor=0)]
    )

    assert [type(step) for step in steps] == [Purchase, Ordinary]
