"""What Kafka says of the workers: who is in the groups, who has what, how far behind they are.

Owns the questions to the brokers and their time. Joins no group and changes nothing.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Final

from pipelines.addresses import web_address
from pipelines.faults import BrokerFault, TopicMissing
from pipelines.group_descriptions import Described, GroupDescriptions
from pipelines.kafka_admin import FoundTopic, KafkaAdmin
from pipelines.settings import Settings
from pipelines.status.beside import beside
from pipelines.status.figures import printable
from pipelines.status.status import Group, TopicLag
from pipelines.topic_places import Places
from pipelines.topics import (
    OURS,
    SOURCES,
    STATEFUL,
    Role,
    Topic,
    group_name,
    topic_name,
)

ANSWER_S: Final = 1.5
"""For so long Kafka is waited for, each time it is asked something."""

INPUTS: Final[Mapping[Role, tuple[Topic, ...]]] = {
    Role.CORRELATOR: (*SOURCES, *STATEFUL[Role.CORRELATOR]),
    Role.PROCESSOR: STATEFUL[Role.PROCESSOR],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A worker as its group knows it. `url` None: it named no address."""

    name: str
    role: Role
    url: str | None
    partitions: Mapping[str, tuple[int, ...]]


class KafkaSide:
    """Asks Kafka. To be closed. BrokerUnreachable, BrokerRefused, TopicMissing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = KafkaAdmin(settings, timeout_s=ANSWER_S)
        self._places = self._admin.places()
        # Its own log lines would stand in the middle of the screen.
        self._groups = GroupDescriptions(lambda: {**settings.kafka_config(), "log_level": 0})

    def close(self) -> None:
        """End the process that describes groups."""
        self._groups.close()

    def ask_groups(self) -> Mapping[Role, Future[Described | None]]:
        """Ask both groups who is in them; the answers come beside what else is asked."""
        return {
            role: self._groups.describe(group_name(role, self._settings), ANSWER_S) for role in Role
        }

    def topics(self) -> Mapping[str, FoundTopic]:
        """The topics of the flow by their full names. TopicMissing when one is not there."""
        found = self._admin.topics()
        names = {topic_name(topic, self._settings) for topic in (*SOURCES, *OURS)}
        missing = ", ".join(sorted(names - found.keys()))
        if missing:
            raise TopicMissing(f"topics are missing: {missing}; run `giftcert topics apply`")
        return {name: found[name] for name in names}

    def lags(self, found: Mapping[str, FoundTopic]) -> tuple[TopicLag, ...]:
        """How far each group is behind on each of its inputs."""
        wanted = {role: self._places_of(role, found) for role in Role}
        asked = beside(
            lambda: self._places.ends([*wanted[Role.CORRELATOR], *wanted[Role.PROCESSOR]])
        )
        reached = {
            role: beside(partial(self._places.reached, group_name(role, self._settings), places))
            for role, places in wanted.items()
        }
        ends = _known(asked)
        return tuple(
            self._lag(
                role,
                topic,
                found,
                _behind(topic_name(topic, self._settings), wanted[role], ends, reached[role]),
            )
            for role in Role
            for topic in INPUTS[role]
        )

    def no_lags(self, found: Mapping[str, FoundTopic]) -> tuple[TopicLag, ...]:
        """The same where Kafka did not say in time."""
        return tuple(self._lag(role, topic, found, None) for role in Role for topic in INPUTS[role])

    def _lag(
        self, role: Role, topic: Topic, found: Mapping[str, FoundTopic], behind: int | None
    ) -> TopicLag:
        shape = found[topic_name(topic, self._settings)]
        return TopicLag(
            topic=topic.name,
            role=role,
            partitions=shape.partitions,
            behind=behind,
            leaderless=not shape.ready,
        )

    def _places_of(self, role: Role, found: Mapping[str, FoundTopic]) -> list[tuple[str, int]]:
        names = [topic_name(topic, self._settings) for topic in INPUTS[role]]
        return [(name, number) for name in names for number in range(found[name].partitions)]

    def starts_since(
        self, topic: Topic, partitions: int, at_ms: int, records_at_most: int
    ) -> tuple[Mapping[int, int], bool]:
        """Where to begin to see what came since; False when so many are there that some are left.

        BrokerUnreachable, BrokerRefused.
        """
        name = topic_name(topic, self._settings)
        places = [(name, partition) for partition in range(partitions)]
        since, ends = self._places.at(places, at_ms), self._places.ends(places)
        share = max(1, records_at_most // max(1, partitions))
        starts = {place[1]: max(since[place], ends[place] - share) for place in places}
        return starts, all(starts[place[1]] == since[place] for place in places)


def group_of(
    role: Role, described: Described | None, found: Mapping[str, FoundTopic], settings: Settings
) -> tuple[Group, tuple[Member, ...]]:
    """A role's group and its members, from what the group says of itself."""
    name = group_name(role, settings)
    if described is None:
        return Group(role=role, name=name, fault="Kafka does not describe the group"), ()
    names = {topic_name(topic, settings): topic.name for topic in INPUTS[role]}
    members = tuple(
        _member(role, each.client_id, [place for place in each.held if place[0] in names], names)
        for each in described.members
    )
    changing = bool(described.members) and not described.stable
    held = {place for each in described.members for place in each.held}
    unassigned = {
        short: missing
        for full, short in names.items()
        if (missing := tuple(p for p in range(found[full].partitions) if (full, p) not in held))
    }
    return (
        Group(role=role, name=name, changing=changing, unassigned={} if changing else unassigned),
        tuple(sorted(members, key=lambda member: member.name)),
    )


def _member(
    role: Role, client_id: str, held: list[tuple[str, int]], names: Mapping[str, str]
) -> Member:
    name, _, address = client_id.partition("@")
    try:
        url = web_address(address)
    except ValueError:
        url = None
    partitions: dict[str, tuple[int, ...]] = {}
    for topic, partition in sorted(held):
        short = names[topic]
        partitions[short] = (*partitions.get(short, ()), partition)
    return Member(name=printable(name), role=role, url=url, partitions=partitions)


def _known(asked: Future[Places]) -> Places | None:
    try:
        return asked.result()
    except BrokerFault:
        return None


def _behind(
    name: str, places: Iterable[tuple[str, int]], ends: Places | None, reached: Future[Places]
) -> int | None:
    """Records not performed yet. Offsets: a transaction's own marks count too, a few at the end."""
    done = _known(reached)
    if ends is None or done is None:
        return None
    return sum(
        max(0, ends.get(place, 0) - done.get(place, 0)) for place in places if place[0] == name
    )
