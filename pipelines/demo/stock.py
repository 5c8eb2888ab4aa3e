"""The numbers the demo sells: made up from the seed, and loaded from CSV files in two deliveries.

Owns how many there are, so that the pool of electronic certificates runs dry exactly once. The
loading itself is the bulk loader's, as it would be with a real delivery.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from pipelines.demo.baskets import ELECTRONIC

LOW_MARK: Final = 20
"""The setting `pool_low_mark` of the demo's stack."""

_SPARE: Final = 2 * LOW_MARK
_FIRST_SHARE_PERCENT: Final = 60
_DIGITS: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How many numbers come in, by pool."""

    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """The two deliveries: at the start, and when the pool of electronic ones is empty."""

    first: Delivery
    second: Delivery


def plan_supply(story: Mapping[str, int], paced: Mapping[str, int]) -> Supply:
    """Deliveries for what the story and the paced phase sell, by pool.

    The first one holds no more electronic numbers than the demo needs, and at least one; every
    other pool has some to spare and never comes near its low mark.
    """
    total = Counter(story) + Counter(paced)
    electronic = max(1, story.get(ELECTRONIC, 0) * _FIRST_SHARE_PERCENT // 100)
    others = {pool: count + _SPARE for pool, count in total.items() if pool != ELECTRONIC}
    # Two more than that, for the sales that empty the pool where the story alone does not.
    rest = total[ELECTRONIC] - electronic + 2 + _SPARE
    return Supply(
        first=Delivery(numbers={ELECTRONIC: electronic, **others}),
        second=Delivery(numbers={ELECTRONIC: rest}),
    )


class Stock:
    """Makes each delivery and has it loaded. `loaded` numbers so far; `refills` were needed."""

    def __init__(
        self, *, supply: Supply, seed: int, folder: Path, load: Callable[[Path, str], int]
    ) -> None:
        self._supply = supply
        self._folder = folder
        self._load = load
        self._fresh = _numbers(seed)
        self._files = 0
        self.loaded = 0
        self.refills = 0

    def deliver(self) -> None:
        """The first delivery."""
        self._deliver(self._supply.first)

    def refill(self) -> None:
        """The second delivery; there is no third."""
        assert self.refills == 0, "the pool runs dry once"
        self.refills += 1
        self._deliver(self._supply.second)

    def _deliver(self, delivery: Delivery) -> None:
        for pool, count in delivery.numbers.items():
            self._files += 1
            path = self._folder / f"delivery-{self._files}-{pool.lower()}.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                rows = csv.writer(file)
                rows.writerow(["certificateId"])
                rows.writerows([next(self._fresh)] for _ in range(count))
            self.loaded += self._load(path, pool)


def _numbers(seed: int) -> Iterator[str]:
    """Numbers like GC-0123-4567-8901-23, none twice."""
    chance = Random(f"numbers/{seed}")  # noqa: S311 - made-up numbers, the same for each seed
    made: set[str] = set()
    while True:
        digits = f"{chance.randrange(10**_DIGITS):0{_DIGITS}d}"
        if digits not in made:
            made.add(digits)
            yield f"GC-{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}"
