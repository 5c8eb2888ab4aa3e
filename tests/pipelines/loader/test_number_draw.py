"""Numbers are drawn once each, none that is taken, and not so many that they can be guessed."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.loader.generate_file import source_of
from pipelines.loader.number_draw import drawn_numbers
from pipelines.loader.number_pattern import GenerateFault, NumberPattern

SMALL = NumberPattern.parsed("AB-##0=")  # A hundred numbers.


@given(st.data(), st.integers(0, 2**32))
def test_drawn_numbers_are_different_of_the_pattern_and_not_taken(
    data: st.DataObject, seed: int
) -> None:
    """Also where nearly all numbers, or all of them, are asked for or taken."""
    taken_places = data.draw(st.sets(st.integers(0, 99)))
    taken = {SMALL.number_at(place) for place in taken_places} | {"ANOTHER-1"}
    count = data.draw(st.integers(1, 100))
    if count > 100 - len(taken_places):
        with pytest.raises(GenerateFault, match="it cannot give"):
            drawn_numbers(SMALL, count, Random(seed), taken=taken, guessable=True)
        return
    drawn = list(drawn_numbers(SMALL, count, Random(seed), taken=taken, guessable=True))
    assert len(drawn) == len(set(drawn)) == count
    assert all(map(SMALL.matches, drawn))
    assert not taken & set(drawn)


def test_drawn_numbers_of_one_seed_are_the_same_for_ever() -> None:
    """Written down: tests of others may rely on them."""
    pattern = NumberPattern.parsed("GC-####-####-####-##==")
    assert list(drawn_numbers(pattern, 3, source_of(1))) == SEEDED
    assert list(drawn_numbers(pattern, 3, source_of(2))) != SEEDED


SEEDED = ["GC-1606-1471-5704-2350", "GC-4096-3506-9012-1888", "GC-2676-9863-5471-4709"]


def test_drawn_numbers_without_a_seed_are_others_each_time() -> None:
    pattern = NumberPattern.parsed("GC-####-####-####-##==")
    first = set(drawn_numbers(pattern, 100, source_of(None)))
    assert not first & set(drawn_numbers(pattern, 100, source_of(None)))


def test_every_digit_is_drawn_about_as_often_as_the_others() -> None:
    pattern = NumberPattern.parsed("##########")
    text = "".join(drawn_numbers(pattern, 2_000, source_of(7)))
    assert all(1_800 < text.count(digit) < 2_200 for digit in "0123456789")


@pytest.mark.parametrize(
    ("pattern", "count", "taken", "allowed"),
    [
        ("GC-########", 1_000, 0, True),
        ("GC-########", 1_001, 0, False),
        ("GC-########", 999, 1, True),
        ("GC-########", 999, 2, False),
        ("GC-########=", 1_001, 0, False),
        ("GC-#########=", 10_000, 0, True),
    ],
)
def test_numbers_that_could_be_guessed_are_refused_unless_that_is_asked_for(
    pattern: str, count: int, taken: int, allowed: bool
) -> None:
    """A check digit does not make them harder to guess: whoever guesses can make it."""
    parsed = NumberPattern.parsed(pattern)
    known = {parsed.number_at(place) for place in range(taken)}
    if not allowed:
        with pytest.raises(GenerateFault, match="--guessable"):
            drawn_numbers(parsed, count, Random(1), taken=known)
    assert drawn_numbers(parsed, count, Random(1), taken=known, guessable=not allowed) is not None
