"""A mart in one DuckDB file.

Owns the file's lock, which is held only while something is written or read: a database in a file
has one writer and no readers meanwhile, so whoever is done lets the others in. There are no primary
keys and no indexes: measured on a million events they make the file four times as large and filling
it five times as slow, and what they would hold the writer holds already.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from pipelines.neighbours.bi.columns import Column, Kind, Table
from pipelines.neighbours.bi.target import MartAway, MartFault, MartMissing, Row, Session

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    # A neighbour must leave the machine to others; what needs more spills beside the file.
    "memory_limit": "1GB",
    # Nothing is fetched from anywhere, whatever is asked.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_CANNOT: Final = (
    duckdb.FatalException,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
)
"""A full disk, a damaged file: nothing that we could have written otherwise."""

_LOCKED: Final = "Could not set lock on file"
_LOOK_AGAIN_S: Final = 0.05
_FORMULA: Final = r"^[-=+@\t\r]"


class DuckDbTarget:
    """The mart in the file at `path`. `patience_s`: how long to wait while others have it open."""

    has_keys = False

    def __init__(
        self,
        path: Path,
        *,
        patience_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._patience_s = patience_s
        self._clock = clock

    @property
    def label(self) -> str:
        return str(self._path)

    @contextmanager
    def session(self, *, writing: bool) -> Iterator[Session]:
        if not writing and not self._path.exists():
            raise MartMissing(f"there is no mart at {self._path}: run `giftcert bi run` first")
        connection = self._opened(writing=writing)
        try:
            yield DuckDbSession(connection)
        finally:
            connection.close()

    def learn(self, session: Session) -> None:
        """Nothing: it counts while rows are added."""

    def relations(self, session: Session) -> set[str]:
        found = session.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
        )
        return {name for (name,) in found}

    def _opened(self, *, writing: bool) -> duckdb.DuckDBPyConnection:
        deadline = self._clock() + self._patience_s
        while True:
            try:
                return duckdb.connect(str(self._path), read_only=not writing, config=_CONFIG)
            except duckdb.IOException as error:
                if _LOCKED not in str(error):
                    raise _fault(self._path, error) from error
                if self._clock() >= deadline:
                    raise MartAway(
                        f"the mart {self._path} was open in another program for "
                        f"{self._patience_s:g} s{_holder(error)}: close it there, or keep the mart "
                        "in PostgreSQL, which takes readers and a writer at once"
                    ) from error
            except duckdb.Error as error:
                raise _fault(self._path, error) from error
            time.sleep(_LOOK_AGAIN_S)


class DuckDbSession:
    """One connection to the file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        with _explained():
            return self._connection.execute(sql, list(parameters)).fetchall()

    def add(self, table: Table, rows: Sequence[Sequence[object]]) -> None:
        """As one text of JSON, column by column: the fastest way in that needs no other library."""
        if not rows:
            return
        names = table.column_names
        columns = msgspec.json.encode(dict(zip(names, zip(*rows, strict=True), strict=True)))
        shape = ", ".join(f'"{column.name}": ["{column.kind}"]' for column in table.columns)
        unnested = ", ".join(f'unnest(told."{name}")' for name in names)
        source = f"(SELECT from_json(?, '{{{shape}}}') AS told)"
        statement = f"INSERT INTO {table.name} SELECT {unnested} FROM {source}"  # noqa: S608 - names of ours
        self.rows(statement, [columns.decode()])

    def write_file(self, sql: str, columns: Sequence[Column], path: Path, form: str) -> int:
        options = "FORMAT csv, HEADER" if form == "csv" else "FORMAT parquet"
        place = str(path).replace("'", "''")
        shown = ", ".join(
            _harmless(column.name) if form == "csv" and column.kind is Kind.TEXT else column.name
            for column in columns
        )
        query = f"SELECT {shown} FROM ({sql}) AS asked"  # noqa: S608 - queries of ours
        ((written,),) = self.rows(f"COPY ({query}) TO '{place}' ({options})")
        return int(written)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.rows("BEGIN")
        try:
            yield
        except BaseException:
            with _explained():
                self._connection.rollback()
            raise
        self.rows("COMMIT")


def _harmless(name: str) -> str:
    """A column of texts; one that a spreadsheet would take for a formula gets a quote before it."""
    is_formula = f"regexp_matches({name}, '{_FORMULA}')"
    return f"CASE WHEN {is_formula} THEN chr(39) || {name} ELSE {name} END AS {name}"


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        # The database looks for signals itself, and hides what their handler raised.
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        raise
    except _CANNOT as error:
        raise MartFault(f"the mart cannot be used: {error}") from error


def _fault(path: Path, error: duckdb.Error) -> MartFault:
    return MartFault(f"the mart {path} cannot be opened: {error}")


def _holder(error: duckdb.Error) -> str:
    """Who has it open, where the database says so."""
    said = str(error)
    start = said.find("(PID ")
    return "" if start < 0 else f" {said[start : said.find(')', start) + 1]}"
