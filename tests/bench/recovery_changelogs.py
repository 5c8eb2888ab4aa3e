"""Changelogs as a service has them after so many certificates were loaded, without the loading.

Owns folding the loads through the very stages and writing what they keep, with the headers of the
stream library, and the group's offsets beside it. The inputs hold one record a partition.
"""

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, Producer, TopicPartition

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.recovery.catch_up import FAMILY_HEADER, PROCESSED_HEADER
from pipelines.replay import FoldedPartition, fold_one
from pipelines.settings import Settings
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import Incoming
from pipelines.topics import COMMANDS, INDEX, POOL, Role, Topic, changelog_name, topic_name
from state.certificate.commands import Command, Load, Origin

ANSWER_S = 60.0
CHUNK = 20_000

Rows = Iterator[tuple[Topic, int, bytes, bytes]]


def fill(settings: Settings, certificates: int) -> int:
    """Write the changelogs of that many loaded certificates; how many records."""
    producer = Producer(
        {
            "bootstrap.servers": settings.bootstrap,
            "compression.type": "lz4",
            "linger.ms": 20,
            "queue.buffering.max.messages": 500_000,
        }
    )
    written = 0
    for topic, partition, key, value in _kept(settings, certificates):
        headers: list[tuple[str, str | bytes | None]] = [
            (FAMILY_HEADER, b"default"),
            (PROCESSED_HEADER, f'{{"{topic_name(topic, settings)}":0}}'.encode()),
        ]
        name = changelog_name(Role.PROCESSOR, topic, settings)
        while True:
            try:
                producer.produce(name, key=key, value=value, partition=partition, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
        written += 1
    for topic in (COMMANDS, POOL, INDEX):
        for partition in range(settings.partitions):
            name = topic_name(topic, settings)
            producer.produce(name, key=b"k", value=b"performed long ago", partition=partition)
    assert producer.flush(ANSWER_S) == 0
    _commit(settings)
    return written


def _commit(settings: Settings) -> None:
    consumer = Consumer(
        {"bootstrap.servers": settings.bootstrap, "group.id": settings.processor_group}
    )
    places = [
        TopicPartition(topic_name(topic, settings), partition, 1)
        for topic in (COMMANDS, POOL, INDEX)
        for partition in range(settings.partitions)
    ]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def _kept(settings: Settings, certificates: int) -> Rows:
    """What the stages keep of the loads, in the order in which they would write it."""
    framing = framing_for(settings)
    command_stage = CertificatesStage(framing, settings.partitions)
    pool_stage = PoolStage(framing, settings.partitions)
    pool = FoldedPartition()
    now_ms = time.time_ns() // 1_000_000
    place = 0
    for number in range(certificates):
        certificate = f"GC-{number:09d}"
        command = Command(
            command_id=f"load/{certificate}",
            at_ms=now_ms,
            certificate_id=certificate,
            origin=Origin.LOADER,
            action=Load(pool="ELECTRONIC"),
        )
        value = framing.encode(RecordName.COMMAND, command_to_record(command))
        record = _incoming(COMMANDS, settings, certificate, value, number)
        folded = FoldedPartition()
        outputs = fold_one(folded, record, command_stage)
        for key, kept in folded.records.items():
            yield COMMANDS, record.partition, key, kept
        (added,) = (each for each in outputs if each.topic is POOL)
        assert added.value is not None
        record = _incoming(POOL, settings, "ELECTRONIC", added.value, number)
        place = record.partition
        fold_one(pool, record, pool_stage)
        if number % CHUNK == CHUNK - 1 or number == certificates - 1:
            # The queue's head is written once a commit, everything else once.
            for key, kept in pool.records.items():
                yield POOL, place, key, kept
            head = {key: kept for key, kept in pool.records.items() if key.endswith(b"|c")}
            pool.records.clear()
            pool.records.update(head)


def _incoming(topic: Topic, settings: Settings, key: str, value: bytes, offset: int) -> Incoming:
    return Incoming(
        topic=topic_name(topic, settings),
        partition=partition_of(key.encode(), settings.partitions),
        offset=offset,
        key=key.encode(),
        value=value,
        headers=(),
        timestamp_ms=1,
    )
