"""Nothing is written for topics that the settings do not fit."""

import pytest

from pipelines.dlq.desk import require_topics
from pipelines.faults import TopicDiffers, TopicMissing
from pipelines.kafka_admin import FoundTopic
from pipelines.topics import COMMANDS, DLQ, FACTS, INDEX, POOL, TOPICS, Topic, topic_name
from tests.pipelines.dlq.letters_in_memory import SETTINGS

WRITTEN = [FACTS, COMMANDS, POOL, INDEX, DLQ]


def found(changed: Topic | None = None, partitions: int = 12) -> dict[str, FoundTopic]:
    """All topics as they are to be; the changed one with another number of partitions."""
    return {
        topic_name(topic, SETTINGS): FoundTopic(
            partitions=partitions if topic == changed else SETTINGS.partitions,
            replication_factor=1,
            ready=True,
        )
        for topic in TOPICS
    }


def test_topics_as_the_settings_say_are_written_to() -> None:
    require_topics(found(), SETTINGS)


@pytest.mark.parametrize("topic", WRITTEN, ids=lambda topic: topic.name)
@pytest.mark.parametrize("partitions", [3, 12])
def test_topic_with_another_number_of_partitions_is_refused(topic: Topic, partitions: int) -> None:
    """A key would lead to a partition that is not its own, or to none."""
    with pytest.raises(TopicDiffers) as caught:
        require_topics(found(topic, partitions), SETTINGS)
    assert str(caught.value) == (
        f"{topic_name(topic, SETTINGS)} has {partitions} partitions and GIFTCERT_PARTITIONS says "
        "6: run this with the settings of the workers"
    )


@pytest.mark.parametrize("topic", WRITTEN, ids=lambda topic: topic.name)
def test_topic_that_is_missing_is_refused(topic: Topic) -> None:
    there = found()
    name = topic_name(topic, SETTINGS)
    del there[name]
    with pytest.raises(TopicMissing, match=f"topics are missing: {name}; run"):
        require_topics(there, SETTINGS)


@pytest.mark.parametrize("topic", [each for each in TOPICS if each.owner == "others"])
def test_topic_of_the_others_has_as_many_partitions_as_they_like(topic: Topic) -> None:
    require_topics(found(topic), SETTINGS)
