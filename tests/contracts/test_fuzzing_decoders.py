"""Every decoder against bytes of every kind: a value or a broken record, soon, in little room."""

import tracemalloc
from collections.abc import Callable, Iterator
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.audit.ledger import Ledger
from pipelines.audit.stream_event import EventReader
from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.fact_record import fact_from_record
from pipelines.contracts.fields import LAST_INSTANT_MS
from pipelines.contracts.framing import (
    ConfluentFraming,
    Fields,
    Framing,
    SingleObjectFraming,
)
from pipelines.contracts.opened import LARGEST_DECODED_BYTES
from pipelines.contracts.pool_record import pool_command_from_record
from pipelines.contracts.reply_record import reply_from_record
from pipelines.contracts.schemas import RecordName, current
from pipelines.contracts.source_records import read_delivery, read_order, read_payment
from tests.contracts.framings import SINGLE_OBJECT, confluent
from tests.contracts.hostile_values import spoilt
from tests.contracts.samples import AT_MS, SAMPLES, sample_of

CONFLUENT = confluent()
FRAMINGS = [
    pytest.param(SINGLE_OBJECT, 10, id="single-object"),
    pytest.param(CONFLUENT, 5, id="confluent"),
]
EVERY_RECORD = [pytest.param(record, id=record.value) for record in RecordName]
CPU_S = 3.0
"""Generous, for a machine with other work; what goes wrong here takes minutes, or for ever."""
ROOM_BYTES = 256 * 1024 * 1024


def is_broken(framing: Framing, record: RecordName, payload: bytes) -> bool:
    """Whether a payload is refused. One that is not must be a value that can be written again."""
    try:
        value = framing.decode(record, payload)
    except BrokenRecord:
        return True
    assert framing.decode(record, framing.encode(record, value)) == value
    return False


@pytest.mark.parametrize(("framing", "header"), FRAMINGS)
@pytest.mark.parametrize("record", EVERY_RECORD)
def test_record_cut_at_any_length_is_broken(
    framing: Framing, header: int, record: RecordName
) -> None:
    whole = framing.encode(record, SAMPLES[record])
    assert len(whole) > header
    for length in range(len(whole)):
        assert is_broken(framing, record, whole[:length]), length


@pytest.mark.parametrize(("framing", "header"), FRAMINGS)
@pytest.mark.parametrize("record", EVERY_RECORD)
def test_record_with_any_byte_behind_it_is_broken(
    framing: Framing, header: int, record: RecordName
) -> None:
    whole = framing.encode(record, SAMPLES[record])
    for more in range(256):
        with pytest.raises(BrokenRecord) as caught:
            framing.decode(record, whole + bytes([more]))
        assert caught.value.code is BrokenCode.TRAILING_BYTES


@pytest.mark.parametrize(("framing", "header"), FRAMINGS)
@pytest.mark.parametrize("record", EVERY_RECORD)
def test_record_with_any_bit_flipped_is_a_value_or_broken(
    framing: Framing, header: int, record: RecordName
) -> None:
    whole = framing.encode(record, SAMPLES[record])
    flipped = [
        whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]
        for place in range(len(whole))
        for bit in range(8)
    ]
    broken = sum(is_broken(framing, record, payload) for payload in flipped)
    assert broken >= header * 8 - 8, "a damaged header was taken for a whole one"


@pytest.mark.parametrize("writer", EVERY_RECORD)
@pytest.mark.parametrize("record", EVERY_RECORD)
def test_record_of_another_kind_is_broken_by_its_schema(
    writer: RecordName, record: RecordName
) -> None:
    for framing in (SINGLE_OBJECT, CONFLUENT):
        payload = framing.encode(writer, SAMPLES[writer])
        if writer is record:
            assert framing.decode(record, payload)
            continue
        with pytest.raises(BrokenRecord) as caught:
            framing.decode(record, payload)
        assert caught.value.code is BrokenCode.UNKNOWN_SCHEMA


def zigzag(number: int) -> bytes:
    """A number as Avro writes it."""
    number = (number << 1) ^ (number >> 63)
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


TEXT_WITH_SURROGATE = zigzag(3) + b"\xed\xa0\x80"
ORDER = SINGLE_OBJECT.encode(
    RecordName.SALES_ORDER,
    {
        **SAMPLES[RecordName.SALES_ORDER],
        "lines": [],
        "certificateTenders": [],
        "notification": None,
    },
)
BEFORE_LINES, AFTER_LINES = ORDER[:-3], b"\x00\x00\x00"
SHORTEST_LINE = b"\x00\x02\x00\x02\x00\x00"
LARGE = 3 * 1024 * 1024

PREPOSTEROUS: list[tuple[str, bytes]] = [
    *(
        (f"text of {length:,} bytes", ORDER[:10] + zigzag(length) + b"abc")
        for length in (2**20, 2**31, 2**40, 2**62, 2**63 - 1, -1, -(2**31), -(2**63))
    ),
    *(
        (f"{count:,} lines", BEFORE_LINES + zigzag(count) + SHORTEST_LINE * 3 + AFTER_LINES)
        for count in (2**20, 2**31, 2**62, 2**63 - 1)
    ),
    *(
        (
            f"-{count:,} lines of {size:,} bytes",
            BEFORE_LINES + zigzag(-count) + zigzag(size) + SHORTEST_LINE * 3 + AFTER_LINES,
        )
        for count in (2**31, 2**62)
        for size in (0, -1, 2**62)
    ),
    ("a number without an end", ORDER[:10] + b"\xff" * LARGE),
    ("a number of nothing", ORDER[:10] + b"\x80" * LARGE + b"\x00"),
    ("a surrogate", ORDER[:10] + TEXT_WITH_SURROGATE + b"\x00" * 40),
    (
        "half a million of the shortest lines",
        BEFORE_LINES + zigzag(500_000) + SHORTEST_LINE * 500_000 + AFTER_LINES,
    ),
    (
        "half a million blocks of one line",
        BEFORE_LINES + (zigzag(1) + SHORTEST_LINE) * 500_000 + AFTER_LINES,
    ),
]


@pytest.mark.parametrize("framing", [SINGLE_OBJECT, CONFLUENT], ids=["single-object", "confluent"])
@pytest.mark.parametrize(
    "payload", [pytest.param(payload, id=name) for name, payload in PREPOSTEROUS]
)
def test_preposterous_bytes_are_broken_soon_and_in_little_room(
    framing: Framing, payload: bytes
) -> None:
    """One record must not have the worker killed for its memory, again after every restart."""
    if framing is CONFLUENT:
        header = CONFLUENT.encode(RecordName.SALES_ORDER, SAMPLES[RecordName.SALES_ORDER])[:5]
        payload = header + payload[10:]
    tracemalloc.start()
    began_s = process_time()
    try:
        with pytest.raises(BrokenRecord):
            framing.decode(RecordName.SALES_ORDER, payload)
        taken_s, (_, peak) = process_time() - began_s, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken_s < CPU_S
    assert peak < ROOM_BYTES


def test_largest_record_that_is_looked_into_takes_bounded_room() -> None:
    count = (LARGEST_DECODED_BYTES - len(ORDER) - 8) // len(SHORTEST_LINE)
    payload = BEFORE_LINES + zigzag(count) + SHORTEST_LINE * count + AFTER_LINES
    tracemalloc.start()
    try:
        assert len(SINGLE_OBJECT.decode(RecordName.SALES_ORDER, payload)["lines"]) == count
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < ROOM_BYTES


def test_record_larger_than_any_is_not_looked_into() -> None:
    with pytest.raises(BrokenRecord, match="more than 2 MiB") as caught:
        SINGLE_OBJECT.decode(RecordName.SALES_ORDER, ORDER + b"\x00" * LARGEST_DECODED_BYTES)
    assert caught.value.code is BrokenCode.CONTRACT


# The readers: from fields to what they mean.


def feed_to_audit(fields: Fields) -> object:
    ledger = Ledger()
    ledger.feed(EventReader().event_of(fields, 0, 0, b"GC-0000-0042"))
    ledger.finish()
    return ledger


READERS: dict[RecordName, Callable[[Fields], object]] = {
    RecordName.SALES_ORDER: read_order,
    RecordName.PAYMENT: read_payment,
    RecordName.CLIENT: lambda fields: read_delivery(fields, AT_MS),
    RecordName.FACT: fact_from_record,
    RecordName.COMMAND: command_from_record,
    RecordName.POOL_COMMAND: pool_command_from_record,
    RecordName.GIFT_CERTIFICATE_EVENT: feed_to_audit,
    RecordName.REPLY: reply_from_record,
}


@pytest.mark.parametrize("record", READERS, ids=lambda record: record.value)
@given(data=st.data())
def test_any_record_that_fits_its_schema_is_understood_or_broken(
    record: RecordName, data: st.DataObject
) -> None:
    fields = data.draw(spoilt(current(record), SAMPLES[record]))
    complaint = None
    try:
        READERS[record](SINGLE_OBJECT.decode(record, SINGLE_OBJECT.encode(record, fields)))
    except BrokenRecord as broken:
        complaint = broken
    if complaint is not None:
        assert complaint.code is BrokenCode.CONTRACT
        said = [text for text in texts_of(fields) if text in complaint.text]
        assert not said, "the complaint holds what the record said"


def texts_of(value: object) -> Iterator[str]:
    """Every text in a record that is long enough not to be in a sentence by chance."""
    match value:
        case str() if len(value) > 12 and " " not in value:
            yield value
        case dict():
            for inner in value.values():
                yield from texts_of(inner)
        case list():
            for inner in value[:3]:
                yield from texts_of(inner)


TIMES = ("at", "reservedUntil", "holdExpiresAt")


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize("value", [-1, LAST_INSTANT_MS + 1, 2**63 - 1])
def test_reply_with_a_time_that_is_none_reaches_no_caller(name: str, value: int) -> None:
    """The edge writes times out in words: one that has none would be its own fault, not a reply."""
    with pytest.raises(BrokenRecord, match=name):
        reply_from_record(SAMPLES[RecordName.REPLY] | {name: value})


def test_sample_of_every_record_is_understood() -> None:
    """What the tests above spoil is good before."""
    for record, read in READERS.items():
        read(sample_of(current(record)))


@pytest.mark.parametrize("framing", [SINGLE_OBJECT, CONFLUENT], ids=["single-object", "confluent"])
@pytest.mark.parametrize("record", EVERY_RECORD)
def test_record_cut_short_still_shows_the_fields_before_the_cut(
    framing: SingleObjectFraming | ConfluentFraming, record: RecordName
) -> None:
    """For a person who looks at it: nothing is shown that was not there, nothing left out."""
    sample = SAMPLES[record]
    whole = framing.encode(record, sample)
    names = [field["name"] for field in current(record).declared["fields"]]
    shown = 0
    for length in range(10, len(whole) + 1):
        fields, taken, stopped_at = framing.opened(record, whole[:length]).begins_with()
        assert fields == {name: sample[name] for name in names[: len(fields)]}
        assert stopped_at == (None if len(fields) == len(names) else names[len(fields)])
        assert taken <= length
        assert len(fields) >= shown
        shown = len(fields)
    assert shown == len(names)


def test_record_larger_than_any_shows_no_field() -> None:
    opened = SINGLE_OBJECT.opened(RecordName.SALES_ORDER, ORDER + b"\x00" * LARGEST_DECODED_BYTES)
    assert opened.begins_with() == ({}, 10, "eventId")
