"""Every topic of the flow, once: its name, key, value, cleanup and who writes it.

Owns the registry, the changelog topics that follow from it, and what each must be like on a broker.
Must not talk to a broker: `topics_admin.py` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from pipelines.settings import Settings

FOREVER_MS: Final = -1
"""Kafka's word for a retention without an end."""

LARGEST_RECORD_BYTES: Final = 8 * 1024 * 1024
"""The largest record that we write, key and headers included.

Far above Kafka's usual limit of 1 MB: a source whose owner allows larger records may hold a broken
one, and it must fit into the DLQ as it is, or it would stop the worker for ever.
"""

_BATCH_OVERHEAD_BYTES: Final = 64 * 1024  # What the broker counts beside the records themselves.

_HOUR_MS: Final = 60 * 60 * 1000
_DAY_MS: Final = 24 * _HOUR_MS
DELETIONS_KEPT: Final = "delete.retention.ms"
DELETIONS_KEPT_MS: Final = 7 * _DAY_MS
"""How long a changelog keeps the record that deletes a key, where Kafka's own default is a day.

A store that missed such a record would keep the key for ever. A worker therefore throws away one
that was written last more than three days ago and lacks anything (`recovery.judgement`); the rest
of this time is the margin for clocks that are wrong.
"""

_LONGEST_MS: Final = 2**63 - 1  # Kafka's largest: no limit.

_LARGE: Final[Mapping[str, str]] = MappingProxyType(
    {"max.message.bytes": str(LARGEST_RECORD_BYTES + _BATCH_OVERHEAD_BYTES)}
)

_STORE: Final = "default"  # The name the stream library gives a stage's one store.


class Role(StrEnum):
    """The two kinds of worker process."""

    CORRELATOR = "correlator"
    PROCESSOR = "processor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic, by its name without prefix. `retention_ms` None: whatever its owner chose."""

    name: str
    key: str
    value: str
    cleanup: Literal["delete", "theirs"]
    retention_ms: int | None
    owner: Literal["others", "ours"]
    writers: tuple[str, ...]
    description: str


ALL_SALES_ORDER: Final = Topic(
    name="All_SalesOrder",
    key="theirs",
    value="SalesOrder",
    cleanup="theirs",
    retention_ms=None,
    owner="others",
    writers=("others",),
    description="Every order of every channel, certificate or not.",
)
ALL_PAYMENTS: Final = Topic(
    name="All_Payments",
    key="theirs",
    value="Payment",
    cleanup="theirs",
    retention_ms=None,
    owner="others",
    writers=("others",),
    description="Every payment, version 1 and 2.",
)
ALL_CLIENTS: Final = Topic(
    name="All_Clients",
    key="theirs",
    value="Client",
    cleanup="theirs",
    retention_ms=None,
    owner="others",
    writers=("others",),
    description="What the CRM says of clients; we read how a delivery ended.",
)
FACTS: Final = Topic(
    name="GiftCertificates.Facts",
    key="correlationId",
    value="Fact",
    cleanup="delete",
    retention_ms=FOREVER_MS,
    owner="ours",
    writers=("correlator (ingest, timers)",),
    description="What others told us about one purchase, in one order that replays the same.",
)
COMMANDS: Final = Topic(
    name="GiftCertificates.Commands",
    key="certificateId",
    value="Command",
    cleanup="delete",
    retention_ms=FOREVER_MS,
    owner="ours",
    writers=("correlator (correlate)", "pool", "edge", "loader", "timers", "auditor"),
    description="What is asked of a certificate.",
)
POOL: Final = Topic(
    name="GiftCertificates.Pool",
    key="pool name",
    value="PoolCommand",
    cleanup="delete",
    retention_ms=FOREVER_MS,
    owner="ours",
    writers=("edge", "certificates"),
    description="Free numbers coming in and going out, one writer a pool.",
)
STREAM: Final = Topic(
    name="GiftCertificates.Stream",
    key="certificateId (pool name for ISSUE_BLOCKED and pool alerts)",
    value="GiftCertificateEvent",
    cleanup="delete",
    retention_ms=FOREVER_MS,
    owner="ours",
    writers=("processor",),
    description="Everything that happened to certificates, for the world to read.",
)
INDEX: Final = Topic(
    name="GiftCertificates.Index",
    key="kind:value, e.g. `order:42`",
    value="IndexEntry",
    cleanup="delete",
    retention_ms=FOREVER_MS,
    owner="ours",
    writers=("processor",),
    description="Which certificates an order, client, request or last four digits lead to.",
)
REPLIES: Final = Topic(
    name="GiftCertificates.Replies",
    key="request id",
    value="Reply",
    cleanup="delete",
    retention_ms=_HOUR_MS,
    owner="ours",
    writers=("processor",),
    description="Outcomes for callers waiting at an edge; the partition follows from the edge.",
)
DLQ: Final = Topic(
    name="GiftCertificates.DLQ",
    key="the source key",
    value="the source bytes, untouched",
    cleanup="delete",
    retention_ms=30 * _DAY_MS,
    owner="ours",
    writers=("correlator", "processor", "`giftcert dlq`"),
    description="Records that cannot be read, with where they were and why; what became of each.",
)

TOPICS: Final = (
    ALL_SALES_ORDER,
    ALL_PAYMENTS,
    ALL_CLIENTS,
    FACTS,
    COMMANDS,
    POOL,
    STREAM,
    INDEX,
    REPLIES,
    DLQ,
)
SOURCES: Final = tuple(topic for topic in TOPICS if topic.owner == "others")
OURS: Final = tuple(topic for topic in TOPICS if topic.owner == "ours")

STATEFUL: Final[Mapping[Role, tuple[Topic, ...]]] = MappingProxyType(
    {Role.CORRELATOR: (FACTS,), Role.PROCESSOR: (COMMANDS, POOL, INDEX)}
)
"""The topics whose stage keeps state, and so has a changelog."""

_USED: Final[Mapping[Role, tuple[Topic, ...]]] = MappingProxyType(
    {
        Role.CORRELATOR: (*SOURCES, FACTS, COMMANDS, DLQ),
        Role.PROCESSOR: (COMMANDS, POOL, STREAM, INDEX, REPLIES, DLQ),
    }
)
"""What a worker reads or writes. Of others it may not even know that they are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTopic:
    """A topic as it must be on the broker, by its full name."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]
    is_source: bool = False


def topic_name(topic: Topic, settings: Settings) -> str:
    """The topic's full name on the broker."""
    return f"{settings.topic_prefix}{topic.name}"


def group_name(role: Role, settings: Settings) -> str:
    """The consumer group of the workers of that role."""
    match role:
        case Role.CORRELATOR:
            return settings.correlator_group
        case Role.PROCESSOR:
            return settings.processor_group


def changelog_name(role: Role, topic: Topic, settings: Settings) -> str:
    """The changelog of the stage that reads `topic`.

    The stream library makes the name from group, stream (for one topic: its name) and store. A
    worker that finds no topic of that very name does not start; another group starts from empty.
    """
    return f"changelog__{group_name(role, settings)}--{topic_name(topic, settings)}--{_STORE}"


def wanted_topics(settings: Settings) -> tuple[WantedTopic, ...]:
    """All topics the flow needs, sources first, changelogs last."""
    changelogs = [wanted for role in Role for wanted in wanted_changelogs(role, settings)]
    return (*(_wanted(topic, settings) for topic in TOPICS), *changelogs)


def wanted_changelogs(role: Role, settings: Settings) -> tuple[WantedTopic, ...]:
    """The changelogs of one role's stages: compacted, with as many partitions as what they follow.

    Retention is without end as the stream library asks for (it copies the followed topic's).
    """
    return tuple(
        WantedTopic(
            name=changelog_name(role, topic, settings),
            partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            config={
                "cleanup.policy": "compact",
                DELETIONS_KEPT: str(DELETIONS_KEPT_MS),
                **_LARGE,
                **_retained(FOREVER_MS, settings),
            },
        )
        for topic in STATEFUL[role]
    )


def topics_of(role: Role, settings: Settings) -> tuple[WantedTopic, ...]:
    """What must be there before a worker of that role starts."""
    return (
        *(_wanted(topic, settings) for topic in _USED[role]),
        *wanted_changelogs(role, settings),
    )


def _wanted(topic: Topic, settings: Settings) -> WantedTopic:
    # A source is made like ours on a local stack and left alone everywhere else.
    retention_ms = FOREVER_MS if topic.retention_ms is None else topic.retention_ms
    is_source = topic.owner == "others"
    large = {} if is_source else _LARGE
    return WantedTopic(
        name=topic_name(topic, settings),
        partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        config={"cleanup.policy": "delete", **large, **_retained(retention_ms, settings)},
        is_source=is_source,
    )


def _retained(retention_ms: int, settings: Settings) -> dict[str, str]:
    config = {
        "retention.ms": str(retention_ms),
        "retention.bytes": "-1",
        "min.insync.replicas": str(settings.min_insync_replicas),
    }
    if retention_ms == FOREVER_MS:
        config["message.timestamp.type"] = "CreateTime"
        # A writer whose clock runs ahead would otherwise have its record refused, again after every
        # restart: an order that cannot be taken in is worse than a time that is wrong.
        config["message.timestamp.after.max.ms"] = str(_LONGEST_MS)
    else:
        # Age counts from arrival, by the broker's clock: no writer's clock, and no time that a
        # library hands on from a year ago, may delete a record before anybody has read it.
        config["message.timestamp.type"] = "LogAppendTime"
        # Kafka deletes whole segments only: a segment must not outlive the retention by much.
        config["segment.ms"] = str(retention_ms // 6)
    return config
