"""The contracts for the documentation: fields as a table, and JSON as people write it.

Reads the `.avsc` files; knows nothing of what a record means.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipelines.contracts.schemas import RecordName, current, published

Schema = Any
"""An Avro schema as JSON."""


def field_table(record: str) -> str:
    """Every field of a record, nested ones by their path, in the order of the contract."""
    rows = "".join(
        f"| `{path}` | {kind} | {text} |\n"
        for path, kind, text in _fields(current(RecordName(record)).declared, "")
    )
    return f"| field | type | meaning |\n|---|---|---|\n{rows}"


def _fields(record: Schema, prefix: str) -> Iterator[tuple[str, str, str]]:
    for field in record["fields"]:
        schema, optional = _unwrapped(field["type"])
        path = f"{prefix}{field['name']}"
        kind = _kind(schema) + (", optional" if optional else "")
        yield path, kind, _cell(field["doc"])
        items = schema["items"] if _type(schema) == "array" else schema
        if _type(items) == "record":
            nested = f"{path}[]." if _type(schema) == "array" else f"{path}."
            yield from _fields(items, nested)


def _unwrapped(schema: Schema) -> tuple[Schema, bool]:
    """A schema without `null`, and whether there was one."""
    if isinstance(schema, list):
        (kept,) = [branch for branch in schema if branch != "null"]
        return kept, True
    return schema, False


def _type(schema: Schema) -> str:
    return str(schema["type"] if isinstance(schema, Mapping) else schema)


def _kind(schema: Schema) -> str:
    logical = schema.get("logicalType") if isinstance(schema, Mapping) else None
    match logical or _type(schema):
        case "decimal":
            return "amount"
        case "timestamp-millis":
            return "time"
        case "enum":
            return ", ".join(f"`{symbol}`" for symbol in schema["symbols"] if symbol != "UNKNOWN")
        case "array":
            return "list"
        case "long":
            return "whole number"
        case other:
            # A type that is defined further up in the same record keeps its name.
            return f"`{other}`" if other[0].isupper() else other


def _cell(text: str) -> str:
    return text.split(" UNKNOWN: ", maxsplit=1)[0].replace("|", "\\|")


def wire_value(record: RecordName, text: str, *, version: int) -> dict[str, Any]:
    """What the codec takes, from JSON with amounts as decimal text and times in ISO 8601.

    ValueError when the JSON has a field that the contract does not have, or lacks one.
    """
    declared = published(record)[version - 1].declared
    value = _wire(declared, json.loads(text))
    assert isinstance(value, dict), "a contract is a record"
    return value


def _wire(schema: Schema, value: Any) -> Any:
    kept, optional = _unwrapped(schema)
    if value is None and optional:
        return None
    logical = kept.get("logicalType") if isinstance(kept, Mapping) else None
    match logical or _type(kept):
        case "decimal":
            return _decimal_bytes(Decimal(value))
        case "timestamp-millis":
            return int(datetime.fromisoformat(value).timestamp() * 1000)
        case "array":
            return [_wire(kept["items"], item) for item in value]
        case "record":
            fields = {field["name"]: field["type"] for field in kept["fields"]}
            if fields.keys() != value.keys():
                odd = sorted(fields.keys() ^ value.keys())
                raise ValueError(f"{kept['name']}: missing or unknown: {', '.join(odd)}")
            return {name: _wire(fields[name], value[name]) for name in fields}
        case _:
            return value


def _decimal_bytes(amount: Decimal) -> bytes:
    unscaled = int(amount.scaleb(4))
    return unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True)
