"""Reads the records of one certificate from its partition of the stream.

Owns where they are and the cheapest way through a partition: nothing is decoded but what has the
certificate's own key. Only committed records, nothing written, no group joined.
"""

from typing import Final

from confluent_kafka import Message

from pipelines.committed_reader import CommittedReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing, framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.faults import TopicMissing
from pipelines.kafka_admin import KafkaAdmin
from pipelines.partitioning import partition_of
from pipelines.progress import Advance, untold
from pipelines.settings import Settings
from pipelines.timeline.timeline import Place, Read
from pipelines.topics import STREAM, topic_name

_REACHED_S: Final = 4.0


def records_of(
    number: str, settings: Settings, *, since_ms: int | None = None, advance: Advance = untold
) -> list[Read]:
    """Every committed record under this key, up to the end as it is now; since a time, if given.

    BrokerUnreachable, BrokerRefused, TopicMissing; a registry's fault, where one is needed.
    """
    key, topic = number.encode(), topic_name(STREAM, settings)
    admin = KafkaAdmin(settings, timeout_s=_REACHED_S)
    found = admin.topics().get(topic)
    if found is None:
        raise TopicMissing(f"topics are missing: {topic}; run `giftcert topics apply`")
    # By what the topic has, not by the setting: it is where the records are.
    partition = partition_of(key, found.partitions)
    place = (topic, partition)
    start = 0 if since_ms is None else admin.places().at([place], since_ms)[place]
    return _decoded(_found(settings, key, partition, start, advance), settings)


def _found(
    settings: Settings, key: bytes, partition: int, start: int, advance: Advance
) -> list[Message]:
    found: list[Message] = []
    with CommittedReader(
        settings,
        STREAM,
        partitions=[partition],
        starts={partition: start} if start else None,
        timeout_s=_REACHED_S,
    ) as reader:
        ends = reader.ends()
        total = reader.owed(ends)
        for batch in reader.batches_to(ends):
            found += [message for message in batch if message.key() == key]
            advance(total - reader.owed(ends), total)
    return found


def _decoded(messages: list[Message], settings: Settings) -> list[Read]:
    """The records laid open. A registry is asked only if there is something to read."""
    if not messages:
        return []
    framing = framing_for(settings)
    try:
        return [_read(framing, message) for message in messages]
    finally:
        framing.close()


def _read(framing: Framing, message: Message) -> Read:
    partition, offset = message.partition(), message.offset()
    assert partition is not None, "a record that was read has a place"
    assert offset is not None, "a record that was read has a place"
    place = Place(partition=partition, offset=offset)
    value = message.value()
    raw = value.encode() if isinstance(value, str) else value
    try:
        fields = framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, raw)
    except BrokenRecord as broken:
        return Read(place=place, fields=None, fault=broken.text)
    return Read(place=place, fields=fields)
