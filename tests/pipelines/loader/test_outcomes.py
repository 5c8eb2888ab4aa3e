"""The report has every row of the file in its order, and the summary adds it up."""

from pathlib import Path

import pytest

from pipelines.commands.load import said
from pipelines.loader.outcomes import (
    ALREADY_LOADED,
    LOADED,
    NO_ANSWER,
    Outcome,
    RowResult,
    report_rows,
    summary_of,
)
from pipelines.loader.report import report_at
from pipelines.loader.rows import LoadFile, LoadFileFault, read_load_file

DUPLICATE = RowResult(outcome=Outcome.REFUSED, code="DUPLICATE_NUMBER", text="loaded before")


@pytest.fixture
def file(tmp_path: Path) -> LoadFile:
    path = tmp_path / "numbers.csv"
    path.write_text("bad\nGC-0002\nGC-0003\nGC-0002\nGC-0005\nGC-0006\nGC-0007\nworse\n")
    return read_load_file(path, "ELECTRONIC")


RESULTS = {
    "GC-0002": LOADED,
    "GC-0003": ALREADY_LOADED,
    "GC-0005": DUPLICATE,
    "GC-0006": NO_ANSWER,
}


def test_report_of_a_mixed_load_has_every_row_in_the_order_of_the_file(
    file: LoadFile, tmp_path: Path
) -> None:
    path = tmp_path / "report.csv"
    with report_at(path) as write:
        write(report_rows(file, RESULTS))
    assert path.read_text().splitlines() == [
        "line,certificateId,outcome,code,text",
        '1,bad,refused,FORM,"the number holds something else than A-Z, 0-9 and -"',
        "2,GC-0002,loaded,,",
        "3,GC-0003,already loaded,,",
        "4,GC-0002,refused,DUPLICATE_IN_FILE,the number is on line 2 already",
        "5,GC-0005,refused,DUPLICATE_NUMBER,loaded before",
        "6,GC-0006,no answer,NO_ANSWER,the service did not answer in time; run the same load again",
        "7,GC-0007,not sent,NOT_SENT,the load ended before this row was sent",
        '8,worse,refused,FORM,"the number holds something else than A-Z, 0-9 and -"',
    ]


def test_summary_of_a_mixed_load_counts_every_row_once_and_is_not_complete(file: LoadFile) -> None:
    summary = summary_of(file, RESULTS, dry_run=False, seconds=1.25)
    assert not summary.complete
    assert sum(summary.outcomes.values()) == summary.rows == 8
    assert said(summary) == (
        f"load {file.load_id}: 8 rows: 1 loaded, 1 already loaded, 4 refused, 1 no answer, "
        "1 not sent (DUPLICATE_IN_FILE 1, DUPLICATE_NUMBER 1, FORM 2, NOT_SENT 1, NO_ANSWER 1); "
        "1.2 s"
    )


@pytest.mark.parametrize("again", [LOADED, ALREADY_LOADED])
def test_summary_of_rows_that_are_all_in_is_complete(tmp_path: Path, again: RowResult) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("GC-0001\nGC-0002\n")
    file = read_load_file(path, "ELECTRONIC")
    results = {"GC-0001": LOADED, "GC-0002": again}
    assert summary_of(file, results, dry_run=False, seconds=0.0).complete


def test_report_at_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with (
        pytest.raises(LoadFileFault, match="cannot be written: No such file"),
        report_at(tmp_path / "none" / "report.csv"),
    ):
        pytest.fail("the load must not begin")
