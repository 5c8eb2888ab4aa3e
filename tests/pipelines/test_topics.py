"""The registry of topics: what the design fixes, and names the stream library agrees with."""

import pytest
from quixstreams.models.topics import TopicManager

from pipelines.settings import Settings, load_settings
from pipelines.topics import (
    COMMANDS,
    FACTS,
    LARGEST_RECORD_BYTES,
    OURS,
    SOURCES,
    STATEFUL,
    TOPICS,
    Role,
    changelog_name,
    topic_name,
    topics_of,
    wanted_topics,
)

HOUR_MS = 3_600_000

REGISTRY = [
    ("All_SalesOrder", "SalesOrder", "others", None),
    ("All_Payments", "Payment", "others", None),
    ("All_Clients", "Client", "others", None),
    ("GiftCertificates.Facts", "Fact", "ours", -1),
    ("GiftCertificates.Commands", "Command", "ours", -1),
    ("GiftCertificates.Pool", "PoolCommand", "ours", -1),
    ("GiftCertificates.Stream", "GiftCertificateEvent", "ours", -1),
    ("GiftCertificates.Index", "IndexEntry", "ours", -1),
    ("GiftCertificates.Replies", "Reply", "ours", HOUR_MS),
    ("GiftCertificates.DLQ", "the source bytes, untouched", "ours", 30 * 24 * HOUR_MS),
]

CHANGELOGS = {
    Role.CORRELATOR: ["changelog__giftcert-correlator--GiftCertificates.Facts--default"],
    Role.PROCESSOR: [
        "changelog__giftcert-processor--GiftCertificates.Commands--default",
        "changelog__giftcert-processor--GiftCertificates.Pool--default",
        "changelog__giftcert-processor--GiftCertificates.Index--default",
    ],
}


def test_registry_holds_every_topic_of_the_flow_with_its_value_owner_and_retention() -> None:
    assert [(t.name, t.value, t.owner, t.retention_ms) for t in TOPICS] == REGISTRY
    assert (*SOURCES, *OURS) == TOPICS


def test_wanted_topics_by_default_are_the_registry_and_the_changelogs() -> None:
    wanted = wanted_topics(load_settings())
    assert [topic.name for topic in wanted] == [
        *(row[0] for row in REGISTRY),
        *CHANGELOGS[Role.CORRELATOR],
        *CHANGELOGS[Role.PROCESSOR],
    ]
    assert {topic.partitions for topic in wanted} == {6}


def test_wanted_topics_follow_the_settings() -> None:
    wanted = wanted_topics(
        load_settings(
            {
                "topic_prefix": "qa.",
                "partitions": 3,
                "replication_factor": 3,
                "min_insync_replicas": 2,
            }
        )
    )
    assert {(topic.partitions, topic.replication_factor) for topic in wanted} == {(3, 3)}
    assert {topic.config["min.insync.replicas"] for topic in wanted} == {"2"}
    assert wanted[0].name == "qa.All_SalesOrder"
    assert wanted[-1].name == "changelog__qa.giftcert-processor--qa.GiftCertificates.Index--default"


LARGEST = {"max.message.bytes": str(8 * 1024 * 1024 + 64 * 1024)}

FOREVER = {
    **LARGEST,
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "min.insync.replicas": "1",
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": "9223372036854775807",
}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("GiftCertificates.Stream", {"cleanup.policy": "delete", **FOREVER}),
        (
            CHANGELOGS[Role.CORRELATOR][0],
            {"cleanup.policy": "compact", "delete.retention.ms": "604800000", **FOREVER},
        ),
        (
            "GiftCertificates.Replies",
            {
                "cleanup.policy": "delete",
                **LARGEST,
                "retention.ms": "3600000",
                "retention.bytes": "-1",
                "min.insync.replicas": "1",
                "message.timestamp.type": "LogAppendTime",
                "segment.ms": "600000",
            },
        ),
    ],
)
def test_wanted_config_of_a_topic_says_all_that_matters(name: str, config: dict[str, str]) -> None:
    (wanted,) = (topic for topic in wanted_topics(load_settings()) if topic.name == name)
    assert dict(wanted.config) == config


def test_sources_are_as_large_as_their_owner_says() -> None:
    """What a source lets in is its owner's; what we write must fit into every topic of ours."""
    by_name = {topic.name: topic for topic in wanted_topics(load_settings())}
    assert {name for name, topic in by_name.items() if "max.message.bytes" not in topic.config} == {
        topic.name for topic in SOURCES
    }
    (limit,) = {
        int(topic.config["max.message.bytes"]) for topic in by_name.values() if not topic.is_source
    }
    assert limit > LARGEST_RECORD_BYTES


@pytest.mark.parametrize(
    "settings",
    [
        load_settings(),
        load_settings({"topic_prefix": "qa."}),
        load_settings({"topic_prefix": "a--b__", "correlator_group": "c", "processor_group": "p"}),
    ],
    ids=["default", "prefix", "odd names"],
)
@pytest.mark.parametrize("role", list(Role))
def test_changelog_name_is_the_one_the_stream_library_makes(role: Role, settings: Settings) -> None:
    group = settings.correlator_group if role is Role.CORRELATOR else settings.processor_group
    library = TopicManager(topic_admin=None, consumer_group=group)  # type: ignore[arg-type] # asks nobody
    for topic in STATEFUL[role]:
        name = topic_name(topic, settings)
        assert changelog_name(role, topic, settings) == library._internal_name(
            "changelog", name, "default"
        )


def test_topics_of_a_role_are_what_it_reads_writes_and_keeps_state_in() -> None:
    """And no others: on a secured Kafka a worker may not even know that they are there."""
    settings = load_settings()
    ours = {row[0] for row in REGISTRY if row[2] == "ours"}
    sources = {row[0] for row in REGISTRY if row[2] == "others"}
    letters = "GiftCertificates.DLQ"
    between = {"GiftCertificates.Facts", "GiftCertificates.Commands", letters}
    correlator = {topic.name for topic in topics_of(Role.CORRELATOR, settings)}
    processor = {topic.name for topic in topics_of(Role.PROCESSOR, settings)}
    assert correlator == between | sources | set(CHANGELOGS[Role.CORRELATOR])
    facts = {"GiftCertificates.Facts"}
    assert processor == (ours - facts) | set(CHANGELOGS[Role.PROCESSOR])


def test_longest_prefix_and_group_still_make_a_name_kafka_takes() -> None:
    settings = load_settings({"topic_prefix": "p" * 60, "processor_group": "g" * 100})
    names = [topic.name for topic in wanted_topics(settings)]
    assert max(map(len, names)) <= 249
    assert changelog_name(Role.CORRELATOR, FACTS, settings) in names
    assert changelog_name(Role.PROCESSOR, COMMANDS, settings) in names
