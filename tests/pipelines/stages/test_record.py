"""What every stage shares: where a record belongs, the ids of events, and dead letters."""

from uuid import UUID

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.partitioning import partition_of
from pipelines.stages.record import checked_key, dead_letter
from pipelines.topics import DLQ
from tests.pipelines.stages.stage_in_memory import PARTITIONS, TRACE, incoming


def test_dead_letter_is_the_record_itself_with_where_it_was_and_why() -> None:
    broken = incoming(
        b"\xff\x00 whatever", b"\xfekey", topic="All_Payments", partition=3, offset=41
    )
    letter = dead_letter(broken, BrokenRecord(BrokenCode.UNDECODABLE, "the bytes are no Payment"))
    assert (letter.topic, letter.key, letter.value) == (DLQ, b"\xfekey", b"\xff\x00 whatever")
    assert letter.partition is None
    assert letter.headers == [
        ("sourceTopic", b"All_Payments"),
        ("sourcePartition", b"3"),
        ("sourceOffset", b"41"),
        ("errorCode", b"UNDECODABLE"),
        ("errorText", b"the bytes are no Payment"),
        TRACE,
    ]


def test_dead_letter_of_a_record_with_neither_key_nor_value_keeps_it_so() -> None:
    letter = dead_letter(incoming(None, None), BrokenRecord(BrokenCode.EMPTY, "no value"))
    assert (letter.key, letter.value) == (None, None)


def test_trace_is_handed_on_where_there_is_one() -> None:
    assert incoming(b"", b"k").trace == [TRACE]
    assert incoming(b"", b"k", headers=[("x", b"1")]).trace == []


def test_event_ids_follow_from_topic_partition_offset_and_position() -> None:
    """Published once, so they never change: a replay of the log must give these very ids."""
    record = incoming(b"", b"k", topic="GiftCertificates.Commands", partition=3, offset=41)
    assert record.event_id(0) == "6fef3ec7-24b2-5a83-a25b-f92c8cb5621c"
    ids = {
        incoming(b"", b"k", topic=topic, partition=partition, offset=offset).event_id(position)
        for topic in ("a", "b")
        for partition in (1, 11)
        for offset in (1, 11)
        for position in (0, 1)
    }
    assert len(ids) == 16
    assert {UUID(each).version for each in ids} == {5}


def test_key_in_its_place_is_accepted() -> None:
    checked_key(incoming(b"", b"GC-0001"), "GC-0001", PARTITIONS)


@pytest.mark.parametrize("key", [None, b"", b"GC-0002", b"gc-0001", b"GC-0001 "])
def test_another_key_is_refused(key: bytes | None) -> None:
    with pytest.raises(BrokenRecord, match="key"):
        checked_key(incoming(b"", key), "GC-0001", PARTITIONS)


def test_every_other_partition_is_refused() -> None:
    right = partition_of(b"GC-0001", PARTITIONS)
    for partition in set(range(PARTITIONS)) - {right}:
        with pytest.raises(BrokenRecord, match="murmur2"):
            checked_key(incoming(b"", b"GC-0001", partition=partition), "GC-0001", PARTITIONS)
