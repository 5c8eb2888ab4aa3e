"""Makes the topics on a broker what the registry says, or says what differs.

Owns which change is safe. Never deletes a topic or a record, never changes a partition count, and
touches no topic of others beyond making it on a local stack.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipelines.faults import TopicDiffers, TopicMissing
from pipelines.kafka_admin import FoundTopic, KafkaAdmin
from pipelines.settings import Settings
from pipelines.topics import (
    DELETIONS_KEPT,
    DELETIONS_KEPT_MS,
    FOREVER_MS,
    Role,
    Topic,
    WantedTopic,
    topic_name,
    topics_of,
    wanted_changelogs,
    wanted_topics,
)

TIMEOUT_S: Final = 5.0
"""How long a broker may take for one answer."""

_NAMED: Final = 3  # How many topics one line names before it counts the rest.
_PARTITIONS: Final = "partitions"
_COPIES: Final = "replication factor"
_UNKNOWN: Final = "unknown to this broker"


class Action(StrEnum):
    """What `apply` did about a topic, or would do."""

    CREATED = "created"
    ALTERED = "altered"
    EQUAL = "equal"
    MISSING = "missing"  # Others' topic, and not ours to make.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing about a topic that is not as it must be; `actual` None: there is no such topic."""

    topic: str
    what: str
    wanted: str
    actual: str | None

    def __str__(self) -> str:
        if self.actual is None:
            return f"{self.topic}: missing"
        return f"{self.topic}: {self.what} is {self.actual}, must be {self.wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one topic."""

    topic: str
    action: Action
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.topic}: {self.action}" + (f" ({self.detail})" if self.detail else "")


def check(settings: Settings, *, timeout_s: float = TIMEOUT_S) -> list[Difference]:
    """Everything in which the broker's topics differ from the registry; changes nothing."""
    admin = KafkaAdmin(settings, timeout_s=timeout_s)
    wanted = wanted_topics(settings)
    compared = _compare(admin, wanted)
    return [difference for topic in wanted for difference in compared[topic.name]]


def apply(
    settings: Settings,
    *,
    with_sources: bool = False,
    dry_run: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> list[Outcome]:
    """Create what is missing and put right what can be put right without losing a record.

    All or nothing: when one topic needs what is not safe, nothing is changed and TopicDiffers says
    why; a dry run returns that as an outcome. The others' topics are made only `with_sources`.
    """
    admin = KafkaAdmin(settings, timeout_s=timeout_s)
    wanted = wanted_topics(settings)
    compared = _compare(admin, wanted)
    outcomes = [_plan(topic, compared[topic.name], with_sources) for topic in wanted]
    if dry_run:
        return outcomes
    refuse(outcomes)
    by_name = {topic.name: topic for topic in wanted}
    admin.create(by_name[done.topic] for done in outcomes if done.action is Action.CREATED)
    for done in outcomes:
        if done.action is Action.ALTERED:
            admin.alter(
                done.topic,
                {different.what: different.wanted for different in compared[done.topic]},
            )
    return outcomes


def refuse(outcomes: Iterable[Outcome]) -> None:
    """TopicDiffers, in one line, when an outcome is a refusal."""
    named: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.action is Action.REFUSED:
            named.setdefault(outcome.detail, []).append(outcome.topic)
    if named:
        said = "; ".join(f"{_names(topics)}: {objection}" for objection, topics in named.items())
        raise TopicDiffers(f"nothing was changed: {said}")


def require_topics(settings: Settings, role: Role, *, timeout_s: float = TIMEOUT_S) -> None:
    """Refuse to start a worker without its topics, or with what it could not run on safely.

    TopicMissing; TopicDiffers by the number of partitions, or by how long deletions are kept in a
    changelog of its own: it trusts them to be there when it catches up a store.
    """
    admin = KafkaAdmin(settings, timeout_s=timeout_s)
    _require(settings, topics_of(role, settings), admin.topics())
    _require_deletions(admin, [topic.name for topic in wanted_changelogs(role, settings)])


def require_these(
    settings: Settings, topics: Iterable[Topic], *, timeout_s: float = TIMEOUT_S
) -> None:
    """Refuse to work without these topics of ours. TopicMissing, TopicDiffers."""
    names = {topic_name(topic, settings) for topic in topics}
    wanted = [topic for topic in wanted_topics(settings) if topic.name in names]
    _require(settings, wanted, KafkaAdmin(settings, timeout_s=timeout_s).topics())


def _require(
    settings: Settings, wanted: Iterable[WantedTopic], found: Mapping[str, FoundTopic]
) -> None:
    wanted = tuple(wanted)
    missing = [topic for topic in wanted if topic.name not in found]
    if missing:
        raise TopicMissing(_missing_line(missing))
    differing = [
        topic.name
        for topic in wanted
        if not topic.is_source and found[topic.name].partitions != topic.partitions
    ]
    if differing:
        raise TopicDiffers(
            f"partitions differ from GIFTCERT_PARTITIONS={settings.partitions}: "
            f"{_names(differing)}; `giftcert topics check` says more"
        )


def _require_deletions(admin: KafkaAdmin, changelogs: list[str]) -> None:
    """TopicDiffers when a changelog forgets deletions too soon."""
    configs = admin.configs(changelogs)
    # A broker that does not know the setting (an emulator) forgets nothing.
    kept = {name: int(configs[name].get(DELETIONS_KEPT, DELETIONS_KEPT_MS)) for name in changelogs}
    short = [name for name, kept_ms in kept.items() if kept_ms < DELETIONS_KEPT_MS]
    if short:
        raise TopicDiffers(
            f"{DELETIONS_KEPT} is below {DELETIONS_KEPT_MS}: {_names(short)}; "
            "run `giftcert topics apply`"
        )


def _compare(admin: KafkaAdmin, wanted: Iterable[WantedTopic]) -> dict[str, list[Difference]]:
    topics = tuple(wanted)
    found = admin.topics()
    configs = admin.configs(
        [topic.name for topic in topics if topic.name in found and not topic.is_source]
    )
    return {
        topic.name: _differences(topic, found.get(topic.name), configs.get(topic.name, {}))
        for topic in topics
    }


def _differences(
    wanted: WantedTopic, found: FoundTopic | None, config: Mapping[str, str]
) -> list[Difference]:
    if found is None:
        return [Difference(topic=wanted.name, what="topic", wanted="there", actual=None)]
    if wanted.is_source:
        return []
    compared = [
        (_PARTITIONS, str(wanted.partitions), str(found.partitions)),
        (_COPIES, str(wanted.replication_factor), str(found.replication_factor)),
        *((key, value, config.get(key, _UNKNOWN)) for key, value in wanted.config.items()),
    ]
    return [
        Difference(topic=wanted.name, what=what, wanted=must, actual=actual)
        for what, must, actual in compared
        if actual != must
    ]


def _plan(wanted: WantedTopic, differences: list[Difference], with_sources: bool) -> Outcome:
    if not differences:
        return Outcome(topic=wanted.name, action=Action.EQUAL)
    if differences[0].actual is None:
        if wanted.is_source and not with_sources:
            detail = "belongs to others: ask its owner, or --with-sources on a local stack"
            return Outcome(topic=wanted.name, action=Action.MISSING, detail=detail)
        detail = f"{wanted.partitions} partitions"
        return Outcome(topic=wanted.name, action=Action.CREATED, detail=detail)
    for difference in differences:
        objection = _objection(wanted, difference)
        if objection is not None:
            return Outcome(topic=wanted.name, action=Action.REFUSED, detail=objection)
    detail = ", ".join(
        f"{different.what} {different.actual} to {different.wanted}" for different in differences
    )
    return Outcome(topic=wanted.name, action=Action.ALTERED, detail=detail)


def _objection(wanted: WantedTopic, difference: Difference) -> str | None:
    """Why this difference is not put right by us; None when it is safe to."""
    what, must, actual = difference.what, difference.wanted, difference.actual
    if what == _PARTITIONS:
        return (
            f"{actual} partitions there, GIFTCERT_PARTITIONS says {must}; changing them would part "
            f"keys from their state: set {actual}, or make topics anew under another prefix"
        )
    if what == _COPIES:
        return (
            f"{actual} copies there, GIFTCERT_REPLICATION_FACTOR says {must}; set {actual}, "
            "or move the replicas with Kafka's kafka-reassign-partitions"
        )
    shortens = what.startswith("retention.") and actual is not None and _is_less(must, actual)
    starts_to_delete = (
        what == "cleanup.policy"
        and must == "delete"
        and wanted.config["retention.ms"] != str(FOREVER_MS)
    )
    if shortens or starts_to_delete:
        return (
            f"{what} is {actual}, must be {must}; that deletes records: "
            "do it by hand with Kafka's kafka-configs"
        )
    return None


def _is_less(limit: str, other: str) -> bool:
    """Whether a retention is shorter than another; -1 has no end."""
    return limit != "-1" and (other == "-1" or int(limit) < int(other))


def _missing_line(missing: list[WantedTopic]) -> str:
    ours = [topic.name for topic in missing if not topic.is_source]
    theirs = [topic.name for topic in missing if topic.is_source]
    said = [f"topics are missing: {_names([*ours, *theirs])}"]
    if ours:
        said.append("run `giftcert topics apply`")
    if theirs:
        said.append(
            f"{_names(theirs)} belong to others: ask their owner, "
            "or `giftcert topics apply --with-sources` on a local stack"
        )
    return "; ".join(said)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
