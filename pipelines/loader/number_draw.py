"""Draws numbers of a pattern: each once, none that is taken, and none that is easily guessed.

Owns the drawing and when it is refused. The source of chance is handed in: with the system's own
nobody foresees a number, with a seeded one everybody who knows the seed does.
"""

from collections.abc import Iterator, Set
from random import Random
from typing import Final

from pipelines.loader.number_pattern import GenerateFault, NumberPattern

GUESSES: Final = 100_000
"""So many made-up numbers of the pattern must hit one that there is at most once."""


def drawn_numbers(
    pattern: NumberPattern,
    count: int,
    chance: Random,
    *,
    taken: Set[str] = frozenset(),
    guessable: bool = False,
) -> Iterator[str]:
    """`count` different numbers in the order in which chance gives them, none of them in `taken`.

    GenerateFault, before the first: there are not so many, or, unless `guessable`, so few others
    that they could be guessed.
    """
    in_the_way = sum(map(pattern.matches, taken))
    there = count + in_the_way
    if there > pattern.space:
        less = f", of which {in_the_way:,} are taken" if in_the_way else ""
        raise GenerateFault(
            f"the pattern {pattern.text!r} has {pattern.space:,} numbers{less}: it cannot give "
            f"{count:,} more; make it longer"
        )
    if not guessable and pattern.space < there * GUESSES:
        raise GenerateFault(
            f"of {pattern.space // there:,} guesses one would hit a number of {pattern.text!r}: "
            f"make it longer, so that it is one of {GUESSES:,}, or say --guessable, for tests alone"
        )
    return _drawn(pattern, count, chance, taken, there)


def _drawn(
    pattern: NumberPattern, count: int, chance: Random, taken: Set[str], there: int
) -> Iterator[str]:
    left = count
    for place in _places(pattern.space, there, chance):
        if not left:
            return
        number = pattern.number_at(place)
        if number not in taken:
            left -= 1
            yield number


def _places(space: int, wanted: int, chance: Random) -> Iterator[int]:
    """Places among all, each once, at least `wanted` of them."""
    if wanted * 2 > space:
        # Nearly all of them: drawing again and again would not end soon.
        yield from chance.sample(range(space), space)
        return
    drawn: set[int] = set()
    while True:
        place = chance.randrange(space)
        if place not in drawn:
            drawn.add(place)
            yield place
