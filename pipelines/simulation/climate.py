"""The climate of a run: how large it is, how rough, and which settings it has.

Owns what a seed decides once for all steps, so that seeds differ in kind and not only in chance:
some are calm and long-lived, some lose a worker at every turn, some have one partition and some
many, some let every deadline pass.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from pipelines.settings import Settings
from pipelines.simulation.actors import ActorKind

WORK_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"perform": 60, "drain": 6, "hear": 14, "deliver": 8, "timers": 6, "wait": 4, "wait long": 0.6}
)
"""The service's own steps, which no run goes without."""

FAULT_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "crash": 3,
        "restart": 4,
        "pause": 3,
        "wake": 2,
        "replace": 1.5,
        "evict": 3,
        "give up": 1,
        "move": 2,
        "scale": 0.7,
        "repeat": 3,
        "lose reply": 1.5,
        "ask twice": 1,
    }
)
"""The faults; how often they come beside the work, the roughness of the run decides."""

_ACTORS_SHARE: Final = 120.0
"""What all that actors do weighs together, beside the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """What a seed decides once. Chances are from 0 to 1."""

    partitions: int
    processors: int
    correlators: int
    roughness: float
    earlier_share: float
    delay: float
    duplicate: float
    left_open: float
    late_markers: float
    disk_loss: float
    lost_by_timers: float
    batch: int
    pace_ms: int
    ends_late: bool
    settings: Mapping[str, object]
    weights: Mapping[str, float]


def climate_of(random: Random, actor_kinds: Iterable[ActorKind]) -> Climate:
    """The climate of a seed."""
    roughness = random.choice((0.0, 0.3, 1.0, 1.0, 3.0))
    mixed = random.random() < 0.3
    return Climate(
        partitions=random.choice((1, 2, 3, 4, 6)),
        processors=random.randint(1, 4),
        correlators=random.randint(1, 3),
        roughness=roughness,
        earlier_share=random.uniform(0.2, 0.8) if mixed else 0.0,
        delay=random.choice((0.0, 0.1, 0.6)),
        duplicate=random.choice((0.0, 0.02, 0.2)),
        left_open=random.choice((0.0, 0.1, 0.4)),
        late_markers=random.choice((0.0, 0.0, 0.3)),
        disk_loss=random.choice((0.1, 0.5, 0.9)),
        lost_by_timers=random.choice((0.0, 0.0, 0.1)),
        batch=random.choice((1, 4, 16, 64)),
        pace_ms=random.choice((50, 1_000, 20_000)),
        ends_late=random.random() < 0.5,
        settings=MappingProxyType(_settings(random)),
        weights=MappingProxyType(_weights(random, roughness, actor_kinds)),
    )


def settings_of(climate: Climate) -> Settings:
    """The settings of a run: its climate's and otherwise the defaults, whatever the environment."""
    values = {
        name: field.get_default(call_default_factory=True, validated_data={"topic_prefix": ""})
        for name, field in Settings.model_fields.items()
    }
    values |= {"worker_id": "simulated", "partitions": climate.partitions, **climate.settings}
    return Settings.model_validate(values)


def _settings(random: Random) -> dict[str, object]:
    return {
        "reservation_minutes": random.choice((1, 30, 24 * 60)),
        "hold_minutes": random.choice((1, 15, 24 * 60)),
        "half_missing_hours": random.choice((1, 24, 24 * 7)),
        "forget_ordinary_days": random.choice((1, 7)),
        "accept_unmarked_payments": random.random() < 0.8,
        "pool_low_mark": random.choice((0, 3, 20)),
        # So long that a code is found in no log by chance.
        "cvc_digits": 8,
    }


def _weights(
    random: Random, roughness: float, actor_kinds: Iterable[ActorKind]
) -> dict[str, float]:
    """How often each kind of step comes. What a seed does not like at all it never does."""
    actors = {kind.name: kind.weight * _liking(random) for kind in actor_kinds}
    whole = sum(actors.values()) or 1.0
    work = {name: weight * random.uniform(0.5, 1.5) for name, weight in WORK_WEIGHTS.items()}
    faults = {name: weight * roughness * _liking(random) for name, weight in FAULT_WEIGHTS.items()}
    busy = random.uniform(0.5, 2.0)
    acting = {name: weight / whole * _ACTORS_SHARE * busy for name, weight in actors.items()}
    return {**work, **acting, **faults}


def _liking(random: Random) -> float:
    return random.choice((0.0, 0.5, 1.0, 1.0, 2.0))
