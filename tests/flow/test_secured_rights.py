"""Kafka's own authorizer lets each principal do what the table of rights says, and no more.

Every topic, group and transactional id of an installation, and some of nobody's, is tried with each
principal's own login. What is expected is taken from the table; the broker answers.
"""

from collections.abc import Mapping
from typing import Final

import pytest

from pipelines.acls.kafka_acls import KafkaAcls
from pipelines.acls.matching import State, Wanted, apply, compare
from pipelines.acls.rights import Kind, Operation, Principal, Resource, Right
from pipelines.acls.table import Names, protected, rights
from pipelines.acls.users import users_of
from pipelines.kafka_admin import KafkaAdmin
from pipelines.neighbours.crm.settings import CrmSettings
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.neighbours.enrich.topics import wanted_topics as enrich_topics
from pipelines.settings import Settings, load_settings
from pipelines.topics import WantedTopic, wanted_topics
from tests.flow.rights_under_test import Allowed, Asking, make_groups
from tests.flow.secured_kafka import STRANGER, SecuredKafka, Way

PREFIX: Final = "rights-"
DOOMED: Final = "doomed-"
"""Of this installation everything is thrown away that somebody may throw away."""

ELSEWHERE: Final = "elsewhere"
"""A topic, group and transaction of others on the same Kafka."""

WAYS: Final = (Way.SCRAM, Way.MTLS, Way.OAUTH)
TOLD: Final = {
    Kind.TOPIC: (
        Operation.READ,
        Operation.WRITE,
        Operation.CREATE,
        Operation.ALTER,
        Operation.DESCRIBE_CONFIGS,
        Operation.ALTER_CONFIGS,
    ),
    Kind.GROUP: (Operation.DESCRIBE, Operation.READ),
    Kind.TRANSACTION: (Operation.WRITE,),
}
DESTROYED: Final = {Kind.TOPIC: (Operation.DELETE,), Kind.GROUP: (Operation.DELETE,)}


def table(settings: Settings) -> tuple[Right, ...]:
    return rights(settings, names_of(settings))


def names_of(settings: Settings) -> Names:
    return Names.of(settings, CrmSettings(), EnrichSettings())


@pytest.fixture(scope="module")
def settings(secured: SecuredKafka) -> Settings:
    return installation(secured, PREFIX)


@pytest.fixture(scope="module")
def doomed(secured: SecuredKafka) -> Settings:
    return installation(secured, DOOMED)


def installation(secured: SecuredKafka, prefix: str) -> Settings:
    """One of its own: its topics and groups, and the rights of everybody."""
    settings = load_settings(
        {"bootstrap": secured.bootstrap, "topic_prefix": prefix, "partitions": 1}
    )
    make_everything(settings)
    apply(KafkaAcls(settings, timeout_s=30), wanted(settings, secured))
    return settings


def make_everything(settings: Settings) -> None:
    """Topics and groups, where they are missing."""
    enrich = names_of(settings).enrich
    assert enrich is not None
    KafkaAdmin(settings, timeout_s=30).create(
        [
            *wanted_topics(settings),
            *enrich_topics(settings, enrich),
            WantedTopic(name=ELSEWHERE, partitions=1, replication_factor=1, config={}),
        ]
    )
    make_groups(settings.kafka_config(), names(table(settings), Kind.GROUP), ELSEWHERE)


def wanted(settings: Settings, secured: SecuredKafka) -> Wanted:
    return Wanted(
        rights=table(settings),
        users=users_of(secured.users_file()),
        ours=protected(settings),
    )


def names(rows: tuple[Right, ...], kind: Kind) -> list[str]:
    """Every name that the table has, an example for each beginning of names, and a stranger's."""
    of_kind = {each.resource for each in rows if each.resource.kind is kind}
    examples = {f"{each.name}example" if each.prefixed else each.name for each in of_kind}
    return sorted({*examples, ELSEWHERE})


def expected(
    rows: tuple[Right, ...],
    principal: str,
    kind: Kind,
    told: Mapping[Kind, tuple[Operation, ...]] = TOLD,
) -> Allowed:
    """What the table says of one principal."""
    return {
        operation: {
            name
            for name in names(rows, kind)
            if any(
                row.principal == principal and row.allows(operation, Resource(kind=kind, name=name))
                for row in rows
            )
        }
        for operation in told[kind]
    }


def asking_as(who: str, secured: SecuredKafka, prefix: str) -> Asking:
    way = WAYS[[*Principal, STRANGER].index(who) % len(WAYS)]
    config = secured.settings(who, way).kafka_config()
    return Asking(config, group=f"{prefix}giftcert-processor-reader")


@pytest.mark.parametrize("who", [*Principal, STRANGER])
def test_principal_may_do_what_the_table_says_and_nothing_else(
    who: str, secured: SecuredKafka, settings: Settings
) -> None:
    rows = table(settings)
    asking = asking_as(who, secured, PREFIX)
    assert asking.topics(names(rows, Kind.TOPIC)) == expected(rows, who, Kind.TOPIC)
    there = f"{PREFIX}GiftCertificates.Stream"
    assert asking.groups(names(rows, Kind.GROUP), there) == expected(rows, who, Kind.GROUP)
    allowed = asking.transactions(names(rows, Kind.TRANSACTION))
    assert allowed == expected(rows, who, Kind.TRANSACTION)
    assert asking.gives_rights() == (who == Principal.OPERATOR)


@pytest.mark.parametrize("who", [*Principal, STRANGER])
def test_principal_deletes_what_the_table_lets_it_delete_and_nothing_else(
    who: str, secured: SecuredKafka, doomed: Settings
) -> None:
    rows = table(doomed)
    asking = asking_as(who, secured, DOOMED)
    deleted = asking.deleted_topics(names(rows, Kind.TOPIC))
    assert deleted == expected(rows, who, Kind.TOPIC, DESTROYED)
    gone = asking.deleted_groups(names(rows, Kind.GROUP))
    assert gone == expected(rows, who, Kind.GROUP, DESTROYED)
    if deleted[Operation.DELETE] or gone[Operation.DELETE]:
        make_everything(doomed)


def test_super_user_deletes_all_that_the_others_were_refused(
    secured: SecuredKafka, doomed: Settings
) -> None:
    """So a refusal of the others was about their rights, and not about what there was."""
    rows = table(doomed)
    anybody = Asking(doomed.kafka_config(), group=ELSEWHERE)
    topics = set(names(rows, Kind.TOPIC)) - {ELSEWHERE}
    groups = set(names(rows, Kind.GROUP)) - {ELSEWHERE}
    assert anybody.deleted_topics(topics) == {Operation.DELETE: topics}
    assert anybody.deleted_groups(groups) == {Operation.DELETE: groups}
    make_everything(doomed)


def test_operator_who_checks_finds_the_rights_that_were_given(
    secured: SecuredKafka, settings: Settings
) -> None:
    """The operator itself may list ACLs and give them; nobody else had to do it but once."""
    login = secured.settings(Principal.OPERATOR, Way.SCRAM, topic_prefix=PREFIX, partitions=1)
    found = KafkaAcls(login, timeout_s=30).found()
    missing = [
        each for each in compare(found, wanted(settings, secured)) if each.state is State.MISSING
    ]
    assert missing == []
