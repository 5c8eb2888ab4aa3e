"""Files for other tools: every row, exact amounts, and numbers that join without being told."""

from pathlib import Path

import duckdb
import pytest

from pipelines.faults import OperatorError
from pipelines.neighbours.bi.columns import Number
from pipelines.neighbours.bi.export import FileFormat, export
from pipelines.neighbours.bi.schema import RELATIONS
from pipelines.neighbours.bi.target import MartMissing
from tests.neighbours.bi.mart_in_memory import MartUnderTest, MemoryTarget, Row, filled
from tests.neighbours.bi.told_topics import NUMBER, OTHER, ToldTopics, sold


def story() -> ToldTopics:
    told = sold().redeem(100).spending_order(200, number=OTHER)
    told.blocked()
    return told.captured_over_http(700_00)


def asked(columns: str, folder: Path, name: str) -> list[Row]:
    """Columns of a file, each combination once."""
    query = f"SELECT DISTINCT {columns} FROM '{folder / name}' ORDER BY 1"  # noqa: S608 - names of ours
    return duckdb.connect().execute(query).fetchall()


def exported(
    mart: MartUnderTest,
    folder: Path,
    *names: str,
    file_format: FileFormat = FileFormat.PARQUET,
    full_numbers: bool = False,
) -> dict[str, int]:
    written = export(
        mart.target, folder, names=names, file_format=file_format, full_numbers=full_numbers
    )
    return {path.name: rows for path, rows in written}


@pytest.mark.parametrize("file_format", FileFormat)
def test_export_writes_every_relation_with_all_its_rows(
    file_format: FileFormat, tmp_path: Path
) -> None:
    mart = filled(story().records)
    written = exported(mart, tmp_path, file_format=file_format)
    assert set(written) == {f"{each.name}.{file_format}" for each in RELATIONS}
    for each in RELATIONS:
        ((rows,),) = mart.rows(f"SELECT count(*) FROM {each.name}")  # noqa: S608 - names of ours
        assert written[f"{each.name}.{file_format}"] == rows


def test_export_keeps_amounts_and_types_exact(tmp_path: Path) -> None:
    mart = filled(story().records)
    exported(mart, tmp_path, "liability_daily", "ledger")
    kinds = asked("typeof(closing_minor), typeof(day)", tmp_path, "liability_daily.parquet")
    assert kinds == [("DECIMAL(38,0)", "DATE")]
    sums = asked("sum(amount_minor)", tmp_path, "ledger.parquet")
    assert sums == [(5_000_00 - 100 - 700_00,)]


@pytest.mark.parametrize("file_format", FileFormat)
def test_export_hides_numbers_in_every_file_and_lets_them_join(
    file_format: FileFormat, tmp_path: Path
) -> None:
    mart = filled(story().records)
    exported(mart, tmp_path, file_format=file_format)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert NUMBER.encode() not in content, path
        assert OTHER.encode() not in content, path
    shown = [("0-0…1234",)]
    for name in ("ledger", "certificate", "certificate_history", "balance_daily", "sale_issued"):
        assert asked("certificate_id", tmp_path, f"{name}.{file_format}") == shown


def test_export_of_a_stranger_shows_its_last_four_and_of_a_pool_its_name(tmp_path: Path) -> None:
    mart = filled(story().records)
    exported(mart, tmp_path, "order_tender", "stream_event", "reconciliation")
    assert asked("certificate_id", tmp_path, "order_tender.parquet") == [("…5678",)]
    keys = asked("record_key", tmp_path, "stream_event.parquet")
    assert keys == [("0-0…1234",), ("ELECTRONIC",)]
    # The id of an order is no number, though it has digits; a capture stands under its number.
    sales = asked("correlation_key", tmp_path, "reconciliation.parquet")
    assert sales == [("0-0…1234",), ("basket-1",), ("sale-1",)]


def test_export_hides_a_number_that_others_took_for_the_id_of_their_sale(tmp_path: Path) -> None:
    told = sold().redeem(1_00, order_id=NUMBER).spending_order(1_00, order_id=NUMBER)
    told.payment(1_00, order_id=NUMBER, tender="GIFT_CERTIFICATE", number=NUMBER)
    mart = filled(told.records)
    names = ("correlation_id", "correlation_key", "order_id")
    for each in RELATIONS:
        for column in each.columns:
            assert column.name not in names or column.number is Number.PERHAPS, each.name
    exported(mart, tmp_path, "ledger", "sales_order", "reconciliation")
    assert asked("correlation_id", tmp_path, "ledger.parquet") == [("0-0…1234",), ("sale-1",)]
    for name in ("sales_order", "reconciliation"):
        said = str(asked("correlation_key, order_id", tmp_path, f"{name}.parquet"))
        assert "0-0…1234" in said
        assert NUMBER not in said


def test_export_hides_a_number_behind_the_word_correlation(tmp_path: Path) -> None:
    mart = filled(sold().records)
    mart.rows(f"UPDATE stream_event SET record_key = 'correlation:{NUMBER}' WHERE sequence = 2")  # noqa: S608 - a number of ours
    exported(mart, tmp_path, "stream_event")
    keys = asked("record_key", tmp_path, "stream_event.parquet")
    assert keys == [("0-0…1234",), ("correlation:0-0…1234",)]


def test_export_with_full_numbers_has_them(tmp_path: Path) -> None:
    mart = filled(story().records)
    exported(mart, tmp_path, "certificate", full_numbers=True)
    assert asked("certificate_id", tmp_path, "certificate.parquet") == [(NUMBER,)]


def test_export_of_an_unknown_table_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="there is no table or view sales; there are"):
        exported(filled(story().records), tmp_path, "sales")


def test_export_as_csv_makes_what_a_spreadsheet_would_run_harmless(tmp_path: Path) -> None:
    """And nothing else: programs read Parquet, and amounts below zero are no formulas."""
    bad = '=HYPERLINK("http://x","y")'
    mart = filled(sold().redeem(1_00).spending_order(1_00, order_id=bad).records)
    for file_format in FileFormat:
        exported(mart, tmp_path, "sales_order", "ledger", file_format=file_format)
    assert (bad,) in asked("order_id", tmp_path, "sales_order.parquet")
    assert (f"'{bad}",) in asked("order_id", tmp_path, "sales_order.csv")
    assert ("sale-1",) in asked("order_id", tmp_path, "sales_order.csv")
    assert (-1_00,) in asked("amount_minor", tmp_path, "ledger.csv")


def test_export_to_a_place_with_a_quote_in_its_name_writes_there(tmp_path: Path) -> None:
    folder = tmp_path / "ann's files"
    exported(filled(story().records), folder, "certificate")
    assert (folder / "certificate.parquet").exists()


def test_export_and_report_of_what_is_no_mart_say_so(tmp_path: Path) -> None:
    bare = MartUnderTest(target=MemoryTarget())
    with pytest.raises(MartMissing, match="there is no mart in memory"):
        exported(bare, tmp_path)
    with pytest.raises(MartMissing):
        bare.report()
