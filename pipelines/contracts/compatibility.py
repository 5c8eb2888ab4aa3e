"""Whether one schema reads what another wrote, by Avro's rules of schema resolution.

Owns that one judgement, for published versions, for what a registry holds, and for a writer's
schema met on a topic. It is stricter than Avro in one point: a decimal of another scale, or a time
in another unit, resolves in Avro without a word and would move money by powers of ten; here it is
a problem. Aliases are not looked at, so a renamed field is a problem too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from fastavro.schema import parse_schema

from pipelines.contracts.schemas import Json

_PROMOTIONS: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}


def incompatibilities(one: Json, other: Json) -> list[str]:
    """Why two schemas are not fully compatible: what either cannot read of the other."""
    return [*reading_problems(one, other), *reading_problems(other, one)]


def reading_problems(reader: Json, writer: Json) -> list[str]:
    """Why `reader` cannot read every record that `writer` may write; empty when it can.

    Both are schemas as declared, logical types included. One sentence a problem, with the path to
    the field. A text that is no Avro schema raises fastavro's SchemaParseException or UnknownType.
    """
    resolution = _Resolution()
    parsed_reader = parse_schema(reader, resolution.reader_names)
    parsed_writer = parse_schema(writer, resolution.writer_names)
    return list(resolution.problems(parsed_reader, parsed_writer, ""))


@dataclass(frozen=True, slots=True)
class _Resolution:
    """One comparison: the named types of both sides, and the pairs of records under way."""

    reader_names: dict[str, Json] = field(default_factory=dict)
    writer_names: dict[str, Json] = field(default_factory=dict)
    under_way: set[tuple[str, str]] = field(default_factory=set)

    def problems(self, reader: Json, writer: Json, path: str) -> Iterator[str]:
        reader = _resolved(reader, self.reader_names)
        writer = _resolved(writer, self.writer_names)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.problems(reader, branch, path)
        elif isinstance(reader, list):
            yield from self._union_problems(reader, writer, path)
        elif _kind(reader) != _kind(writer):
            if _kind(reader) not in _PROMOTIONS.get(_kind(writer), ()):
                yield f"{_at(path)} is {_shown(writer)}, expected {_shown(reader)}"
        elif _mark(reader) != _mark(writer):
            yield f"{_at(path)} is {_shown(writer)}, expected {_shown(reader)}"
        else:
            yield from self._inner_problems(reader, writer, path)

    def _union_problems(self, reader: list[Json], writer: Json, path: str) -> Iterator[str]:
        """The writer's type must be readable by one branch; the closest one tells why it is not."""
        found = [list(self.problems(branch, writer, path)) for branch in reader]
        if not all(found):
            return
        for branch, problems in zip(reader, found, strict=True):
            if _kind(_resolved(branch, self.reader_names)) == _kind(writer):
                yield from problems
                return
        yield f"{_at(path)} can be {_shown(writer)}, expected {_shown(reader)}"

    def _inner_problems(self, reader: Json, writer: Json, path: str) -> Iterator[str]:
        kind = _kind(reader)
        if kind in {"record", "enum", "fixed"} and _short_name(reader) != _short_name(writer):
            yield f"{_at(path)} is {_shown(writer)}, expected {_shown(reader)}"
        elif kind == "record":
            yield from self._record_problems(reader, writer, path)
        elif kind == "enum":
            unknown = sorted(set(writer["symbols"]) - set(reader["symbols"]))
            if unknown and "default" not in reader:
                yield f"{_at(path)} can be {', '.join(unknown)}, which is unknown"
        elif kind == "fixed" and reader["size"] != writer["size"]:
            yield f"{_at(path)} has {writer['size']} bytes, expected {reader['size']}"
        elif kind == "array":
            yield from self.problems(reader["items"], writer["items"], f"{path}[]")
        elif kind == "map":
            yield from self.problems(reader["values"], writer["values"], f"{path}{{}}")

    def _record_problems(self, reader: Json, writer: Json, path: str) -> Iterator[str]:
        pair = (reader["name"], writer["name"])
        if pair in self.under_way:
            return
        self.under_way.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for wanted in reader["fields"]:
            name = f"{path}.{wanted['name']}" if path else wanted["name"]
            if wanted["name"] in written:
                yield from self.problems(wanted["type"], written[wanted["name"]]["type"], name)
            elif "default" not in wanted:
                yield f"{_at(name)} is missing and has no default"
        self.under_way.discard(pair)


def _resolved(schema: Json, names: Mapping[str, Json]) -> Json:
    """The definition, where the schema is the name of a type defined before."""
    return names.get(schema, schema) if isinstance(schema, str) else schema


def _kind(schema: Json) -> str:
    kind = schema["type"] if isinstance(schema, dict) else schema
    return str(kind)


def _mark(schema: Json) -> str:
    """The logical type with all that changes what the bytes mean."""
    logical = schema.get("logicalType", "") if isinstance(schema, dict) else ""
    if logical == "decimal":
        return f"decimal({schema.get('precision')},{schema.get('scale', 0)})"
    return str(logical)


def _short_name(schema: Json) -> str:
    """Avro matches named types by their name without the namespace."""
    return str(schema["name"]).rpartition(".")[2]


def _shown(schema: Json) -> str:
    if isinstance(schema, list):
        return " or ".join(_shown(branch) for branch in schema)
    if isinstance(schema, dict) and "name" in schema:
        return f"{schema['type']} {_short_name(schema)}"
    return _mark(schema) or _kind(schema)


def _at(path: str) -> str:
    return path or "the record"
