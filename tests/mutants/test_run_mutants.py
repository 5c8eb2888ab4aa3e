"""A mutant is caught by a breach of its own law only, in a copy that really runs."""

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest

from tests.mutants.checkers import CheckerFailed, Finding, Verdict
from tests.mutants.copied_tree import ROOT, copied_tree
from tests.mutants.mutant import Area, Catcher, Edit, Mutant, NotApplied
from tests.mutants.page import page_of, rows_of, write
from tests.mutants.run_mutants import Result, attacked, chosen, control, run_all

FILE = "state/certificate/decision.py"
MUTANT = Mutant(
    name="made-up",
    says="Every yes is empty.",
    area=Area.CERTIFICATE,
    edit=Edit(file=FILE, before="Decision(events=events, pool=pool)", after="Decision(pool=pool)"),
    laws=frozenset({"2", "5"}),
)
DAY = date(2026, 1, 2)


@dataclass
class FakeChecker:
    """Reports what it is told to, and remembers what it was given."""

    laws: tuple[str, ...] = ()
    failure: str | None = None
    seen: list[str] = field(default_factory=list)

    def attack(self, tree: Path, faults: str = "") -> Verdict:
        self.seen.append((tree / FILE).read_text(encoding="utf-8"))
        if self.failure is not None:
            raise CheckerFailed(self.failure)
        findings = tuple(Finding(law=law, text=f"what broke {law}") for law in self.laws)
        return Verdict(findings=findings, effort="3 seeds", seconds=1.4)


@pytest.mark.parametrize(
    ("laws", "caught", "told"),
    [
        pytest.param(("5",), True, "caught, law 5", id="its law"),
        pytest.param(("1", "2"), True, "caught, law 2", id="its law among others"),
        pytest.param((), False, "SURVIVED", id="nothing"),
        pytest.param(
            ("1",),
            False,
            "SURVIVED: breaches of 1 are not of its laws: what broke 1",
            id="another law only",
        ),
    ],
)
def test_attack_that_reports_a_breach_catches_the_mutant_where_the_law_fits(
    laws: tuple[str, ...], caught: bool, told: str
) -> None:
    result = attacked(MUTANT, {Catcher.SIMULATION: FakeChecker(laws)})
    assert (result.caught, result.told) == (caught, told)


def test_attack_works_on_a_copy_with_the_defect_and_leaves_the_tree_alone() -> None:
    before = (ROOT / FILE).read_text(encoding="utf-8")
    checker = FakeChecker()
    attacked(MUTANT, {Catcher.SIMULATION: checker})
    assert checker.seen == [MUTANT.edit.applied_to(before)]
    assert (ROOT / FILE).read_text(encoding="utf-8") == before


def test_control_attacks_a_copy_without_a_defect() -> None:
    checker = FakeChecker()
    control(Catcher.SIMULATION, {Catcher.SIMULATION: checker})
    assert checker.seen == [(ROOT / FILE).read_text(encoding="utf-8")]


def test_attack_of_a_checker_that_fails_catches_nothing() -> None:
    result = attacked(MUTANT, {Catcher.SIMULATION: FakeChecker(failure="no verdict within 9 s")})
    assert (result.caught, result.told) == (False, "no verdict: no verdict within 9 s")


@pytest.mark.parametrize(
    ("edit", "trouble"),
    [
        pytest.param(
            replace(MUTANT.edit, before="no such text"),
            f"{FILE}: the text before stands there 0 times",
            id="text is gone",
        ),
        pytest.param(
            replace(MUTANT.edit, before="Decision("),
            f"{FILE}: the text before stands there",
            id="text stands there more than once",
        ),
        pytest.param(
            replace(MUTANT.edit, after="Decision(events=events, pool=pool"),
            "the copy cannot be imported: SyntaxError",
            id="what comes of it is no program",
        ),
    ],
)
def test_mutant_that_cannot_run_is_not_applied_and_so_not_caught(edit: Edit, trouble: str) -> None:
    broken = replace(MUTANT, edit=edit)
    result = attacked(broken, {Catcher.SIMULATION: FakeChecker(("5",))})
    assert not result.caught
    assert result.trouble is not None
    assert result.trouble.startswith(trouble)
    with pytest.raises(NotApplied), copied_tree(broken):
        pass


def test_run_of_mutants_gives_their_results_in_their_order() -> None:
    other = replace(MUTANT, name="other", catcher=Catcher.CHAOS)
    checkers = {Catcher.SIMULATION: FakeChecker(("2",)), Catcher.CHAOS: FakeChecker()}
    heard: list[Result] = []
    results = run_all([other, MUTANT], checkers, heard.append)
    assert [(each.mutant.name, each.caught) for each in results] == [
        ("other", False),
        ("made-up", True),
    ]
    assert sorted(each.mutant.name for each in heard) == ["made-up", "other"]


def test_choice_by_name_and_checker_gives_those_mutants_and_refuses_unknown_names() -> None:
    other = replace(MUTANT, name="other", catcher=Catcher.CHAOS)
    both = [MUTANT, other]
    assert list(chosen(both, [], None)) == both
    assert list(chosen(both, ["other"], None)) == [other]
    assert list(chosen(both, [], Catcher.SIMULATION)) == [MUTANT]
    with pytest.raises(KeyError, match="unheard-of"):
        list(chosen(both, ["unheard-of"], None))


def test_page_written_after_a_run_keeps_the_rows_of_mutants_that_were_not_run(
    tmp_path: Path,
) -> None:
    page = tmp_path / "mutants.md"
    other = replace(MUTANT, name="other", says="Another one.")
    gone = replace(MUTANT, name="gone")
    first = [_result(each, "2") for each in (MUTANT, other, gone)]
    write([MUTANT, other, gone], first, DAY, page)
    write([MUTANT, other], [_result(other, "1")], DAY, page)
    rows = rows_of(page.read_text(encoding="utf-8"))
    assert [(row.name, row.result, row.law) for row in rows.values()] == [
        ("made-up", "caught by simulation", "2"),
        ("other", "NOT caught by simulation", ""),
    ]
    assert rows["made-up"].how_soon == "3 seeds, 1 s"
    assert rows["made-up"].fingerprint == MUTANT.fingerprint
    assert page_of([MUTANT, other], rows) == page.read_text(encoding="utf-8")


def _result(mutant: Mutant, law: str) -> Result:
    finding = Finding(law=law, text="what broke it")
    return Result(
        mutant=mutant, verdict=Verdict(findings=(finding,), effort="3 seeds", seconds=1.4)
    )
