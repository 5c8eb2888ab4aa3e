"""Schemas of others by which a few bytes may take for ever to read, or more room than there is.

Owns the judgement of a writer's schema met on a topic, before any of its records is read. Every
record of ours is bounded by its bytes; a schema that somebody registered need not be: an array of
nothing has any length in ten bytes, and a type within itself goes as deep as there are bytes, which
the codec follows until its process is dead.
"""

from typing import Final

from fastavro.schema import parse_schema

from pipelines.contracts.schemas import Json

LARGEST_SCHEMA: Final = 10_000
"""Types within types, each counted where it stands. Ours have some fifty."""

_EMPTY: Final = frozenset({"null"})


def boundless(schema: Json) -> str | None:
    """Why records of this schema may not be read; None when their bytes bound them.

    A text that is no Avro schema raises fastavro's SchemaParseException or UnknownType.
    """
    names: dict[str, Json] = {}
    parsed = parse_schema(schema, names)
    try:
        _Measured(names).types(parsed)
    except _Boundless as found:
        return str(found)
    return None


class _Boundless(Exception):
    """What is wrong with the schema."""


class _Measured:
    """The measuring of one schema; each named type is measured once."""

    def __init__(self, names: dict[str, Json]) -> None:
        self._names = names
        self._types: dict[str, int] = {}
        self._open: set[str] = set()

    def types(self, schema: Json) -> int:
        """How many types there are within one, itself included."""
        match schema:
            case str() if schema in self._names:
                return self._named(schema)
            case list():
                count = 1 + sum(self.types(branch) for branch in schema)
            case {"type": "record", "name": name} if name not in self._open:
                return self._named(name)
            case {"type": "record", "fields": fields}:
                count = 1 + sum(self.types(field["type"]) for field in fields)
            case {"type": "array", "items": items}:
                count = 1 + self.types(items)
                if self._may_be_nothing(items):
                    raise _Boundless("it has an array of what takes no bytes")
            case {"type": "map", "values": values}:
                count = 1 + self.types(values)
            case {"type": dict() | list() as inner}:
                count = self.types(inner)
            case _:
                count = 1
        if count > LARGEST_SCHEMA:
            raise _Boundless(f"it has more than {LARGEST_SCHEMA:,} types within types")
        return count

    def _named(self, name: str) -> int:
        if name in self._open:
            raise _Boundless("a type is within itself")
        known = self._types.get(name)
        if known is None:
            self._open.add(name)
            known = self._types[name] = self.types(self._names[name])
            self._open.discard(name)
        return known

    def _may_be_nothing(self, schema: Json) -> bool:
        """Whether a value of it may take no bytes at all."""
        match schema:
            case str() if schema in self._names:
                return self._may_be_nothing(self._names[schema])
            case str():
                return schema in _EMPTY
            case {"type": "record", "fields": fields}:
                return all(self._may_be_nothing(field["type"]) for field in fields)
            case {"type": "fixed", "size": size}:
                return bool(size == 0)
            case {"type": dict() as inner}:
                return self._may_be_nothing(inner)
            case {"type": "null"}:
                return True
            case _:
                return False
