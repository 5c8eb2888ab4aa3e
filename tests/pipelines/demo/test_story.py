"""The whole story against the real rules, in memory: the demo's book must be right about them."""

from pathlib import Path

import pytest

from pipelines.demo.actors import Actors
from pipelines.demo.baskets import ELECTRONIC, GIFT_CARD_POOLS
from pipelines.demo.records import Outgoing, Source
from pipelines.demo.schedule import Schedule
from pipelines.demo.stock import plan_supply
from pipelines.demo.storefront import ServiceRefused
from pipelines.demo.verdict import disagreements
from pipelines.demo.witness import Witness
from tests.pipelines.demo.service_in_memory import ServiceInMemory, cast_of
from tests.pipelines.demo.specimens import basket, gift_card, year_of

PAST_LAST_ID = 10_000


class Played:
    """One story, played to its end."""

    def __init__(self, folder: Path, *, seed: int, baskets: int) -> None:
        year = year_of(baskets, seed=seed)
        sold: dict[str, int] = dict.fromkeys(GIFT_CARD_POOLS.values(), 0)
        for each in year:
            for card in each.gift_cards:
                sold[card.pool] += 1
        self.witness = Witness()
        self.service = ServiceInMemory(self.witness)
        self.schedule = Schedule(seed=seed)
        self.actors: Actors = cast_of(self.service, plan_supply(sold, {}), folder)
        self.actors.stock.deliver()
        for step in self.schedule.steps(year):
            self.actors.perform(step)
        self.service.release_held()
        self.service.let_crm_answer()

    def disagreements(self) -> list[str]:
        return disagreements(
            self.schedule.book,
            self.actors.numbers,
            self.witness,
            loaded=self.actors.stock.loaded,
            refills=self.actors.stock.refills,
        )


@pytest.mark.parametrize("seed", range(6))
def test_playing_a_year_on_the_real_rules_comes_to_what_the_book_says(
    tmp_path: Path, seed: int
) -> None:
    """Every balance, every count of events, and not one event more."""
    played = Played(tmp_path, seed=seed, baskets=1_200)

    assert played.disagreements() == []
    assert played.witness.dead_letters == 0


def test_playing_a_year_has_everything_in_it_that_the_demo_promises(tmp_path: Path) -> None:
    """One lock, one refusal, one failed refund, one empty pool; the rest again and again."""
    events = Played(tmp_path, seed=1, baskets=1_200).witness.events()

    for once in (
        "lock", "unlock", "error", "refund.pendingDetails", "issue.blocked", "alert",
    ):  # fmt: skip
        assert events[once] == 1, once
    for often in ("issue", "activate", "redeem.partial", "redeem.full", "refund"):
        assert events[often] > 10, often


def test_a_pool_that_runs_dry_again_after_its_refill_stops_the_demo(tmp_path: Path) -> None:
    """There is one refill; a second one would hide that numbers got lost."""
    service = ServiceInMemory(Witness())
    actors = cast_of(service, plan_supply({ELECTRONIC: 1}, {}), tmp_path)
    schedule = Schedule(seed=1)
    actors.stock.deliver()
    many = basket(PAST_LAST_ID, cards=tuple(gift_card(500) for _ in range(60)))

    with pytest.raises(ServiceRefused, match="after its refill"):
        actors.perform(schedule.purchase(many))


def test_a_lost_capture_is_named_at_the_end(tmp_path: Path) -> None:
    """The comparison can fail: a certificate whose money never came is not as it must be."""
    service = ServiceInMemory(Witness())
    actors = cast_of(service, plan_supply({ELECTRONIC: 1}, {}), tmp_path)
    schedule = Schedule(seed=1)

    def is_capture(record: Outgoing) -> bool:
        return record.source is Source.PAYMENTS and record.key.endswith(b"/2")

    service.lost = is_capture
    actors.stock.deliver()
    actors.perform(schedule.purchase(basket(1, cards=(gift_card(2_500),))))
    service.let_crm_answer()
    found = disagreements(
        schedule.book, actors.numbers, service.witness, loaded=actors.stock.loaded, refills=0
    )

    number = actors.numbers[0]
    assert found == [
        "activate: 0 events came, 1 had to",
        "alert: 1 events came, 0 had to",
        (
            f"…{number[-4:]}: nominal, balance, events and pool are "
            "(2500, 2500, 6, 'ELECTRONIC'), and have to be (2500, 2500, 7, 'ELECTRONIC')"
        ),
    ]
