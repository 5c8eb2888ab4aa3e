"""The form of what is generated for the documentation: tables and code.

Owns no word of any page.
"""

from collections.abc import Iterable
from typing import Final

NONE: Final = "\N{EN DASH}"
"""What stands in a cell that has nothing to say."""


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    names = list(header)
    lines = [names, *(list(row) for row in rows)]
    assert all(len(line) == len(names) for line in lines), "a row has another number of cells"
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    written = [f"| {' | '.join(line)} |" for line in escaped]
    return "\n".join([written[0], f"|{'---|' * len(names)}", *written[1:]]) + "\n"


def code(text: object) -> str:
    """Text as code."""
    return f"`{text}`"


def codes(values: Iterable[object]) -> str:
    """Several, sorted, as code; a dash for none."""
    return ", ".join(code(value) for value in sorted(map(str, values))) or NONE
