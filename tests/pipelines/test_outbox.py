"""Writing outside a transaction: what the producer is told, and who hears of a failure."""

import threading
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException

from pipelines import outbox as module
from pipelines.faults import BrokerRefused
from pipelines.outbox import Outbox
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS, REPLIES

SETTINGS = Settings(bootstrap="127.0.0.1:1", worker_id="processor-0", topic_prefix="here-")
ANSWER_S = 30


class FakeProducer:
    """Takes records, and reports their delivery when it is polled."""

    made: ClassVar[list["FakeProducer"]] = []

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.produced: list[tuple[str, dict[str, Any]]] = []
        self.reports: list[Callable[[], None]] = []
        self.error: KafkaError | None = None
        self.flushed_s: float | None = None
        self.end: KafkaError | None = None
        self.told_end = threading.Event()
        self.refuses: KafkaError | None = None
        self.made.append(self)

    def produce(self, topic: str, *, on_delivery: Callable[..., None], **record: Any) -> None:
        if self.refuses is not None:
            raise KafkaException(self.refuses)
        self.produced.append((topic, record))
        self.reports.append(lambda: on_delivery(self.error, None))

    def poll(self, timeout_s: float) -> int:
        if self.end is not None:
            self.told_end.set()
            raise KafkaException(self.end)
        while self.reports:
            self.reports.pop(0)()
        return 0

    def flush(self, timeout_s: float) -> int:
        self.flushed_s = timeout_s
        self.poll(0)
        return 0


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> type[FakeProducer]:
    monkeypatch.setattr(FakeProducer, "made", [])
    monkeypatch.setattr(module, "Producer", FakeProducer)
    return FakeProducer


def test_producer_is_idempotent_and_partitions_like_kafka(producer: type[FakeProducer]) -> None:
    Outbox(SETTINGS, "edge").close()
    (made,) = producer.made
    assert made.config == {
        "bootstrap.servers": "127.0.0.1:1",
        "security.protocol": "PLAINTEXT",
        "client.id": "processor-0-edge",
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "linger.ms": 0,
        "delivery.timeout.ms": 30_000,
        "message.max.bytes": 8 * 1024 * 1024,
    }


def test_send_produces_the_record_to_the_full_name(producer: type[FakeProducer]) -> None:
    outbox = Outbox(SETTINGS, "edge")
    outbox.send(Outgoing(topic=COMMANDS, key=b"k", value=b"v", headers=[("a", b"1")]))
    outbox.send(Outgoing(topic=REPLIES, key=b"k", value=b"v", partition=3))
    outbox.close()
    assert producer.made[0].produced == [
        (
            "here-GiftCertificates.Commands",
            {"key": b"k", "value": b"v", "headers": [("a", b"1")]},
        ),
        (
            "here-GiftCertificates.Replies",
            {"key": b"k", "value": b"v", "headers": [], "partition": 3},
        ),
    ]


def test_failed_delivery_is_told_to_the_sender(producer: type[FakeProducer]) -> None:
    """On the outbox's own thread, without anybody polling for it."""
    outbox = Outbox(SETTINGS, "edge")
    producer.made[0].error = KafkaError(KafkaError._MSG_TIMED_OUT)
    told = threading.Event()
    failures: list[str] = []

    def on_failure(text: str) -> None:
        failures.append(text)
        told.set()

    outbox.send(Outgoing(topic=COMMANDS, key=b"k", value=b"v"), on_failure)
    assert told.wait(ANSWER_S)
    outbox.close()
    assert failures == ["Local: Message timed out"]


def test_delivered_record_and_indifferent_sender_are_told_nothing(
    producer: type[FakeProducer],
) -> None:
    outbox = Outbox(SETTINGS, "edge")
    failures: list[str] = []
    outbox.send(Outgoing(topic=COMMANDS, key=b"k", value=b"v"), failures.append)
    outbox.close()
    again = Outbox(SETTINGS, "edge")
    producer.made[1].error = KafkaError(KafkaError._MSG_TIMED_OUT)
    again.send(Outgoing(topic=COMMANDS, key=b"k", value=b"v"))
    again.close()
    assert failures == []


def test_close_delivers_what_is_queued(producer: type[FakeProducer]) -> None:
    outbox = Outbox(SETTINGS, "edge")
    outbox.close(timeout_s=2.5)
    assert producer.made[0].flushed_s == 2.5


class Listener:
    """Whoever owns the process."""

    def __init__(self) -> None:
        self.heard = threading.Event()
        self.faults: list[BrokerRefused] = []

    def __call__(self, fault: BrokerRefused) -> None:
        self.faults.append(fault)
        self.heard.set()


def fatal() -> KafkaError:
    return KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "somebody else has our name", True)


def test_client_that_gives_up_for_good_ends_the_process_with_a_fault(
    producer: type[FakeProducer],
) -> None:
    """It would else stay ready, and refuse every request for ever."""
    listener = Listener()
    outbox = Outbox(SETTINGS, "edge", listener)
    producer.made[0].end = fatal()
    assert listener.heard.wait(ANSWER_S)
    producer.made[0].refuses = KafkaError(KafkaError._FATAL)
    with pytest.raises(BrokerRefused) as caught:
        outbox.send(Outgoing(topic=COMMANDS, key=b"k", value=b"v"))
    outbox.close()
    assert listener.faults == [caught.value], "it is told once"
    assert listener.faults[0].exit_code == 3
    assert str(listener.faults[0]) == (
        "Kafka at 127.0.0.1:1 takes nothing any more from this process "
        "(INVALID_PRODUCER_EPOCH: somebody else has our name); start this process again"
    )
    assert producer.made[0].flushed_s is None, "nothing is waited for that cannot come"


@pytest.mark.parametrize(
    "refused", [KafkaError(KafkaError._FATAL), fatal()], ids=["by code", "by mark"]
)
def test_record_that_finds_the_client_ended_ends_the_process(
    producer: type[FakeProducer], refused: KafkaError
) -> None:
    """Also before the outbox's own thread has heard of it."""
    listener = Listener()
    outbox = Outbox(SETTINGS, "edge", listener)
    producer.made[0].refuses = refused
    with pytest.raises(BrokerRefused):
        outbox.send(Outgoing(topic=COMMANDS, key=b"k", value=b"v"))
    outbox.close()
    assert len(listener.faults) == 1


def test_refusal_that_passes_ends_nothing(producer: type[FakeProducer]) -> None:
    listener = Listener()
    outbox = Outbox(SETTINGS, "edge", listener)
    producer.made[0].refuses = KafkaError(KafkaError._UNKNOWN_TOPIC)
    with pytest.raises(KafkaException):
        outbox.send(Outgoing(topic=COMMANDS, key=b"k", value=b"v"))
    outbox.close()
    assert (listener.faults, producer.made[0].flushed_s) == ([], 5.0)


def test_client_that_gives_up_with_nobody_to_hear_is_logged_and_ends(
    producer: type[FakeProducer],
) -> None:
    outbox = Outbox(SETTINGS, "test")
    producer.made[0].end = fatal()
    assert producer.made[0].told_end.wait(ANSWER_S)
    outbox.close()
    assert producer.made[0].flushed_s is None
