"""The columns of a load file: `certificateId`, and perhaps `pool`, in any order and any case.

Owns what a header may say. Knows nothing of how a file keeps its columns.
"""

from collections.abc import Sequence
from typing import Final

from pipelines.loader.row import LoadFileFault

NUMBER: Final = "certificateId"
POOL: Final = "pool"
_SHOWN_LENGTH: Final = 40


def names_the_number(cells: Sequence[str]) -> bool:
    """Whether these cells are a header: one of them is the name of the number's column."""
    return NUMBER.casefold() in (cell.casefold() for cell in cells)


def places_of(where: str, names: Sequence[str]) -> tuple[int, ...]:
    """Where the number and, if there is one, the pool stand in each row. LoadFileFault."""
    lower = [name.casefold() for name in names]
    known = (NUMBER.casefold(), POOL)
    # An unknown column may be a misspelt `pool`, and its numbers would land in the wrong one.
    unknown = [name for name in names if name.casefold() not in known]
    if known[0] not in lower or unknown or len(set(lower)) != len(lower):
        raise LoadFileFault(
            f"{where} has the columns {', '.join(map(shortened, names))}: a load file has {NUMBER} "
            f"and perhaps {POOL}, once each, and no others; take the others away"
        )
    return tuple(lower.index(name) for name in known if name in lower)


def shortened(text: str) -> str:
    """What somebody wrote, for a message: as much of it as is of use, and nothing that acts."""
    plain = "".join(each if each.isprintable() else "?" for each in text[: _SHOWN_LENGTH + 1])
    return plain if len(plain) <= _SHOWN_LENGTH else f"{plain[:_SHOWN_LENGTH]}…"
