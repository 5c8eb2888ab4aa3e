"""Beginning to read partitions that were assigned a moment ago.

The Kafka client remembers that a partition was paused also when it is taken away and comes again:
one that was waiting for its store, left, and came back with a whole one, would be read nevermore.
Owns which partitions are read at once and which wait; decides nothing about stores.
"""

from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import TopicPartition


class Assignable(Protocol):
    """What of a consumer it takes."""

    def assign(self, partitions: list[TopicPartition]) -> None: ...

    def pause(self, partitions: list[TopicPartition]) -> None: ...

    def resume(self, partitions: list[TopicPartition]) -> None: ...


def begin_reading(
    consumer: Assignable,
    inputs: Sequence[TopicPartition],
    changelogs: Sequence[TopicPartition],
    *,
    wait: bool,
) -> None:
    """Take partitions at their offsets: inputs are read, or `wait`; changelogs never are.

    Changelogs are in the subscription so that a group's members get the same partitions of both.
    """
    consumer.assign([*inputs, *changelogs])
    consumer.pause(list(changelogs))
    if wait:
        consumer.pause(list(inputs))
    else:
        consumer.resume(list(inputs))
