"""The sum of a load counts every row once, and says what is not in."""

from pathlib import Path

import pytest

from pipelines.commands.load import details, said
from pipelines.loader.outcomes import (
    ALREADY_LOADED,
    FIRST_BAD,
    LOADED,
    NO_ANSWER,
    WOULD_LOAD,
    Outcome,
    RowResult,
    report_rows,
    summary_of,
)
from pipelines.loader.rows import LoadFile, read_load_file

DUPLICATE = RowResult(outcome=Outcome.REFUSED, code="DUPLICATE_NUMBER", text="loaded before")


def file_of(tmp_path: Path, text: str) -> LoadFile:
    path = tmp_path / "numbers.csv"
    path.write_text(text)
    return read_load_file(path, "ELECTRONIC")


@pytest.fixture
def file(tmp_path: Path) -> LoadFile:
    return file_of(
        tmp_path,
        "certificateId,pool\nbad\nGC-0002,\nGC-0003,PHYSICAL\nGC-0002,\nGC-0005,\nGC-0006,\n"
        "GC-0007,\nworse,\n",
    )


RESULTS = {
    "GC-0002": LOADED,
    "GC-0003": ALREADY_LOADED,
    "GC-0005": DUPLICATE,
    "GC-0006": NO_ANSWER,
}


def test_rows_of_a_mixed_load_come_in_the_order_of_the_file(file: LoadFile) -> None:
    assert [
        (row.line, row.certificate_id, row.pool, row.result.outcome)
        for row in report_rows(file, RESULTS)
    ] == [
        (2, "bad", "ELECTRONIC", Outcome.REFUSED),
        (3, "GC-0002", "ELECTRONIC", Outcome.LOADED),
        (4, "GC-0003", "PHYSICAL", Outcome.ALREADY_LOADED),
        (5, "GC-0002", "ELECTRONIC", Outcome.REFUSED),
        (6, "GC-0005", "ELECTRONIC", Outcome.REFUSED),
        (7, "GC-0006", "ELECTRONIC", Outcome.NO_ANSWER),
        (8, "GC-0007", "ELECTRONIC", Outcome.NOT_SENT),
        (9, "worse", "ELECTRONIC", Outcome.REFUSED),
    ]


def test_summary_of_a_mixed_load_counts_every_row_once_and_is_not_complete(file: LoadFile) -> None:
    summary = summary_of(file, RESULTS, dry_run=False, seconds=0.25)
    assert not summary.complete
    assert sum(summary.outcomes.values()) == summary.rows == 8
    assert summary.pools == {"ELECTRONIC": 1, "PHYSICAL": 1}
    assert said(summary) == (
        f"load {file.load_id}: 8 rows: 1 loaded, 1 already loaded, 4 refused, 1 no answer, "
        "1 not sent (COLUMNS 1, DUPLICATE_IN_FILE 1, DUPLICATE_NUMBER 1, FORM 1, NOT_SENT 1, "
        "NO_ANSWER 1); 0.2 s, 4 rows a second"
    )
    assert list(details(summary)) == [
        "  are in: ELECTRONIC 1, PHYSICAL 1",
        "  line 2 …: COLUMNS: columns in the row 1, in the header 2",
        "  line 5 …0002: DUPLICATE_IN_FILE: the number is on line 3 already",
        "  line 6 …0005: DUPLICATE_NUMBER: loaded before",
        "  line 7 …0006: NO_ANSWER: the service did not answer in time; run the same load again",
        "  line 8 …0007: NOT_SENT: the load ended before this row was sent",
        f"  line 9 …orse: FORM: {file.faults[-1].text}",
    ]


def test_summary_of_a_dry_run_counts_the_states_of_what_is_there(tmp_path: Path) -> None:
    file = file_of(tmp_path, "GC-0001\nGC-0002\nGC-0003\n")
    results = {
        "GC-0001": WOULD_LOAD,
        "GC-0002": RowResult(outcome=Outcome.ALREADY_LOADED, state="AVAILABLE"),
        "GC-0003": RowResult(
            outcome=Outcome.REFUSED, code="DUPLICATE_NUMBER", text="loaded before", state="ACTIVE"
        ),
    }
    summary = summary_of(file, results, dry_run=True, seconds=1.0)
    assert said(summary).startswith(f"dry run of load {file.load_id}: 3 rows: 1 already loaded, ")
    assert list(details(summary)) == [
        "  would go in: ELECTRONIC 2",
        "  were there already: ACTIVE 1, AVAILABLE 1",
        "  line 3 …0003: DUPLICATE_NUMBER: loaded before",
    ]


def test_summary_names_the_first_rows_that_are_not_in_and_counts_the_others(
    tmp_path: Path,
) -> None:
    file = file_of(tmp_path, "".join(f"GC-{line:04d}\n" for line in range(1, 31)))
    summary = summary_of(file, {"GC-0001": LOADED}, dry_run=False, seconds=1.0)
    lines = list(details(summary))
    assert [line.split()[1] for line in lines[1:-1]] == [
        str(line) for line in range(2, 2 + FIRST_BAD)
    ]
    assert lines[-1] == "  and 19 more: --report FILE.csv names them all"


@pytest.mark.parametrize("again", [LOADED, ALREADY_LOADED])
def test_summary_of_rows_that_are_all_in_is_complete(tmp_path: Path, again: RowResult) -> None:
    file = file_of(tmp_path, "GC-0001\nGC-0002\n")
    results = {"GC-0001": LOADED, "GC-0002": again}
    summary = summary_of(file, results, dry_run=False, seconds=0.0)
    assert (summary.complete, summary.first_bad, summary.rate) == (True, (), 0)
