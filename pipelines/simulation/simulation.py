"""One run: a seed's climate and steps, performed on a fresh universe, brought to rest and judged.

Owns the course of a run and what counts as a breach beside the laws: a bug's assert, an exception
nobody foresaw, and a universe that never comes to rest.
"""

import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pipelines.faults import OperatorError
from pipelines.simulation.actors import Breach
from pipelines.simulation.climate import Climate, climate_of
from pipelines.simulation.engine_steps import ENGINE_STEPS, perform_engine_step
from pipelines.simulation.laws import check
from pipelines.simulation.neighbours import ACTOR_KINDS, Neighbours
from pipelines.simulation.settling import NeverSettles, settle
from pipelines.simulation.steps import Step, generated, seeded
from pipelines.simulation.universe import Universe
from pipelines.topics import COMMANDS
from state.stores.codec import UnreadableRecord
from state.stores.reader import StoreClosed

LAW_ASSERT: Final = "assert"
LAW_EXCEPTION: Final = "exception"
LAW_SETTLES: Final = "settles"

# What a bug in a stage, a handler or a store can end a run with. Named one by one, so that Ctrl-C
# and a fault of the operator's are none of them.
_BUGS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    OperatorError,
    RuntimeError,
    StoreClosed,
    TypeError,
    UnreadableRecord,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of one run. `told` has a line for each step, in their order."""

    seed: int
    steps: int
    commands: int
    counters: Counter[str]
    breaches: tuple[Breach, ...] = ()
    told: tuple[str, ...] = ()
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a seed decides: the climate, and the steps in it."""

    seed: int
    climate: Climate
    steps: tuple[Step, ...] = field(repr=False)


def plan_of(seed: int, count: int) -> Plan:
    """The first `count` steps of a seed; more of them begin with the same ones."""
    random = seeded(seed)
    climate = climate_of(random, ACTOR_KINDS)
    steps = generated(random, climate.weights, count, climate.pace_ms)
    return Plan(seed=seed, climate=climate, steps=tuple(steps))


def run(plan: Plan, steps: Sequence[Step] | None = None, *, digest: bool = False) -> Run:
    """Perform a plan's steps, or those given, on a fresh universe; settle it and judge it."""
    chosen = plan.steps if steps is None else steps
    universe = Universe(plan.climate)
    told: list[str] = []
    try:
        breaches = _course(universe, chosen, plan.seed, told)
    except AssertionError as error:
        breaches = [Breach(law=LAW_ASSERT, text=_said(error))]
    except NeverSettles as error:
        breaches = [Breach(law=LAW_SETTLES, text=str(error))]
    except _BUGS as error:
        breaches = [Breach(law=LAW_EXCEPTION, text=_said(error))]
    return Run(
        seed=plan.seed,
        steps=len(chosen),
        commands=universe.counters[f"performed {COMMANDS.name}"],
        counters=universe.counters,
        breaches=tuple(breaches),
        told=tuple(told),
        digest=universe.digest() if digest else None,
    )


def _course(universe: Universe, steps: Sequence[Step], seed: int, told: list[str]) -> list[Breach]:
    neighbours = Neighbours(universe)
    universe.attach(neighbours)
    universe.begin(seeded(f"{seed}/beginning"))
    at_ms = 0
    for step in steps:
        random = universe.random = step.random()
        universe.pass_time(step.at_ms - at_ms)
        at_ms = step.at_ms
        if step.kind in ENGINE_STEPS:
            told.append(perform_engine_step(universe, step.kind, random))
        else:
            told.append(neighbours.act(step.kind, random))
    settle(universe, seeded(f"{seed}/end"))
    return check(universe, neighbours)


def _said(error: BaseException) -> str:
    """What went wrong and in which of our functions, in a line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames[-4:])
    return f"{type(error).__name__}: {error} (in {where})"
