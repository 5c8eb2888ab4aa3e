"""The other contender for the stores: schemaless Avro over the same records.

Owns an Avro schema and converters made from the records' types, as good as we can make them in
Python: one closure a type, built once. It exists to be measured against, and is used by nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from io import BytesIO
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from fastavro import parse_schema, schemaless_reader, schemaless_writer

Convert = Callable[[Any], Any]


class AvroCodec:
    """Version byte and schemaless Avro of one type of record."""

    def __init__(self, record_type: type) -> None:
        self._schema = parse_schema(_schema_of(record_type, set()))
        self._to_plain = _to_plain(record_type)
        self._from_plain = _from_plain(record_type)

    def encode(self, record: object) -> bytes:
        return self.encode_plain(self._to_plain(record))

    def decode(self, value: bytes) -> object:
        return self._from_plain(self.decode_plain(value))

    def plain(self, record: object) -> Any:
        """The record as dictionaries, which is where fastavro begins."""
        return self._to_plain(record)

    def encode_plain(self, plain: Any) -> bytes:
        buffer = BytesIO()
        buffer.write(b"\x01")
        schemaless_writer(buffer, self._schema, plain)
        return buffer.getvalue()

    def decode_plain(self, value: bytes) -> Any:
        buffer = BytesIO(value)
        buffer.seek(1)
        return schemaless_reader(buffer, self._schema, None)


def _schema_of(kind: Any, known: set[str]) -> Any:
    primitives = {NoneType: "null", bool: "boolean", int: "long", str: "string"}
    if kind in primitives:
        return primitives[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return [_schema_of(branch, known) for branch in sorted(inner, key=_null_first)]
    if origin is tuple:
        return {"type": "array", "items": _schema_of(inner[0], known)}
    if origin is Mapping:
        return {"type": "map", "values": _schema_of(inner[1], known)}
    assert isinstance(kind, type), kind
    if kind.__name__ in known:
        return kind.__name__
    known.add(kind.__name__)
    if issubclass(kind, Enum):
        return {"type": "enum", "name": kind.__name__, "symbols": [each.value for each in kind]}
    assert is_dataclass(kind), kind
    hints = get_type_hints(kind)
    return {
        "type": "record",
        "name": kind.__name__,
        "fields": [
            {"name": field.name, "type": _schema_of(hints[field.name], known)}
            for field in fields(kind)
        ],
    }


def _null_first(branch: Any) -> bool:
    return branch is not NoneType


def _is_plain(kind: Any) -> bool:
    return kind in (NoneType, bool, int, str)


def _to_plain(kind: Any) -> Convert:
    """From a record to dictionaries; enum members are text already, being StrEnum."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (branch,) = (each for each in inner if each is not NoneType)
        convert = _to_plain(branch)
        return lambda value: None if value is None else convert(value)
    if origin is tuple:
        convert = _to_plain(inner[0])
        return lambda value: [convert(each) for each in value]
    if origin is Mapping:
        if _is_plain(inner[1]):
            return lambda value: value
        convert = _to_plain(inner[1])
        return lambda value: {key: convert(each) for key, each in value.items()}
    if not is_dataclass(kind):
        return lambda value: value
    hints = get_type_hints(kind)
    simple = [f.name for f in fields(kind) if _needs_nothing(hints[f.name])]
    rest = [(f.name, _to_plain(hints[f.name])) for f in fields(kind) if f.name not in simple]

    def record(value: Any) -> Any:
        plain = {name: getattr(value, name) for name in simple}
        for name, convert in rest:
            plain[name] = convert(getattr(value, name))
        return plain

    return record


def _needs_nothing(kind: Any) -> bool:
    """Whether values go to Avro as they are: primitives and text enums, absent or not."""
    if get_origin(kind) is UnionType:
        return all(_needs_nothing(branch) for branch in get_args(kind))
    return _is_plain(kind) or (isinstance(kind, type) and issubclass(kind, Enum))


def _from_plain(kind: Any) -> Convert:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (branch,) = (each for each in inner if each is not NoneType)
        convert = _from_plain(branch)
        return lambda value: None if value is None else convert(value)
    if origin is tuple:
        convert = _from_plain(inner[0])
        return lambda value: tuple([convert(each) for each in value])
    if origin is Mapping:
        if _is_plain(inner[1]):
            return lambda value: value
        convert = _from_plain(inner[1])
        return lambda value: {key: convert(each) for key, each in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = {member.value: member for member in kind}
        return members.__getitem__
    if not (isinstance(kind, type) and is_dataclass(kind)):
        return lambda value: value
    hints = get_type_hints(kind)
    changed = [
        (field.name, _from_plain(hints[field.name]))
        for field in fields(kind)
        if not _is_plain(hints[field.name]) and not _optional_plain(hints[field.name])
    ]

    def record(plain: Any) -> Any:
        for name, convert in changed:
            plain[name] = convert(plain[name])
        return kind(**plain)

    return record


def _optional_plain(kind: Any) -> bool:
    return get_origin(kind) is UnionType and all(_is_plain(branch) for branch in get_args(kind))
