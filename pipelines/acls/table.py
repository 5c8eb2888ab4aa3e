"""The one table of rights on Kafka: each principal, each resource, the least that is needed.

Owns the table. Who writes a topic of ours is taken from the registry of topics; the rest follows
from what each part does, and tests run every part with its own rights. Must not talk to a broker.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pipelines.acls.rights import CLUSTER_NAME, Kind, Operation, Principal, Resource, Right, least
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.neighbours.enrich.topics import EnrichTopics, topics_for
from pipelines.settings import Settings
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    DLQ,
    FACTS,
    INDEX,
    OURS,
    POOL,
    REPLIES,
    SOURCES,
    STATEFUL,
    STREAM,
    Role,
    Topic,
    changelog_name,
    group_name,
    topic_name,
    wanted_changelogs,
)

WRITERS: Final[Mapping[str, Principal]] = MappingProxyType(
    {
        "correlator": Principal.CORRELATOR,
        "correlator (ingest, timers)": Principal.CORRELATOR,
        "correlator (correlate)": Principal.CORRELATOR,
        "processor": Principal.PROCESSOR,
        "certificates": Principal.PROCESSOR,
        "pool": Principal.PROCESSOR,
        "edge": Principal.PROCESSOR,
        "timers": Principal.PROCESSOR,
        "loader": Principal.LOADER,
        "auditor": Principal.AUDITOR,
        "`giftcert dlq`": Principal.OPERATOR,
    }
)
"""Which principal each writer of the registry of topics is."""

_READERS: Final[Mapping[Principal, tuple[Topic, ...]]] = MappingProxyType(
    {
        Principal.CORRELATOR: (*SOURCES, FACTS),
        Principal.PROCESSOR: (COMMANDS, POOL, INDEX, REPLIES),
        Principal.AUDITOR: (STREAM,),
        Principal.CRM: (STREAM, ALL_SALES_ORDER),
        Principal.BI: (STREAM, *SOURCES, DLQ),
        Principal.LOADER: (REPLIES, STREAM),
        Principal.STORE: (STREAM, ALL_SALES_ORDER),
        Principal.OPERATOR: (*SOURCES, *OURS),
    }
)
_WRITTEN_OF_OTHERS: Final[Mapping[Principal, tuple[Topic, ...]]] = MappingProxyType(
    {
        Principal.CRM: (ALL_CLIENTS,),
        Principal.STORE: (ALL_SALES_ORDER, ALL_PAYMENTS),
        Principal.TILL: (ALL_SALES_ORDER, ALL_PAYMENTS),
    }
)
_BY_HAND: Final = (FACTS, COMMANDS, POOL, INDEX)
"""What `dlq retry` and `replay --apply` put into the flow again, beside the letters themselves."""

_BESIDE_GROUPS: Final = (
    Principal.AUDITOR,
    Principal.ENRICH,
    Principal.LOADER,
    Principal.STORE,
    Principal.OPERATOR,
)
"""Who reads whole topics without joining a group; the client wants a group's name all the same."""

_READ: Final = frozenset({Operation.READ})
_WRITE: Final = frozenset({Operation.WRITE})
_DESCRIBE: Final = frozenset({Operation.DESCRIBE})
_DESCRIBE_CONFIGS: Final = frozenset({Operation.DESCRIBE_CONFIGS})
_SHAPE: Final = frozenset({Operation.CREATE, Operation.ALTER_CONFIGS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names that follow from other settings than the service's own, where they are known."""

    crm_group: str | None = None
    enrich: EnrichTopics | None = None

    @classmethod
    def of(cls, settings: Settings, crm: CrmSettings, enrich: EnrichSettings) -> "Names":
        """As the CRM and the enrichment make them."""
        return cls(crm_group=crm.group_of(settings), enrich=topics_for(settings, enrich))


NO_NAMES: Final = Names()


def rights(settings: Settings, names: Names) -> tuple[Right, ...]:
    """The whole table, one row a principal and resource, in the order of both.

    What follows from a name that is not known is left out.
    """
    merged: dict[tuple[Principal, Resource], frozenset[Operation]] = {}
    for right in _rights(settings, names):
        place = (right.principal, right.resource)
        merged[place] = merged.get(place, frozenset()) | right.operations
    order = list(Principal)
    return tuple(
        _right(principal, resource, least(merged[principal, resource]))
        for principal, resource in sorted(merged, key=lambda each: (order.index(each[0]), each[1]))
    )


def protected(settings: Settings) -> tuple[Resource, ...]:
    """What nobody outside the table may change: our topics, groups and transactions."""
    groups = [group_name(role, settings) for role in Role]
    return (
        *(_topic(topic_name(topic, settings)) for topic in OURS),
        *(_topic(each.name) for role in Role for each in wanted_changelogs(role, settings)),
        *(_group(name) for name in groups),
        *(_transaction(f"{name}-", prefixed=True) for name in groups),
    )


def _rights(settings: Settings, names: Names) -> Iterator[Right]:
    yield from _registered(settings)
    for role, principal in (
        (Role.CORRELATOR, Principal.CORRELATOR),
        (Role.PROCESSOR, Principal.PROCESSOR),
    ):
        yield from _worker(role, principal, settings)
    yield from _neighbours(settings, names)
    if names.enrich is not None:
        yield from _enrichment(names.enrich)
    yield from _operator(settings)


def _registered(settings: Settings) -> Iterator[Right]:
    """Who reads and who writes a topic of the registry."""
    for topic in OURS:
        for writer in topic.writers:
            yield _right(WRITERS[writer], _topic(topic_name(topic, settings)), _WRITE)
    for operations, topics_of in ((_READ, _READERS), (_WRITE, _WRITTEN_OF_OTHERS)):
        for principal, topics in topics_of.items():
            for topic in topics:
                yield _right(principal, _topic(topic_name(topic, settings)), operations)
    for principal in _BESIDE_GROUPS:
        yield _right(principal, _group(f"{settings.processor_group}-reader"), _DESCRIBE)


def _worker(role: Role, principal: Principal, settings: Settings) -> Iterator[Right]:
    """What each worker of a role does with its group, transaction and changelogs."""
    group = group_name(role, settings)
    yield _right(principal, _group(group), _READ)
    yield _right(principal, _transaction(f"{group}-", prefixed=True), _WRITE)
    for topic in (*SOURCES, FACTS) if role is Role.CORRELATOR else STATEFUL[role]:
        # The stream library asks for the configuration of what it reads.
        yield _right(principal, _topic(topic_name(topic, settings)), _DESCRIBE_CONFIGS)
    for topic in STATEFUL[role]:
        changelog = _topic(changelog_name(role, topic, settings))
        yield _right(principal, changelog, _READ | _WRITE | _DESCRIBE_CONFIGS)
    if role is Role.PROCESSOR:
        # Its edge asks who owns a correlation, and reads replies under names of its own.
        yield _right(principal, _group(settings.correlator_group), _DESCRIBE)
        yield _right(principal, _group(f"{group}-", prefixed=True), _DESCRIBE)


def _neighbours(settings: Settings, names: Names) -> Iterator[Right]:
    prefix = settings.topic_prefix
    yield _right(Principal.AUDITOR, _group(settings.processor_group), _DESCRIBE)
    yield _right(Principal.CRM, _group(f"{prefix}giftcert-crm-orders"), _DESCRIBE)
    if names.crm_group is not None:
        yield _right(Principal.CRM, _group(names.crm_group), _READ)
        yield _right(Principal.CRM, _transaction(f"{names.crm_group}-", prefixed=True), _WRITE)
    yield _right(Principal.BI, _group(f"{prefix}giftcert-bi"), _DESCRIBE)
    loads = _group(f"{prefix}giftcert-loader-", prefixed=True)
    yield _right(Principal.LOADER, loads, _DESCRIBE)
    sales = _transaction(f"{prefix}giftcert-shop-", prefixed=True)
    yield _right(Principal.STORE, sales, _WRITE)


def _enrichment(topics: EnrichTopics) -> Iterator[Right]:
    """It makes its own topics, which nobody else has to know of."""
    who = Principal.ENRICH
    for name in (*topics.inputs, topics.join, topics.changelog):
        yield _right(who, _topic(name), _READ | _DESCRIBE_CONFIGS)
    for name in (topics.output, *topics.own):
        yield _right(who, _topic(name), _WRITE | {Operation.CREATE} | _DESCRIBE_CONFIGS)
    yield _right(who, _group(topics.group), _READ)
    yield _right(who, _transaction(topics.group), _WRITE)


def _operator(settings: Settings) -> Iterator[Right]:
    """The commands that a person runs: each may do much, and none runs all day."""
    who = Principal.OPERATOR
    for topic in OURS:
        yield _right(who, _topic(topic_name(topic, settings)), _SHAPE)
    for topic in _BY_HAND:
        yield _right(who, _topic(topic_name(topic, settings)), _WRITE)
    for role in Role:
        group = group_name(role, settings)
        yield _right(who, _group(group), _READ)
        for changelog in wanted_changelogs(role, settings):
            made = _SHAPE | _READ | _WRITE | {Operation.DELETE}
            yield _right(who, _topic(changelog.name), made)
    letters = f"{topic_name(DLQ, settings)}-resolutions"
    for name in (
        letters,
        f"{settings.correlator_group}-replay",
        f"{settings.processor_group}-rebuild",
    ):
        yield _right(who, _transaction(name), _WRITE)
    cluster = Resource(kind=Kind.CLUSTER, name=CLUSTER_NAME)
    yield _right(who, cluster, frozenset({Operation.ALTER, Operation.DESCRIBE}))


def _right(principal: Principal, resource: Resource, operations: frozenset[Operation]) -> Right:
    return Right(principal=principal, resource=resource, operations=operations)


def _topic(name: str) -> Resource:
    return Resource(kind=Kind.TOPIC, name=name)


def _group(name: str, *, prefixed: bool = False) -> Resource:
    return Resource(kind=Kind.GROUP, name=name, prefixed=prefixed)


def _transaction(name: str, *, prefixed: bool = False) -> Resource:
    return Resource(kind=Kind.TRANSACTION, name=name, prefixed=prefixed)
