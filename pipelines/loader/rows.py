"""The rows of a load file: read, checked in form, and given an identity.

Owns the file's format: UTF-8 CSV (a byte order mark is no harm) with a header that names
`certificateId` and perhaps `pool`, or bare numbers without a header. Commas or semicolons between,
as the first line has them. Must not know what becomes of a row.
"""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from pipelines.faults import OperatorError
from state.certificate.numbers import fault_of, pool_fault_of

_NUMBER: Final = "certificateId"
_POOL: Final = "pool"
_SHOWN_LENGTH: Final = 40


class LoadFileFault(OperatorError):
    """The file as a whole cannot be loaded; no row was sent."""

    exit_code: ClassVar[int] = 2


class RowCode(StrEnum):
    """Why a row is refused before the service sees it, in the order in which it is found out."""

    COLUMNS = "COLUMNS"
    FORM = "FORM"
    POOL_NAME = "POOL_NAME"
    DUPLICATE_IN_FILE = "DUPLICATE_IN_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """One refused row. `line` is where it ends in the file, counted from 1."""

    line: int
    certificate_id: str
    code: RowCode
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFile:
    """A whole file. `rows` gives each number its line and pool, in the order of the file.

    `load_id` follows from what the rows say (not from spaces, separators or the file's name): the
    same file loaded again is the same load.
    """

    load_id: str
    rows: dict[str, tuple[int, str]]
    faults: tuple[RowFault, ...]

    @property
    def total(self) -> int:
        """How many rows the file has, refused ones included."""
        return len(self.rows) + len(self.faults)


def read_load_file(path: Path, pool: str) -> LoadFile:
    """Read and check a file; `pool` is for the rows that name none. LoadFileFault."""
    fault = pool_fault_of(pool)
    if fault is not None:
        raise LoadFileFault(f"the pool {_short(pool)!r} {fault}")
    rows: dict[str, tuple[int, str]] = {}
    faults: list[RowFault] = []
    digest = hashlib.sha256()
    for row in _rows_of(path):
        row_pool = row.pool or pool
        digest.update(f"{row.number}\t{row_pool}\n".encode())
        found = _fault(row, row_pool, rows)
        if found is None:
            rows[row.number] = (row.line, row_pool)
        else:
            code, text = found
            faults.append(RowFault(line=row.line, certificate_id=row.number, code=code, text=text))
    if not rows and not faults:
        raise LoadFileFault(f"{path} has no rows")
    return LoadFile(load_id=digest.hexdigest()[:16], rows=rows, faults=tuple(faults))


class _Row(NamedTuple):
    """One row as it stands in the file. `misfit`: what is wrong with its columns, if anything."""

    line: int
    number: str
    pool: str
    misfit: str


def _fault(row: _Row, pool: str, rows: dict[str, tuple[int, str]]) -> tuple[RowCode, str] | None:
    if row.misfit:
        return RowCode.COLUMNS, row.misfit
    fault = fault_of(row.number)
    if fault is not None:
        return RowCode.FORM, f"the number {fault}"
    fault = pool_fault_of(pool)
    if fault is not None:
        return RowCode.POOL_NAME, f"the pool {fault}"
    if row.number in rows:
        return RowCode.DUPLICATE_IN_FILE, f"the number is on line {rows[row.number][0]} already"
    return None


def _rows_of(path: Path) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _parsed(path, file)
    except OSError as error:
        raise LoadFileFault(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LoadFileFault(f"{path} is not UTF-8: save it as CSV in UTF-8") from error


def _parsed(path: Path, file: Iterator[str]) -> Iterator[_Row]:
    """The rows of the file. Blank lines are none; empty cells at the end of a row are not there."""
    first = next(file, "")
    delimiter = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(_chained(first, file), delimiter=delimiter, strict=True)
    order: list[int] = []
    try:
        for raw in reader:
            cells = [cell.strip() for cell in raw]
            while len(cells) > len(order) and not cells[-1]:
                cells.pop()
            if not any(cells):
                continue
            if not order:
                order = _order(path, cells)
                if _is_header(cells):
                    continue
            fits = len(cells) == len(order)
            misfit = "" if fits else f"columns in the row {len(cells)}, in the header {len(order)}"
            ordered = [cells[place] for place in order] if fits else cells
            row_pool = ordered[1] if len(ordered) > 1 else ""
            yield _Row(reader.line_num, ordered[0], row_pool, misfit)
    except csv.Error as error:
        raise LoadFileFault(f"{path} line {reader.line_num} is not CSV: {error}") from error


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _is_header(cells: Sequence[str]) -> bool:
    return _NUMBER.casefold() in (cell.casefold() for cell in cells)


def _order(path: Path, cells: Sequence[str]) -> list[int]:
    """Where the number and the pool stand in each row."""
    if not _is_header(cells):
        if len(cells) > 1:
            raise LoadFileFault(
                f"{path} has several columns and no header: its first line must name {_NUMBER} "
                f"and {_POOL}"
            )
        return [0]
    names = [cell.casefold() for cell in cells]
    # An unknown column may be a misspelt `pool`, and its numbers would land in the wrong one.
    unknown = [cell for cell in cells if cell.casefold() not in (_NUMBER.casefold(), _POOL)]
    if unknown or len(set(names)) != len(names):
        raise LoadFileFault(
            f"{path} has columns {', '.join(map(_short, cells))}: "
            f"a load file has {_NUMBER} and perhaps {_POOL}, once each"
        )
    return [names.index(name) for name in (_NUMBER.casefold(), _POOL) if name in names]


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
