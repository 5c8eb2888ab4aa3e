"""The plan of faults follows from the seed, has every kind, and never too much at once."""

from collections import Counter

import pytest

from tests.chaos.fault_plan import PlannedFault, planned_faults
from tests.chaos.options import MEANINGS, SCENARIOS, FaultKind

BROKERS = {FaultKind.KILL_BROKER, FaultKind.RESTART_BROKER, FaultKind.PAUSE_BROKER}
KILLS = {
    FaultKind.KILL_PROCESSOR,
    FaultKind.LOSE_PROCESSOR_DISK,
    FaultKind.KILL_CORRELATOR,
    FaultKind.KILL_CALLER,
    FaultKind.KILL_BROKER,
}


def plan(name: str, seed: int = 1) -> list[tuple[PlannedFault, ...]]:
    scenario = SCENARIOS[name]
    return planned_faults(seed, scenario.weights, scenario.faults, scenario.overlap)


def kinds(name: str) -> Counter[FaultKind]:
    return Counter(fault.kind for group in plan(name) for fault in group)


def test_plan_of_one_seed_is_always_the_same_and_of_another_differs() -> None:
    assert plan("full") == plan("full")
    assert plan("full") != plan("full", seed=2)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_plan_has_as_many_faults_as_asked_for_each_with_its_own_salt(name: str) -> None:
    faults = [fault for group in plan(name) for fault in group]
    assert [fault.index for fault in faults] == list(range(SCENARIOS[name].faults))
    assert len({fault.salt for fault in faults}) == len(faults)


def test_full_plan_has_three_hundred_faults_of_every_kind() -> None:
    assert kinds("full").total() >= 300
    assert kinds("full").keys() == set(FaultKind) == MEANINGS.keys()


def test_short_plan_has_twenty_kills_and_more() -> None:
    found = kinds("short")
    assert sum(found[kind] for kind in KILLS) >= 20


@pytest.mark.parametrize("seed", range(20))
def test_groups_never_strike_two_brokers_nor_add_to_what_needs_the_whole_machine(
    seed: int,
) -> None:
    for group in plan("full", seed):
        struck = [fault.kind for fault in group]
        assert len(struck) <= 3
        assert len([kind for kind in struck if kind in BROKERS]) <= 1
        if {FaultKind.ROLL_ALL, FaultKind.SCALE, FaultKind.FULL_DISK} & set(struck):
            assert len(struck) == 1
