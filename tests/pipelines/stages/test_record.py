"""What every stage shares: where a record belongs, the ids of events, and dead letters."""

from uuid import UUID

import pytest

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.partitioning import partition_of
from pipelines.stages.record import checked_key, dead_letter, kept
from pipelines.topics import DLQ, LARGEST_RECORD_BYTES
from state.stores.codec import RecordCodec
from tests.pipelines.stages.stage_in_memory import AT_MS, PARTITIONS, TRACE, incoming


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
        ("sourceTimestamp", str(AT_MS).encode()),
        ("errorCode", b"UNDECODABLE"),
        ("errorText", b"the bytes are no Payment"),
        TRACE,
    ]


def test_dead_letter_of_a_record_with_neither_key_nor_value_keeps_it_so() -> None:
    letter = dead_letter(incoming(None, None), BrokenRecord(BrokenCode.EMPTY, "no value"))
    assert (letter.key, letter.value) == (None, None)


def test_dead_letter_too_large_to_be_written_is_cut_and_says_so() -> None:
    """Bytes of a kind compress to little: such a record may lie on a topic that others write."""
    code = BrokenRecord(BrokenCode.UNKNOWN_FRAMING, "no record")
    letter = dead_letter(incoming(b"v" * 40_000_000, b"k" * 20_000_000), code)
    assert (letter.key, letter.value) == (b"k" * 65_536, b"v" * 65_536)
    assert ("cutFrom", b"20000000+40000000") in letter.headers


def test_dead_letter_that_just_fits_is_whole() -> None:
    """With its headers it must stay below what the worker's producer takes."""
    value = b"v" * (LARGEST_RECORD_BYTES - 16 * 1024)
    letter = dead_letter(incoming(value, None), BrokenRecord(BrokenCode.EMPTY, "e" * 1_000))
    assert letter.value == value
    sizes = [len(name) + len(content or b"") for name, content in letter.headers]
    assert len(value) + sum(sizes) < LARGEST_RECORD_BYTES
    assert "cutFrom" not in dict(letter.headers)


def test_trace_is_handed_on_where_there_is_one() -> None:
    assert incoming(b"", b"k").trace == [TRACE]
    assert incoming(b"", b"k", headers=[("x", b"1")]).trace == []


@pytest.mark.parametrize("value", [None, b"x" * 129, b"x" * 5_000_000])
def test_trace_that_cannot_be_one_is_dropped(value: bytes | None) -> None:
    """It would go with each of the hundreds of records that one may cause."""
    assert incoming(b"", b"k", headers=[("traceparent", value)]).trace == []


def test_trace_that_comes_twice_is_handed_on_once() -> None:
    assert incoming(b"", b"k", headers=[TRACE, ("traceparent", b"another")]).trace == [TRACE]


class Overflowing(RecordCodec[int]):
    """Bytes of a number that is its own length, up to what the library takes."""

    def __init__(self) -> None:
        super().__init__(int)

    def encode(self, record: int) -> bytes:
        return super().encode(record) if record > 2**60 else b"x" * record


@pytest.mark.parametrize(
    ("record", "says"),
    [(2**64, "sum to too much"), (4 * 1024 * 1024 + 1, "more than 4 MiB")],
    ids=["a number no store takes", "a byte too many"],
)
def test_record_that_outgrows_its_place_is_broken(record: int, says: str) -> None:
    with pytest.raises(BrokenRecord, match=says):
        kept(Overflowing(), record)


def test_record_that_fills_its_place_is_kept() -> None:
    assert len(kept(Overflowing(), 4 * 1024 * 1024)) == 4 * 1024 * 1024
    assert kept(Overflowing(), 2**64 - 1)


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


HAPPENED = ("eventTime", b"1735689600123")


def test_facts_and_commands_hand_on_when_it_happened_beside_the_trace() -> None:
    record = incoming(b"", b"k", headers=[("x", b"1"), HAPPENED, TRACE])
    assert record.event_time_ms == 1_735_689_600_123
    assert record.handed_on == [TRACE, HAPPENED]
    assert record.trace == [TRACE], "the stream says what happened when in the event itself"


@pytest.mark.parametrize("said", [None, b"", b"-1", b"1.5", b"now", b"1" * 16])
def test_time_that_cannot_be_one_is_dropped(said: bytes | None) -> None:
    """Such a header may come from outside: anybody may write to a topic of others."""
    record = incoming(b"", b"k", headers=[TRACE, ("eventTime", said)])
    assert record.event_time_ms is None
    assert record.handed_on == [TRACE]
