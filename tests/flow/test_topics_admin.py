"""Topics on a broker: made, compared, put right where that is safe, and refused where not."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, Consumer, Producer
from confluent_kafka import TopicPartition as Position
from quixstreams import Application
from quixstreams.models.topics.exceptions import TopicNotFoundError

from pipelines import cli
from pipelines.faults import BrokerRefused, TopicDiffers, TopicMissing
from pipelines.kafka_admin import KafkaAdmin
from pipelines.local.running_broker import Broker
from pipelines.settings import Settings, load_settings
from pipelines.topics import (
    COMMANDS,
    REPLIES,
    SOURCES,
    STATEFUL,
    STREAM,
    Role,
    Topic,
    changelog_name,
    topic_name,
    wanted_topics,
)
from pipelines.topics_admin import Action, apply, check, require_topics

YEAR_MS = 365 * 24 * 3_600_000
DEADLINE_S = 60.0


@pytest.fixture
def settings(broker: Broker, topic_prefix: str) -> Settings:
    """Settings for topics that no other test has."""
    return load_settings(
        {"bootstrap": broker.bootstrap, "topic_prefix": topic_prefix, "partitions": 2}
    )


def with_other(settings: Settings, **changes: object) -> Settings:
    given = settings.model_dump(
        include={"bootstrap", "topic_prefix", "partitions", "processor_group", "correlator_group"}
    )
    return load_settings({**given, **changes})


def alter(settings: Settings, name: str, config: Mapping[str, str]) -> None:
    KafkaAdmin(settings, timeout_s=DEADLINE_S).alter(name, config)


def on_broker(settings: Settings) -> set[str]:
    found = KafkaAdmin(settings, timeout_s=DEADLINE_S).topics()
    return {name for name in found if settings.topic_prefix in name}


def test_apply_on_an_empty_broker_makes_every_topic_as_wanted(settings: Settings) -> None:
    made = apply(settings, with_sources=True)
    assert {outcome.action for outcome in made} == {Action.CREATED}
    assert on_broker(settings) == {wanted.name for wanted in wanted_topics(settings)}
    assert check(settings) == []
    for role in Role:
        require_topics(settings, role)


def test_apply_again_changes_nothing(settings: Settings) -> None:
    apply(settings, with_sources=True)
    assert {outcome.action for outcome in apply(settings)} == {Action.EQUAL}


def test_apply_dry_says_what_it_would_do_and_does_nothing(settings: Settings) -> None:
    planned = apply(settings, dry_run=True, with_sources=True)
    assert {outcome.action for outcome in planned} == {Action.CREATED}
    assert on_broker(settings) == set()


def test_apply_without_sources_leaves_the_topics_of_others_to_them(settings: Settings) -> None:
    sources = [topic_name(topic, settings) for topic in SOURCES]
    outcomes = apply(settings)
    assert [done.topic for done in outcomes if done.action is Action.MISSING] == sources
    assert on_broker(settings).isdisjoint(sources)
    assert [str(difference) for difference in check(settings)] == [
        f"{source}: missing" for source in sources
    ]
    require_topics(settings, Role.PROCESSOR)
    with pytest.raises(TopicMissing, match="belong to others: ask their owner"):
        require_topics(settings, Role.CORRELATOR)


def test_apply_leaves_a_source_that_others_made_their_own_way(settings: Settings) -> None:
    apply(with_other(settings, partitions=5), with_sources=True)
    theirs = topic_name(SOURCES[0], settings)
    alter(settings, theirs, {"retention.ms": "1000"})
    assert not [found for found in check(settings) if found.topic == theirs]


def test_require_topics_on_an_empty_broker_names_the_command_that_makes_them(
    settings: Settings,
) -> None:
    with pytest.raises(TopicMissing) as caught:
        require_topics(settings, Role.PROCESSOR)
    assert str(caught.value) == (
        f"topics are missing: {settings.topic_prefix}GiftCertificates.Commands, "
        f"{settings.topic_prefix}GiftCertificates.Pool, "
        f"{settings.topic_prefix}GiftCertificates.Stream and 6 more; run `giftcert topics apply`"
    )


def test_require_topics_with_other_partitions_than_the_settings_refuses(
    settings: Settings,
) -> None:
    apply(settings)
    with pytest.raises(TopicDiffers, match="partitions differ from GIFTCERT_PARTITIONS=3"):
        require_topics(with_other(settings, partitions=3), Role.PROCESSOR)


def test_require_topics_where_a_changelog_forgets_deletions_sooner_than_stores_count_on_refuses(
    settings: Settings,
) -> None:
    """A store that was away for longer would keep what was deleted, and sell a number again."""
    apply(settings, with_sources=True)
    name = changelog_name(Role.PROCESSOR, COMMANDS, settings)
    alter(settings, name, {"delete.retention.ms": "86400000"})
    require_topics(settings, Role.CORRELATOR)
    with pytest.raises(TopicDiffers, match=r"delete\.retention\.ms is below .*topics apply"):
        require_topics(settings, Role.PROCESSOR)
    assert [str(found) for found in check(settings) if found.actual is not None] == [
        f"{name}: delete.retention.ms is 86400000, must be 604800000"
    ]
    apply(settings)
    require_topics(settings, Role.PROCESSOR)


SAFE = [
    (STREAM, {"retention.ms": "3600000"}),
    (STREAM, {"retention.bytes": "1000000"}),
    (STREAM, {"cleanup.policy": "compact"}),
    (STREAM, {"message.timestamp.type": "LogAppendTime"}),
    (REPLIES, {"retention.ms": "1800000", "segment.ms": "60000"}),
]


@pytest.mark.parametrize(("topic", "drift"), SAFE, ids=[str(row[1]) for row in SAFE])
def test_apply_to_a_topic_that_drifted_safely_puts_it_right(
    topic: Topic, drift: dict[str, str], settings: Settings
) -> None:
    apply(settings, with_sources=True)
    name = topic_name(topic, settings)
    alter(settings, name, drift)
    differing = {(found.topic, found.what, found.actual) for found in check(settings)}
    assert differing == {(name, what, value) for what, value in drift.items()}
    altered = [done for done in apply(settings) if done.action is not Action.EQUAL]
    assert [(done.topic, done.action) for done in altered] == [(name, Action.ALTERED)]
    assert check(settings) == []


def test_apply_to_a_changelog_that_is_not_compacted_compacts_it(settings: Settings) -> None:
    apply(settings, with_sources=True)
    name = changelog_name(Role.PROCESSOR, COMMANDS, settings)
    alter(settings, name, {"cleanup.policy": "delete"})
    assert [str(found) for found in check(settings)] == [
        f"{name}: cleanup.policy is delete, must be compact"
    ]
    apply(settings)
    assert check(settings) == []


UNSAFE = [
    (REPLIES, {"retention.ms": "-1"}, "retention.ms is -1, must be 3600000"),
    (REPLIES, {"retention.ms": "7200000"}, "retention.ms is 7200000, must be 3600000"),
    (REPLIES, {"cleanup.policy": "compact"}, "cleanup.policy is compact, must be delete"),
]


@pytest.mark.parametrize(("topic", "drift", "said"), UNSAFE, ids=[str(row[1]) for row in UNSAFE])
def test_apply_where_a_change_would_delete_records_refuses_and_changes_nothing(
    topic: Topic, drift: dict[str, str], said: str, settings: Settings
) -> None:
    apply(settings, with_sources=True)
    name = topic_name(topic, settings)
    alter(settings, name, drift)
    alter(settings, topic_name(STREAM, settings), {"cleanup.policy": "compact"})
    before = check(settings)
    with pytest.raises(TopicDiffers) as caught:
        apply(settings)
    assert f"nothing was changed: {name}: {said}; that deletes records" in str(caught.value)
    assert check(settings) == before
    assert len(before) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"partitions": 3}, "2 partitions there, GIFTCERT_PARTITIONS says 3"),
        ({"replication_factor": 3}, "1 copies there, GIFTCERT_REPLICATION_FACTOR says 3"),
    ],
)
def test_apply_with_another_shape_than_the_topics_have_refuses_in_one_line(
    change: dict[str, object], said: str, settings: Settings
) -> None:
    apply(settings, with_sources=True)
    other = with_other(settings, **change)
    with pytest.raises(TopicDiffers) as caught:
        apply(other)
    assert str(caught.value).count(said) == 1
    assert "and 8 more" in str(caught.value)
    refused = [done for done in apply(other, dry_run=True) if done.action is Action.REFUSED]
    assert len(refused) == 11
    assert check(settings) == []


def test_apply_with_more_copies_than_brokers_is_the_brokers_no(settings: Settings) -> None:
    with pytest.raises(BrokerRefused, match=r"refused to create .*GiftCertificates\.Facts"):
        apply(with_other(settings, replication_factor=9))


def test_check_with_credentials_the_broker_does_not_take_is_the_brokers_no(
    broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    if broker.kind == "embedded":
        pytest.skip("the embedded broker lets everybody in")
    password = tmp_path / "password"
    password.write_text("hush")
    with pytest.raises(BrokerRefused) as caught:
        check(
            with_other(
                settings,
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism="PLAIN",
                sasl_username="me",
                sasl_password_file=password,
            ),
            timeout_s=1.0,
        )
    assert "does not let us in" in str(caught.value)
    assert str(caught.value).endswith("; look at the security settings")
    assert "hush" not in str(caught.value)


def test_apply_from_two_places_at_once_makes_the_topics_once(settings: Settings) -> None:
    with ThreadPoolExecutor(2) as both:
        runs = [both.submit(apply, settings, with_sources=True) for _ in range(2)]
        for run in runs:
            assert {done.action for done in run.result()} <= {Action.CREATED, Action.EQUAL}
    assert check(settings) == []


def test_stream_application_that_may_not_create_topics_finds_the_changelogs_we_made(
    settings: Settings, tmp_path: Path
) -> None:
    apply(settings)
    for role in Role:
        app = library_application(settings, role, tmp_path)
        for topic in STATEFUL[role]:
            keep_state_over(app, topic_name(topic, settings))
        made = {topic.name for topic in app._topic_manager.changelog_topics_list}
        assert made == {changelog_name(role, topic, settings) for topic in STATEFUL[role]}


def test_stream_application_in_another_group_finds_no_changelog(
    settings: Settings, tmp_path: Path
) -> None:
    apply(settings)
    app = library_application(
        with_other(settings, processor_group="other"), Role.PROCESSOR, tmp_path
    )
    with pytest.raises(TopicNotFoundError, match="changelog__other--"):
        keep_state_over(app, topic_name(COMMANDS, settings))


def library_application(settings: Settings, role: Role, state_dir: Path) -> Application:
    group = settings.correlator_group if role is Role.CORRELATOR else settings.processor_group
    return Application(
        broker_address=settings.bootstrap,
        consumer_group=group,
        state_dir=state_dir / role,
        auto_create_topics=False,
        loglevel=None,
    )


def keep_state_over(app: Application, name: str) -> None:
    app.dataframe(app.topic(name, value_deserializer="bytes")).update(
        lambda _value, _state: None, stateful=True
    )


@pytest.mark.parametrize(
    ("topic", "sent_ms", "kind"),
    [
        # A source whose clock runs ahead must not stop us: its time is kept.
        (STREAM, int(time.time() * 1000) + YEAR_MS, TIMESTAMP_CREATE_TIME),
        # Replayed from last year: retention must count from now, or nobody could read it.
        (REPLIES, int(time.time() * 1000) - YEAR_MS, TIMESTAMP_LOG_APPEND_TIME),
    ],
    ids=["future time on the stream", "past time on replies"],
)
def test_record_with_a_distant_time_is_taken_and_dated_as_its_topic_says(
    topic: Topic, sent_ms: int, kind: int, settings: Settings
) -> None:
    apply(settings)
    name = topic_name(topic, settings)
    producer = Producer({"bootstrap.servers": settings.bootstrap})
    producer.produce(name, b"value", partition=0, timestamp=sent_ms)
    assert producer.flush(DEADLINE_S) == 0
    dated_kind, dated_ms = first_timestamp(settings, name)
    assert dated_kind == kind
    assert (dated_ms == sent_ms) is (kind == TIMESTAMP_CREATE_TIME)


def first_timestamp(settings: Settings, name: str) -> tuple[int, int]:
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "reader"})
    try:
        consumer.assign([Position(name, 0, 0)])
        record = consumer.poll(DEADLINE_S)
        assert record is not None
        assert record.error() is None
        kind, at_ms = record.timestamp()
        return int(kind), int(at_ms)
    finally:
        consumer.close()


def test_topics_commands_tell_by_line_json_and_exit_code(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIFTCERT_BOOTSTRAP", settings.bootstrap)
    monkeypatch.setenv("GIFTCERT_TOPIC_PREFIX", settings.topic_prefix)
    monkeypatch.setenv("GIFTCERT_PARTITIONS", "2")
    stream = topic_name(STREAM, settings)

    assert cli.run(["topics", "check"]) == 4
    told = capsys.readouterr()
    assert f"{stream}: missing\n" in told.out
    assert told.err.startswith("giftcert: topics differ in 14 places")

    assert cli.run(["topics", "apply", "--dry-run"]) == 0
    assert f"{stream}: would be created (2 partitions)\n" in capsys.readouterr().out

    assert cli.run(["topics", "apply", "--json"]) == 0
    outcomes = json.loads(capsys.readouterr().out)
    assert {"topic": stream, "action": "created", "detail": "2 partitions"} in outcomes

    assert cli.run(["topics", "apply", "--with-sources"]) == 0
    assert "11 of 14 topics were as they must be\n" in capsys.readouterr().out

    assert cli.run(["topics", "check"]) == 0
    assert capsys.readouterr().out == "every topic is as it must be\n"
    assert cli.run(["topics", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []

    monkeypatch.setenv("GIFTCERT_PARTITIONS", "3")
    assert cli.run(["topics", "apply", "--dry-run"]) == 4
    told = capsys.readouterr()
    assert f"{stream}: refused (2 partitions there" in told.out
    assert told.err.count("\n") == 1
