"""docs/mutants.md: what became of every mutant when it was run last.

Owns the form of the page, in both directions: a run of a few mutants leaves the others' rows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Final

from tests.mutants.copied_tree import ROOT
from tests.mutants.mutant import LAWS, Catcher, Mutant
from tests.mutants.run_mutants import Result

PAGE: Final = ROOT / "docs" / "mutants.md"
CAUGHT: Final = "caught by"
_LINE: Final = re.compile(r"\| `(?P<name>[\w-]+)` \|(?P<cells>.*)\|")

_INTRODUCTION: Final = (
    "Written by `python -m tests.mutants`, which puts one deliberate defect after the other into a",
    "copy of the program and lets a checker attack the copy: the simulation, seed after seed until",
    "one breaks a law, or a short chaos run on real Kafka. A mutant counts as caught only if what",
    "the checker reports is a breach of a law that this very defect breaks, and the same attack on",
    "the program as it is finds nothing. `--list` shows the mutants, `--only NAME` runs one and",
    "mends its row. The defects themselves, text by text, are the tables in `tests/mutants/`.",
)
_HEADER: Final = ("mutant", "defect", "where", "result", "law", "how soon", "on", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table, each cell as it is written. `fingerprint` ties it to the very defect."""

    name: str
    says: str
    where: str
    result: str
    law: str
    how_soon: str
    on: str
    fingerprint: str

    @classmethod
    def of(cls, result: Result, on: date) -> "Row":
        """The line of a result."""
        mutant, proof, verdict = result.mutant, result.proof, result.verdict
        soon = "" if verdict is None else f"{verdict.effort}, {verdict.seconds:.0f} s"
        return cls(
            name=mutant.name,
            says=mutant.says + (f" {mutant.notes}" if mutant.notes else ""),
            where=", ".join(f"`{file}`" for file in dict.fromkeys(e.file for e in mutant.edits)),
            result=f"NOT {CAUGHT} {mutant.catcher}"
            if proof is None
            else f"{CAUGHT} {mutant.catcher}",
            law="" if proof is None else proof.law,
            how_soon=soon,
            on=on.isoformat(),
            fingerprint=mutant.fingerprint,
        )


def rows_of(text: str) -> dict[str, Row]:
    """The rows of a page, by the name of their mutant."""
    names = [field.name for field in fields(Row)]
    found: dict[str, Row] = {}
    for line in _LINE.finditer(text):
        cells = [line["name"], *(cell.strip() for cell in line["cells"].split("|"))]
        found[line["name"]] = Row(**dict(zip(names, cells, strict=True)))
    return found


def page_of(mutants: Sequence[Mutant], rows: Mapping[str, Row]) -> str:
    """The page: a row for each mutant that was ever run, in the order of the table."""
    written = [
        "# Mutants\n\n",
        " ".join(_INTRODUCTION) + "\n\n",
        *(_laws(catcher) for catcher in Catcher),
        f"| {' | '.join(_HEADER)} |\n|{'---|' * len(_HEADER)}\n",
        *(_line(rows[mutant.name]) for mutant in mutants if mutant.name in rows),
    ]
    return "".join(written)


def _laws(catcher: Catcher) -> str:
    lines = [f"- **{name}**: {meaning}\n" for name, meaning in LAWS[catcher].items()]
    return f"What the {catcher} reports breaches of:\n\n{''.join(lines)}\n"


def _line(row: Row) -> str:
    name, *others = astuple(row)
    assert not any("|" in cell for cell in others), "a cell has no bar"
    return f"| `{name}` | {' | '.join(others)} |\n"


def write(
    mutants: Sequence[Mutant], results: Iterable[Result], on: date, page: Path = PAGE
) -> None:
    """Put the results into the page. Rows of mutants that are no more are gone."""
    known = rows_of(page.read_text(encoding="utf-8")) if page.exists() else {}
    new = {result.mutant.name: Row.of(result, on) for result in results}
    page.write_text(page_of(mutants, known | new), encoding="utf-8")
