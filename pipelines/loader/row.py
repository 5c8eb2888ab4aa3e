"""One row of a load file as it stands there, and the fault of a file as a whole.

Owns the two alone: whether a row may be loaded is judged elsewhere.
"""

from typing import ClassVar, NamedTuple

from pipelines.faults import OperatorError


class LoadFileFault(OperatorError):
    """The file as a whole cannot be loaded; no row was sent."""

    exit_code: ClassVar[int] = 2


class Row(NamedTuple):
    """One row as it stands in the file, spaces around its cells taken away.

    `line` is where it ends in the file, counted from 1; in a Parquet file, which has no lines, the
    number of the row. `pool` is empty where the row names none. `misfit` says what is wrong with
    its columns, if anything.
    """

    line: int
    number: str
    pool: str
    misfit: str = ""
