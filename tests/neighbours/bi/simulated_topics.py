"""The topics of a service that was attacked: a simulated history, as the mart would read it.

Owns the way from a seed to records. The histories are the simulator's: real rules, real contracts,
repeats, broken records, wrong clocks, and workers that die.
"""

from collections.abc import Sequence
from functools import lru_cache

from pipelines.neighbours.bi.topic_record import TOPICS_READ, TopicRecord
from pipelines.simulation.engine_steps import ENGINE_STEPS, perform_engine_step
from pipelines.simulation.neighbours import Neighbours
from pipelines.simulation.settling import settle
from pipelines.simulation.simulation import plan_of
from pipelines.simulation.steps import seeded
from pipelines.simulation.universe import Universe


@lru_cache(maxsize=8)
def simulated_topics(seed: int, steps: int) -> Sequence[TopicRecord]:
    """Every committed record of the mart's topics, topic by topic and partition by partition."""
    plan = plan_of(seed, steps)
    universe = Universe(plan.climate)
    neighbours = Neighbours(universe)
    universe.attach(neighbours)
    universe.begin(seeded(f"{seed}/beginning"))
    at_ms = 0
    for step in plan.steps:
        random = universe.random = step.random()
        universe.pass_time(step.at_ms - at_ms)
        at_ms = step.at_ms
        if step.kind in ENGINE_STEPS:
            perform_engine_step(universe, step.kind, random)
        else:
            neighbours.act(step.kind, random)
    settle(universe, seeded(f"{seed}/end"))
    return tuple(
        TopicRecord(
            topic=topic.name,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
            timestamp_ms=record.timestamp_ms,
        )
        for topic in TOPICS_READ
        for record in universe.records(topic)
    )
