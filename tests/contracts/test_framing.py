"""Bytes become records or are broken, in both framings; what was ever written stays readable."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.framing import (
    ConfluentFraming,
    Fields,
    Framing,
    SingleObjectFraming,
    framing_for,
)
from pipelines.contracts.registry import RegistryUnreachable, SchemaMissing
from pipelines.contracts.schemas import RecordName, Schema, current, published
from pipelines.settings import Settings
from tests.contracts.framings import SINGLE_OBJECT, SUBJECTS, ListedSchemas, confluent
from tests.contracts.generated import damaged, values_of
from tests.contracts.golden_files import golden_bytes_file, name_of, readable
from tests.contracts.samples import SAMPLES, sample_of

EVERY_VERSION = [
    pytest.param(schema, id=name_of(schema))
    for record in RecordName
    for schema in published(record)
]
EVERY_RECORD = [pytest.param(record, id=record.value) for record in RecordName]


FRAMINGS = [
    pytest.param(SINGLE_OBJECT, id="single-object"),
    pytest.param(confluent(), id="confluent"),
]


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("record", EVERY_RECORD)
@given(data=st.data())
def test_any_record_through_the_bytes_and_back_is_the_same(
    framing: Framing, record: RecordName, data: st.DataObject
) -> None:
    value = data.draw(values_of(current(record)))
    assert framing.decode(record, framing.encode(record, value)) == value


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("schema", EVERY_VERSION)
def test_record_of_any_version_is_read_in_the_current_shape(
    framing: Framing, schema: Schema
) -> None:
    """A field its writer did not have yet is null."""
    value = sample_of(schema)
    payload = framing.encode(schema.record, value, version=schema.version)
    empty = dict.fromkeys(field["name"] for field in current(schema.record).declared["fields"])
    assert framing.decode(schema.record, payload) == {**empty, **value}


def test_payment_of_version_1_says_nothing_about_a_certificate() -> None:
    schema = published(RecordName.PAYMENT)[0]
    payload = SINGLE_OBJECT.encode(RecordName.PAYMENT, sample_of(schema), version=1)
    decoded = SINGLE_OBJECT.decode(RecordName.PAYMENT, payload)
    added = ("certificateId", "certificateOperation", "authorizationId", "originalPaymentId")
    assert [decoded[name] for name in (*added, "failureReason")] == [None] * 5
    assert decoded["paymentId"] == "payment-1"


@pytest.mark.parametrize("schema", EVERY_VERSION)
def test_bytes_written_when_a_version_was_published_still_mean_the_same(schema: Schema) -> None:
    """The golden files are never written anew: they stand for what lies on topics."""
    golden = json.loads(golden_bytes_file(schema).read_text(encoding="utf-8"))
    decoded = SINGLE_OBJECT.decode(schema.record, bytes.fromhex(golden["bytes"]))
    empty = dict.fromkeys(field["name"] for field in current(schema.record).declared["fields"])
    known = {name: value for name, value in golden["value"].items() if name in empty}
    assert readable(decoded) == {**empty, **known}


def test_single_object_header_is_the_mark_and_the_fingerprint_least_byte_first() -> None:
    """Known bytes, decoded and written again by Apache Avro's Java library when they were made."""
    payload = SINGLE_OBJECT.encode(
        RecordName.INDEX_ENTRY, {"entry": "", "certificateId": "", "at": 0}
    )
    assert payload.hex() == "c301" + "c8efcbba1a06e7fe" + "00" + "00" + "00"


def test_confluent_header_is_zero_and_the_id_most_byte_first() -> None:
    framing = confluent(*["{}"] * 0x0102)
    payload = framing.encode(RecordName.SALES_ORDER, SAMPLES[RecordName.SALES_ORDER])
    assert payload[:5].hex() == "00" + "00000103"


def test_records_of_both_framings_are_read_where_a_registry_is() -> None:
    """What was written before there was a registry does not become unreadable with it."""
    value = SAMPLES[RecordName.COMMAND]
    payload = SINGLE_OBJECT.encode(RecordName.COMMAND, value)
    assert confluent().decode(RecordName.COMMAND, payload) == value


def single(record: RecordName, version: int) -> bytes:
    return b"\xc3\x01" + published(record)[version - 1].fingerprint


PAYMENT = SINGLE_OBJECT.encode(RecordName.PAYMENT, SAMPLES[RecordName.PAYMENT])
MICROS = current(RecordName.INDEX_ENTRY).text.replace("timestamp-millis", "timestamp-micros")
REGISTERED = ("not json", '{"type":"record"}', '"no such type"', '{"type":"nope"}', MICROS)

BROKEN: list[tuple[str, Framing, RecordName, bytes | None, BrokenCode, str]] = [
    ("no value", SINGLE_OBJECT, RecordName.PAYMENT, None, BrokenCode.EMPTY, "no value"),
    ("empty value", SINGLE_OBJECT, RecordName.PAYMENT, b"", BrokenCode.EMPTY, "no value"),
    ("no value", confluent(), RecordName.PAYMENT, None, BrokenCode.EMPTY, "no value"),
    (
        "JSON",
        SINGLE_OBJECT,
        RecordName.PAYMENT,
        b'{"paymentId": "1"}',
        BrokenCode.UNKNOWN_FRAMING,
        "begins neither",
    ),
    ("JSON", confluent(), RecordName.PAYMENT, b"{}", BrokenCode.UNKNOWN_FRAMING, "begins neither"),
    (
        "half a header",
        confluent(),
        RecordName.PAYMENT,
        b"\x00\x00\x00",
        BrokenCode.UNKNOWN_FRAMING,
        "begins neither",
    ),
    (
        "a registry's framing without a registry",
        SINGLE_OBJECT,
        RecordName.PAYMENT,
        b"\x00\x00\x00\x00\x07abc",
        BrokenCode.UNKNOWN_FRAMING,
        "no registry is set",
    ),
    (
        "unknown fingerprint",
        SINGLE_OBJECT,
        RecordName.PAYMENT,
        b"\xc3\x01" + b"\x07" * 8,
        BrokenCode.UNKNOWN_SCHEMA,
        "fingerprint 0707070707070707 is no version of Payment",
    ),
    (
        "cut inside the fingerprint",
        SINGLE_OBJECT,
        RecordName.PAYMENT,
        PAYMENT[:6],
        BrokenCode.UNKNOWN_SCHEMA,
        "no version of Payment",
    ),
    (
        "a record of another topic",
        SINGLE_OBJECT,
        RecordName.CLIENT,
        PAYMENT,
        BrokenCode.UNKNOWN_SCHEMA,
        "no version of Client",
    ),
    (
        "a record of another topic",
        confluent(),
        RecordName.CLIENT,
        confluent().encode(RecordName.PAYMENT, SAMPLES[RecordName.PAYMENT]),
        BrokenCode.UNKNOWN_SCHEMA,
        "cannot be read as Client: the record is record Payment",
    ),
    (
        "unknown id",
        confluent(),
        RecordName.PAYMENT,
        b"\x00\x00\x00\x03\xe8abc",
        BrokenCode.UNKNOWN_SCHEMA,
        "no Avro schema of id 1000",
    ),
    (
        "an id no registry gives",
        confluent(),
        RecordName.PAYMENT,
        b"\x00\xff\xff\xff\xffabc",
        BrokenCode.UNKNOWN_SCHEMA,
        "no Avro schema of id 4294967295",
    ),
    *(
        (
            f"registered {text}",
            confluent(*REGISTERED),
            RecordName.INDEX_ENTRY,
            b"\x00" + schema_id.to_bytes(4, "big") + b"abc",
            BrokenCode.UNKNOWN_SCHEMA,
            f"schema {schema_id} is not an Avro schema",
        )
        for schema_id, text in enumerate(REGISTERED[:4], start=1)
    ),
    (
        "times in another unit",
        confluent(*REGISTERED),
        RecordName.INDEX_ENTRY,
        b"\x00\x00\x00\x00\x05abc",
        BrokenCode.UNKNOWN_SCHEMA,
        "at is timestamp-micros, expected timestamp-millis",
    ),
    (
        "nothing after the header",
        SINGLE_OBJECT,
        RecordName.PAYMENT,
        PAYMENT[:10],
        BrokenCode.UNDECODABLE,
        "EOFError",
    ),
    (
        "cut short",
        SINGLE_OBJECT,
        RecordName.PAYMENT,
        PAYMENT[:-1],
        BrokenCode.UNDECODABLE,
        "EOFError",
    ),
    (
        "text that is not UTF-8",
        SINGLE_OBJECT,
        RecordName.INDEX_ENTRY,
        single(RecordName.INDEX_ENTRY, 1) + b"\x02\xff\x00\x00",
        BrokenCode.UNDECODABLE,
        "UnicodeDecodeError",
    ),
    (
        "a length of eight exabytes",
        SINGLE_OBJECT,
        RecordName.INDEX_ENTRY,
        single(RecordName.INDEX_ENTRY, 1) + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        BrokenCode.UNDECODABLE,
        "are no IndexEntry",
    ),
    (
        "a negative length",
        SINGLE_OBJECT,
        RecordName.INDEX_ENTRY,
        single(RecordName.INDEX_ENTRY, 1) + b"\x05abc",
        BrokenCode.UNDECODABLE,
        "are no IndexEntry",
    ),
    (
        "a symbol beyond the last",
        SINGLE_OBJECT,
        RecordName.POOL_COMMAND,
        single(RecordName.POOL_COMMAND, 1) + b"\x7e",
        BrokenCode.UNDECODABLE,
        "IndexError",
    ),
    (
        "one byte too many",
        SINGLE_OBJECT,
        RecordName.PAYMENT,
        PAYMENT + b"\x00",
        BrokenCode.TRAILING_BYTES,
        "1 bytes follow",
    ),
    (
        "two records in one",
        confluent(),
        RecordName.PAYMENT,
        PAYMENT + PAYMENT,
        BrokenCode.TRAILING_BYTES,
        f"{len(PAYMENT)} bytes follow",
    ),
]


@pytest.mark.parametrize(
    ("framing", "record", "payload", "code", "text"),
    [pytest.param(*case, id=f"{name}-{type(case[0]).__name__}") for name, *case in BROKEN],
)
def test_payload_that_cannot_be_had_is_broken_with_its_reason(
    framing: Framing, record: RecordName, payload: bytes | None, code: BrokenCode, text: str
) -> None:
    with pytest.raises(BrokenRecord, match=text) as caught:
        framing.decode(record, payload)
    assert caught.value.code is code


def value_or_broken(framing: Framing, record: RecordName, payload: bytes) -> Fields | None:
    """The decoded value, which must then be a proper one; None when the payload is broken."""
    try:
        value = framing.decode(record, payload)
    except BrokenRecord:
        return None
    assert framing.decode(record, framing.encode(record, value)) == value
    return value


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("record", EVERY_RECORD)
@given(payload=st.binary(max_size=64))
def test_any_bytes_give_a_value_or_a_broken_record(
    framing: Framing, record: RecordName, payload: bytes
) -> None:
    value_or_broken(framing, record, payload)


@pytest.mark.parametrize("schema", EVERY_VERSION)
@given(body=st.binary(max_size=128))
def test_any_bytes_after_a_right_header_give_a_value_or_a_broken_record(
    schema: Schema, body: bytes
) -> None:
    value_or_broken(SINGLE_OBJECT, schema.record, single(schema.record, schema.version) + body)


@pytest.mark.parametrize("schema", EVERY_VERSION)
@given(data=st.data())
def test_any_damage_to_a_record_gives_a_value_or_a_broken_record(
    schema: Schema, data: st.DataObject
) -> None:
    whole = SINGLE_OBJECT.encode(schema.record, sample_of(schema), version=schema.version)
    value_or_broken(SINGLE_OBJECT, schema.record, data.draw(damaged(whole, header=10)))


def without(name: str) -> Callable[[Fields], Fields]:
    return lambda value: {key: kept for key, kept in value.items() if key != name}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param(lambda value: value | {"cvc": "1"}, "cvc", id="a field it does not have"),
        pytest.param(without("paymentId"), "paymentId", id="a field left out"),
        pytest.param(lambda value: value | {"type": "GIFT"}, "GIFT", id="a symbol it lacks"),
        pytest.param(lambda value: value | {"amount": 15.0}, "amount", id="a float for an amount"),
    ],
)
def test_encoding_a_value_that_does_not_fit_stops_as_a_bug(
    change: Callable[[Fields], Fields], complaint: str
) -> None:
    """Nothing is dropped or bent to fit: our own records are right or not written."""
    with pytest.raises((ValueError, TypeError), match=complaint):
        SINGLE_OBJECT.encode(RecordName.PAYMENT, change(SAMPLES[RecordName.PAYMENT]))


def test_registry_is_asked_once_for_each_schema_id() -> None:
    schemas = ListedSchemas()
    framing = ConfluentFraming(schemas, SUBJECTS)
    payload = framing.encode(RecordName.PAYMENT, SAMPLES[RecordName.PAYMENT])
    for _ in range(3):
        framing.decode(RecordName.PAYMENT, payload)
    assert schemas.asked == 1


def test_registry_that_is_down_stops_the_record_and_does_not_break_it() -> None:
    """A whole record must never end in the DLQ because somebody else is not there."""
    schemas = ListedSchemas()
    framing = ConfluentFraming(schemas, SUBJECTS)
    payload = framing.encode(RecordName.PAYMENT, SAMPLES[RecordName.PAYMENT])
    schemas.is_down = True
    with pytest.raises(RegistryUnreachable):
        framing.decode(RecordName.PAYMENT, payload)
    schemas.is_down = False
    assert framing.decode(RecordName.PAYMENT, payload) == SAMPLES[RecordName.PAYMENT]


def test_schema_that_is_not_registered_stops_a_writer_at_its_start() -> None:
    schemas = ListedSchemas()
    schemas.texts.remove(current(RecordName.REPLY).text)
    with pytest.raises(SchemaMissing, match="giftcert schemas apply"):
        ConfluentFraming(schemas, SUBJECTS, writes=[RecordName.REPLY])
    ConfluentFraming(schemas, SUBJECTS, writes=[RecordName.COMMAND])


def test_framing_is_chosen_by_whether_a_registry_is_set() -> None:
    assert isinstance(framing_for(Settings(schema_registry_url=None)), SingleObjectFraming)
    with_registry = framing_for(Settings(schema_registry_url="http://127.0.0.1:1"))
    assert isinstance(with_registry, ConfluentFraming)
    with_registry.close()


def test_framing_that_is_closed_gives_its_registry_up() -> None:
    schemas = ListedSchemas()
    ConfluentFraming(schemas, SUBJECTS).close()
    assert schemas.is_down
    SINGLE_OBJECT.close()
