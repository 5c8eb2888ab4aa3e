"""One table of the report as text, and how its cells are written.

Owns the shape that terminal and page draw, and what the sections share.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pipelines.neighbours.bi.amount_text import money_text
from pipelines.neighbours.bi.report import Cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table. `numbers` are the columns that are set to the right; `alarming` rows stand out.

    `anchor` is its name in an address; `empty` is said where there are no rows.
    """

    anchor: str
    title: str
    note: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: frozenset[int]
    empty: str
    alarming: frozenset[int] = frozenset()


def amounts(row: Cells, names: Iterable[str]) -> tuple[str, ...]:
    """Amounts of a row, in its currency."""
    return tuple(money_text(row[name], row["exponent"]) for name in names)


def places_where(
    rows: Sequence[tuple[str, ...]], alarming: Callable[[tuple[str, ...]], bool]
) -> frozenset[int]:
    """Which rows are so."""
    return frozenset(place for place, row in enumerate(rows) if alarming(row))
