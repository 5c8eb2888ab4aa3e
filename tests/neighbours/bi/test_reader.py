"""Where reading begins, what is said of a topic that is another one, what a message becomes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pipelines.faults import BrokerRefused, TopicMissing
from pipelines.kafka_admin import FoundTopic
from pipelines.neighbours.bi import reader as module
from pipelines.neighbours.bi.reader import MartReader
from pipelines.neighbours.bi.rows import GapRow
from pipelines.neighbours.bi.target import MartDiffers
from pipelines.neighbours.bi.topic_record import TOPICS_READ
from pipelines.settings import Settings

SETTINGS = Settings(_env_prefix="NO_SUCH_PREFIX_", worker_id="test", topic_prefix="shop-")
PAYMENTS, CLIENTS = "shop-All_Payments", "shop-All_Clients"


@dataclass
class FakeMessage:
    """A message, or the news of one partition."""

    _topic: str
    _offset: int
    _partition: int = 0
    _error: KafkaError | None = None
    _timestamp: tuple[int, int] = (1, 1_700_000_000_000)

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def error(self) -> KafkaError | None:
        return self._error

    def key(self) -> str:
        return "key"

    def value(self) -> bytes:
        return b"value"

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return self._timestamp


@dataclass
class FakeKafka:
    """Topics of one partition each, with what they keep, and what a consumer is given."""

    marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    partitions: dict[str, int] = field(default_factory=dict)
    given: list[list[FakeMessage]] = field(default_factory=list)
    assigned: dict[tuple[str, int], int] = field(default_factory=dict)
    refused: dict[str, KafkaException] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    closed: bool = False

    def consumer(self, config: dict[str, Any]) -> "FakeKafka":
        self.config = config
        return self

    def admin(self, _settings: Settings, *, timeout_s: float) -> "FakeKafka":
        return self

    def topics(self) -> dict[str, FoundTopic]:
        return {
            name: FoundTopic(partitions=count, replication_factor=1, ready=True)
            for name, count in self.partitions.items()
        }

    def get_watermark_offsets(
        self, place: TopicPartition, timeout: float = 0, cached: bool = False
    ) -> tuple[int, int]:
        if place.topic in self.refused:
            raise self.refused[place.topic]
        return self.marks.get(place.topic, (0, 0))

    def assign(self, places: list[TopicPartition]) -> None:
        for place in places:
            self.assigned[place.topic, place.partition] = place.offset

    def consume(self, count: int, timeout: float) -> list[FakeMessage]:
        return self.given.pop(0) if self.given else []

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    fake = FakeKafka(partitions={f"shop-{topic.name}": 1 for topic in TOPICS_READ})
    monkeypatch.setattr(module, "Consumer", fake.consumer)
    monkeypatch.setattr(module, "KafkaAdmin", fake.admin)
    return fake


def ticking(step_s: float) -> Iterator[float]:
    now_s = 0.0
    while True:
        yield now_s
        now_s += step_s


def test_reader_begins_where_the_mart_ended_and_reads_committed_records_only(
    kafka: FakeKafka,
) -> None:
    kafka.marks = {PAYMENTS: (0, 90)}
    with MartReader(SETTINGS, {("All_Payments", 0): 42}) as reader:
        assert kafka.assigned[PAYMENTS, 0] == 42
        assert kafka.assigned[CLIENTS, 0] == 0
        assert reader.targets["All_Payments", 0] == 90
        assert reader.gaps == []
    assert kafka.closed
    assert kafka.config["isolation.level"] == "read_committed"
    assert kafka.config["enable.auto.commit"] is False


def test_reader_of_a_topic_that_lost_records_by_age_notes_the_gap(kafka: FakeKafka) -> None:
    kafka.marks = {PAYMENTS: (60, 90)}
    with MartReader(SETTINGS, {("All_Payments", 0): 42}) as reader:
        assert kafka.assigned[PAYMENTS, 0] == 60
        assert reader.gaps == [
            GapRow(topic="All_Payments", partition_no=0, from_offset=42, to_offset=60)
        ]


def test_reader_of_a_topic_that_ends_before_the_mart_says_that_it_is_another(
    kafka: FakeKafka,
) -> None:
    kafka.marks = {PAYMENTS: (0, 7)}
    with (
        pytest.raises(MartDiffers, match="up to offset 42, and the topic ends at 7"),
        MartReader(SETTINGS, {("All_Payments", 0): 42}),
    ):
        pass
    assert kafka.closed


def test_reader_without_a_topic_names_it(kafka: FakeKafka) -> None:
    del kafka.partitions[CLIENTS]
    with (
        pytest.raises(TopicMissing, match="topics are missing: shop-All_Clients"),
        MartReader(SETTINGS, {}),
    ):
        pass


def test_batch_gathers_records_until_its_time_and_moves_behind_markers_at_an_end(
    kafka: FakeKafka,
) -> None:
    end = KafkaError(KafkaError._PARTITION_EOF)
    kafka.given = [
        [FakeMessage(PAYMENTS, 3), FakeMessage(PAYMENTS, 5, _timestamp=(0, -1))],
        [FakeMessage(PAYMENTS, 8, _error=end)],
        *([[FakeMessage(f"shop-{topic.name}", 0, _error=end) for topic in TOPICS_READ]]),
    ]
    with MartReader(SETTINGS, {}, clock=ticking(0.1).__next__) as reader:
        first, second = reader.batch(100, 60.0)
        assert (first.topic, first.partition, first.offset) == ("All_Payments", 0, 3)
        assert (first.timestamp_ms, second.timestamp_ms) == (1_700_000_000_000, None)
        assert (first.key, first.headers) == (b"key", ())
        assert reader.passed["All_Payments", 0] == 8
        assert reader.at_ends


def test_batch_ends_at_its_size(kafka: FakeKafka) -> None:
    kafka.given = [[FakeMessage(PAYMENTS, place)] for place in range(9)]
    with MartReader(SETTINGS, {}, clock=ticking(0.0).__next__) as reader:
        assert len(reader.batch(4, 60.0)) == 4


def test_batch_of_large_records_ends_before_they_fill_the_memory(
    kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH_BYTES", 12)
    kafka.given = [[FakeMessage(PAYMENTS, place)] for place in range(9)]
    with MartReader(SETTINGS, {}, clock=ticking(0.0).__next__) as reader:
        assert len(reader.batch(100, 60.0)) == 3


def test_batch_while_brokers_are_away_waits_and_is_empty(kafka: FakeKafka) -> None:
    kafka.given = [[FakeMessage(PAYMENTS, 0, _error=KafkaError(KafkaError._ALL_BROKERS_DOWN))]]
    with MartReader(SETTINGS, {}, clock=ticking(0.4).__next__) as reader:
        assert reader.batch(4, 1.0) == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "refused to read on"),
        (KafkaError._AUTO_OFFSET_RESET, "has deleted records before they were read"),
    ],
)
def test_batch_that_kafka_refuses_ends_with_its_words(
    code: int, said: str, kafka: FakeKafka
) -> None:
    kafka.given = [[FakeMessage(PAYMENTS, 0, _error=KafkaError(code))]]
    with (
        MartReader(SETTINGS, {}, clock=ticking(0.1).__next__) as reader,
        pytest.raises(BrokerRefused, match=said),
    ):
        reader.batch(4, 1.0)


def test_batch_finds_partitions_that_were_added_meanwhile(kafka: FakeKafka) -> None:
    with MartReader(SETTINGS, {}, clock=ticking(40.0).__next__) as reader:
        kafka.partitions[PAYMENTS] = 3
        reader.batch(4, 1.0)
        reader.batch(4, 1.0)
        assert kafka.assigned[PAYMENTS, 2] == 0
        assert ("All_Payments", 1) in reader.passed


def test_batch_that_is_not_told_of_all_new_partitions_begins_none_and_asks_again(
    kafka: FakeKafka,
) -> None:
    refused = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with MartReader(SETTINGS, {}, clock=ticking(40.0).__next__) as reader:
        kafka.partitions |= {PAYMENTS: 2, CLIENTS: 2}
        kafka.refused[CLIENTS] = refused
        reader.batch(4, 1.0)
        reader.batch(4, 1.0)
        assert ("All_Payments", 1) not in reader.passed
        kafka.refused.clear()
        reader.batch(4, 1.0)
        reader.batch(4, 1.0)
        assert kafka.assigned[PAYMENTS, 1] == kafka.assigned[CLIENTS, 1] == 0
        assert len(reader.passed) == len(TOPICS_READ) + 2


def test_ends_are_never_before_what_was_read(kafka: FakeKafka) -> None:
    kafka.marks = {PAYMENTS: (0, 4)}
    with MartReader(SETTINGS, {("All_Payments", 0): 2}) as reader:
        assert reader.ends()["All_Payments", 0] == 4
        reader.passed["All_Payments", 0] = 9
        assert reader.ends()["All_Payments", 0] == 9
