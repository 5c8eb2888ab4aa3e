"""A Parquet file is read like a CSV with the same rows; one that has lost digits is refused."""

from pathlib import Path

import duckdb
import pytest

from pipelines.loader.parquet_rows import parquet_rows
from pipelines.loader.row import LoadFileFault, Row
from pipelines.loader.rows import RowCode, read_load_file


def parquet(path: Path, query: str, columns: str = "*") -> Path:
    """A file of what a query gives."""
    with duckdb.connect(":memory:") as connection:
        connection.sql(query).project(columns).write_parquet(str(path))
    return path


ROWS = """
    SELECT * FROM (VALUES ('GC-0001', NULL), (' GC-0002 ', 'PHYSICAL')) AS rows(certificateId, pool)
"""
GOOD_FILES = [
    ("both columns", "certificateId, pool"),
    ("another case", "certificateId AS CERTIFICATEID, pool AS Pool"),
    ("the other way", "pool, certificateId"),
    ("bytes in the place of text", "certificateId::BLOB AS certificateId, pool"),
    ("pools of a closed list", "certificateId, pool::ENUM('ELECTRONIC', 'PHYSICAL') AS pool"),
]


@pytest.mark.parametrize(
    "columns", [pytest.param(columns, id=name) for name, columns in GOOD_FILES]
)
def test_read_of_a_parquet_file_gives_numbers_with_row_and_pool(
    tmp_path: Path, columns: str
) -> None:
    file = read_load_file(parquet(tmp_path / "numbers.parquet", ROWS, columns), "ELECTRONIC")
    assert file.rows == {"GC-0001": (1, "ELECTRONIC"), "GC-0002": (2, "PHYSICAL")}
    assert file.faults == ()


def test_parquet_file_is_the_same_load_as_the_csv_of_its_rows(tmp_path: Path) -> None:
    path = parquet(tmp_path / "numbers.parquet", ROWS)
    (tmp_path / "numbers.csv").write_text("certificateId,pool\nGC-0001,\nGC-0002,PHYSICAL\n")
    csv = read_load_file(tmp_path / "numbers.csv", "ELECTRONIC")
    assert read_load_file(path, "ELECTRONIC").load_id == csv.load_id


def test_parquet_file_is_known_by_what_it_holds_and_not_by_its_name(tmp_path: Path) -> None:
    """Also under a name that would mean several files to the library."""
    path = tmp_path / "channel=POS"
    path.mkdir()
    path = parquet(path / "a.parquet", ROWS).rename(path / "[a]*?.csv")
    assert read_load_file(path, "ELECTRONIC").total == 2


def test_rows_of_a_parquet_file_come_in_its_order_over_all_its_batches(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "numbers.parquet",
        "SELECT (range * 7919 % 25013)::VARCHAR AS certificateId FROM range(25013)",
    )
    wanted = [Row(line + 1, str(line * 7919 % 25013), "") for line in range(25013)]
    assert list(parquet_rows(path)) == wanted


def test_parquet_rows_without_a_number_are_refused_by_row(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "numbers.parquet",
        "SELECT * FROM (VALUES ('GC-0001'), (NULL), ('gc')) AS rows(certificateId)",
    )
    file = read_load_file(path, "ELECTRONIC")
    assert [(fault.line, fault.code) for fault in file.faults] == [
        (2, RowCode.FORM),
        (3, RowCode.FORM),
    ]


FAULTY_FILES = [
    ("an integer", "SELECT 12345678 AS certificateId", "certificateId is INTEGER, not text"),
    ("a fraction", "SELECT 1.5::DOUBLE AS certificateId", "certificateId is DOUBLE, not text"),
    (
        "a pool that is no text",
        "SELECT 'GC-0001' AS certificateId, 1 AS pool",
        "pool is INTEGER, not text",
    ),
    ("an unknown column", "SELECT 'GC-0001' AS certificateId, 'A' AS pol", "certificateId, pol"),
    ("no number", "SELECT 'ELECTRONIC' AS pool", "has the columns pool"),
    ("no rows", "SELECT 'GC-0001' AS certificateId WHERE false", "has no rows"),
]


@pytest.mark.parametrize(
    ("query", "said"), [pytest.param(query, said, id=name) for name, query, said in FAULTY_FILES]
)
def test_parquet_file_that_is_wrong_as_a_whole_is_refused_in_one_line(
    tmp_path: Path, query: str, said: str
) -> None:
    with pytest.raises(LoadFileFault, match=said) as refused:
        read_load_file(parquet(tmp_path / "numbers.parquet", query), "ELECTRONIC")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_parquet_file_that_is_damaged_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "numbers.parquet"
    path.write_bytes(content)
    with pytest.raises(LoadFileFault, match="cannot be read as Parquet") as refused:
        read_load_file(path, "ELECTRONIC")
    assert "SELECT" not in str(refused.value)
