"""Where a mart is kept: what the mart asks of a database, and how a database fails.

Owns the seam between DuckDB and PostgreSQL, which is small on purpose: everything else is SQL that
both understand. SQL is written with `?` for parameters; a list of texts is one parameter.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from pipelines.faults import OperatorError
from pipelines.neighbours.bi.columns import Column, Table

Row = tuple[Any, ...]
"""A row that a database gave."""


class MartFault(OperatorError):
    """The mart cannot be used."""


class MartMissing(MartFault):
    """There is no mart."""


class MartDiffers(MartFault):
    """There is a mart, and it is not one that this version can go on with."""


class MartTaken(MartFault):
    """Another run keeps the mart by now."""


class MartAway(MartFault):
    """The database does not answer, or somebody has its file open: later it may be there again."""


class Session(Protocol):
    """An open connection. Outside `transaction` every statement stands by itself."""

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a statement; the rows it gives."""
        ...

    def add(self, table: Table, rows: Sequence[Sequence[object]]) -> None:
        """Add rows, in the order of the table's columns, in one go."""
        ...

    def write_file(self, sql: str, columns: Sequence[Column], path: Path, form: str) -> int:
        """Write the rows of a query to a file, `parquet` or `csv`; how many there were."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All of what is run within happens, or none of it. What is read is of one moment."""
        ...


class Target(Protocol):
    """A database that holds a mart or will."""

    @property
    def label(self) -> str:
        """What to call it before people; holds no password."""
        ...

    @property
    def has_keys(self) -> bool:
        """Whether its tables have primary keys and indexes."""
        ...

    def session(self, *, writing: bool) -> AbstractContextManager[Session]:
        """A connection for the time of the `with`. MartAway, MartMissing, MartFault.

        With `writing` what is missing is made; without, nothing is ever changed.
        """
        ...

    def learn(self, session: Session) -> None:
        """Look at what the tables hold, where queries are planned by that: after much came in."""
        ...

    def relations(self, session: Session) -> set[str]:
        """The names of all tables and views that are there."""
        ...
