"""The published schemas: every version of every record, found by name or by fingerprint.

Owns where the `.avsc` files lie and how they are read. Must not write them, ask a registry, or
import anything named `avro`: that is Apache's package, ours are files found by path.

Logical types are taken off before the codec sees a schema, so that a decimal stays the bytes and a
timestamp the integer that are on the wire: `amounts` turns them into minor units, exactly and with
the currency at hand. `Schema.declared` keeps them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

Json = Any
"""A schema as JSON: a name, a list (union) or an object. Avro's own shape, too free for a type."""

_PUBLISHED_NAME = re.compile(r"(?P<record>[A-Za-z]+)\.v(?P<version>[1-9][0-9]*)\.avsc")


class RecordName(StrEnum):
    """Every record that is a topic's value."""

    SALES_ORDER = "SalesOrder"
    PAYMENT = "Payment"
    CLIENT = "Client"
    FACT = "Fact"
    COMMAND = "Command"
    POOL_COMMAND = "PoolCommand"
    GIFT_CERTIFICATE_EVENT = "GiftCertificateEvent"
    INDEX_ENTRY = "IndexEntry"
    REPLY = "Reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One version of one record.

    `text` is the schema as a registry keeps it, documentation included; `declared` the same as
    JSON; `parsed` what the codec works with; `fingerprint` the eight bytes of CRC-64-AVRO in the
    order in which they stand in a record (least significant first).
    """

    record: RecordName
    version: int
    text: str
    declared: Json
    parsed: Json
    fingerprint: bytes


def schema_folder() -> Path:
    """Where the `.avsc` files lie: inside the installed package, or at the top of the sources."""
    packaged = Path(__file__).parent / "avro"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "avro"
    assert folder.is_dir(), f"the schemas are missing from the installation: {folder}"
    return folder


@cache
def published(record: RecordName) -> tuple[Schema, ...]:
    """Every version of a record, oldest first."""
    return tuple(
        load_schema(record, version, path.read_text(encoding="utf-8"))
        for version, path in sorted(_published_files(record))
    )


def current(record: RecordName) -> Schema:
    """The version that is written today and that every reader reads into."""
    return published(record)[-1]


@cache
def by_fingerprint(record: RecordName) -> Mapping[bytes, Schema]:
    """The versions of a record by the fingerprint that frames them."""
    return {schema.fingerprint: schema for schema in published(record)}


def load_schema(record: RecordName, version: int, text: str) -> Schema:
    """Read one schema from its JSON text."""
    declared = json.loads(text)
    parsed = parse_schema(without_logical_types(declared))
    return Schema(
        record=record,
        version=version,
        text=json.dumps(declared, ensure_ascii=False, separators=(",", ":")),
        declared=declared,
        parsed=parsed,
        fingerprint=fingerprint_of(parsed),
    )


def fingerprint_of(schema: Json) -> bytes:
    """CRC-64-AVRO of the parsing canonical form, in the byte order of a single-object header.

    The canonical form leaves out documentation, defaults and logical types.
    """
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def without_logical_types(schema: Json) -> Json:
    """The same schema with every logical type taken off; what is left is what is on the wire."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    bare = {
        key: value
        for key, value in schema.items()
        if key not in {"logicalType", "precision", "scale"}
    }
    for key in ("type", "items", "values"):
        if key in bare:
            bare[key] = without_logical_types(bare[key])
    if "fields" in bare:
        bare["fields"] = [without_logical_types(field) for field in bare["fields"]]
    return bare


def _published_files(record: RecordName) -> Iterator[tuple[int, Path]]:
    for path in (schema_folder() / "published").iterdir():
        match = _PUBLISHED_NAME.fullmatch(path.name)
        if match is not None and match["record"] == record.value:
            yield int(match["version"]), path
