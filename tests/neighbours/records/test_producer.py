"""The producer of the kit: what Kafka is told, when a call ends, and who hears of a failure."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException

from pipelines.contracts.opened import LARGEST_DECODED_BYTES
from pipelines.neighbours.records import producer as module
from pipelines.neighbours.records.producer import RecordProducer, RecordsLost
from pipelines.neighbours.records.record import ImpossibleRecord
from pipelines.settings import Settings
from tests.contracts.framings import SINGLE_OBJECT
from tests.neighbours.records.specimens import ORDER, VERSION_1

SETTINGS = Settings(bootstrap="127.0.0.1:1", topic_prefix="here-")


class FakeProducer:
    """Takes records, and reports their delivery when it is polled; deaf, it never does."""

    made: ClassVar[list["FakeProducer"]] = []
    error: ClassVar[KafkaError | None] = None
    refuses: ClassVar[KafkaError | None] = None
    deaf: ClassVar[bool] = False
    full: ClassVar[int] = 0

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.produced: list[tuple[str, bytes, int | None]] = []
        self.reports: list[Callable[[], None]] = []
        self.flushed_s: float | None = None
        self.made.append(self)

    def produce(
        self,
        topic: str,
        *,
        key: bytes,
        value: bytes,
        on_delivery: Callable[..., None],
        timestamp: int | None = None,
    ) -> None:
        if FakeProducer.full:
            FakeProducer.full -= 1
            raise BufferError
        if self.refuses is not None:
            raise KafkaException(self.refuses)
        self.produced.append((topic, key, timestamp))
        self.reports.append(lambda: on_delivery(self.error, None))

    def poll(self, _timeout_s: float) -> None:
        while self.reports and not self.deaf:
            self.reports.pop(0)()

    def flush(self, timeout_s: float) -> None:
        self.flushed_s = timeout_s


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> type[FakeProducer]:
    fresh: dict[str, object] = {
        "made": [],
        "error": None,
        "refuses": None,
        "deaf": False,
        "full": 0,
    }
    for name, value in fresh.items():
        monkeypatch.setattr(FakeProducer, name, value)
    monkeypatch.setattr(module, "Producer", FakeProducer)
    return FakeProducer


def producer() -> RecordProducer:
    return RecordProducer(SETTINGS, SINGLE_OBJECT, "till-3")


def test_producer_waits_for_all_replicas_and_places_keys_like_kafka(
    kafka: type[FakeProducer],
) -> None:
    producer().close()
    (made,) = kafka.made
    assert {name: made.config[name] for name in ("acks", "enable.idempotence", "partitioner")} == {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
    }
    assert made.config["client.id"] == "till-3"


def test_write_gives_the_records_to_their_topics_in_order(kafka: type[FakeProducer]) -> None:
    with producer() as writing:
        writing.write(ORDER.record(), VERSION_1.record())
        writing.write(ORDER.record(), timestamp_ms=7)
    assert kafka.made[0].produced == [
        ("here-All_SalesOrder", b"order-1", None),
        ("here-All_Payments", b"payment-1", None),
        ("here-All_SalesOrder", b"order-1", 7),
    ]
    assert kafka.made[0].flushed_s is not None, "closing gives up what nobody waits for"


def test_record_that_kafka_refuses_is_told_to_whoever_wrote_it(kafka: type[FakeProducer]) -> None:
    kafka.error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(RecordsLost, match=r"did not take a record: .* write it again"):
        producer().write(ORDER.record())


def test_record_larger_than_its_topic_takes_is_not_to_be_written_again(
    kafka: type[FakeProducer],
) -> None:
    kafka.error = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    with pytest.raises(ImpossibleRecord, match="larger than its topic takes"):
        producer().write(ORDER.record())


def test_record_that_the_client_does_not_take_is_told_in_the_same_words(
    kafka: type[FakeProducer],
) -> None:
    """As after a failure for good, when only a new producer can help."""
    kafka.refuses = KafkaError(KafkaError._FATAL)
    with pytest.raises(RecordsLost, match="did not take a record: "):
        producer().write(ORDER.record())


def test_client_takes_as_much_as_the_kit_gives(kafka: type[FakeProducer]) -> None:
    producer().close()
    assert kafka.made[0].config["message.max.bytes"] > LARGEST_DECODED_BYTES


def test_record_that_kafka_does_not_take_in_time_is_told_so(kafka: type[FakeProducer]) -> None:
    kafka.deaf = True
    with pytest.raises(RecordsLost, match="2 records were not taken by Kafka in time"):
        producer().write(ORDER.record(), VERSION_1.record(), timeout_s=0.0)


def test_full_queue_is_waited_for(kafka: type[FakeProducer]) -> None:
    kafka.full = 3
    producer().write(ORDER.record())
    assert len(kafka.made[0].produced) == 1


def test_queue_that_stays_full_is_told_so(kafka: type[FakeProducer]) -> None:
    kafka.full = 1_000_000
    with pytest.raises(RecordsLost, match="1 records were not taken"):
        producer().write(ORDER.record(), timeout_s=0.0)


def test_impossible_record_is_refused_before_any_other_is_written(
    kafka: type[FakeProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    too_few = len(ORDER.record().encode(SINGLE_OBJECT)) - 1
    monkeypatch.setattr("pipelines.neighbours.records.record.LARGEST_DECODED_BYTES", too_few)
    with pytest.raises(ImpossibleRecord, match="has more than"):
        producer().write(VERSION_1.record(), ORDER.record())
    assert kafka.made[0].produced == []
