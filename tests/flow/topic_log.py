"""Every record of every topic with one prefix, as a committed reader sees it, kept in memory.

Owns one consumer over all those topics and the two ways a flow test waits: until a condition holds,
and until the workers have nothing left to do. Knows no rule of gift certificates.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Self, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipelines.group_offsets import committed_offsets

DEADLINE_S: Final = 60.0
_POLL_S: Final = 0.05
_BATCH: Final = 500
_ANSWER_S: Final = 30.0

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One record as it lies on its topic. `topic` is without the prefix."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]

    def header(self, name: str) -> str | None:
        """The text of the only header of that name; None where there is none."""
        found = [value for header, value in self.headers if header == name]
        assert len(found) <= 1, f"{name} comes {len(found)} times"
        return found[0].decode() if found else None


class TopicLog:
    """Reads on when asked to, and never forgets. Not for two threads."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._prefix = prefix
        self._config = {"bootstrap.servers": bootstrap}
        self._admin = AdminClient({**self._config, "log_level": 0})
        self._partitions = self._find_partitions()
        self._ends: dict[tuple[str, int], int] = {}
        self._last: dict[tuple[str, int], int] = {}
        self.records: dict[str, list[LogRecord]] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{prefix}reader",  # Required by the client; no group is joined.
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 10,
                "log_level": 0,
            }
        )
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic, partition in self._partitions
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._consumer.close()

    def _find_partitions(self) -> list[tuple[str, int]]:
        listed = self._admin.list_topics(timeout=_ANSWER_S).topics
        # Changelog topics have the prefix in their middle.
        return [
            (name, partition)
            for name, topic in listed.items()
            if self._prefix in name
            for partition in topic.partitions
        ]

    def of(self, topic: str) -> list[LogRecord]:
        """The records read so far of one topic, named without the prefix."""
        return self.records.get(topic, [])

    def read(self) -> None:
        """Take what is there by now, or wait a moment for something."""
        for message in self._consumer.consume(_BATCH, _POLL_S):
            error = message.error()
            place = (message.topic(), message.partition())
            if error is None:
                self._keep(message, place)
            elif error.code() == KafkaError._PARTITION_EOF:
                # Markers of transactions have offsets too: only the end itself says it is reached.
                self._ends[place] = message.offset()
            else:
                raise KafkaException(error)

    def _keep(self, message: Any, place: tuple[str, int]) -> None:
        self._last[place] = message.offset()
        topic = message.topic().replace(self._prefix, "")
        record = LogRecord(
            topic=topic,
            partition=message.partition(),
            offset=message.offset(),
            key=message.key(),
            value=message.value(),
            headers=message.headers() or (),
        )
        self.records.setdefault(topic, []).append(record)

    def until(self, condition: Callable[[], Found | None], what: Callable[[], str]) -> Found:
        """Read until the condition gives something true; what it gives."""
        deadline = monotonic() + DEADLINE_S
        while not (found := condition()):
            assert monotonic() < deadline, f"waited in vain: {what()}"
            self.read()
        return found

    def until_drained(self, groups: Mapping[str, Iterable[str]]) -> None:
        """Read until every group has performed all of its topics, and all of it was read here.

        A worker's commit makes outputs and progress visible together. So once nobody has written
        between two looks, and every record is committed in between, there is nothing under way.
        """
        deadline = monotonic() + DEADLINE_S
        ends = self._written()
        while True:
            assert monotonic() < deadline, "the workers did not come to rest"
            while any(self._ends.get(place, 0) < end for place, end in ends.items()):
                assert monotonic() < deadline, "records stay uncommitted"
                self.read()
            performed = all(
                self._performed(group, topics, self._last) for group, topics in groups.items()
            )
            before, ends = ends, self._written()
            if performed and before == ends:
                return

    def _written(self) -> dict[tuple[str, int], int]:
        """Where each partition ends, open transactions included."""
        asked = {
            TopicPartition(topic, partition): OffsetSpec.latest()
            for topic, partition in self._partitions
        }
        answers = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_ANSWER_S
        )
        return {
            (place.topic, place.partition): answer.result().offset
            for place, answer in answers.items()
        }

    def _performed(
        self, group: str, topics: Iterable[str], last: Mapping[tuple[str, int], int]
    ) -> bool:
        asked = committed_offsets(self._config, group, last, _ANSWER_S)
        assert not any(place.error for place in asked), "Kafka did not say how far the group is"
        committed = {(place.topic, place.partition): place.offset for place in asked}
        names = frozenset(topics)
        return all(
            committed.get(place, 0) > offset for place, offset in last.items() if place[0] in names
        )
