"""What `generate` and `load` say to the person before them, without a broker."""

import re
from pathlib import Path

import pytest

from pipelines import cli
from pipelines.loader.rows import read_load_file

pytestmark = pytest.mark.usefixtures("nowhere")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker listens here: what is refused must be refused before one is asked."""
    monkeypatch.setenv("GIFTCERT_BOOTSTRAP", "127.0.0.1:1")


def test_generate_makes_a_file_that_load_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "numbers.csv"
    assert cli.run(["generate", str(path), "-n", "1000", "--pool", "PHYSICAL"]) == 0
    said = capsys.readouterr()
    assert said.out == (
        f"{path}: 1,000 numbers of GC-####-####-####-##==; next: giftcert load {path} --dry-run\n"
    )
    assert said.err == ""
    file = read_load_file(path, "ELECTRONIC")
    assert (len(file.rows), file.faults) == (1_000, ())
    assert {pool for _, pool in file.rows.values()} == {"PHYSICAL"}
    assert all(re.fullmatch(r"GC(-\d{4}){4}", number) for number in file.rows)


def test_generate_from_a_seed_says_that_it_can_be_foreseen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["generate", str(tmp_path / "a.parquet"), "-n", "3", "--seed", "1"]) == 0
    assert "whoever knows it knows these numbers" in capsys.readouterr().err


REFUSED = [
    (["generate", "new.csv", "-n", "5", "--pattern", "abc"], "the pattern 'abc' holds 'a b c'"),
    (["generate", "new.csv", "-n", "2000", "--pattern", "GC-######"], "--guessable"),
    (["generate", "new.csv", "-n", "5", "--pool", "x"], "the pool 'x' is not"),
    (["generate", "new.txt", "-n", "5"], "must end in .csv or .parquet"),
    (["generate", "there.csv", "-n", "5"], "is not overwritten"),
    (["generate", "new.csv", "-n", "5", "--not-in", "none.csv"], "none.csv cannot be read"),
    (["load", "none.csv"], "none.csv cannot be read"),
    (["load", "there.csv", "--pool", "x"], "the pool 'x' is not"),
    (["load", "there.csv", "--report", "there.csv"], "would replace the load file"),
    (["load", "there.csv", "--report", "report.doc"], "must end in .csv or .html"),
    (["load", "book.csv"], 'is a workbook or a zip archive: save it as "CSV UTF-8"'),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_command_that_cannot_begin_says_why_in_one_line_and_exits_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.csv").write_text("GC-0001\n")
    Path("book.csv").write_bytes(b"PK\x03\x04")
    assert cli.run(arguments) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, len(shown.err.splitlines())) == ("", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.csv", "there.csv"]
