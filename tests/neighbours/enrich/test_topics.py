"""The names on Kafka, the settings they follow from, and the round trip that is refused."""

import pytest

from pipelines.faults import SettingsError
from pipelines.neighbours.enrich.join import Waits
from pipelines.neighbours.enrich.settings import EnrichSettings, load_enrich_settings
from pipelines.neighbours.enrich.topics import EnrichTopics, topics_for, wanted_topics
from pipelines.settings import Settings

SETTINGS = Settings(partitions=3, replication_factor=2, min_insync_replicas=2)


def test_names_follow_from_the_prefix() -> None:
    settings = SETTINGS.model_copy(update={"topic_prefix": "here-"})
    assert topics_for(settings, EnrichSettings()) == EnrichTopics(
        orders="here-All_SalesOrder",
        payments="here-All_Payments",
        output="here-All_Payments.Enriched",
        join="here-All_Payments.Enriched.ByOrder",
        dead_letters="here-All_Payments.Enriched.DLQ",
        changelog="changelog__here-All_Payments.Enriched.giftcert-enrich"
        "--here-All_Payments.Enriched.ByOrder--default",
        group="here-All_Payments.Enriched.giftcert-enrich",
    )


def test_names_that_are_given_stand_as_they_are() -> None:
    """The team that writes version 1 moves aside, and the service reads the output."""
    settings = SETTINGS.model_copy(update={"topic_prefix": "here-"})
    own = EnrichSettings(
        orders_topic="Orders", payments_topic="Payments.V1", output_topic="All_Payments", group="g"
    )
    topics = topics_for(settings, own)
    assert (topics.orders, topics.payments, topics.output) == (
        "Orders",
        "Payments.V1",
        "All_Payments",
    )
    assert (topics.join, topics.dead_letters) == ("All_Payments.ByOrder", "All_Payments.DLQ")
    assert topics.group == "g"


def test_another_output_begins_from_the_first_record() -> None:
    """Whoever tries it beside the service first, and then lets it write for it, has two groups."""
    beside = topics_for(SETTINGS, EnrichSettings())
    instead = topics_for(
        SETTINGS, EnrichSettings(payments_topic="Payments.V1", output_topic="All_Payments")
    )
    assert beside.group != instead.group


@pytest.mark.parametrize("output", ["All_Payments", "All_SalesOrder"])
def test_output_that_is_also_read_is_refused(output: str) -> None:
    with pytest.raises(SettingsError, match=f"OUTPUT_TOPIC={output} is also read"):
        topics_for(SETTINGS, EnrichSettings(output_topic=output))


def test_orders_and_payments_of_one_topic_are_refused() -> None:
    with pytest.raises(SettingsError, match="ORDERS_TOPIC and PAYMENTS_TOPIC are both"):
        topics_for(SETTINGS, EnrichSettings(orders_topic="All_Payments"))


def test_topics_of_ours_are_made_like_the_service_s() -> None:
    wanted = wanted_topics(SETTINGS, topics_for(SETTINGS, EnrichSettings()))
    assert {topic.partitions for topic in wanted} == {3}
    assert {topic.replication_factor for topic in wanted} == {2}
    assert {topic.config["min.insync.replicas"] for topic in wanted} == {"2"}
    assert [topic.config["cleanup.policy"] for topic in wanted] == [
        "delete",
        "delete",
        "delete",
        "compact",
    ]
    output, join, dead_letters, changelog = wanted
    assert (output.config["retention.ms"], changelog.config["retention.ms"]) == ("-1", "-1")
    for topic in (join, dead_letters):
        assert topic.config["message.timestamp.type"] == "LogAppendTime", "age counts from arrival"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIFTCERT_ENRICH_WAIT_MINUTES", "5")
    monkeypatch.setenv("GIFTCERT_ENRICH_FORGET_DAYS", "2")
    assert load_enrich_settings().waits() == Waits(
        wait_ms=300_000, forget_ms=2 * 86_400_000, keep_ms=1_100 * 86_400_000
    )


WRONG = [
    ("GIFTCERT_ENRICH_WAIT", "5", "unknown setting GIFTCERT_ENRICH_WAIT: did you mean"),
    ("GIFTCERT_ENRICH_TICK_S", "0", "GIFTCERT_ENRICH_TICK_S='0' is wrong: it must be"),
    ("GIFTCERT_ENRICH_OUTPUT_TOPIC", "a b", "GIFTCERT_ENRICH_OUTPUT_TOPIC='a b' is wrong"),
]


@pytest.mark.parametrize(("variable", "value", "told"), WRONG)
def test_wrong_setting_is_refused_in_a_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        load_enrich_settings()
    assert told in str(refused.value)
