"""Shrinking finds the few steps that matter, within its budget."""

from collections.abc import Sequence

import pytest

from pipelines.simulation.shrink import Budget, shrunk
from pipelines.simulation.steps import Step


def history(count: int) -> list[Step]:
    return [Step(index=index, kind="act", salt=index) for index in range(count)]


@pytest.mark.parametrize(
    "needed", [{0}, {99}, {0, 99}, {3, 17, 50}, {40, 41, 42, 43}, set()], ids=str
)
def test_shrinking_keeps_exactly_the_steps_that_the_failure_needs(needed: set[int]) -> None:
    def fails(steps: Sequence[Step]) -> bool:
        return needed <= {step.index for step in steps}

    found = shrunk(history(100), fails, Budget(runs=5_000))

    assert {step.index for step in found} == needed
    assert [step.index for step in found] == sorted(needed)


def test_shrinking_with_a_failure_that_needs_one_of_two_pairs_finds_one_of_them() -> None:
    def fails(steps: Sequence[Step]) -> bool:
        there = {step.index for step in steps}
        return {5, 60} <= there or {10, 70} <= there

    found = shrunk(history(100), fails, Budget(runs=5_000))
    assert {step.index for step in found} in ({5, 60}, {10, 70})


def test_shrinking_leaves_out_whole_kinds_of_steps_first() -> None:
    steps = [Step(index=index, kind="ab"[index % 2], salt=0) for index in range(100)]

    def fails(given: Sequence[Step]) -> bool:
        return {90, 98} <= {step.index for step in given}

    # Seven runs find the beginning that fails, two leave out what they can of the two kinds.
    found = shrunk(steps, fails, Budget(runs=9))
    assert {step.kind for step in found} == {"a"}
    assert len(found) == 50


def test_shrinking_stops_when_its_budget_is_spent_and_what_it_has_fails() -> None:
    tried: list[int] = []

    def fails(steps: Sequence[Step]) -> bool:
        tried.append(len(steps))
        return {3, 96} <= {step.index for step in steps}

    found = shrunk(history(100), fails, Budget(runs=12))
    assert len(tried) == 12
    assert {3, 96} <= {step.index for step in found}
    assert len(found) < 100


def test_shrinking_stops_when_its_time_is_over() -> None:
    def fails(_steps: Sequence[Step]) -> bool:
        raise AssertionError("no run may be made any more")

    steps = history(10)
    assert shrunk(steps, fails, Budget(runs=100, is_over=lambda: True)) == steps
