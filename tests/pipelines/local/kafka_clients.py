"""A transactional writer and a read_committed reader, as the workers are, for tests of brokers."""

from time import monotonic

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

QUIET = {"log_level": 0}  # Some of these tests kill the broker on purpose.


def make_topic(bootstrap: str, name: str, *, replicas: int = 1) -> None:
    """Create a topic of one partition and wait until it is there."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    admin.create_topics([NewTopic(name, 1, replicas)])[name].result(timeout=20)


def write_transaction(bootstrap: str, topic: str, words: list[str], *, commit: bool = True) -> None:
    """Write all of `words` in one transaction, then commit or abort it."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": "writer", "acks": "all", **QUIET}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    for word in words:
        producer.produce(topic, word.encode())
    producer.flush(30)
    if commit:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)


def read_committed(bootstrap: str, topic: str, count: int) -> list[str]:
    """The first `count` committed records of the topic, or fewer when no more come in time."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **QUIET,
        }
    )
    consumer.subscribe([topic])
    words: list[str] = []
    deadline = monotonic() + 20
    while len(words) < count and monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            words.append(message.value().decode())
    consumer.close()
    return words
