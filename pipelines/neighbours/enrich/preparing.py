"""What has to be so before a worker of the enrichment starts.

Owns making its own topics where they are missing, and the refusal to leave anything out. Touches no
topic that is there, and makes none of others.
"""

from typing import Final

import stamina
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipelines.faults import BrokerUnreachable, TopicDiffers, TopicMissing
from pipelines.kafka_admin import FoundTopic, KafkaAdmin
from pipelines.neighbours.enrich.settings import ENV_PREFIX
from pipelines.neighbours.enrich.topics import (
    LARGEST_BATCH,
    MAX_BYTES,
    EnrichTopics,
    wanted_topics,
)
from pipelines.settings import Settings

ANSWER_S: Final = 10.0
"""How long Kafka may take to say what there is."""

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_PASSING: Final = frozenset(
    {
        # The group is new to a broker that has just begun, or its place is moving.
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
    }
)


def _passes(error: Exception) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _PASSING


def prepare(settings: Settings, topics: EnrichTopics) -> list[str]:
    """Make what is missing of ours; the names of what was made.

    TopicMissing when a source is not there, TopicDiffers when ours do not fit together, when one is
    gone that the group has worked with, or when records were deleted that it has not read.
    """
    admin = KafkaAdmin(settings, timeout_s=ANSWER_S)
    found = admin.topics()
    require_sources(topics, found)
    missing = [topic for topic in wanted_topics(settings, topics) if topic.name not in found]
    _refuse_other_partitions(settings, topics, found)
    _refuse_small_records(admin, [name for name in topics.own if name in found])
    _refuse_lost_places(settings, topics, found)
    admin.create(missing)
    return [topic.name for topic in missing]


def require_sources(topics: EnrichTopics, found: dict[str, FoundTopic]) -> None:
    """TopicMissing when orders or payments are not there: they are others' to make."""
    missing = [name for name in topics.inputs if name not in found]
    if missing:
        raise TopicMissing(
            f"topics are missing: {', '.join(missing)}; they belong to others: ask their owner, or "
            f"set {ENV_PREFIX}ORDERS_TOPIC and {ENV_PREFIX}PAYMENTS_TOPIC to the right names"
        )


def _refuse_other_partitions(
    settings: Settings, topics: EnrichTopics, found: dict[str, FoundTopic]
) -> None:
    """The state of a partition of the join topic is in the same partition of the changelog."""
    for name in (topics.join, topics.changelog):
        if name in found and found[name].partitions != settings.partitions:
            raise TopicDiffers(
                f"{name} has {found[name].partitions} partitions, and GIFTCERT_PARTITIONS is "
                f"{settings.partitions}: set it to what the topic has"
            )


def _refuse_small_records(admin: KafkaAdmin, names: list[str]) -> None:
    """A broken record of any size has to fit, or it would stop the worker for ever."""
    configs = admin.configs(names)
    for name in names:
        # A broker that does not know the setting (an emulator) has no limit.
        limit = int(configs[name].get(MAX_BYTES, LARGEST_BATCH))
        if limit < LARGEST_BATCH:
            raise TopicDiffers(
                f"{name}: {MAX_BYTES} is {limit}, must be {LARGEST_BATCH}: set it with Kafka's "
                "kafka-configs"
            )


def _refuse_lost_places(
    settings: Settings, topics: EnrichTopics, found: dict[str, FoundTopic]
) -> None:
    """What the group has read must still be in its state, and what it has not read in its topics.

    Kafka would go on where the group was, without the orders it knew, or at the first record that
    is kept.
    """
    asked = [
        TopicPartition(name, partition)
        for name in (*topics.inputs, topics.join)
        if name in found
        for partition in range(found[name].partitions)
    ]
    consumer = Consumer(
        {
            **settings.kafka_config(),
            "group.id": topics.group,
            # Else Kafka says nothing while a transaction of a killed worker is open, which the
            # application ends only when it begins.
            "isolation.level": "read_uncommitted",
            "log_level": 0,
        }
    )
    try:
        places = _places(consumer, asked)
    except KafkaException as error:
        raise BrokerUnreachable(
            f"Kafka at {settings.bootstrap} does not say how far group {topics.group} is: "
            f"{error.args[0].str()}"
        ) from error
    finally:
        consumer.close()
    if places:
        _refuse_lost_state(topics, found)
    for place, first in places:
        _refuse_gap(place, first, topics.group)


@stamina.retry(
    on=_passes,
    attempts=None,
    timeout=ANSWER_S,
    wait_initial=_FIRST_PAUSE_S,
    wait_max=_LONGEST_PAUSE_S,
)
def _places(consumer: Consumer, asked: list[TopicPartition]) -> list[tuple[TopicPartition, int]]:
    """How far the group is wherever it has read, and the first record that is kept there."""
    places = []
    for place in consumer.committed(asked, ANSWER_S):
        if place.error is not None:
            raise KafkaException(place.error)
        if place.offset >= 0:
            kept = consumer.get_watermark_offsets(place, ANSWER_S)
            if kept is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            places.append((place, kept[0]))
    return places


def _refuse_lost_state(topics: EnrichTopics, found: dict[str, FoundTopic]) -> None:
    lost = [name for name in (topics.output, topics.join, topics.changelog) if name not in found]
    if lost:
        raise TopicDiffers(
            f"group {topics.group} has read orders and payments, and {', '.join(lost)}, where it "
            f"left what came of them, is not there: set {ENV_PREFIX}GROUP to a name that is new, "
            "and all is read again from the first record"
        )


def _refuse_gap(place: TopicPartition, first: int, group: str) -> None:
    if place.offset < first:
        raise TopicDiffers(
            f"{place.topic} partition {place.partition}: records {place.offset:,} to "
            f"{first - 1:,} were deleted before they were read; find out what they were, then set "
            f"the offset of group {group} to {first} with Kafka's kafka-consumer-groups"
        )
