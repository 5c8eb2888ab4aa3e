"""Schemas that others registered: one by which a record could not be read in time is refused."""

import json
from typing import Any

import pytest

from pipelines.contracts.boundless import boundless
from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.schemas import RecordName, current, published
from tests.contracts.framings import confluent
from tests.contracts.golden_files import name_of
from tests.contracts.samples import SAMPLES

BODY = confluent().encode(RecordName.PAYMENT, SAMPLES[RecordName.PAYMENT])[5:]
EMPTY = {"type": "record", "name": "Empty", "fields": []}


def record(name: str, *types: Any) -> dict[str, Any]:
    fields = [{"name": f"f{position}", "type": each} for position, each in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def laughs(depth: int) -> Any:
    """A type that holds ten of a type that holds ten …; one record of it takes no byte."""
    inner: Any = EMPTY
    for level in range(depth):
        inner = record(f"L{level}", inner, *[inner["name"]] * 9)
    return inner


BOUNDLESS = [
    ({"type": "array", "items": "null"}, "an array of what takes no bytes"),
    ({"type": "array", "items": EMPTY}, "an array of what takes no bytes"),
    ({"type": "array", "items": record("R", "null", EMPTY)}, "an array of what takes no bytes"),
    (
        {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
        "an array of what takes no bytes",
    ),
    (record("R", EMPTY, {"type": "array", "items": "Empty"}), "an array of what takes no bytes"),
    (["null", {"type": "map", "values": {"type": "array", "items": "null"}}], "an array of what"),
    (record("R", ["null", "R"]), "a type is within itself"),
    (record("R", record("S", ["null", {"type": "array", "items": "R"}])), "within itself"),
    (record("R", {"type": "map", "values": "R"}), "a type is within itself"),
    (laughs(5), "more than 10,000 types within types"),
    (laughs(50), "more than 10,000 types within types"),
]


def theirs(extra: Any) -> str:
    """A payment with one more field, before all that we know."""
    schema = json.loads(current(RecordName.PAYMENT).text)
    schema["fields"].insert(0, {"name": "theirs", "type": extra})
    return json.dumps(schema)


@pytest.mark.parametrize(("extra", "says"), BOUNDLESS)
def test_record_by_a_schema_without_bounds_is_broken_before_it_is_read(
    extra: Any, says: str
) -> None:
    """Read, it would keep the worker busy for ever, or take its process down with it."""
    framing = confluent(theirs(extra))
    with pytest.raises(BrokenRecord, match=says) as caught:
        framing.decode(RecordName.PAYMENT, b"\x00\x00\x00\x00\x01" + b"\xfe" * 9 + b"\x01" + BODY)
    assert caught.value.code is BrokenCode.UNKNOWN_SCHEMA


BOUNDED = [
    ("null", b""),
    (EMPTY, b""),
    (laughs(3), b""),
    ({"type": "array", "items": "string"}, b"\x02\x02x\x00"),
    ({"type": "array", "items": ["null", "string"]}, b"\x02\x00\x00"),
    ({"type": "map", "values": "null"}, b"\x02\x02x\x00"),
    (record("R", record("S", "string"), "S"), b"\x02x\x02y"),
]


@pytest.mark.parametrize(("extra", "written"), BOUNDED)
def test_field_that_only_others_know_is_passed_over(extra: Any, written: bytes) -> None:
    """What they add to their records, in a way that can be read, is no fault."""
    framing = confluent(theirs(extra))
    payload = b"\x00\x00\x00\x00\x01" + written + BODY
    assert framing.decode(RecordName.PAYMENT, payload) == SAMPLES[RecordName.PAYMENT]


def test_text_nested_without_end_is_no_schema() -> None:
    framing = confluent("[" * 100_000)
    with pytest.raises(BrokenRecord, match="schema 1 is not an Avro schema"):
        framing.decode(RecordName.PAYMENT, b"\x00\x00\x00\x00\x01" + BODY)


@pytest.mark.parametrize(
    "schema", [each for name in RecordName for each in published(name)], ids=name_of
)
def test_every_schema_of_ours_is_bounded(schema: Any) -> None:
    assert boundless(schema.declared) is None
