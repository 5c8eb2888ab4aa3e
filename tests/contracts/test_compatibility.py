"""Every version of a record reads every other: judged by Avro's rules, and shown on bytes."""

import copy
import re
from io import BytesIO
from itertools import product

import pytest
from fastavro import schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError
from fastavro.schema import parse_schema
from hypothesis import given
from hypothesis import strategies as st

from pipelines.contracts.compatibility import incompatibilities, reading_problems
from pipelines.contracts.schemas import (
    Json,
    RecordName,
    Schema,
    current,
    published,
    without_logical_types,
)
from tests.contracts.generated import values_of
from tests.contracts.golden_files import name_of
from tests.contracts.samples import SAMPLES

EVERY_PAIR = [
    pytest.param(writer, reader, id=f"{name_of(writer)}-read-as-v{reader.version}")
    for record in RecordName
    for writer, reader in product(published(record), repeat=2)
]
EVERY_RECORD = [pytest.param(record, id=record.value) for record in RecordName]
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}
TIME = {"type": "long", "logicalType": "timestamp-millis"}


def carried_over(writer: Json, reader: Json, value: object) -> object:
    """Write by one bare schema, read by the other."""
    buffer = BytesIO()
    schemaless_writer(buffer, writer, value)
    buffer.seek(0)
    return schemaless_reader(buffer, writer, reader)


@pytest.mark.parametrize(("writer", "reader"), EVERY_PAIR)
def test_published_versions_of_a_record_are_fully_compatible(
    writer: Schema, reader: Schema
) -> None:
    assert incompatibilities(writer.declared, reader.declared) == []


@pytest.mark.parametrize(("writer", "reader"), EVERY_PAIR)
@given(data=st.data())
def test_any_record_of_one_version_read_by_another_keeps_what_both_know(
    writer: Schema, reader: Schema, data: st.DataObject
) -> None:
    """What both versions have is the same, what only the reader has is null, the rest is gone."""
    value = data.draw(values_of(writer))
    names = [field["name"] for field in reader.declared["fields"]]
    expected = {name: value.get(name) for name in names}
    assert carried_over(writer.parsed, reader.parsed, value) == expected


@pytest.mark.parametrize("record", EVERY_RECORD)
def test_a_symbol_added_to_every_enum_is_compatible_and_reads_as_unknown(
    record: RecordName,
) -> None:
    """The readers of today survive the enums of tomorrow."""
    today = current(record).declared
    tomorrow = copy.deepcopy(today)
    value = copy.deepcopy(SAMPLES[record])
    expected = copy.deepcopy(SAMPLES[record])
    _add_symbol(tomorrow, "LATER")
    _replace_enums(today, value, "LATER", {})
    _replace_enums(today, expected, "UNKNOWN", {})
    assert incompatibilities(today, tomorrow) == []
    writer = parse_schema(without_logical_types(tomorrow))
    assert carried_over(writer, current(record).parsed, value) == expected


def _add_symbol(schema: Json, symbol: str) -> None:
    match schema:
        case list():
            for branch in schema:
                _add_symbol(branch, symbol)
        case {"type": "enum", "symbols": symbols}:
            symbols.append(symbol)
        case {"type": "record", "fields": fields}:
            for field in fields:
                _add_symbol(field["type"], symbol)
        case {"items": items}:
            _add_symbol(items, symbol)


def _replace_enums(schema: Json, value: Json, symbol: str, enums: dict[str, Json]) -> Json:
    """Put one symbol wherever the value holds an enum; the value is changed in place."""
    match schema:
        case list():
            return None if value is None else _replace_enums(schema[1], value, symbol, enums)
        case str():
            return symbol if schema in enums else value
        case {"type": "enum", "name": name}:
            enums[name] = schema
            return symbol
        case {"type": "record", "fields": fields}:
            for field in fields:
                name = field["name"]
                value[name] = _replace_enums(field["type"], value[name], symbol, enums)
            return value
        case {"items": items}:
            return [_replace_enums(items, item, symbol, enums) for item in value]
        case _:
            return value


def record_of(*fields: Json, name: str = "R") -> Json:
    return {"type": "record", "name": name, "fields": list(fields)}


def one_field(kind: Json, **more: Json) -> Json:
    return record_of({"name": "f", "type": kind, **more})


def enum_of(*symbols: str, name: str = "E", **more: str) -> Json:
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


TREE = record_of(
    {"name": "left", "type": ["null", "R"], "default": None}, {"name": "leaf", "type": "long"}
)

# Name, reader, writer, a record that the writer may write and the reader cannot read, and why.
UNREADABLE = [
    ("field missing", one_field("string"), record_of(), {}, "f is missing and has no default"),
    (
        "another type",
        one_field("string"),
        one_field("long"),
        {"f": 1},
        "f is long, expected string",
    ),
    ("narrowed", one_field("int"), one_field("long"), {"f": 1}, "f is long, expected int"),
    (
        "null no longer allowed",
        one_field("string"),
        one_field(["null", "string"]),
        {"f": None},
        "f is null, expected string",
    ),
    (
        "a branch no longer allowed",
        one_field(["null", "string"]),
        one_field(["null", "string", "long"]),
        {"f": 1},
        "f can be long, expected null or string",
    ),
    (
        "symbol removed without a default",
        one_field(enum_of("A")),
        one_field(enum_of("A", "B")),
        {"f": "B"},
        "f can be B, which is unknown",
    ),
    (
        "enum renamed",
        one_field(enum_of("A", name="E")),
        one_field(enum_of("A", name="F")),
        {"f": "A"},
        "f is enum F, expected enum E",
    ),
    ("record renamed", record_of(), record_of(name="S"), {}, "the record is record S"),
    (
        "shorter fixed",
        one_field({"type": "fixed", "name": "X", "size": 2}),
        one_field({"type": "fixed", "name": "X", "size": 3}),
        {"f": b"abc"},
        "f has 3 bytes, expected 2",
    ),
    (
        "items changed",
        one_field({"type": "array", "items": "string"}),
        one_field({"type": "array", "items": "long"}),
        {"f": [1]},
        r"f\[\] is long, expected string",
    ),
    (
        "values changed",
        one_field({"type": "map", "values": "string"}),
        one_field({"type": "map", "values": "long"}),
        {"f": {"a": 1}},
        r"f\{\} is long, expected string",
    ),
    (
        "deep inside an optional record",
        one_field(["null", record_of({"name": "g", "type": "string"}, name="In")]),
        one_field(["null", record_of({"name": "h", "type": "string"}, name="In")]),
        {"f": {"h": "x"}},
        "f.g is missing and has no default",
    ),
]


@pytest.mark.parametrize(
    ("reader", "writer", "value", "why"),
    [pytest.param(*case, id=name) for name, *case in UNREADABLE],
)
def test_schemas_that_cannot_be_resolved_are_a_problem_and_the_codec_agrees(
    reader: Json, writer: Json, value: object, why: str
) -> None:
    problems = reading_problems(copy.deepcopy(reader), copy.deepcopy(writer))
    assert len(problems) == 1
    assert re.search(why, problems[0])
    with pytest.raises(SchemaResolutionError):
        carried_over(parse_schema(writer), parse_schema(reader), value)


# The codec reads these without a word, and gets another amount or another time.
MISREAD = [
    ("another scale", DECIMAL, {**DECIMAL, "scale": 2}, r"f is decimal\(18,2\), expected decimal"),
    ("another precision", DECIMAL, {**DECIMAL, "precision": 20}, r"f is decimal\(20,4\)"),
    ("scale left out", DECIMAL, {"type": "bytes", "logicalType": "decimal", "precision": 18}, "0"),
    ("bare bytes", DECIMAL, "bytes", r"f is bytes, expected decimal\(18,4\)"),
    ("another unit", TIME, {"type": "long", "logicalType": "timestamp-micros"}, "timestamp-micros"),
    ("no unit", TIME, "long", "f is long, expected timestamp-millis"),
    ("optional, another scale", ["null", DECIMAL], ["null", {**DECIMAL, "scale": 2}], "18,2"),
]


@pytest.mark.parametrize(
    ("reader", "writer", "why"), [pytest.param(*case, id=name) for name, *case in MISREAD]
)
def test_schemas_that_mean_other_amounts_or_times_are_a_problem(
    reader: Json, writer: Json, why: str
) -> None:
    problems = reading_problems(one_field(reader), one_field(writer))
    assert len(problems) == 1
    assert re.search(why, problems[0])


# Name, reader, writer: what may differ.
READABLE = [
    ("the same", one_field("string"), one_field("string")),
    ("field added with a default", one_field(["null", "string"], default=None), record_of()),
    ("field taken away", record_of(), one_field("string")),
    ("widened", one_field("long"), one_field("int")),
    ("made optional", one_field(["null", DECIMAL]), one_field(DECIMAL)),
    ("symbol removed", one_field(enum_of("A", default="A")), one_field(enum_of("A", "B"))),
    (
        "another namespace",
        {**record_of(), "namespace": "giftcertificates"},
        {**record_of(), "namespace": "elsewhere"},
    ),
    ("recursive", TREE, TREE),
]


@pytest.mark.parametrize(
    ("reader", "writer"), [pytest.param(*case, id=name) for name, *case in READABLE]
)
def test_schemas_that_resolve_are_no_problem(reader: Json, writer: Json) -> None:
    assert reading_problems(copy.deepcopy(reader), copy.deepcopy(writer)) == []
