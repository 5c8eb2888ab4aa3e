"""Where things stand in Kafka: what the groups committed, where the topics begin and end.

Owns those questions and their failures in an operator's words. Changes nothing.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipelines.faults import (
    BrokerFault,
    BrokerRefused,
    BrokerUnreachable,
    TopicDiffers,
    TopicMissing,
)
from pipelines.group_offsets import committed_offsets
from pipelines.settings import Settings
from pipelines.topic_end import end_of
from pipelines.topics import SOURCES, STATEFUL, Role, Topic, group_name, topic_name

ANSWER_S: Final = 10.0
_POLL_S: Final = 0.1
_UNHEARD: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._WAIT_COORD,
    }
)

Committed = Mapping[tuple[str, int], int]
"""The offset a group goes on at, by full topic name and partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A partition's first retained offset, and the one after its last committed record."""

    start: int
    end: int


class GroupPlaces:
    """One connection for questions about the workers' groups. BrokerFault when Kafka fails."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AdminClient({**settings.kafka_config(), "log_level": 0})

    def members(self, role: Role) -> list[str]:
        """The client ids of the workers in the role's group, those of late ones too."""
        group = group_name(role, self._settings)
        try:
            described = self._admin.describe_consumer_groups([group], request_timeout=ANSWER_S)
            return sorted(member.client_id for member in described[group].result().members)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return []
            raise fault_of(error, self._settings, f"describe the group {group}") from error

    def committed(self, role: Role) -> Committed:
        """What the role's group has committed; nothing at all where Kafka does not know it."""
        group = group_name(role, self._settings)
        inputs = STATEFUL[role] if role is Role.PROCESSOR else (*SOURCES, *STATEFUL[role])
        names = {topic_name(topic, self._settings) for topic in inputs}
        try:
            listed = self._admin.list_topics(timeout=ANSWER_S).topics
            places = [
                (name, partition)
                for name in sorted(names & listed.keys())
                for partition in listed[name].partitions
            ]
            answered = committed_offsets(self._settings.kafka_config(), group, places, ANSWER_S)
            for place in answered:
                if place.error is not None:
                    raise KafkaException(place.error)
        except KafkaException as error:
            raise fault_of(error, self._settings, f"say what {group} committed") from error
        return {
            (place.topic, place.partition): place.offset for place in answered if place.offset >= 0
        }

    def transactions_open(self, topics: Collection[Topic]) -> list[str]:
        """The topics in which a transaction is open, so that their end is not known yet."""
        places = [
            TopicPartition(topic_name(topic, self._settings), partition)
            for topic in topics
            for partition in range(self._settings.partitions)
        ]
        stable = self._latest(places, IsolationLevel.READ_COMMITTED)
        written = self._latest(places, IsolationLevel.READ_UNCOMMITTED)
        return sorted({place[0] for place in written if stable[place] < written[place]})

    def written(self, topic: Topic) -> dict[int, int]:
        """Where each partition of a topic of ours ends, open transactions included."""
        name = topic_name(topic, self._settings)
        places = [TopicPartition(name, each) for each in range(self._settings.partitions)]
        latest = self._latest(places, IsolationLevel.READ_UNCOMMITTED)
        return {partition: offset for (_, partition), offset in latest.items()}

    def _latest(
        self, places: Collection[TopicPartition], level: IsolationLevel
    ) -> dict[tuple[str, int], int]:
        asked = dict.fromkeys(places, OffsetSpec.latest())
        answers = self._admin.list_offsets(asked, isolation_level=level, request_timeout=ANSWER_S)
        try:
            return {
                (place.topic, place.partition): answer.result().offset
                for place, answer in answers.items()
            }
        except KafkaException as error:
            raise fault_of(error, self._settings, "say where its topics end") from error


class TopicPlaces:
    """Where partitions begin and end for a reader of committed records."""

    def __init__(self, settings: Settings, consumer: Consumer) -> None:
        self._settings = settings
        self._consumer = consumer

    def spans(self, topic: Topic) -> dict[int, Span]:
        """Every partition of a topic.

        TopicDiffers: one of ours has not as many as the settings say. The folding depends on that
        number: with another one every key would be out of place.
        """
        name = topic_name(topic, self._settings)
        try:
            listed = self._consumer.list_topics(name, timeout=ANSWER_S).topics[name]
        except KafkaException as error:
            raise fault_of(error, self._settings, f"list {name}") from error
        count = len(listed.partitions)
        if listed.error is not None:
            raise TopicMissing(f"topics are missing: {name}; run `giftcert topics apply`")
        if topic.owner == "ours" and count != self._settings.partitions:
            raise TopicDiffers(
                f"{name} has {count} partitions and GIFTCERT_PARTITIONS says "
                f"{self._settings.partitions}: run this with the settings of the workers"
            )
        return {partition: self._span(name, partition) for partition in sorted(listed.partitions)}

    def at_time(self, topic: Topic, spans: Mapping[int, Span], at_ms: int) -> dict[int, int]:
        """Of each partition the first offset whose record is not older than that time.

        The end where there is none yet.
        """
        name = topic_name(topic, self._settings)
        asked = [TopicPartition(name, partition, at_ms) for partition in spans]
        try:
            found = self._consumer.offsets_for_times(asked, timeout=ANSWER_S)
        except KafkaException as error:
            raise fault_of(error, self._settings, f"find a time in {name}") from error
        return {
            place.partition: min(place.offset, spans[place.partition].end)
            if place.offset >= 0
            else spans[place.partition].end
            for place in found
        }

    def holds_records(self, name: str) -> bool:
        """Whether a topic holds a committed record. Markers and what was taken back are none."""
        listed = self._consumer.list_topics(name, timeout=ANSWER_S).topics[name]
        waiting = set(listed.partitions)
        places = [TopicPartition(name, each, OFFSET_BEGINNING) for each in waiting]
        self._consumer.assign(places)
        heard_s = time.monotonic()
        try:
            while waiting:
                message = self._consumer.poll(_POLL_S)
                if message is None:
                    if time.monotonic() - heard_s > ANSWER_S:
                        raise BrokerUnreachable(
                            f"Kafka at {self._settings.bootstrap} did not give {name} to read"
                        )
                    continue
                error, heard_s = message.error(), time.monotonic()
                if error is None:
                    return True
                if error.code() != KafkaError._PARTITION_EOF:
                    raise fault_of(KafkaException(error), self._settings, f"read {name}")
                waiting.discard(message.partition())
            return False
        finally:
            self._consumer.unassign()

    def _span(self, name: str, partition: int) -> Span:
        end = end_of(self._consumer, name, partition, timeout_s=ANSWER_S)
        place = TopicPartition(name, partition)
        try:
            start, _ = self._consumer.get_watermark_offsets(place, timeout=ANSWER_S)
        except KafkaException as error:
            raise fault_of(error, self._settings, f"say where {name} begins") from error
        return Span(start=start, end=end)


@contextmanager
def topic_places(settings: Settings) -> Iterator[TopicPlaces]:
    """The places of topics, from entry to exit of the `with`."""
    consumer = Consumer(
        {
            **settings.kafka_config(),
            # Required by the client; no group is joined.
            "group.id": f"{settings.processor_group}-reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )
    try:
        yield TopicPlaces(settings, consumer)
    finally:
        consumer.close()


def refuse_what_is_gone(name: str, spans: Mapping[int, Span], needed: Collection[int]) -> None:
    """TopicDiffers when records from the start of a topic are gone: a fold needs them all."""
    for partition in needed:
        start = spans[partition].start
        if start > 0:
            raise TopicDiffers(
                f"the records of {name} partition {partition} before offset {start:,} are gone, "
                "and nothing can be folded without them: its retention must be without end"
            )


def fault_of(error: KafkaException, settings: Settings, doing: str) -> BrokerFault:
    """Kafka's failure in an operator's words."""
    reason = error.args[0]
    where = f"Kafka at {settings.bootstrap}"
    if reason.code() in _UNHEARD:
        return BrokerUnreachable(f"{where} did not {doing}: {reason.str()}")
    return BrokerRefused(f"{where} refused to {doing}: {reason.str()}")
