"""The map of requirements names files and tests that exist, and leaves no scenario out."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "requirements.md"
SECTIONS: Final = (
    "Key events of the business",
    "Architecture",
    "Plan by team",
    "Short description",
    "Earlier plan by system",
)
PLANNED: Final = ("*operations*",)
_NAME: Final = re.compile(r"`([^`]+)`")
_FILE_OR_TEST: Final = re.compile(r"\*\*(?P<file>test_\w+)\*\*|`(?P<test>test_\w+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One requirement: its section, its sentence, and the two other cells."""

    section: str
    requirement: str
    built_in: str
    shown_by: str


def rows_of(text: str) -> Iterator[Row]:
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 5 or cells[1] in ("requirement", "---"):
            continue
        yield Row(section=section, requirement=cells[1], built_in=cells[2], shown_by=cells[3])


def faults_of(row: Row, tests: dict[str, frozenset[str]]) -> Iterator[str]:
    """What a row names that does not exist, or what it fails to say."""
    for path in _NAME.findall(row.built_in):
        if not (ROOT / path).is_file():
            yield f"{row.requirement}: no file {path}"
    if not row.shown_by:
        yield f"{row.requirement}: nothing shows it"
    if "planned" in row.shown_by and not any(part in row.shown_by for part in PLANNED):
        yield f"{row.requirement}: planned, and no part of the work is named"
    file = ""
    for named in _FILE_OR_TEST.finditer(row.shown_by):
        file = named["file"] or file
        if file not in tests:
            yield f"{row.requirement}: no test file {file}"
        elif named["test"] and named["test"] not in tests[file]:
            yield f"{row.requirement}: no test {named['test']} in {file}"


def functions_by_file() -> dict[str, frozenset[str]]:
    """The test functions of every test file, by the file's name."""
    found: dict[str, frozenset[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        found[path.stem] = found.get(path.stem, frozenset()) | {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")
        }
    return found


def test_every_file_and_test_that_the_map_names_exists() -> None:
    tests = functions_by_file()
    rows = list(rows_of(PAGE.read_text(encoding="utf-8")))
    faults = [fault for row in rows for fault in faults_of(row, tests)]
    assert not faults, "\n".join(faults)
    assert tuple(dict.fromkeys(row.section for row in rows)) == SECTIONS
    assert len({(row.section, row.requirement) for row in rows}) == len(rows)


def test_every_scenario_is_in_the_map() -> None:
    """A scenario that shows no requirement is missing its row, or its reason."""
    named = set(_NAME.findall(PAGE.read_text(encoding="utf-8")))
    scenarios = {
        name
        for file, names in functions_by_file().items()
        if file.startswith("test_scenario_")
        for name in names
    }
    assert scenarios - named == set()


FORGED = [
    ("a file that is not there", "| r | `state/no_such.py` | planned: *operations* |", "no file"),
    ("a test file that is not there", "| r | | **test_no_such**: `test_x` |", "no test file"),
    ("a test that is not there", "| r | | **test_requirements**: `test_x` |", "no test test_x"),
    ("nothing at all", "| r | `README.md` | |", "nothing shows it"),
    ("a plan of nothing known", "| r | | planned: *some day* |", "no part of the work"),
]


@pytest.mark.parametrize(
    ("line", "fault"), [pytest.param(line, fault, id=name) for name, line, fault in FORGED]
)
def test_row_that_names_something_wrong_is_found_out(line: str, fault: str) -> None:
    [row] = rows_of(line)
    faults = list(faults_of(row, functions_by_file()))
    assert any(fault in found for found in faults), faults
