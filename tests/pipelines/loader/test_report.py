"""A report is there whole or not at all, in the form its name asks for, and harms nothing."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.loader.outcomes import (
    ALREADY_LOADED,
    LOADED,
    Outcome,
    ReportRow,
    RowResult,
    report_rows,
    summary_of,
)
from pipelines.loader.report import Report, reports_at
from pipelines.loader.report_csv import shown_masked, shown_whole
from pipelines.loader.report_page import MOST_ROWS
from pipelines.loader.row import LoadFileFault
from pipelines.loader.rows import LoadFile, read_load_file

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
DUPLICATE = RowResult(
    outcome=Outcome.REFUSED, code="DUPLICATE_NUMBER", text="loaded before", state="ACTIVE"
)
TEXT = 'certificateId,pool\nGC-0001,\nGC-0002,PHYSICAL\n"=1+1, <b>",PHYSICAL\nGC-0004,\n'
RESULTS = {"GC-0001": LOADED, "GC-0002": ALREADY_LOADED, "GC-0004": DUPLICATE}


@pytest.fixture
def load_path(tmp_path: Path) -> Path:
    path = tmp_path / "numbers <&>.csv"
    path.write_text(TEXT)
    return path


def report_of(path: Path, results: dict[str, RowResult], *, dry_run: bool = False) -> Report:
    file: LoadFile = read_load_file(path, "ELECTRONIC")
    return Report(
        file_name=path.name,
        written_at=AT,
        summary=summary_of(file, results, dry_run=dry_run, seconds=2.0),
        rows=lambda: report_rows(file, results),
    )


def written(path: Path, load_path: Path, report: Report) -> str:
    reports_at([path], load_path)(report)
    return path.read_text(encoding="utf-8")


def test_csv_report_of_a_load_has_every_row_with_its_whole_number(
    tmp_path: Path, load_path: Path
) -> None:
    text = written(tmp_path / "report.csv", load_path, report_of(load_path, RESULTS))
    (fault,) = read_load_file(load_path, "ELECTRONIC").faults
    assert text.splitlines() == [
        "line,certificateId,pool,outcome,code,state,text",
        "2,GC-0001,ELECTRONIC,loaded,,,",
        "3,GC-0002,PHYSICAL,already loaded,,,",
        f'4,"\'=1+1, <b>",PHYSICAL,refused,FORM,,"{fault.text}"',
        "5,GC-0004,ELECTRONIC,refused,DUPLICATE_NUMBER,ACTIVE,loaded before",
    ]


def test_csv_report_of_a_dry_run_shows_numbers_by_their_last_four(
    tmp_path: Path, load_path: Path
) -> None:
    """It tells the state of certificates, which may have been sold."""
    text = written(tmp_path / "report.csv", load_path, report_of(load_path, RESULTS, dry_run=True))
    assert [line.split(",")[1] for line in text.splitlines()[1:3]] == ["…0001", "…0002"]
    assert "GC-0" not in text


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.words += " ".join(data.split()) + " "


def test_page_tells_the_sums_and_the_rows_that_are_not_in(tmp_path: Path, load_path: Path) -> None:
    page = Page(written(tmp_path / "report.html", load_path, report_of(load_path, RESULTS)))
    for told in (
        "Load of numbers <&>.csv",
        "2 of 4 rows are not in",
        "DUPLICATE_NUMBER: loaded before",
        "…0004",
        "… <b>",
        "Written 2026-03-01 10:00 UTC",
    ):
        assert told in page.words, told
    assert "GC-0" not in page.words


def test_page_has_no_script_and_asks_nobody_for_anything(tmp_path: Path, load_path: Path) -> None:
    page = Page(written(tmp_path / "report.html", load_path, report_of(load_path, RESULTS)))
    assert not {"script", "link", "img", "iframe", "object", "form", "b"} & set(page.tags)
    assert not {"src", "href", "style"} & set(page.attributes)
    assert not [name for name in page.attributes if name.startswith("on")]


def test_page_of_a_load_that_is_all_in_says_so_and_lists_nothing(tmp_path: Path) -> None:
    load_path = tmp_path / "numbers.csv"
    load_path.write_text("GC-0001\n")
    report = report_of(load_path, {"GC-0001": LOADED})
    page = Page(written(tmp_path / "report.html", load_path, report))
    assert "Every row is in : 1 of 1." in page.words
    assert "number" not in page.words.split("Numbers are shown")[0].split("by pool")[1]


def test_page_of_a_dry_run_says_what_would_be(tmp_path: Path, load_path: Path) -> None:
    report = report_of(load_path, RESULTS, dry_run=True)
    page = Page(written(tmp_path / "report.html", load_path, report))
    for told in ("Dry run of", "2 of 4 rows would not load", "Nothing was sent", "ACTIVE"):
        assert told in page.words, told


def test_page_of_a_load_with_a_great_many_bad_rows_names_the_first_of_them(
    tmp_path: Path,
) -> None:
    load_path = tmp_path / "numbers.csv"
    load_path.write_text("".join(f"GC-{line:05d}\n" for line in range(MOST_ROWS + 5)))
    page = Page(written(tmp_path / "report.html", load_path, report_of(load_path, {})))
    assert page.tags.count("tr") == MOST_ROWS + 1 + 2 + 2
    assert "1,000 of 1,005; the report as CSV has all of them." in page.words


def test_reports_of_both_forms_are_written_at_once_for_their_owner_alone(
    tmp_path: Path, load_path: Path
) -> None:
    paths = [tmp_path / "report.csv", tmp_path / "REPORT.HTML"]
    write = reports_at(paths, load_path)
    write(report_of(load_path, RESULTS))
    write(report_of(load_path, {}))
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in paths)
    assert "already loaded" not in paths[0].read_text()
    assert sorted(tmp_path.iterdir()) == sorted([load_path, *paths])


def test_report_that_fails_on_the_way_leaves_the_earlier_one(
    tmp_path: Path, load_path: Path
) -> None:
    path = tmp_path / "report.csv"
    path.write_text("the earlier one")
    report = report_of(load_path, RESULTS)

    def interrupted() -> Iterator[ReportRow]:
        yield next(report.rows())
        raise KeyboardInterrupt

    broken = Report(file_name="any", written_at=AT, summary=report.summary, rows=interrupted)
    write = reports_at([path], load_path)
    with pytest.raises(KeyboardInterrupt):
        write(broken)
    assert path.read_text() == "the earlier one"
    assert sorted(tmp_path.iterdir()) == sorted([load_path, path])


def test_report_whose_place_is_lost_meanwhile_says_that_the_load_stands(
    tmp_path: Path, load_path: Path
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    write = reports_at([folder / "report.csv"], load_path)
    folder.rmdir()
    with pytest.raises(LoadFileFault, match="what was loaded stays so"):
        write(report_of(load_path, RESULTS))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none/report.csv", "cannot be written: No such file"),
        ("report.txt", "must end in .csv or .html"),
        ("report", "must end in .csv or .html"),
        ("folder.csv", "there is something else"),
        ("numbers <&>.csv", "would replace the load file"),
        ("link.csv", "would replace the load file"),
    ],
)
def test_report_at_a_wrong_place_is_refused_before_the_load_begins(
    tmp_path: Path, load_path: Path, name: str, said: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to(load_path)
    with pytest.raises(LoadFileFault, match=said):
        reports_at([tmp_path / name], load_path)
    assert load_path.read_text() == TEXT


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GC-0001", "GC-0001"),
        ("-123456", "-123456"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-1+1", "'-1+1"),
        ("x" * 100, "x" * 64 + "…"),
    ],
)
def test_cell_that_is_no_number_is_shown_so_that_it_does_no_harm(text: str, shown: str) -> None:
    assert shown_whole(text) == shown


@pytest.mark.parametrize(("number", "shown"), [("GC-0001", "…0001"), ("0001", "…"), ("", "…")])
def test_mask_shows_four_characters_of_what_has_more(number: str, shown: str) -> None:
    assert shown_masked(number) == shown
