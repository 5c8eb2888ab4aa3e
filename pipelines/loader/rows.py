"""The rows of a load: read, checked in form, and given an identity.

Owns what makes a row one that may be sent, and the identity of a load. Must not know what becomes
of a row, nor how a file keeps it.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from pipelines.loader.columns import shortened
from pipelines.loader.file_rows import file_rows
from pipelines.loader.number_advice import advice_on
from pipelines.loader.row import LoadFileFault, Row
from state.certificate.numbers import fault_of, pool_fault_of

MOST_ROWS: Final = 5_000_000
"""Of one file: it is held in memory, some 250 bytes a row. What is larger comes in parts."""


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
    pool: str
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


def read_load_file(path: Path, pool: str, *, most_rows: int = MOST_ROWS) -> LoadFile:
    """Read and check a file; `pool` is for the rows that name none. LoadFileFault."""
    fault = pool_fault_of(pool)
    if fault is not None:
        raise LoadFileFault(f"the pool {shortened(pool)!r} {fault}")
    rows: dict[str, tuple[int, str]] = {}
    faults: list[RowFault] = []
    digest = hashlib.sha256()
    for row in file_rows(path):
        row_pool = row.pool or pool
        digest.update(f"{row.number}\t{row_pool}\n".encode())
        found = _fault(row, row_pool, rows)
        if found is None:
            rows[row.number] = (row.line, row_pool)
        else:
            faults.append(_row_fault(row, row_pool, *found))
        if len(rows) + len(faults) > most_rows:
            raise LoadFileFault(
                f"{path} has more than {most_rows:,} rows: split it, and load each part"
            )
    if not rows and not faults:
        raise LoadFileFault(f"{path} has no rows")
    return LoadFile(load_id=digest.hexdigest()[:16], rows=rows, faults=tuple(faults))


def _row_fault(row: Row, pool: str, code: RowCode, text: str) -> RowFault:
    return RowFault(line=row.line, certificate_id=row.number, pool=pool, code=code, text=text)


def _fault(row: Row, pool: str, rows: dict[str, tuple[int, str]]) -> tuple[RowCode, str] | None:
    if row.misfit:
        return RowCode.COLUMNS, row.misfit
    fault = fault_of(row.number)
    if fault is not None:
        advice = advice_on(row.number)
        return RowCode.FORM, f"the number {fault}" + (f": {advice}" if advice else "")
    fault = pool_fault_of(pool)
    if fault is not None:
        return RowCode.POOL_NAME, f"the pool {fault}"
    if row.number in rows:
        return RowCode.DUPLICATE_IN_FILE, f"the number is on line {rows[row.number][0]} already"
    return None
