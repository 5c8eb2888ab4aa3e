"""Partitions that were assigned are read, whatever the client remembers of them."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pipelines.begin_reading import begin_reading
from pipelines.local.running_broker import Broker

_PATIENCE_S = 60.0


@pytest.fixture
def places(broker: Broker, topic_prefix: str) -> list[TopicPartition]:
    """Two partitions with a record in each: one of an input, one of a changelog."""
    names = [f"{topic_prefix}input", f"{topic_prefix}changelog"]
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for made in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        made.result(_PATIENCE_S)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for name in names:
        producer.produce(name, b"a record", partition=0)
    assert producer.flush(_PATIENCE_S) == 0
    return [TopicPartition(name, 0, 0) for name in names]


@pytest.fixture
def consumer(broker: Broker, topic_prefix: str) -> Iterator[Consumer]:
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": f"{topic_prefix}group",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    yield consumer
    consumer.close()


def test_partition_that_left_while_it_waited_is_read_when_it_comes_again(
    consumer: Consumer, places: list[TopicPartition]
) -> None:
    """The client remembers a pause beyond the assignment it was made in."""
    [source, changelog] = places
    begin_reading(consumer, [source], [changelog], wait=True)
    assert consumer.poll(0.5) is None
    consumer.unassign()

    begin_reading(consumer, [source], [changelog], wait=False)
    message = consumer.poll(_PATIENCE_S)
    assert message is not None
    assert (message.error(), message.topic()) == (None, source.topic)


def test_input_that_waits_and_changelog_are_not_read(
    consumer: Consumer, places: list[TopicPartition]
) -> None:
    [source, changelog] = places
    begin_reading(consumer, [source], [changelog], wait=True)
    assert consumer.poll(1.0) is None
    consumer.resume([source])
    message = consumer.poll(_PATIENCE_S)
    assert message is not None
    assert message.topic() == source.topic
