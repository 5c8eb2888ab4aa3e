"""The steps that are the service's and the world's own: work, time, and every fault.

Owns one function a kind. Each decides by the random numbers it is given, and by what it finds; it
says in a line what it did, for the printed history.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from pipelines.simulation.process import Phase, Process
from pipelines.simulation.service import WORKERS_MAX
from pipelines.simulation.settling import drain
from pipelines.simulation.universe import Universe
from pipelines.topics import COMMANDS, FACTS, Role
from state.stores.layout import DEADLINES, deadline_entry, stored_key

Perform = Callable[[Universe, Random], str]

_SECOND_MS: Final = 1_000
_MINUTE_MS: Final = 60 * _SECOND_MS
_HOUR_MS: Final = 60 * _MINUTE_MS
_NOTHING: Final = "nothing to do"


def _perform(universe: Universe, random: Random) -> str:
    """One worker performs some records and commits, or stops somewhere on the way."""
    service = universe.service
    process = _one_of(service.awake(), random)
    if process is None:
        return _NOTHING
    # Its next heartbeat may come before its next record, or after.
    if (process.doubtful or not process.is_member) and random.random() < 0.5:
        service.hear_of_group(process, random)
        return f"{process.life} hears from its group"
    performed = service.perform(process, random.randint(1, universe.climate.batch), random)
    if random.random() < universe.climate.left_open:
        for _ in range(random.randint(0, 2)):
            service.advance(process)
    else:
        service.finish(process)
    return f"{process.life} performs {performed}: {_state_of(process)}"


def _drain(universe: Universe, random: Random) -> str:
    """Everyone awake performs all there is."""
    return f"all perform {drain(universe.service, random)}"


def _hear(universe: Universe, random: Random) -> str:
    process = _one_of(universe.service.awake(Role.PROCESSOR), random)
    if process is None:
        return _NOTHING
    return f"the edge of {process.life} hears {universe.hear(process)} replies"


def _lose_reply(universe: Universe, random: Random) -> str:
    process = _one_of(universe.service.awake(Role.PROCESSOR), random)
    if process is None:
        return _NOTHING
    heard = universe.hear(process, lose=0.7)
    return f"the edge of {process.life} hears {heard} replies and loses the others"


def _deliver(universe: Universe, random: Random) -> str:
    told = universe.log.write_markers()
    arrived = universe.network.deliver(random, random.randint(1, 10))
    return f"{arrived} delayed records arrive, and {told} late markers"


def _repeat(universe: Universe, random: Random) -> str:
    return f"{universe.network.repeat(random, random.randint(1, 4))} records arrive again"


def _timers(universe: Universe, random: Random) -> str:
    return _look_at_timers(universe, random, anew=False)


def _ask_twice(universe: Universe, random: Random) -> str:
    return _look_at_timers(universe, random, anew=True)


def _look_at_timers(universe: Universe, random: Random, *, anew: bool) -> str:
    process = _one_of(universe.service.awake(), random)
    if process is None:
        return _NOTHING
    before = universe.counters["deadlines asked about"]
    universe.look_at_timers(process, anew=anew)
    asked = universe.counters["deadlines asked about"] - before
    return f"{process.life} asks about {asked} deadlines"


def _wait(universe: Universe, random: Random) -> str:
    if random.random() < 0.3:
        return _wait_for_deadline(universe, random)
    return _pass(universe, random.choice((10 * _SECOND_MS, _MINUTE_MS, 16 * _MINUTE_MS)))


def _wait_for_deadline(universe: Universe, random: Random) -> str:
    """To the very millisecond in which something is due: there two rules meet."""
    topic = random.choice((COMMANDS, FACTS))
    prefix = stored_key(DEADLINES, b"")
    coming = [
        entry_ms
        for records in universe.stores(topic).values()
        for key in records
        if key.startswith(prefix)
        and (entry_ms := deadline_entry(key.removeprefix(prefix)).at_ms) > universe.now_ms
    ]
    if not coming:
        return _NOTHING
    universe.pass_time(min(coming) - universe.now_ms)
    for process in universe.service.awake():
        universe.look_at_timers(process)
    return f"the next deadline of {topic.name} comes"


def _wait_long(universe: Universe, random: Random) -> str:
    return _pass(universe, random.choice((_HOUR_MS, 25 * _HOUR_MS, 8 * 24 * _HOUR_MS)))


def _pass(universe: Universe, duration_ms: int) -> str:
    universe.pass_time(duration_ms)
    universe.actors.look()
    return f"{duration_ms // _SECOND_MS:,} s pass"


def _crash(universe: Universe, random: Random) -> str:
    """A worker dies, now or in the midst of its next work; perhaps with its disk."""
    service = universe.service
    process = _one_at_work(service.living(), random)
    if process is None:
        return _NOTHING
    if not process.paused and random.random() < 0.8:
        service.perform(process, random.randint(1, universe.climate.batch), random)
        for _ in range(random.randint(0, 2)):
            service.advance(process)
        # Its stores are written one after another: between two of them is a place to die too.
        if process.phase is Phase.UNWRITTEN and random.random() < 0.5:
            process.write(stores=1)
    if not process.alive:
        return f"{process.life} was fenced before it could crash"
    lose_disk = random.random() < universe.climate.disk_loss
    service.crash(process, lose_disk=lose_disk)
    disk = "its disk is lost" if lose_disk else "its disk is kept"
    return f"{process.life} crashes with {process.phase.value}; {disk}"


def _restart(universe: Universe, random: Random) -> str:
    missing = universe.service.missing()
    if not missing:
        return _NOTHING
    role, name = random.choice(missing)
    return f"{universe.start(role, name).life} starts"


def _pause(universe: Universe, random: Random) -> str:
    process = _one_at_work(universe.service.awake(), random)
    if process is None:
        return _NOTHING
    if random.random() < 0.7:
        universe.service.perform(process, random.randint(1, universe.climate.batch), random)
        for _ in range(random.randint(0, 2)):
            universe.service.advance(process)
    if not process.alive:
        return f"{process.life} was fenced before it could sleep"
    universe.service.pause(process)
    return f"{process.life} sleeps: {_state_of(process)}"


def _wake(universe: Universe, random: Random) -> str:
    process = _one_of(universe.service.asleep(), random)
    if process is None:
        return _NOTHING
    universe.service.wake(process)
    return f"{process.life} wakes: {_state_of(process)}"


def _replace(universe: Universe, random: Random) -> str:
    """A worker that sleeps is started elsewhere under the same name."""
    service = universe.service
    sleepers = [each for each in service.asleep() if service.named(each.role, each.name) is each]
    process = _one_of(sleepers, random)
    if process is None:
        return _NOTHING
    later = service.replace(process, random)
    universe.stand_at_end(later)
    return f"{later.life} starts elsewhere while {process.life} sleeps"


def _evict(universe: Universe, random: Random) -> str:
    role = random.choice(list(Role))
    out = universe.service.expire_sessions(role, random)
    return f"the silent {role.value}s are put out of their group" if out else _NOTHING


def _give_up(universe: Universe, _random: Random) -> str:
    return f"{universe.service.give_up_transactions()} open transactions are given up"


def _move(universe: Universe, random: Random) -> str:
    role = random.choice(list(Role))
    universe.service.rebalance(role, random)
    return f"the partitions of the {role.value}s are distributed anew"


def _scale(universe: Universe, random: Random) -> str:
    role = random.choice(list(Role))
    count = random.randint(1, WORKERS_MAX)
    universe.service.scale(role, count, random)
    for process in universe.service.awake(Role.PROCESSOR):
        if process.heard == 0:
            universe.stand_at_end(process)
    return f"from now on there are {count} {role.value}s"


ENGINE_STEPS: Final[Mapping[str, Perform]] = {
    "perform": _perform,
    "drain": _drain,
    "hear": _hear,
    "lose reply": _lose_reply,
    "deliver": _deliver,
    "repeat": _repeat,
    "timers": _timers,
    "ask twice": _ask_twice,
    "wait": _wait,
    "wait long": _wait_long,
    "crash": _crash,
    "restart": _restart,
    "pause": _pause,
    "wake": _wake,
    "replace": _replace,
    "evict": _evict,
    "give up": _give_up,
    "move": _move,
    "scale": _scale,
}


def perform_engine_step(universe: Universe, kind: str, random: Random) -> str:
    """Perform one step of the service or the world; what was done, in a line."""
    told = ENGINE_STEPS[kind](universe, random)
    universe.actors.look()
    return told


def _one_of(processes: list[Process], random: Random) -> Process | None:
    return random.choice(processes) if processes else None


def _one_at_work(processes: list[Process], random: Random) -> Process | None:
    """One with something to perform, where there is one: there a fault finds most to break."""
    at_work = [each for each in processes if each.is_behind]
    return _one_of(at_work or processes, random)


def _state_of(process: Process) -> str:
    return process.phase.value
