"""Kafka's own authorizer lets each principal do what the table of rights says, and no more.

Every topic, group and transactional id of an installation, and some of nobody's, is tried with each
principal's own login. What is expected is taken from the table; the broker answers.
"""

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
from tests.flow.rights_under_test import Allowed, Asking
from tests.flow.secured_kafka import STRANGER, SecuredKafka, Way

PREFIX: Final = "rights-"
ELSEWHERE: Final = "elsewhere"
"""A topic, group and transaction of others on the same Kafka."""

WAYS: Final = (Way.SCRAM, Way.MTLS, Way.OAUTH)
TOLD: Final = {
    Kind.TOPIC: (
        Operation.READ,
        Operation.WRITE,
        Operation.CREATE,
        Operation.DESCRIBE_CONFIGS,
        Operation.ALTER_CONFIGS,
    ),
    Kind.GROUP: (Operation.DESCRIBE, Operation.READ),
    Kind.TRANSACTION: (Operation.WRITE,),
}


def table(settings: Settings) -> tuple[Right, ...]:
    return rights(settings, names_of(settings))


def names_of(settings: Settings) -> Names:
    return Names.of(settings, CrmSettings(), EnrichSettings())


@pytest.fixture(scope="module")
def settings(secured: SecuredKafka) -> Settings:
    """An installation of its own: its topics, and the rights of everybody."""
    settings = load_settings(
        {"bootstrap": secured.bootstrap, "topic_prefix": PREFIX, "partitions": 1}
    )
    enrich = names_of(settings).enrich
    assert enrich is not None
    admin = KafkaAdmin(settings, timeout_s=30)
    admin.create(
        [
            *wanted_topics(settings),
            *enrich_topics(settings, enrich),
            WantedTopic(name=ELSEWHERE, partitions=1, replication_factor=1, config={}),
        ]
    )
    apply(KafkaAcls(settings, timeout_s=30), wanted(settings, secured))
    anybody = Asking(settings.kafka_config(), group=ELSEWHERE)
    anybody.await_coordinators(names(table(settings), Kind.GROUP))
    return settings


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


def expected(rows: tuple[Right, ...], principal: str, kind: Kind) -> Allowed:
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
        for operation in TOLD[kind]
    }


@pytest.mark.parametrize("who", [*Principal, STRANGER])
def test_principal_may_do_what_the_table_says_and_nothing_else(
    who: str, secured: SecuredKafka, settings: Settings
) -> None:
    rows = table(settings)
    way = WAYS[[*Principal, STRANGER].index(who) % len(WAYS)]
    config = secured.settings(who, way).kafka_config()
    asking = Asking(config, group=f"{PREFIX}giftcert-processor-reader")
    assert asking.topics(names(rows, Kind.TOPIC)) == expected(rows, who, Kind.TOPIC)
    there = f"{PREFIX}GiftCertificates.Stream"
    assert asking.groups(names(rows, Kind.GROUP), there) == expected(rows, who, Kind.GROUP)
    allowed = asking.transactions(names(rows, Kind.TRANSACTION))
    assert allowed == expected(rows, who, Kind.TRANSACTION)
    assert asking.gives_rights() == (who == Principal.OPERATOR)


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
