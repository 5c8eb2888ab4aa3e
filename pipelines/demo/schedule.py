"""What becomes of each basket: the whole plot of the demo, from the data and one seed.

Pure: the same baskets and the same seed give the same steps. It sends nothing and waits for
nothing. Later baskets of a household that owns certificates spend them; seeded shares of what
happens are brought back, called off, told twice, late or in the words of an older contract.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from pipelines.demo.baskets import Basket
from pipelines.demo.book import Book
from pipelines.demo.steps import (
    Awaited,
    LockedRedemption,
    Ordinary,
    Purchase,
    Redemption,
    Return,
    Shop,
    Slot,
    Spending,
    Step,
    Telling,
    Undoing,
)

_DAY_MS: Final = 24 * 60 * 60 * 1000
_TENDERS_MAX: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How often things happen, each between 0 and 1; `held_max` is in baskets."""

    online_stores: float = 0.25
    version_1: float = 0.4
    order_held: float = 0.1
    payment_held: float = 0.1
    repeated: float = 0.02
    redeemed: float = 0.7
    returned: float = 0.15
    undone: float = 0.06
    held_max: int = 60
    capture_held_max: int = 200


class Schedule:
    """The plot, told basket by basket; `book` says what must have come of it so far."""

    def __init__(self, *, seed: int, shares: Shares | None = None) -> None:
        self.book = Book()
        self._seed = seed
        self._chance = Random(seed)  # noqa: S311 - a story to repeat, not a secret to keep
        self._shares = shares or Shares()
        self._shops: dict[int, Shop] = {}
        self._wallets: defaultdict[int, deque[Slot]] = defaultdict(deque)
        self._later: list[tuple[int, int, Purchase | Redemption]] = []
        self._postponed = 0
        self._lock_told = False
        self._failure_told = False

    def steps(self, baskets: Iterable[Basket]) -> Iterator[Step]:
        """Every step, in time order; what comes after the last basket is told at the end."""
        for basket in baskets:
            while self._later and self._later[0][0] <= basket.at_ms:
                yield self._come_back()
            yield self._bought(basket)
        while self._later:
            yield self._come_back()

    def purchase(self, basket: Basket) -> Purchase:
        """A basket of gift cards that nobody spends or calls off, told in order and once."""
        return self._purchase(basket, Telling(), capture_held=0)

    def _bought(self, basket: Basket) -> Step:
        telling = self._telling()
        if basket.gift_cards:
            held = self._held(self._shares.payment_held, self._shares.capture_held_max)
            purchase = self._purchase(basket, telling, capture_held=held)
            if self._happens(self._shares.undone):
                self._postpone(purchase, days_max=5)
            else:
                self._wallets[basket.household_id].extend(purchase.slots)
            return purchase
        spent = self._spending(basket)
        if spent:
            return self._redemption(basket, telling, spent)
        return Ordinary(basket=basket, shop=self._shop(basket.store_id), telling=telling)

    def _purchase(self, basket: Basket, telling: Telling, *, capture_held: int) -> Purchase:
        return Purchase(
            basket=basket,
            shop=self._shop(basket.store_id),
            telling=telling,
            slots=tuple(self.book.sell(card.pool, card.amount_minor) for card in basket.gift_cards),
            capture_held=capture_held,
        )

    def _spending(self, basket: Basket) -> tuple[Spending, ...]:
        """What the household's certificates pay of this basket, the oldest first."""
        wallet = self._wallets.get(basket.household_id)
        left_minor = basket.total_minor
        if not wallet or left_minor == 0 or not self._happens(self._shares.redeemed):
            return ()
        spent: list[Spending] = []
        for slot in wallet:
            amount_minor = min(left_minor, self.book.accounts[slot].remaining_minor)
            if amount_minor > 0 and len(spent) < _TENDERS_MAX:
                spent.append(Spending(slot=slot, amount_minor=amount_minor))
                left_minor -= amount_minor
        return tuple(spent)

    def _redemption(
        self, basket: Basket, telling: Telling, spent: tuple[Spending, ...]
    ) -> Redemption | LockedRedemption:
        if not self._lock_told:
            spent = spent[:1]
        redemption = Redemption(
            basket=basket,
            shop=self._shop(basket.store_id),
            telling=telling,
            spent=spent,
            awaited=self._awaited(spending.slot for spending in spent),
        )
        if not self._lock_told:
            self._lock_told = True
            self.book.refuse_locked(spent[0].slot)
            return LockedRedemption(attempt=redemption)
        self.book.spend(spent)
        if self._happens(self._shares.returned):
            self._postpone(redemption, days_max=21)
        return redemption

    def _come_back(self) -> Return | Undoing:
        at_ms, _, begun = heapq.heappop(self._later)
        # What the other systems say of it is in order: the first half must be seen to be pending.
        telling = Telling(payment_version=self._payment_version())
        if isinstance(begun, Purchase):
            awaited = self._awaited(begun.slots)
            self.book.undo(begun.slots)
            return Undoing(purchase=begun, at_ms=at_ms, telling=telling, awaited=awaited)
        fails = not self._failure_told
        self._failure_told = True
        awaited = self._awaited(spending.slot for spending in begun.spent)
        self.book.give_back(begun.spent, fails=fails)
        if fails or len(begun.spent) > 1:
            # Version 1 can say neither why a refund failed nor onto which of two certificates.
            telling = Telling(payment_version=2)
        return Return(redemption=begun, at_ms=at_ms, telling=telling, fails=fails, awaited=awaited)

    def _postpone(self, begun: Purchase | Redemption, *, days_max: int) -> None:
        due_ms = begun.basket.at_ms + self._chance.randint(_DAY_MS // 24, days_max * _DAY_MS)
        self._postponed += 1
        heapq.heappush(self._later, (due_ms, self._postponed, begun))

    def _awaited(self, slots: Iterable[Slot]) -> tuple[Awaited, ...]:
        return tuple(
            Awaited(slot=slot, sequence=self.book.accounts[slot].sequence) for slot in slots
        )

    def _telling(self) -> Telling:
        shares = self._shares
        return Telling(
            payment_version=self._payment_version(),
            order_held=self._held(shares.order_held, shares.held_max),
            payment_held=self._held(shares.payment_held, shares.held_max),
            order_repeated=self._happens(shares.repeated),
            payment_repeated=self._happens(shares.repeated),
        )

    def _payment_version(self) -> int:
        return 1 if self._happens(self._shares.version_1) else 2

    def _held(self, share: float, held_max: int) -> int:
        return self._chance.randint(1, held_max) if self._happens(share) else 0

    def _happens(self, share: float) -> bool:
        return self._chance.random() < share

    def _shop(self, store_id: int) -> Shop:
        """A store is an internet store or not for ever, however many baskets came before."""
        shop = self._shops.get(store_id)
        if shop is None:
            chance = Random(f"{self._seed}/{store_id}")  # noqa: S311 - the same for each seed
            online = chance.random() < self._shares.online_stores
            shop = self._shops[store_id] = Shop.ONLINE_STORE if online else Shop.POS
        return shop
