"""A mart in a schema of a PostgreSQL database.

Owns what is different there: the placeholders, `COPY` for rows, keys and indexes, and its errors.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.conninfo import conninfo_to_dict

from pipelines.neighbours.bi.columns import Column, Table
from pipelines.neighbours.bi.duckdb_target import DuckDbTarget
from pipelines.neighbours.bi.tables import TABLES
from pipelines.neighbours.bi.target import MartAway, MartFault, Row, Session

_CONNECT_S: Final = 10
_FETCHED_AT_ONCE: Final = 20_000


class PostgresTarget:
    """The mart in one schema. `address` has no password; `password` is asked for each time."""

    has_keys = True

    def __init__(self, address: str, schema: str, *, password: str | None = None) -> None:
        self._address = address
        self._schema = schema
        self._password = password

    @property
    def label(self) -> str:
        try:
            told = conninfo_to_dict(self._address)
        except psycopg.ProgrammingError:
            return f"PostgreSQL, schema {self._schema}"
        host, database = told.get("host", "localhost"), told.get("dbname", "")
        return f"{host}/{database}, schema {self._schema}"

    @contextmanager
    def session(self, *, writing: bool) -> Iterator[Session]:
        with self._connected(writing=writing) as connection:
            if writing:
                self._make_schema(connection)
            yield PostgresSession(connection, writer_of=self._schema if writing else None)

    def _make_schema(self, connection: psycopg.Connection) -> None:
        # Asked first: `IF NOT EXISTS` needs the right to make schemas also where there is one.
        found = connection.execute(
            "SELECT 1 FROM pg_namespace WHERE nspname = %s", [self._schema]
        ).fetchone()
        if found is None:
            with PostgresSession(connection, writer_of=self._schema).transaction():
                statement = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}")
                connection.execute(statement.format(sql.Identifier(self._schema)))

    def learn(self, session: Session) -> None:
        # Its own look comes a minute later, and until then it plans for the tables of before.
        session.rows(f"ANALYZE {', '.join(table.name for table in TABLES)}")

    def relations(self, session: Session) -> set[str]:
        found = session.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?",
            [self._schema],
        )
        return {name for (name,) in found}

    @contextmanager
    def _connected(self, *, writing: bool) -> Iterator[psycopg.Connection]:
        try:
            connection = psycopg.connect(
                self._address,
                password=self._password,
                autocommit=True,
                connect_timeout=_CONNECT_S,
                # A machine that vanishes says nothing: else a write would wait for it for hours.
                keepalives_idle=15,
                keepalives_interval=5,
                keepalives_count=3,
                tcp_user_timeout=30_000,
                application_name="giftcert-bi",
                options=f"-c search_path={self._schema} -c timezone=UTC",
            )
        except psycopg.OperationalError as error:
            raise self._away(error) from error
        except psycopg.ProgrammingError:
            # Not chained, nor its words told: they may repeat the address.
            raise MartFault(
                "GIFTCERT_BI_MART is no address of a PostgreSQL: write it like "
                "postgresql://user@host/database"
            ) from None
        try:
            if not writing:
                connection.read_only = True
                # All that a report shows is of one moment, however long it takes.
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
            yield connection
        except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as error:
            # One that takes no writes has been made a standby: another will answer in its place.
            raise self._away(error) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise MartFault(f"PostgreSQL forbids it at {self.label}: {error}") from error
        finally:
            connection.close()

    def _away(self, error: psycopg.Error) -> MartAway:
        # While nobody is let in, its client says why in words alone, of any language.
        return MartAway(
            f"PostgreSQL at {self.label} does not answer, or does not let us in: {error}"
        )


class PostgresSession:
    """One connection to the database. `writer_of`: the schema that it writes, one at a time."""

    def __init__(self, connection: psycopg.Connection, *, writer_of: str | None) -> None:
        self._connection = connection
        self._writer_of = writer_of

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        # Only SQL of our own comes here, and none of it has a percent sign or another use of `?`.
        cursor = self._connection.execute(sql.replace("?", "%s"), list(parameters) or None)
        return [] if cursor.description is None else cursor.fetchall()

    def add(self, table: Table, rows: Sequence[Sequence[object]]) -> None:
        """By COPY, the fastest way in."""
        if not rows:
            return
        statement = f"COPY {table.name} ({', '.join(table.column_names)}) FROM STDIN"
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def write_file(self, sql: str, columns: Sequence[Column], path: Path, form: str) -> int:
        """By way of a DuckDB beside the file, which knows how to write them."""
        gathered = path.with_name(f".{path.name}.gathering")
        gathered.unlink(missing_ok=True)
        rows = Table(name="gathered", about="", columns=tuple(columns), key=())
        try:
            with (
                DuckDbTarget(gathered).session(writing=True) as beside,
                self._connection.cursor(name="export") as cursor,
            ):
                shape = ", ".join(f"{column.name} {column.kind}" for column in columns)
                beside.rows(f"CREATE TABLE gathered ({shape})")
                cursor.execute(sql)
                while some := cursor.fetchmany(_FETCHED_AT_ONCE):
                    beside.add(rows, some)
                return beside.write_file("SELECT * FROM gathered", columns, path, form)
        finally:
            gathered.unlink(missing_ok=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._connection.transaction():
            if self._writer_of is not None:
                # Two runs that begin at once would both make what they find missing.
                self.rows("SELECT pg_advisory_xact_lock(hashtext(?))", [self._writer_of])
            yield
