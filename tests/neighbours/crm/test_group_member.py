"""The member of the group over a made-up client: what a rebalance in the middle of a read does."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from pipelines.neighbours.crm import group_member
from pipelines.neighbours.crm.group_member import GroupMember
from pipelines.neighbours.crm.group_words import Given
from pipelines.neighbours.crm.request import StreamRecord
from pipelines.settings import Settings, load_settings
from tests.neighbours.crm.asked_messages import AT_MS, FRAMING

TOPIC = "GiftCertificates.Stream"


class Record:
    """A record as the client gives it."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def error(self) -> None:
        return None

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, AT_MS

    def value(self) -> bytes:
        return b""

    def headers(self) -> None:
        return None


class ToldConsumer:
    """Gives what a test says; `moves` is called within the second part of a read."""

    def __init__(self, _options: Mapping[str, object]) -> None:
        self.first: Record | None = None
        self.rest: Sequence[Record] = ()
        self.moves: Callable[[], None] = lambda: None
        self.starts: list[int] = []
        self._listeners: dict[str, Any] = {}

    def subscribe(self, _topics: Sequence[str], **listeners: Any) -> None:
        self._listeners = listeners

    def poll(self, _timeout_s: float) -> Record | None:
        return self.first

    def consume(self, _count: int, _timeout_s: float) -> Sequence[Record]:
        self.moves()
        return self.rest

    def committed(
        self, partitions: Sequence[TopicPartition], _timeout_s: float
    ) -> list[TopicPartition]:
        return [TopicPartition(TOPIC, each.partition, 90) for each in partitions]

    def get_watermark_offsets(self, _place: TopicPartition, **_times: float) -> tuple[int, int]:
        return 0, 100

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self.starts = [each.offset for each in places]

    def unassign(self) -> None:
        """Nothing is read."""

    def close(self) -> None:
        """Nothing is open."""

    def rebalance(self) -> None:
        """The partition goes and comes back."""
        partitions = [TopicPartition(TOPIC, 0)]
        self._listeners["on_revoke"](self, partitions)
        self._listeners["on_assign"](self, partitions)


class ToldProducer:
    """Commits nothing."""

    def __init__(self, _options: Mapping[str, object]) -> None:
        """Opens nothing."""

    def init_transactions(self, _timeout_s: float) -> None:
        """There is nothing to end."""


@dataclass(slots=True)
class Owner:
    """What a member said of its partitions."""

    said: list[str] = field(default_factory=list)

    def assigned(self, given: Mapping[int, Given]) -> None:
        self.said.append(f"given {sorted(given)}")

    def gone(self, _member: GroupMember | None, partitions: Collection[int]) -> None:
        self.said.append(f"gone {sorted(partitions)}")


@pytest.fixture
def settings() -> Settings:
    return load_settings({"bootstrap": "127.0.0.1:1"})


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> ToldConsumer:
    told = ToldConsumer({})
    monkeypatch.setattr(group_member, "Consumer", lambda _options: told)
    monkeypatch.setattr(group_member, "Producer", ToldProducer)
    return told


def offsets_read(member: GroupMember) -> list[int]:
    return [each.offset for each in member.read(0.0) if isinstance(each, StreamRecord)]


def test_read_gives_all_that_has_come_in_order(consumer: ToldConsumer, settings: Settings) -> None:
    consumer.first, consumer.rest = Record(99), [Record(100), Record(101)]
    with GroupMember(settings, "crm", FRAMING, Owner()) as member:
        assert offsets_read(member) == [99, 100, 101]
        consumer.first = None
        assert offsets_read(member) == []


def test_record_of_before_a_rebalance_is_left_to_whoever_reads_the_partition_now(
    consumer: ToldConsumer, settings: Settings
) -> None:
    """Taken after it, that record would stand before those that the new assignment begins with."""
    consumer.first, consumer.rest = Record(99), [Record(90), Record(91)]
    consumer.moves = consumer.rebalance
    owner = Owner()
    with GroupMember(settings, "crm", FRAMING, owner) as member:
        assert offsets_read(member) == [90, 91]
    assert owner.said == ["gone [0]", "given [0]"]
    assert consumer.starts == [90]
