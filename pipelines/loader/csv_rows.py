"""The rows of a CSV file, one at a time.

Owns the form: commas, semicolons or tabs between, as the first line has them; quotes where wanted;
a header, or bare numbers without one. Must not know what makes a number or a pool a good one.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from pipelines.loader.columns import NUMBER, POOL, names_the_number, places_of, shortened
from pipelines.loader.row import LoadFileFault, Row
from pipelines.loader.text_lines import TextLines

_SEPARATORS: Final = (",", ";", "\t")
_TOLD: Final = re.compile(r'"?sep=(?P<separator>[,;\t])"?\s*', re.IGNORECASE)
"""How a spreadsheet tells another one, on the first line, what stands between the columns."""

_DIGIT: Final = re.compile(r"[0-9]")
_BARE: Final = (0,)


def csv_rows(path: Path, file: BinaryIO, beginning: bytes) -> Iterator[Row]:
    """Every row of the file; `beginning` is what it begins with, not taken from it.

    Blank lines are none, and empty cells at the end of a row are not there. LoadFileFault.
    """
    with TextLines(path, file, beginning) as lines:
        before, separator, read = _separator(lines)
        reader = csv.reader(chain(read, lines), delimiter=separator, strict=True)
        ended = before
        places: tuple[int, ...] = ()
        try:
            for raw in reader:
                ended = before + reader.line_num
                cells = [cell.strip() for cell in raw]
                while len(cells) > len(places) and not cells[-1]:
                    cells.pop()
                if not any(cells):
                    continue
                if not places:
                    places = _places(path, ended, cells)
                    if names_the_number(cells):
                        continue
                yield _row(ended, cells, places)
        except csv.Error as error:
            raise LoadFileFault(
                f'{path} line {ended + 1} is not CSV: {error}; look for a quote (") in that line '
                "that is not closed, or stands inside a cell"
            ) from error


def _separator(lines: TextLines) -> tuple[int, str, list[str]]:
    """How many lines are done with, what stands between the columns, and the line that says so."""
    for line in lines:
        told = _TOLD.fullmatch(line) if lines.number == 1 else None
        if told is not None:
            return 1, told["separator"], []
        if line.strip():
            found = [each for each in _SEPARATORS if each in line]
            return lines.number - 1, found[0] if found else _SEPARATORS[0], [line]
    return lines.number, _SEPARATORS[0], []


def _row(line: int, cells: list[str], places: Sequence[int]) -> Row:
    if len(cells) != len(places):
        misfit = f"columns in the row {len(cells)}, in the header {len(places)}"
        return Row(line, cells[0], cells[1] if len(cells) > 1 else "", misfit)
    return Row(line, cells[places[0]], cells[places[1]] if len(places) > 1 else "")


def _places(path: Path, line: int, cells: Sequence[str]) -> tuple[int, ...]:
    """Where number and pool stand, by the first row that is not blank."""
    where = f"{path} line {line}"
    if names_the_number(cells):
        return places_of(where, cells)
    if len(cells) == 1 and NUMBER.casefold() in cells[0].casefold():
        raise LoadFileFault(
            f"{where} is {shortened(cells[0])!r}: separate columns by commas, semicolons or tabs"
        )
    if not any(_DIGIT.search(cell) for cell in cells):
        # Every number holds a digit, so this is a header.
        raise LoadFileFault(
            f"{where} is a header that does not name {NUMBER}: name the number's column so, and "
            f"the pool's, if there is one, {POOL}"
        )
    if len(cells) > 1:
        raise LoadFileFault(
            f"{where} has several columns and there is no header: the first line must name "
            f"{NUMBER} and {POOL}"
        )
    return _BARE
