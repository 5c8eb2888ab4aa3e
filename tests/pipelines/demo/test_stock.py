"""The deliveries: enough for every sale, and an electronic pool that runs dry exactly once."""

import re
from pathlib import Path

import pytest

from pipelines.demo.baskets import ELECTRONIC, PHYSICAL
from pipelines.demo.stock import LOW_MARK, Stock, plan_supply

_WARM_UP = 3


@pytest.mark.parametrize(
    ("story", "paced"),
    [
        ({}, {ELECTRONIC: 1}),
        ({ELECTRONIC: 1}, {ELECTRONIC: 10}),
        ({ELECTRONIC: 2}, {}),
        ({ELECTRONIC: 287, PHYSICAL: 115}, {ELECTRONIC: 430, PHYSICAL: 170}),
    ],
    ids=["nothing sold in the story", "one", "two", "the whole year"],
)
def test_supply_runs_dry_once_and_is_enough_afterwards(
    story: dict[str, int], paced: dict[str, int]
) -> None:
    """However little the story sells: at most the warm-up's sales are needed to empty the pool."""
    supply = plan_supply(story, paced)
    first, second = supply.first.numbers, supply.second.numbers
    sold = story.get(ELECTRONIC, 0) + paced.get(ELECTRONIC, 0)

    assert 1 <= first[ELECTRONIC] <= max(1, story.get(ELECTRONIC, 0))
    assert story.get(ELECTRONIC, 0) + _WARM_UP > first[ELECTRONIC]
    assert first[ELECTRONIC] + second[ELECTRONIC] - sold > LOW_MARK
    if PHYSICAL in first:
        assert first[PHYSICAL] - story[PHYSICAL] - paced[PHYSICAL] > LOW_MARK
        assert PHYSICAL not in second


def test_deliveries_are_csv_files_of_numbers_that_differ(tmp_path: Path) -> None:
    """One file a pool; the same seed makes the same numbers."""

    def delivered(folder: Path) -> list[str]:
        folder.mkdir()
        files: list[tuple[str, list[str]]] = []

        def load(path: Path, pool: str) -> int:
            header, *numbers = path.read_text(encoding="utf-8").splitlines()
            assert header == "certificateId"
            files.append((pool, numbers))
            return len(numbers)

        supply = plan_supply({ELECTRONIC: 10, PHYSICAL: 5}, {})
        stock = Stock(supply=supply, seed=4, folder=folder, load=load)
        stock.deliver()
        stock.refill()
        numbers = [number for _, numbers in files for number in numbers]
        assert [pool for pool, _ in files] == [ELECTRONIC, PHYSICAL, ELECTRONIC]
        assert stock.loaded == len(numbers) == len(set(numbers))
        assert stock.refills == 1
        return numbers

    once, again = delivered(tmp_path / "once"), delivered(tmp_path / "again")

    assert once == again
    assert all(re.fullmatch(r"GC-\d{4}-\d{4}-\d{4}-\d{2}", number) for number in once)
