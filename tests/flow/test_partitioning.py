"""Where the real client puts a key, the service looks for it: murmur2 on both sides."""

import random

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from pipelines.local.running_broker import Broker
from pipelines.outbox import Outbox
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS, topic_name

PARTITIONS = 7
KEYS = 1_000


def test_keys_are_where_the_client_puts_them(broker: Broker, topic_prefix: str) -> None:
    """Keys of every length, of bytes no text has, and the ones the service really uses."""
    topic = f"{topic_prefix}partitioning"
    _create(broker, topic)
    chance = random.Random(7)
    keys = [chance.randbytes(length) for length in range(1, KEYS // 2)]
    keys += [f"GC-{index:07d}".encode() for index in range(KEYS - len(keys))]
    found: dict[bytes, int] = {}

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        found[message.key()] = message.partition()

    producer = Producer(
        {"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5}
    )
    for key in keys:
        producer.produce(topic, key=key, value=b"", on_delivery=delivered)
    assert producer.flush(30) == 0
    assert found == {key: partition_of(key, PARTITIONS) for key in keys}
    assert set(found.values()) == set(range(PARTITIONS))


def test_outbox_puts_keys_where_the_stores_look_for_them(broker: Broker, topic_prefix: str) -> None:
    settings = Settings(bootstrap=broker.bootstrap, topic_prefix=topic_prefix)
    topic = topic_name(COMMANDS, settings)
    _create(broker, topic)
    outbox = Outbox(settings, "test")
    expected = dict.fromkeys(range(PARTITIONS), 0)
    for index in range(70):
        key = f"GC-{index:04d}".encode()
        expected[partition_of(key, PARTITIONS)] += 1
        outbox.send(Outgoing(topic=COMMANDS, key=key, value=b"v"))
    outbox.close(timeout_s=30)
    assert _counts(broker, topic) == expected


def _create(broker: Broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(30)


def _counts(broker: Broker, topic: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "unused"})
    try:
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        return {
            place.partition: consumer.get_watermark_offsets(place, timeout=30)[1]
            for place in places
        }
    finally:
        consumer.close()
