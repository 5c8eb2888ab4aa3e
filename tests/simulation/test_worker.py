"""Workers of the simulation: where a life may end in a commit, and what the next one finds."""

from collections.abc import Callable
from random import Random

import pytest

from pipelines.partitioning import partition_of
from pipelines.simulation.process import Phase, Process
from pipelines.simulation.settling import drain, settle
from pipelines.simulation.universe import Universe
from pipelines.topics import POOL, REPLIES, STREAM, Role
from tests.simulation.small_world import SmallActors, small_universe

RANDOM = Random(5)


def advanced(count: int) -> Callable[[Universe, Process], None]:
    """The process takes its checkpoint so many stages on."""

    def advance(universe: Universe, process: Process) -> None:
        for _ in range(count):
            universe.service.advance(process)

    return advance


def written_in_part(universe: Universe, process: Process) -> None:
    advanced(2)(universe, process)
    process.write(stores=1)


CRASH_POINTS = [
    pytest.param(advanced(0), Phase.OPEN, id="before the commit"),
    pytest.param(advanced(1), Phase.FLUSHED, id="after the changelog, before the commit"),
    pytest.param(advanced(2), Phase.UNWRITTEN, id="after the commit, before the stores"),
    pytest.param(written_in_part, Phase.UNWRITTEN, id="between two stores"),
    pytest.param(advanced(3), Phase.EMPTY, id="after the stores"),
]


def busy_universe() -> tuple[Universe, SmallActors]:
    """Twelve numbers are in the pool; twelve requests for one and five more loads are to do."""
    universe, actors = small_universe()
    for each in range(12):
        actors.load(f"NUMBER-{each}")
    drain(universe.service, RANDOM)
    for each in range(12, 17):
        actors.load(f"NUMBER-{each}")
    for each in range(12):
        actors.take(f"take-{each}", Random(each))
    return universe, actors


def worker(universe: Universe) -> Process:
    """The processor that has the pool, and so the most to do."""
    owner = universe.owner_of(POOL, partition_of(b"ELECTRONIC", universe.partitions))
    assert owner is not None
    return owner


def pool_commands(universe: Universe) -> int:
    """How many were performed and committed: seventeen numbers came, twelve were asked for."""
    return universe.counters[f"performed {POOL.name}"]


def process_store(process: Process) -> dict[int, dict[bytes, bytes]]:
    """A copy of what a process shows of its pools."""
    opened = process.partitions_of(POOL)
    return {partition: dict(store.records) for partition, store in opened.items()}


def without_ids(universe: Universe) -> list[tuple[bytes, tuple[bytes, ...]]]:
    """Key and headers of each event: event type, status and number, but no id of its own."""
    return sorted(
        (record.key or b"", tuple(value or b"" for _, value in record.headers))
        for record in universe.records(STREAM)
    )


@pytest.mark.parametrize("lose_disk", [False, True], ids=["disk kept", "disk lost"])
@pytest.mark.parametrize(("reach", "phase"), CRASH_POINTS)
def test_crashing_at_any_point_of_a_commit_loses_and_doubles_nothing(
    reach: Callable[[Universe, Process], None], phase: Phase, lose_disk: bool
) -> None:
    calm, _ = busy_universe()
    settle(calm, Random(0))

    universe, actors = busy_universe()
    process = worker(universe)
    assert universe.service.perform(process, 6, Random(3)) == 6
    reach(universe, process)
    assert process.phase is phase
    universe.service.crash(process, lose_disk=lose_disk)
    assert actors.died == [process.life]
    settle(universe, Random(0))

    assert without_ids(universe) == without_ids(calm)
    assert pool_commands(universe) == 29
    kinds = [dict(record.headers)["eventType"] for record in universe.records(STREAM)]
    assert (kinds.count(b"load"), kinds.count(b"reserve"), len(kinds)) == (17, 12, 29)


@pytest.mark.parametrize("lose_disk", [False, True], ids=["disk kept", "disk lost"])
@pytest.mark.parametrize(("reach", "phase"), CRASH_POINTS)
def test_restarting_recovers_the_stores_to_what_the_log_has_committed(
    reach: Callable[[Universe, Process], None], phase: Phase, lose_disk: bool
) -> None:
    universe, _ = busy_universe()
    process = worker(universe)
    universe.service.perform(process, 6, Random(3))
    before = process_store(process)
    reach(universe, process)
    committed = phase in (Phase.UNWRITTEN, Phase.EMPTY)
    universe.service.crash(process, lose_disk=lose_disk)

    later = universe.start(Role.PROCESSOR, process.name)

    assert later.serving
    assert (process_store(later) != before) is committed


def test_sleeping_through_the_session_has_the_commit_refused_and_nothing_twice() -> None:
    universe, _ = busy_universe()
    sleeper = worker(universe)
    universe.service.perform(sleeper, 6, Random(3))
    universe.service.advance(sleeper)
    universe.service.pause(sleeper)
    assert universe.service.expire_sessions(Role.PROCESSOR, RANDOM)
    universe.service.give_up_transactions()
    drain(universe.service, RANDOM)
    performed = pool_commands(universe)

    universe.service.wake(sleeper)
    assert not sleeper.serving, "until it has heard from its group it doubts what it has"
    universe.service.finish(sleeper)

    # Given up is fenced: Kafka takes nothing from this producer any more.
    assert not sleeper.alive
    assert pool_commands(universe) == performed == 29


def test_waking_after_the_group_went_on_drops_what_was_performed_and_joins_anew() -> None:
    universe, _ = busy_universe()
    sleeper = worker(universe)
    universe.service.perform(sleeper, 6, Random(3))
    universe.service.pause(sleeper)
    universe.service.expire_sessions(Role.PROCESSOR, RANDOM)
    universe.service.wake(sleeper)
    universe.service.finish(sleeper)

    assert universe.counters["commits refused to sleepers"] == 1
    assert (sleeper.alive, sleeper.is_member) == (True, False)
    universe.service.hear_of_group(sleeper, RANDOM)
    assert (sleeper.alive, sleeper.is_member, sleeper.serving) == (True, True, True)


def test_replacing_a_sleeper_fences_it() -> None:
    universe, _ = busy_universe()
    sleeper = worker(universe)
    universe.service.perform(sleeper, 6, Random(3))
    universe.service.pause(sleeper)
    later = universe.service.replace(sleeper, RANDOM)
    drain(universe.service, RANDOM)
    universe.service.wake(sleeper)
    universe.service.finish(sleeper)

    assert not sleeper.alive
    assert later.alive
    assert pool_commands(universe) == 29


def test_recovering_waits_for_a_transaction_that_is_open_in_the_changelog() -> None:
    universe, _ = busy_universe()
    sleeper = worker(universe)
    universe.service.perform(sleeper, 6, Random(3))
    universe.service.advance(sleeper)
    assert sleeper.phase is Phase.FLUSHED
    universe.service.pause(sleeper)
    universe.service.expire_sessions(Role.PROCESSOR, RANDOM)

    others = universe.service.awake(Role.PROCESSOR)
    assert not any(each.serving for each in others)
    assert [universe.service.perform(each, 5, RANDOM) for each in others] == [0] * len(others)

    universe.service.give_up_transactions()
    drain(universe.service, RANDOM)
    assert all(each.serving for each in others)


def test_reading_positions_follow_the_stores_and_not_the_commit() -> None:
    universe, _ = busy_universe()
    process = worker(universe)
    universe.service.perform(process, 6, Random(3))
    partitions = range(universe.partitions)
    performed = [process.performed(POOL, each) for each in partitions]
    universe.service.advance(process)
    universe.service.advance(process)
    assert process.phase is Phase.UNWRITTEN
    assert [process.reached(POOL, each) for each in partitions] != performed

    universe.service.advance(process)
    assert [process.reached(POOL, each) for each in partitions] == performed


def test_hearing_begins_where_the_life_began_and_ends_with_it() -> None:
    universe, actors = busy_universe()
    drain(universe.service, RANDOM)
    first = universe.processes(Role.PROCESSOR)[0]
    told = sum(first.life.encode() in (each.value or b"") for each in universe.records(REPLIES))
    assert universe.hear(first) == told == len(actors.replies)

    universe.service.crash(first, lose_disk=False)
    later = universe.start(Role.PROCESSOR, first.name)
    assert universe.hear(later) == 0
    assert later.life != first.life
