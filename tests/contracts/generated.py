"""Hypothesis strategies made from schemas: any value a writer of that schema may write."""

from functools import partial

from hypothesis import strategies as st

from pipelines.contracts.schemas import Json, Schema
from tests.contracts.samples import wire_amount

_LONGS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
_PRIMITIVES = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(min_value=-(2**31), max_value=2**31 - 1),
    "long": _LONGS,
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=12),
    "string": st.text(max_size=12),
}


def values_of(schema: Schema) -> st.SearchStrategy[dict[str, object]]:
    """Any value of one version of one record."""
    return _record(schema.declared, {})


def _any_of(schema: Json, names: dict[str, Json]) -> st.SearchStrategy[object]:
    match schema:
        case list():
            return st.one_of([_any_of(branch, names) for branch in schema])
        case str():
            return _PRIMITIVES[schema] if schema in _PRIMITIVES else _any_of(names[schema], names)
        case {"type": "record"}:
            return _record(schema, names)
        case {"type": "enum", "name": name, "symbols": symbols}:
            names[name] = schema
            return st.sampled_from(symbols)
        case {"type": "array", "items": items}:
            return st.lists(_any_of(items, names), max_size=3)
        case {"logicalType": "decimal", "precision": precision}:
            limit = 10**precision - 1
            return st.integers(min_value=-limit, max_value=limit).map(wire_amount)
        case {"type": inner}:
            return _any_of(inner, names)
        case _:
            raise AssertionError(f"no value is known for {schema}")


def _record(schema: Json, names: dict[str, Json]) -> st.SearchStrategy[dict[str, object]]:
    names[schema["name"]] = schema
    fields = {field["name"]: _any_of(field["type"], names) for field in schema["fields"]}
    return st.fixed_dictionaries(fields)


def damaged(payload: bytes, header: int) -> st.SearchStrategy[bytes]:
    """A framed record with something cut, put in, or overwritten after its header."""
    places = st.integers(min_value=header, max_value=len(payload))
    return st.one_of(
        places.map(lambda place: payload[:place]),
        st.builds(partial(_put_in, payload), places, st.binary(min_size=1, max_size=12)),
        st.builds(partial(_overwrite, payload), places, st.binary(min_size=1, max_size=12)),
    )


def _put_in(payload: bytes, place: int, more: bytes) -> bytes:
    return payload[:place] + more + payload[place:]


def _overwrite(payload: bytes, place: int, other: bytes) -> bytes:
    return payload[:place] + other + payload[place + len(other) :]
