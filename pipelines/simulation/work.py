"""What a role does: its stages on its topics, as a worker of this version or the one before.

Owns the wiring's other end: the very stages that a worker is given, taken without a worker.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.contracts.framing import Framing
from pipelines.settings import Settings
from pipelines.simulation.earlier_version import earlier_state
from pipelines.simulation.store import Rewrite
from pipelines.stages.record import StatefulStage, StatelessStage
from pipelines.topics import Role, Topic, changelog_name, topic_name
from pipelines.topology import wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Everything by the full name of its input: built once for all lives, it remembers nothing.

    `changelogs` are of the stages that keep state; `rewrites` of those whose worker writes its
    state as the version before did.
    """

    role: Role
    topics: Mapping[str, Topic]
    feeds: Mapping[str, StatelessStage]
    folds: Mapping[str, StatefulStage]
    changelogs: Mapping[str, str]
    rewrites: Mapping[str, Rewrite]
    partitions: int


class _Wires:
    """Takes the stages of a role as a worker does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.topics: dict[str, Topic] = {}
        self.feeds: dict[str, StatelessStage] = {}
        self.folds: dict[str, StatefulStage] = {}

    def feed(self, topic: Topic, stage: StatelessStage) -> None:
        name = topic_name(topic, self._settings)
        self.topics[name] = topic
        self.feeds[name] = stage

    def fold(self, topic: Topic, stage: StatefulStage) -> None:
        name = topic_name(topic, self._settings)
        self.topics[name] = topic
        self.folds[name] = stage


def work_of(role: Role, settings: Settings, framing: Framing, *, writes_as_before: bool) -> Work:
    """The work of a role, its records written by that framing."""
    wires = _Wires(settings)
    wire(role, wires, settings, framing)
    kept = {name: wires.topics[name] for name in wires.folds}
    return Work(
        role=role,
        topics=wires.topics,
        feeds=wires.feeds,
        folds=wires.folds,
        changelogs={name: changelog_name(role, topic, settings) for name, topic in kept.items()},
        rewrites={name: earlier_state(topic) for name, topic in kept.items() if writes_as_before},
        partitions=settings.partitions,
    )
