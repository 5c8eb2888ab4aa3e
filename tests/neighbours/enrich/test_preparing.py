"""What is made before a worker starts, and what keeps it from starting, told in a line."""

from collections.abc import Iterable
from typing import Any, ClassVar

import pytest
import stamina
from confluent_kafka import KafkaError, KafkaException

from pipelines.faults import BrokerUnreachable, TopicDiffers, TopicMissing
from pipelines.kafka_admin import FoundTopic
from pipelines.neighbours.enrich import preparing
from pipelines.neighbours.enrich.preparing import prepare
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.neighbours.enrich.topics import LARGEST_BATCH, topics_for
from pipelines.settings import Settings
from pipelines.topics import WantedTopic

SETTINGS = Settings(partitions=3)
TOPICS = topics_for(SETTINGS, EnrichSettings())
SOURCES = (TOPICS.orders, TOPICS.payments)
OURS = (TOPICS.output, TOPICS.join, TOPICS.dead_letters, TOPICS.changelog)


class FakeAdmin:
    """A broker's topics: name to number of partitions, and the largest batch of each."""

    partitions: ClassVar[dict[str, int]]
    largest: ClassVar[dict[str, int]]

    def __init__(self, _settings: Settings, **_options: Any) -> None:
        pass

    def topics(self) -> dict[str, FoundTopic]:
        return {
            name: FoundTopic(partitions=count, replication_factor=1, ready=True)
            for name, count in self.partitions.items()
        }

    def configs(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        return {
            name: {"max.message.bytes": str(self.largest[name])} if name in self.largest else {}
            for name in names
        }

    def create(self, topics: Iterable[WantedTopic]) -> None:
        self.partitions.update({topic.name: topic.partitions for topic in topics})


class FakeConsumer:
    """Where the group is, and where each partition begins."""

    refusals: ClassVar[list[KafkaError]] = []
    committed_at: ClassVar[int] = -1001
    begins_at: ClassVar[int] = 0

    def __init__(self, config: dict[str, Any]) -> None:
        assert config["group.id"] == TOPICS.group

    def committed(self, places: list[Any], _timeout_s: float) -> list[Any]:
        if self.refusals:
            raise KafkaException(self.refusals.pop())
        for place in places:
            place.offset = self.committed_at
        return places

    def get_watermark_offsets(self, _place: object, _timeout_s: float) -> tuple[int, int]:
        return self.begins_at, 1_000

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> type[FakeAdmin]:
    monkeypatch.setattr(FakeAdmin, "partitions", dict.fromkeys(SOURCES, 5), raising=False)
    monkeypatch.setattr(FakeAdmin, "largest", {}, raising=False)
    monkeypatch.setattr(preparing, "KafkaAdmin", FakeAdmin)
    monkeypatch.setattr(preparing, "Consumer", FakeConsumer)
    return FakeAdmin


def test_topics_of_ours_are_made_where_they_are_missing(kafka: type[FakeAdmin]) -> None:
    assert prepare(SETTINGS, TOPICS) == list(OURS)
    assert {kafka.partitions[name] for name in OURS} == {3}
    assert prepare(SETTINGS, TOPICS) == [], "what is there is left as it is"


@pytest.mark.parametrize("missing", SOURCES)
def test_topic_of_others_is_not_made(kafka: type[FakeAdmin], missing: str) -> None:
    del kafka.partitions[missing]
    with pytest.raises(TopicMissing, match=f"topics are missing: {missing}; they belong to others"):
        prepare(SETTINGS, TOPICS)
    assert not kafka.partitions.keys() & set(OURS)


@pytest.mark.parametrize("name", [TOPICS.join, TOPICS.changelog])
def test_other_number_of_partitions_would_part_keys_from_their_state(
    kafka: type[FakeAdmin], name: str
) -> None:
    kafka.partitions[name] = 6
    with pytest.raises(TopicDiffers, match="has 6 partitions, and GIFTCERT_PARTITIONS is 3"):
        prepare(SETTINGS, TOPICS)


def test_output_of_others_may_have_any_number_of_partitions(kafka: type[FakeAdmin]) -> None:
    kafka.partitions[TOPICS.output] = 12
    assert TOPICS.output not in prepare(SETTINGS, TOPICS)


def test_topic_that_takes_no_large_dead_letter_is_refused(kafka: type[FakeAdmin]) -> None:
    kafka.partitions[TOPICS.dead_letters] = 3
    kafka.largest[TOPICS.dead_letters] = LARGEST_BATCH
    prepare(SETTINGS, TOPICS)
    kafka.largest[TOPICS.dead_letters] = 1_048_588
    with pytest.raises(TopicDiffers, match="is 1048588, must be"):
        prepare(SETTINGS, TOPICS)


def test_records_that_were_deleted_before_they_were_read_are_told_of(
    kafka: type[FakeAdmin], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prepare(SETTINGS, TOPICS), "a group that has read nothing begins with what there is"
    monkeypatch.setattr(FakeConsumer, "committed_at", 7)
    monkeypatch.setattr(FakeConsumer, "begins_at", 7)
    prepare(SETTINGS, TOPICS)
    monkeypatch.setattr(FakeConsumer, "begins_at", 9)
    with pytest.raises(TopicDiffers) as refused:
        prepare(SETTINGS, TOPICS)
    assert "records 7 to 8 were deleted before they were read" in str(refused.value)
    assert f"set the offset of group {TOPICS.group} to 9" in str(refused.value)


@pytest.mark.parametrize("lost", [TOPICS.output, TOPICS.join, TOPICS.changelog])
def test_topic_that_is_gone_is_not_made_anew_under_a_group_that_has_read(
    kafka: type[FakeAdmin], monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """It would go on in the middle, and know none of the orders it has read."""
    prepare(SETTINGS, TOPICS)
    del kafka.partitions[lost]
    monkeypatch.setattr(FakeConsumer, "committed_at", 7)
    with pytest.raises(TopicDiffers, match=f"{lost}, where it left what came of them, is not"):
        prepare(SETTINGS, TOPICS)
    assert lost not in kafka.partitions
    monkeypatch.setattr(FakeConsumer, "committed_at", -1001)
    assert prepare(SETTINGS, TOPICS) == [lost], "a new group makes what it needs"


def test_dead_letters_that_somebody_deleted_are_no_reason_to_stop(
    kafka: type[FakeAdmin], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(SETTINGS, TOPICS)
    del kafka.partitions[TOPICS.dead_letters]
    monkeypatch.setattr(FakeConsumer, "committed_at", 7)
    assert prepare(SETTINGS, TOPICS) == [TOPICS.dead_letters]


def test_group_that_has_no_place_yet_is_asked_again(
    kafka: type[FakeAdmin], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a broker that has just begun, the first group of all has no coordinator for a moment."""
    passing = [KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR]
    monkeypatch.setattr(FakeConsumer, "refusals", [KafkaError(code) for code in passing])
    with stamina.set_testing(True, attempts=3):
        assert prepare(SETTINGS, TOPICS) == list(OURS)
    assert set(OURS) <= kafka.partitions.keys()


@pytest.mark.usefixtures("kafka")
def test_group_that_may_not_be_asked_about_is_told_of_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusals = [KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)]
    monkeypatch.setattr(FakeConsumer, "refusals", refusals)
    with pytest.raises(BrokerUnreachable, match="does not say how far group"):
        prepare(SETTINGS, TOPICS)
