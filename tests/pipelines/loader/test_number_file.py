"""A file of numbers is there whole, for its owner alone, and never in another one's place."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.loader.number_file import FORMS, write_number_file
from pipelines.loader.number_pattern import GenerateFault
from pipelines.loader.rows import read_load_file

NUMBERS = ["GC-0001", "GC-0003", "0000-0002"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("pool", [None, "PHYSICAL"])
def test_written_file_is_read_back_number_by_number(
    tmp_path: Path, form: str, pool: str | None
) -> None:
    path = tmp_path / f"numbers{form}"
    assert write_number_file(path, iter(NUMBERS), pool) == 3
    file = read_load_file(path, "ELECTRONIC")
    assert list(file.rows) == NUMBERS
    assert {row_pool for _, row_pool in file.rows.values()} == {pool or "ELECTRONIC"}
    assert file.faults == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("form", FORMS)
def test_file_that_is_there_is_never_overwritten(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"numbers{form}"
    path.write_text("mine")
    with pytest.raises(GenerateFault, match="is there already"):
        write_number_file(path, NUMBERS, None)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("form", FORMS)
def test_failure_on_the_way_leaves_no_file(tmp_path: Path, form: str) -> None:
    def interrupted() -> Iterator[str]:
        yield "GC-0001"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_number_file(tmp_path / f"numbers{form}", interrupted(), None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("numbers.xlsx", "must end in .csv or .parquet"), ("none/numbers.csv", "No such file")],
)
def test_file_that_cannot_be_written_is_refused_in_one_line(
    tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(GenerateFault, match=said):
        write_number_file(tmp_path / name, NUMBERS, None)
    assert list(tmp_path.iterdir()) == []


def test_no_numbers_make_a_parquet_file_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "numbers.parquet"
    assert write_number_file(path, [], "PHYSICAL") == 0
    assert path.read_bytes().startswith(b"PAR1")
