"""A run that was whole, and ways to forge what is left of it.

Owns the run, made once, and the view of its universe in which some records are not what they were.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from random import Random
from types import MappingProxyType
from typing import Any, cast

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.schemas import RecordName
from pipelines.simulation.actors import Breach
from pipelines.simulation.climate import WORK_WEIGHTS, Climate, climate_of
from pipelines.simulation.engine_steps import ENGINE_STEPS, perform_engine_step
from pipelines.simulation.laws import check
from pipelines.simulation.laws_log import RECORDS
from pipelines.simulation.neighbours import ACTOR_KINDS, Neighbours
from pipelines.simulation.settling import settle
from pipelines.simulation.steps import generated
from pipelines.simulation.universe import Universe
from pipelines.stages.record import Incoming
from pipelines.topics import Topic

Records = list[Incoming]
Stored = dict[bytes, bytes]
_STEPS = 2_500


def calm_climate() -> Climate:
    """A small, calm world in which every kind of thing happens and every deadline passes."""
    actors = {kind.name: float(kind.weight) / 3 for kind in ACTOR_KINDS}
    return replace(
        climate_of(Random(1), ACTOR_KINDS),
        partitions=3,
        processors=2,
        correlators=1,
        roughness=0.0,
        earlier_share=0.0,
        delay=0.1,
        duplicate=0.05,
        left_open=0.0,
        pace_ms=1_000,
        ends_late=True,
        settings=MappingProxyType(
            {
                "reservation_minutes": 30,
                "hold_minutes": 15,
                "half_missing_hours": 24,
                "forget_ordinary_days": 7,
                "accept_unmarked_payments": True,
                "pool_low_mark": 3,
                "cvc_digits": 8,
            }
        ),
        weights=MappingProxyType({**WORK_WEIGHTS, **actors}),
    )


@cache
def whole_run() -> tuple[Universe, Neighbours]:
    """The run, at rest. It is shared: forge a view of it, never the run itself."""
    random = Random("a whole run")
    climate = calm_climate()
    universe = Universe(climate)
    neighbours = Neighbours(universe)
    universe.attach(neighbours)
    universe.begin(random)
    for step in generated(random, climate.weights, _STEPS):
        chances = universe.random = step.random()
        universe.pass_time(chances.randint(0, climate.pace_ms))
        if step.kind in ENGINE_STEPS:
            perform_engine_step(universe, step.kind, chances)
        else:
            neighbours.act(step.kind, chances)
    settle(universe, random)
    return universe, neighbours


class ForgedUniverse:
    """The universe of the run, but for the topics and stores that a forger had in hand."""

    def __init__(self) -> None:
        self._universe, self.neighbours = whole_run()
        self._topics: dict[str, Records] = {}
        self._stores: dict[str, dict[int, Stored]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._universe, name)

    def records(self, topic: Topic) -> Iterator[Incoming]:
        if topic.name in self._topics:
            return iter(self._topics[topic.name])
        return self._universe.records(topic)

    def stores(self, topic: Topic) -> Mapping[int, Mapping[bytes, bytes]]:
        known = self._stores.get(topic.name)
        return self._universe.stores(topic) if known is None else known

    def forge(self, topic: Topic, forgery: Callable[[Records], None]) -> None:
        """Let a forger have a topic's records, all partitions in one list."""
        records = self._topics.setdefault(topic.name, list(self._universe.records(topic)))
        forgery(records)

    def forge_store(self, topic: Topic, forgery: Callable[[Stored], None]) -> None:
        """Let a forger have the stores of a stage, one after the other."""
        stores = {key: dict(each) for key, each in self._universe.stores(topic).items()}
        self._stores[topic.name] = stores
        for stored in stores.values():
            forgery(stored)

    def fields(self, topic: Topic, record: Incoming) -> dict[str, Any]:
        """What a record says."""
        return dict(self._universe.framing.decode(RECORDS[topic], record.value))

    def place_of(self, topic: Topic, records: Records, **wanted: Any) -> int:
        """Where the last record stands that says all this."""
        for place in reversed(range(len(records))):
            try:
                fields = self.fields(topic, records[place])
            except BrokenRecord:
                continue
            if all(fields[name] == value for name, value in wanted.items()):
                return place
        raise AssertionError(f"the run has no {wanted} on {topic.name}")

    def edit(self, topic: Topic, change: Callable[[dict[str, Any]], None], **wanted: Any) -> None:
        """Let one record, the last that says all this, say something else."""

        def forgery(records: Records) -> None:
            place = self.place_of(topic, records, **wanted)
            fields = self.fields(topic, records[place])
            change(fields)
            name: RecordName = RECORDS[topic]
            value = self._universe.framing.encode(name, fields)
            records[place] = replace(records[place], value=value)

        self.forge(topic, forgery)

    def drop(self, topic: Topic, **wanted: Any) -> None:
        """Lose the last record that says all this."""

        def forgery(records: Records) -> None:
            del records[self.place_of(topic, records, **wanted)]

        self.forge(topic, forgery)

    def double(self, topic: Topic, **wanted: Any) -> None:
        """Have the last record that says all this twice."""

        def forgery(records: Records) -> None:
            place = self.place_of(topic, records, **wanted)
            records.insert(place, records[place])

        self.forge(topic, forgery)

    def breaches(self) -> list[Breach]:
        """What the laws say of it."""
        return check(cast(Universe, self), self.neighbours)

    def laws_broken(self) -> set[str]:
        """The names of the laws that are broken."""
        return {breach.law for breach in self.breaches()}
