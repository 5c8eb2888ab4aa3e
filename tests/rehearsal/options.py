"""What a rehearsal consists of: its steps, its scenarios, and what the command line chose.

Owns the closed lists of both. Which worker is replaced in which order is the driver's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pipelines.settings import ENV_PREFIX

LIMIT_S: Final = 5.0
"""No partition may be without an answer for longer while one pod is replaced."""


class Step(StrEnum):
    """Something that happens to the service on purpose."""

    UPGRADE = "upgrade"
    ROLL_BACK = "roll-back"
    DRAIN = "drain"
    DRAIN_LOST_VOLUME = "drain-lost-volume"
    SCALE_IN = "scale-in"
    SCALE_OUT = "scale-out"


MEANINGS: Final[Mapping[Step, str]] = MappingProxyType(
    {
        Step.UPGRADE: "every pod replaced by the new version, the highest number first, each when "
        "the one before is ready",
        Step.ROLL_BACK: "the same back to the version before",
        Step.DRAIN: "a node drained: its pod ends, and comes back elsewhere with its volume",
        Step.DRAIN_LOST_VOLUME: "a node drained whose volume cannot follow: the pod comes back "
        "with an empty one",
        Step.SCALE_IN: "one processor fewer, for good: it is told to hand over (SIGUSR1), passes "
        "calls on for a while, and is ended",
        Step.SCALE_OUT: "and one more again, on an empty volume",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One size of a rehearsal.

    `away_s`: how long each drained pod is away. `roles`: whose pods an upgrade replaces: those
    that read what others write before those others. `strict`: where others take over at once, the
    limit is for every second without a good answer, also where callers wait and are answered in the
    end; else for what callers are refused. `interval_s`: how often each is asked.
    """

    meaning: str
    steps: tuple[Step, ...]
    brokers: int
    correlators: int
    numbers: int
    processors: int = 3
    callers: int = 2
    lives_per_s: float = 1.0
    away_s: tuple[float, ...] = ()
    roles: tuple[str, ...] = ("processor", "correlator")
    drained: tuple[str, ...] = ("processor-0", "processor-2")
    strict: bool = True
    interval_s: float = 0.1


SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        "full": Scenario(
            meaning="every step, on three brokers",
            steps=tuple(Step),
            brokers=3,
            correlators=2,
            numbers=6_000,
            away_s=(2.0, 15.0),
        ),
        "short": Scenario(
            meaning="the form for CI: processors upgraded, drained and fewer, on one broker",
            steps=(Step.UPGRADE, Step.DRAIN, Step.SCALE_IN),
            brokers=1,
            correlators=1,
            numbers=800,
            callers=1,
            roles=("processor",),
            drained=("processor-1",),
            away_s=(0.5,),
            strict=False,
            interval_s=0.2,
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One rehearsal, as it was asked for.

    `earlier` and `today` are source trees; `version` is the commit of the earlier one. `settings`
    are GIFTCERT_ variables for the workers of today, and for the earlier ones where they know them.
    """

    scenario: Scenario
    name: str
    seed: int
    version: str
    earlier: Path
    today: Path
    data_dir: Path
    settings: Mapping[str, str]
    kept: bool = False

    def knows_settings(self) -> bool:
        """Whether the earlier version has these settings, too: an unknown one stops its start."""
        fields = "".join(
            path.read_text(encoding="utf-8")
            for path in (self.earlier / "pipelines").glob("*settings.py")
        )
        names = [name.removeprefix(ENV_PREFIX).lower() for name in self.settings]
        return all(f" {name}: " in fields for name in names)

    @property
    def on_stop(self) -> str:
        """What workers of today do with their partitions when they are asked to stop."""
        return self.settings.get("GIFTCERT_ON_STOP", "return")

    def promises(self, step: Step) -> bool:
        """Whether the limit is promised of a step.

        Where partitions wait for their worker they wait for as long as its pod is away, up to a
        session: no limit of ours can hold for that.
        """
        return self.on_stop == "leave" or step not in (Step.DRAIN, Step.DRAIN_LOST_VOLUME)

    @property
    def limits_silence(self) -> bool:
        """Whether the limit is also for callers who wait and are answered in the end.

        Where partitions wait for their worker, callers wait for as long as it takes to end and to
        start: that is the machine's time, and only what they are refused is promised.
        """
        return self.scenario.strict and self.on_stop == "leave"
