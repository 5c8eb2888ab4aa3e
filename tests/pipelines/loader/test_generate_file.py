"""From a pattern to a file: what is asked for and nothing that another file has."""

from pathlib import Path

import pytest

from pipelines.loader.generate_file import generate_file, numbers_in
from pipelines.loader.number_pattern import GenerateFault, NumberPattern
from pipelines.loader.row import LoadFileFault

PATTERN = NumberPattern.parsed("GC-####-####-####-##==")
SMALL = NumberPattern.parsed("AB-##0=")


def test_generated_file_never_has_a_number_of_the_files_given(tmp_path: Path) -> None:
    """The same seed would make the same numbers: what others have is left out."""
    first, second, third = (tmp_path / f"{name}.csv" for name in "abc")
    generate_file(first, SMALL, 40, seed=1, guessable=True)
    generate_file(second, SMALL, 30, seed=1, guessable=True, others=[first])
    generate_file(third, SMALL, 30, seed=1, guessable=True, others=[first, second])
    numbers = numbers_in([first, second, third])
    assert len(numbers) == 100
    with pytest.raises(GenerateFault, match="of which 100 are taken"):
        generate_file(tmp_path / "d.csv", SMALL, 1, guessable=True, others=[first, second, third])
    assert not (tmp_path / "d.csv").exists()


def test_generated_parquet_is_as_good_as_csv_for_the_next_one(tmp_path: Path) -> None:
    first, second = tmp_path / "a.parquet", tmp_path / "b.csv"
    generate_file(first, SMALL, 99, seed=1, guessable=True, pool="PHYSICAL")
    generate_file(second, SMALL, 1, guessable=True, others=[first])
    assert len(numbers_in([first, second])) == 100


def test_generated_files_without_a_seed_differ(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    generate_file(first, PATTERN, 50)
    generate_file(second, PATTERN, 50)
    assert len(numbers_in([first, second])) == 100


def test_generated_file_of_a_seed_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    generate_file(first, PATTERN, 50, seed=3)
    generate_file(second, PATTERN, 50, seed=3)
    assert first.read_bytes() == second.read_bytes()


def test_file_in_which_a_number_may_hide_is_not_taken_for_known(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("certificateId\nGC-0001\nGC-0002,GC-0003\n")
    with pytest.raises(LoadFileFault, match="line 3: columns"):
        generate_file(tmp_path / "new.csv", PATTERN, 5, others=[other])
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.parametrize("pool", ["", "pool", "POOL1", "=A"])
def test_pool_that_is_none_is_refused(tmp_path: Path, pool: str) -> None:
    with pytest.raises(GenerateFault, match="the pool"):
        generate_file(tmp_path / "new.csv", PATTERN, 5, pool=pool)


def test_file_that_is_there_is_refused_before_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.touch()
    with pytest.raises(GenerateFault, match="not overwritten"):
        generate_file(path, PATTERN, 5, others=[tmp_path / "none.csv"])
