"""Reading a topic to its end on a real broker: what is left of it, all of it, and at once."""

import time
from typing import Final

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pipelines.committed_reader import CommittedReader
from pipelines.local.running_broker import Broker
from pipelines.replay import read_to
from pipelines.settings import Settings, load_settings
from pipelines.topics import DLQ, topic_name
from pipelines.topics_admin import apply
from tests.pipelines.local.local_machine import await_condition

LETTERS: Final = 5
CLIENTS_PAUSE_S: Final = 0.5
"""What the client waits before it asks again where a partition begins."""


@pytest.fixture
def settings(broker: Broker, topic_prefix: str) -> Settings:
    """An installation with a few records in one partition of a topic, and none in the other."""
    settings = load_settings(
        {"bootstrap": broker.bootstrap, "topic_prefix": topic_prefix, "partitions": 2}
    )
    apply(settings, with_sources=True, timeout_s=30)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for number in range(LETTERS):
        producer.produce(topic_name(DLQ, settings), key=b"%d" % number, value=b"", partition=1)
    assert producer.flush(20) == 0
    return settings


def read(settings: Settings) -> list[int]:
    with CommittedReader(settings, DLQ) as reader:
        return [record.offset for record in read_to(reader, reader.ends())]


def seconds_to_read(settings: Settings) -> float:
    began_s = time.monotonic()
    read(settings)
    return time.monotonic() - began_s


def test_short_topic_is_read_without_a_pause(settings: Settings) -> None:
    """A command reads several topics: half a second for each is what a person waits for."""
    assert read(settings) == [*range(LETTERS)]
    await_condition(lambda: seconds_to_read(settings) < CLIENTS_PAUSE_S, timeout_s=20)


def test_topic_whose_start_was_deleted_is_read_from_what_is_left(
    settings: Settings, broker: Broker
) -> None:
    if broker.kind == "embedded":
        pytest.skip("the embedded broker deletes no records")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    place = TopicPartition(topic_name(DLQ, settings), 1, 3)
    for answer in admin.delete_records([place]).values():
        answer.result()
    assert read(settings) == [3, 4]
