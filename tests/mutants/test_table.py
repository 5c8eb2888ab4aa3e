"""The table of mutants fits the tree, and the page says that each is caught.

The runs themselves are `python -m tests.mutants`; here nothing is attacked.
"""

import ast
from collections import Counter

import pytest

from tests.mutants.copied_tree import ROOT, SHIPPED
from tests.mutants.mutant import LAWS, Catcher, Mutant
from tests.mutants.page import CAUGHT, PAGE, Row, page_of, rows_of
from tests.mutants.table import MUTANTS

CAUGHT_AT_LEAST = 25
OF_CHAOS_AT_LEAST = 6


def named(mutant: Mutant) -> str:
    return mutant.name


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return rows_of(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_text_before_stands_once_in_its_file_and_the_mutant_parses(mutant: Mutant) -> None:
    """NotApplied: the code has changed, so the mutant has to be written anew."""
    sources: dict[str, str] = {}
    for edit in mutant.edits:
        before = sources.get(edit.file) or (ROOT / edit.file).read_text(encoding="utf-8")
        sources[edit.file] = edit.applied_to(before)
        assert ast.dump(ast.parse(sources[edit.file])) != ast.dump(ast.parse(before))


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_mutant_is_of_what_is_shipped_and_breaks_known_laws(mutant: Mutant) -> None:
    assert {edit.file.split("/")[0] for edit in mutant.edits} <= set(SHIPPED)
    assert mutant.laws
    assert mutant.laws <= LAWS[mutant.catcher].keys()
    assert mutant.says.endswith(".")


def test_names_and_defects_of_the_mutants_are_each_their_own() -> None:
    for told in (named, lambda mutant: mutant.says, lambda mutant: mutant.fingerprint):
        counted = Counter(told(mutant) for mutant in MUTANTS)
        assert [text for text, count in counted.items() if count > 1] == []


def test_table_has_enough_mutants_for_each_checker() -> None:
    assert len(MUTANTS) >= CAUGHT_AT_LEAST
    assert sum(mutant.catcher is Catcher.CHAOS for mutant in MUTANTS) >= OF_CHAOS_AT_LEAST


def test_page_lists_mutants_of_the_table_and_no_others(rows: dict[str, Row]) -> None:
    """`python -m tests.mutants --only NAME` adds one, or mends its row."""
    assert list(rows) == [mutant.name for mutant in MUTANTS if mutant.name in rows]
    assert page_of(MUTANTS, rows) == PAGE.read_text(encoding="utf-8")
    assert len(rows) >= CAUGHT_AT_LEAST


@pytest.mark.parametrize("mutant", MUTANTS, ids=named)
def test_page_says_that_this_very_mutant_is_caught_by_a_law_of_its_own(
    mutant: Mutant, rows: dict[str, Row]
) -> None:
    """Another fingerprint: the defect was written anew since it was run last."""
    assert mutant.name in rows, "not run yet: python -m tests.mutants --only NAME"
    row = rows[mutant.name]
    assert row.result == f"{CAUGHT} {mutant.catcher}"
    assert row.law in mutant.laws
    assert row.fingerprint == mutant.fingerprint
