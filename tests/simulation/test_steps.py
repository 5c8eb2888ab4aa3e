"""Steps follow from their seed, any subset of them can be named, and names are read back."""

from random import Random

import pytest

from pipelines.simulation.climate import climate_of
from pipelines.simulation.steps import generated, indexes_of, seeded, selected, text_of
from tests.simulation.small_world import KINDS

WEIGHTS = {"buy": 3.0, "crash": 1.0, "never": 0.0}


def test_generating_from_the_same_seed_gives_the_same_steps() -> None:
    assert generated(Random(1), WEIGHTS, 50) == generated(Random(1), WEIGHTS, 50)
    assert generated(Random(1), WEIGHTS, 50) != generated(Random(2), WEIGHTS, 50)


def test_generating_fewer_steps_gives_the_first_of_more() -> None:
    assert generated(Random(1), WEIGHTS, 200)[:50] == generated(Random(1), WEIGHTS, 50)


def test_generating_gives_each_step_its_time_whatever_is_left_out_before_it() -> None:
    steps = generated(Random(1), WEIGHTS, 100, pace_ms=50)
    times = [step.at_ms for step in steps]
    assert times == sorted(times)
    assert 1_500 < times[-1] < 3_500
    assert selected(steps, {50})[0].at_ms == times[50]


def test_generating_by_weight_never_gives_what_weighs_nothing() -> None:
    kinds = [step.kind for step in generated(Random(1), WEIGHTS, 400)]
    assert kinds.count("never") == 0
    assert kinds.count("buy") > 2 * kinds.count("crash") > 0


def test_a_step_has_the_same_chances_each_time() -> None:
    step = generated(Random(1), WEIGHTS, 1)[0]
    assert step.random().random() == step.random().random()


@pytest.mark.parametrize(
    ("text", "indexes"),
    [
        ("7", {7}),
        ("3,17,20-25", {3, 17, 20, 21, 22, 23, 24, 25}),
        ("0-1, 5", {0, 1, 5}),
        ("0", {0}),
    ],
)
def test_naming_steps_reads_back_as_the_same_steps(text: str, indexes: set[int]) -> None:
    assert indexes_of(text) == indexes
    assert indexes_of(text_of(indexes)) == indexes


@pytest.mark.parametrize("text", ["", "a", "1-", "-3", "1,,2", "1-2-3", "1.5"])
def test_naming_steps_badly_is_refused_with_what_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match="neither a step nor a range"):
        indexes_of(text)


def test_selecting_keeps_the_order_and_the_places() -> None:
    steps = generated(Random(1), WEIGHTS, 10)
    assert [step.index for step in selected(steps, {7, 2})] == [2, 7]


def test_climates_of_seeds_differ_in_kind() -> None:
    climates = [climate_of(seeded(seed), KINDS) for seed in range(60)]
    assert {each.partitions for each in climates} == {1, 2, 3, 4, 6}
    assert {each.processors for each in climates} == {1, 2, 3, 4}
    assert any(each.earlier_share for each in climates)
    assert any(each.roughness == 0 for each in climates)
    # A calm climate has no fault at all, a rough one has nearly all.
    calm = next(each for each in climates if each.roughness == 0)
    assert calm.weights["crash"] == calm.weights["move"] == 0
    assert {each.ends_late for each in climates} == {False, True}
