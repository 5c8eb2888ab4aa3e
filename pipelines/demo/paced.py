"""The paced phase: more sales, a steady number a second, to measure how long each takes.

Owns its timetable and its measurements. It runs when nothing else is under way: behind a backlog of
a year's orders every sale would only measure the backlog.
"""

import heapq
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from time import monotonic, time_ns
from typing import Final

from pipelines.demo.actors import Actors
from pipelines.demo.baskets import Basket, GiftCard
from pipelines.demo.latency import Latency, latency_of
from pipelines.demo.schedule import Schedule
from pipelines.demo.steps import Purchase

ORDERS_A_SECOND: Final = 20
SECONDS: Final = 30

_FIRST_BASKET_ID: Final = 900_000_000_000  # The data's own are below a tenth of it.
_NEW_YEAR_MS: Final = 1_514_851_200_000  # 2018-01-02, after the data's last basket.
_CAPTURED_AFTER_S: Final = 1.0
_TILLS: Final = 8


def paced_baskets(
    gift_cards: Sequence[GiftCard], *, first: int, count: int, seed: int
) -> list[Basket]:
    """Baskets of one gift card each, drawn from those that were really sold."""
    chance = Random(f"paced/{first}/{seed}")  # noqa: S311 - a story to repeat, not a secret to keep
    return [
        Basket(
            basket_id=_FIRST_BASKET_ID + position,
            household_id=_FIRST_BASKET_ID + position,
            store_id=chance.randrange(1_000),
            at_ms=_NEW_YEAR_MS + position,
            goods=(),
            gift_cards=(chance.choice(gift_cards),),
        )
        for position in range(first, first + count)
    ]


@dataclass(slots=True, kw_only=True)
class PacedPhase:
    """Sells `baskets`, each at its time; afterwards `e2e` says how long it took."""

    actors: Actors
    schedule: Schedule
    baskets: Sequence[Basket]
    seed: int
    _completed_at_ms: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        """Sell everything, then wait until every certificate was seen to be issued."""
        purchases = [self.schedule.purchase(basket) for basket in self.baskets]
        with ThreadPoolExecutor(_TILLS, thread_name_prefix="till") as tills:
            self._sell(purchases, tills)
        witness = self.actors.witness
        self.actors.patience.wait_for(
            lambda: all(
                witness.issued_at_ms(number) is not None for number in self._completed_at_ms
            ),
            "the certificates of the paced phase",
        )

    def e2e(self) -> Latency:
        """From the Kafka timestamp of the record that completed order and payment, to ISSUED."""
        seen = {
            number: self.actors.witness.issued_at_ms(number) for number in self._completed_at_ms
        }
        return latency_of(
            seen_ms - self._completed_at_ms[number]
            for number, seen_ms in seen.items()
            if seen_ms is not None
        )

    def _sell(self, purchases: Sequence[Purchase], tills: ThreadPoolExecutor) -> None:
        """Each sale at its seeded moment within its slice of time, its capture a while later."""
        chance = Random(f"pace/{self.seed}")  # noqa: S311 - a timetable to repeat
        began_s = monotonic()
        due = [
            (began_s + (position + chance.random()) / ORDERS_A_SECOND, position, False)
            for position in range(len(purchases))
        ]
        heapq.heapify(due)
        begun: list[Future[None]] = []
        while due:
            at_s, position, paid = heapq.heappop(due)
            self._wait_until(at_s)
            if paid:
                # First: on a slow machine the number may not be known yet.
                begun[position].result()
                self.actors.records.send(self.actors.writer.purchase_paid(purchases[position]))
            else:
                begun.append(tills.submit(self._begin, purchases[position]))
                heapq.heappush(due, (at_s + _CAPTURED_AFTER_S, position, True))

    def _wait_until(self, at_s: float) -> None:
        left_s = at_s - monotonic()
        if left_s > 0:
            self.actors.patience.pause(left_s)

    def _begin(self, purchase: Purchase) -> None:
        """Reserve, then write the order and the promise of its money, noting when."""
        self.actors.reserve(purchase)
        completed_at_ms = 0
        for record in self.actors.writer.purchase_begun(purchase):
            completed_at_ms = time_ns() // 1_000_000
            self.actors.records.send(record, at_ms=completed_at_ms)
        for slot in purchase.slots:
            self._completed_at_ms[self.actors.numbers[slot]] = completed_at_ms
