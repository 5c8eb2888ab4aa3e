"""A universe with the simplest of actors, so that the engine is tested by itself.

Owns the actors: they load numbers and ask for them, and keep what is told to them.
"""

from collections import Counter
from dataclasses import replace
from random import Random

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.reply_record import Reply, reply_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.simulation.actors import ActorKind
from pipelines.simulation.climate import Climate, climate_of
from pipelines.simulation.engine_steps import ENGINE_STEPS, perform_engine_step
from pipelines.simulation.process import Process
from pipelines.simulation.settling import settle
from pipelines.simulation.steps import Step, generated
from pipelines.simulation.universe import Universe
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS, POOL, Role
from state.certificate.commands import Action, Channel, Command, Load, Lock, Origin
from state.pool.commands import PoolCommand, TakeNext

KINDS = (
    ActorKind(name="load", weight=3),
    ActorKind(name="take", weight=4),
    ActorKind(name="lock", weight=1),
)


class SmallActors:
    """They load, take and lock, each by one record; `replies` is what they were told."""

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self.loaded: list[str] = []
        self.taken = 0
        self.replies: list[Reply] = []
        self.died: list[str] = []
        self.looks = 0

    def act(self, kind: str, random: Random) -> str:
        match kind:
            case "load":
                return self.load(f"SIM-{random.getrandbits(40):012X}")
            case "take":
                return self.take(f"take-{random.getrandbits(40)}", random)
            case _:
                number = random.choice(self.loaded or ["NONE-1"])
                self.command(number, Lock(reason="test"), f"lock-{random.getrandbits(40)}")
                return "lock"

    def load(self, number: str) -> str:
        self.loaded.append(number)
        self.command(number, Load(pool="ELECTRONIC"), f"load-{number}")
        return f"load {number}"

    def command(self, number: str, action: Action, command_id: str) -> None:
        command = Command(
            command_id=command_id,
            at_ms=self.universe.now_ms,
            certificate_id=number,
            origin=Origin.LOADER if isinstance(action, Load) else Origin.HTTP,
            action=action,
            actor="test",
        )
        value = self.universe.framing.encode(RecordName.COMMAND, command_to_record(command))
        self.universe.publish(Outgoing(topic=COMMANDS, key=number.encode(), value=value))

    def take(self, request_id: str, random: Random) -> str:
        edges = [each for each in self.universe.processes(Role.PROCESSOR) if not each.paused]
        if not edges:
            return "no edge"
        edge = random.choice(edges)
        now_ms = self.universe.now_ms
        take = TakeNext(
            request_id=request_id,
            body_digest="body",
            channel=Channel.POS,
            order_id=None,
            reserved_until_ms=now_ms + 60_000,
            low_mark=0,
            reply_to=edge.life,
            actor="test",
        )
        command = PoolCommand(pool="ELECTRONIC", at_ms=now_ms, action=take)
        value = self.universe.framing.encode(
            RecordName.POOL_COMMAND, pool_command_to_record(command)
        )
        self.universe.publish(Outgoing(topic=POOL, key=b"ELECTRONIC", value=value), sender=edge)
        self.taken += 1
        return f"{edge.life} takes for {request_id}"

    def hear(self, process: Process, payload: bytes) -> None:
        reply = reply_from_record(self.universe.framing.decode(RecordName.REPLY, payload))
        if reply.reply_to == process.life:
            self.replies.append(reply)

    def look(self) -> None:
        self.looks += 1

    def process_died(self, process: Process) -> None:
        self.died.append(process.life)

    def finish(self) -> bool:
        return False


CALM = replace(
    climate_of(Random(0), KINDS),
    partitions=2,
    processors=2,
    correlators=1,
    roughness=0.0,
    earlier_share=0.0,
    delay=0.0,
    duplicate=0.0,
    left_open=0.0,
    late_markers=0.0,
    batch=100,
    pace_ms=0,
    ends_late=False,
)
"""Two processors, two partitions, and nothing goes wrong by itself."""


def small_universe(climate: Climate = CALM) -> tuple[Universe, SmallActors]:
    """A universe that has begun, and its actors."""
    universe = Universe(climate)
    actors = SmallActors(universe)
    universe.attach(actors)
    universe.begin(Random(1))
    return universe, actors


def play(seed: int, count: int) -> tuple[Universe, SmallActors]:
    """A whole run of a seed among the small actors, settled."""
    random = Random(seed)
    climate = climate_of(random, KINDS)
    universe, actors = small_universe(climate)
    at_ms = 0
    for step in generated(random, climate.weights, count, climate.pace_ms):
        universe.pass_time(step.at_ms - at_ms)
        at_ms = step.at_ms
        perform(universe, actors, step)
    settle(universe, Random(seed))
    return universe, actors


def perform(universe: Universe, actors: SmallActors, step: Step) -> str:
    """One step, as a simulation performs it."""
    random = universe.random = step.random()
    if step.kind in ENGINE_STEPS:
        return perform_engine_step(universe, step.kind, random)
    return actors.act(step.kind, random)


def counts(universe: Universe) -> Counter[str]:
    """What was done, without what did not happen."""
    return +universe.counters
