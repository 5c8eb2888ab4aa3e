"""The whole schema of the mart: tables, views, version, and the DDL that makes them.

Owns the version. A mart of another one is refused: it is quicker made anew than moved on, since the
topics have everything.
"""

from collections.abc import Iterator
from typing import Final

from pipelines.neighbours.bi.certificate_views import CERTIFICATE_VIEWS
from pipelines.neighbours.bi.columns import Relation, Table, View
from pipelines.neighbours.bi.money_views import MONEY_VIEWS
from pipelines.neighbours.bi.reconciliation_views import RECONCILIATION_VIEWS
from pipelines.neighbours.bi.service_views import SERVICE_VIEWS
from pipelines.neighbours.bi.source_views import SOURCE_VIEWS
from pipelines.neighbours.bi.tables import TABLES

SCHEMA_VERSION: Final = 1
"""Raise it with every change of a table, a view, or of how a record becomes a row."""

VIEWS: Final[tuple[View, ...]] = (
    *CERTIFICATE_VIEWS,
    *MONEY_VIEWS,
    *SOURCE_VIEWS,
    *RECONCILIATION_VIEWS,
    *SERVICE_VIEWS,
)
"""In an order in which each needs only those before it."""

RELATIONS: Final[tuple[Relation, ...]] = (*VIEWS, *TABLES)


def relation(name: str) -> Relation:
    """The table or view of that name. KeyError."""
    return _BY_NAME[name]


_BY_NAME: Final = {each.name: each for each in RELATIONS}


def ddl(*, keys: bool) -> Iterator[str]:
    """The statements that make the schema; with primary keys and indexes, or without."""
    for table in TABLES:
        yield _table(table, keys=keys)
        if keys:
            for number, columns in enumerate(table.lookups):
                yield f"CREATE INDEX {table.name}_{number} ON {table.name} ({', '.join(columns)})"
    for view in VIEWS:
        yield f"CREATE VIEW {view.name} AS {view.sql}"


def _table(table: Table, *, keys: bool) -> str:
    lines = [
        f"{column.name} {column.kind}{' NOT NULL' if column.required else ''}"
        for column in table.columns
    ]
    if keys:
        lines.append(f"PRIMARY KEY ({', '.join(table.key)})")
    return f"CREATE TABLE {table.name} ({', '.join(lines)})"
