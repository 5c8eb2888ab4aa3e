"""`giftcert bi report` and `export` as a person runs them: output, files, exit codes."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import cli
from pipelines.neighbours.bi.duckdb_target import DuckDbTarget
from tests.neighbours.bi.mart_in_memory import MartUnderTest
from tests.neighbours.bi.told_topics import NUMBER, sold


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """A command may narrow its process's own, which here is that of all tests."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def mart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MartUnderTest:
    """A mart in the file that the settings name."""
    path = tmp_path / "mart.duckdb"
    monkeypatch.setenv("GIFTCERT_BI_MART", str(path))
    monkeypatch.setenv("COLUMNS", "160")
    return MartUnderTest(target=DuckDbTarget(path)).begin().feed(sold().records)


def test_report_prints_the_figures_and_ends_well(
    mart: MartUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bi", "report"]) == 0
    shown = capsys.readouterr()
    assert "5,000.00" in shown.out
    assert "in step at 2026-01-01 12:00:00 UTC" in shown.out
    assert NUMBER not in shown.out


def test_report_as_json_is_one_object(
    mart: MartUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bi", "report", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["money"][0]["remaining"] == "5000.00"
    assert body["offsets"][0]["topic"] == "All_Payments"


def test_report_to_a_page_writes_it_and_prints_no_tables(
    mart: MartUnderTest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bi", "report", "--page", str(tmp_path / "page")]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "written: " in shown.err
    assert "<h1>Gift certificates</h1>" in (tmp_path / "page" / "index.html").read_text()


def test_report_of_a_mart_that_is_still_filled_ends_with_1(
    mart: MartUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    mart.feed([], caught_up=False)
    assert cli.run(["bi", "report"]) == 1
    assert "still filling" in capsys.readouterr().out


def test_report_without_a_mart_says_so_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bi", "report"]) == 2
    assert "GIFTCERT_BI_MART is not set" in capsys.readouterr().err
    assert cli.run(["bi", "report", "--mart", str(tmp_path / "none.duckdb")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_export_writes_the_tables_that_are_asked_for(
    mart: MartUnderTest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "files"
    asked = ["--table", "ledger", "--table", "certificate", "--format", "csv"]
    assert cli.run(["bi", "export", str(folder), *asked]) == 0
    assert sorted(each.name for each in folder.iterdir()) == ["certificate.csv", "ledger.csv"]
    assert "ledger.csv: 1 rows" in capsys.readouterr().out
    assert cli.run(["bi", "export", str(folder), "--table", "nothing"]) == 1
    assert "there is no table or view nothing" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "mode"), [([], 0o644), (["--full-numbers"], 0o600)])
def test_export_of_whole_numbers_is_for_its_owner_alone(
    asked: list[str], mode: int, mart: MartUnderTest, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    assert cli.run(["bi", "export", str(folder), "--table", "ledger", *asked]) == 0
    assert (folder / "ledger.parquet").stat().st_mode & 0o777 == mode


def test_run_without_kafka_ends_with_3_and_leaves_the_mart_as_it_was(
    mart: MartUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    before = mart.tables()
    assert cli.run(["bi", "run", "--bootstrap", "127.0.0.1:1", "--until-caught-up"]) == 3
    assert "no Kafka at 127.0.0.1:1" in capsys.readouterr().err
    assert mart.tables() == before
