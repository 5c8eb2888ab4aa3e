"""How a universe comes to rest, so that it can be judged.

Owns the end of a run: everyone is restarted, all that is under way arrives, all is performed, those
who act say what they still have to, and in some runs every deadline passes as well. Then nothing
moves any more, or the run is broken: a request that goes round for ever is a fault.
"""

from random import Random
from typing import Final

from pipelines.simulation.service import Service
from pipelines.simulation.universe import Universe
from pipelines.timers import ASK_AGAIN_AFTER_MS
from pipelines.topics import Role

_TURNS_MAX: Final = 3_000
_BATCH: Final = 500
_AFTER_ALL_MS: Final = 400 * 24 * 60 * 60 * 1000
"""Longer than any deadline can be away."""


class NeverSettles(Exception):
    """Something goes on for ever, though nobody begins anything new."""


def settle(universe: Universe, random: Random) -> None:
    """Bring a universe to rest. NeverSettles when that cannot be had."""
    universe.random = random
    restore(universe)
    _until_quiet(universe)
    while universe.actors.finish():
        _until_quiet(universe)
    if universe.climate.ends_late:
        universe.pass_time(_AFTER_ALL_MS)
        _until_quiet(universe)
        while universe.actors.finish():
            _until_quiet(universe)
    assert universe.log.is_quiet, "at rest nobody has a transaction open"


def restore(universe: Universe) -> None:
    """Wake or end every sleeper, give up what is left open, and have every worker there again."""
    service, random = universe.service, universe.random
    for process in service.asleep():
        service.wake(process)
    for process in service.awake():
        service.hear_of_group(process, random)
    for role, name in service.missing():
        universe.start(role, name)
    service.give_up_transactions()
    for role in Role:
        service.expire_sessions(role, random)
    for process in service.awake():
        service.hear_of_group(process, random)


def drain(service: Service, random: Random) -> int:
    """Perform all that those awake can read, and put it into their stores; how many records."""
    whole = 0
    while True:
        performed = 0
        for process in service.awake():
            performed += service.perform(process, _BATCH, random)
            service.finish(process)
        if not performed:
            return whole
        whole += performed
        if whole > _BATCH * _TURNS_MAX:
            raise NeverSettles("records lead to records without an end")


def _timers_asked(universe: Universe) -> int:
    """How many deadlines the timers ask about. What they sent and lost they must ask again."""
    asked = universe.counters["deadlines asked about"]
    for process in universe.service.awake():
        universe.look_at_timers(process)
    asked = universe.counters["deadlines asked about"] - asked
    if asked and universe.climate.lost_by_timers:
        universe.pass_time(ASK_AGAIN_AFTER_MS)
    return asked


def _until_quiet(universe: Universe) -> None:
    """Perform, hear and look at the timers until nothing happens any more."""
    if universe.climate.lost_by_timers:
        # What was lost just before is asked about again by then.
        universe.pass_time(ASK_AGAIN_AFTER_MS)
    for _ in range(_TURNS_MAX):
        if universe.service.missing():
            # One that slept had been fenced without knowing, and ended when it went on.
            restore(universe)
        moved = universe.network.deliver_all() + universe.log.write_markers()
        moved += drain(universe.service, universe.random)
        moved += sum(universe.hear(process) for process in universe.service.awake(Role.PROCESSOR))
        universe.actors.look()
        moved += _timers_asked(universe)
        if moved or universe.service.missing():
            continue
        if universe.log.is_quiet:
            return
        # Somebody was fenced, or died, and left a transaction open: in time Kafka gives it up.
        universe.service.give_up_transactions()
    raise NeverSettles(f"something still moves after {_TURNS_MAX} turns")
