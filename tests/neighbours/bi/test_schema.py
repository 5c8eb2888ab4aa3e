"""The schema is what it says: its types in the database, its rows in the code, its version."""

import hashlib
from datetime import date, datetime
from typing import get_type_hints

import pytest

from pipelines.neighbours.bi import rows
from pipelines.neighbours.bi.columns import Kind, Number, Table
from pipelines.neighbours.bi.schema import RELATIONS, SCHEMA_VERSION, VIEWS, ddl
from pipelines.neighbours.bi.tables import (
    BROKEN,
    CLIENT_RECORD,
    DEAD_LETTER,
    DEAD_LETTER_RESOLUTION,
    GAP,
    ORDER_LINE,
    ORDER_TENDER,
    ORDER_VERSION,
    PAYMENT_EVENT,
    STREAM_EVENT,
    TABLES,
)
from tests.neighbours.bi.mart_in_memory import MartUnderTest

ROWS = [
    (STREAM_EVENT, rows.StreamEventRow),
    (ORDER_VERSION, rows.OrderVersionRow),
    (ORDER_LINE, rows.OrderLineRow),
    (ORDER_TENDER, rows.OrderTenderRow),
    (PAYMENT_EVENT, rows.PaymentEventRow),
    (CLIENT_RECORD, rows.ClientRecordRow),
    (DEAD_LETTER, rows.DeadLetterRow),
    (DEAD_LETTER_RESOLUTION, rows.ResolutionRow),
    (BROKEN, rows.BrokenRow),
    (GAP, rows.GapRow),
]
PYTHON_TYPES: dict[Kind, type] = {
    Kind.TEXT: str,
    Kind.WHOLE: int,
    Kind.SMALL: int,
    Kind.FLAG: bool,
    Kind.DAY: date,
    Kind.TIME: datetime,
}
# One line for each version that was ever released, with what its DDL hashes to.
VERSIONS = {1: "67be47398a3621b5"}


@pytest.fixture(scope="module")
def mart() -> MartUnderTest:
    return MartUnderTest().begin()


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda each: each.name)
def test_columns_of_a_relation_are_those_of_the_database(
    relation: Table, mart: MartUnderTest
) -> None:
    found = mart.rows(f"DESCRIBE {relation.name}")
    told = [(column.name, str(column.kind)) for column in relation.columns]
    assert [(name, kind) for name, kind, *_ in found] == told


@pytest.mark.parametrize(("table", "row"), ROWS, ids=[table.name for table, _ in ROWS])
def test_fields_of_a_row_are_the_columns_of_its_table(table: Table, row: type) -> None:
    hints = get_type_hints(row)
    assert tuple(hints) == table.column_names
    for column in table.columns:
        of_kind = PYTHON_TYPES[column.kind]
        assert hints[column.name] == (of_kind if column.required else of_kind | None), column


def test_every_relation_and_column_says_what_it_is() -> None:
    assert len({each.name for each in RELATIONS}) == len(RELATIONS)
    for each in RELATIONS:
        assert each.about.endswith("."), each.name
        assert len({column.name for column in each.columns}) == len(each.columns)
        assert all(column.about for column in each.columns), each.name


def test_amounts_are_whole_numbers_with_their_exponent_beside_them() -> None:
    for each in RELATIONS:
        amounts = [column for column in each.columns if column.name.endswith("_minor")]
        names = {column.name for column in each.columns}
        assert all(column.kind in (Kind.WHOLE, Kind.SUM) for column in amounts), each.name
        # Lines and tenders have the currency of the order that they are parts of.
        if amounts and each.name not in ("order_line", "order_tender"):
            assert {"currency", "exponent"} <= names, each.name
        assert not any(str(column.kind) in ("DOUBLE", "REAL", "FLOAT") for column in each.columns)


def test_every_column_of_numbers_says_so() -> None:
    for each in RELATIONS:
        for column in each.columns:
            if column.name in ("certificate_id", "record_key"):
                assert column.number is Number.YES, f"{each.name}.{column.name}"


def test_no_column_has_a_place_for_an_address() -> None:
    names = {column.name for each in RELATIONS for column in each.columns}
    assert not [name for name in names if "address" in name or "token" in name]


def test_version_is_raised_with_every_change_of_the_schema() -> None:
    """Changed on purpose? Raise SCHEMA_VERSION and add its line; a mart of before is refused."""
    whole = "\n".join(ddl(keys=True))
    digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
    assert VERSIONS[SCHEMA_VERSION] == digest


def test_views_of_the_schema_need_only_what_comes_before_them() -> None:
    known = {table.name for table in TABLES}
    for view in VIEWS:
        words = set(view.sql.replace("(", " ").replace(")", " ").replace(",", " ").split())
        later = {each.name for each in VIEWS} - known - {view.name}
        assert not words & later, view.name
        known.add(view.name)
