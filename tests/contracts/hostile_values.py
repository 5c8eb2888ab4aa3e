"""Records that fit their schema and that nobody in his senses would send.

Owns the values, type by type, and the spoiling of a good record with a few of them. It knows which
ids the samples use, so that a spoilt record may well name somebody else's certificate or order.
"""

from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

from pipelines.contracts.framing import Fields
from pipelines.contracts.schemas import Json, Schema
from tests.contracts.samples import AT_MS, wire_amount

Path = tuple[str | int, ...]
"""Field names and places in lists, from the record inward."""

LAST_INSTANT_MS: Final = 253_402_300_799_999
_FAMILIAR: Final = (
    "GC-0000-0042",
    "GC-0000-0007",
    "ELECTRONIC",
    "order-1",
    "correlation-1",
    "payment-1",
    "payment-0",
    "request-1",
    "hold-1",
    "correlation-1/issue/1",
    "correlation:correlation-1",
    "1",
    "2",
)
_CURRENCIES: Final = ("RUB", "JPY", "KWD", "CLF", "XAU", "XXX", "rub", "ZZZ")
_TEXTS: Final = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "line\nbreak",
    "\u200fright to left",
    "\ufffe",
    "|",
    "a|b|c",
    "/",
    "../..",
    "UNKNOWN",
    "x" * 200,
    "x" * 201,
    "x" * 1_000,
    "x" * 1_001,
    "x" * 100_000,
    "\u0436" * 200,
    "\U0001f381" * 200,
    "A1" * 16,
    "A1" * 17,
)
_NUMBERS: Final = (
    0,
    1,
    2,
    -1,
    500,
    501,
    AT_MS - 1,
    AT_MS,
    AT_MS + 1,
    AT_MS + 86_400_000,
    LAST_INSTANT_MS,
    LAST_INSTANT_MS + 1,
    2**31 - 1,
    2**31,
    2**53,
    2**63 - 1,
    -(2**63),
)
_AMOUNTS: Final = (
    b"",
    b"\x00",
    b"\x00" * 64 + b"\x01",
    b"\x7f" * 1_000,
    b"\x80",
    b"\xff" * 9,
    *(
        wire_amount(parts)
        for parts in (
            1,
            50,
            100,
            10_000,
            15_000_000,
            15_005_000,
            10**18 - 1,
            10**18 - 10_000,
            10**18,
            -1,
            -10_000,
            -(10**18),
        )
    ),
)
_INTS: Final = tuple(number for number in _NUMBERS if -(2**31) <= number < 2**31)
_MANY: Final = 501


def hostile(schema: Json, names: dict[str, Json], good: object) -> st.SearchStrategy[Any]:
    """Values of a type that its schema takes and its reader may not; `good` is what was there."""
    match schema:
        case list():
            return st.one_of([hostile(branch, names, good) for branch in schema])
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "string":
            return st.one_of(
                st.sampled_from(_FAMILIAR + _CURRENCIES), st.sampled_from(_TEXTS), st.text()
            )
        case "int":
            return st.sampled_from(_INTS)
        case "long" | {"type": "long"}:
            return st.sampled_from(_NUMBERS)
        case {"logicalType": "decimal"}:
            return st.sampled_from(_AMOUNTS)
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
        case {"type": "array"}:
            return _hostile_list(good)
        case {"type": "record"}:
            return st.just(good)
        case {"type": inner}:
            return hostile(inner, names, good)
        case str():
            return hostile(names[schema], names, good)
        case _:
            raise AssertionError(f"no hostile value is known for {schema}")


def _hostile_list(good: object) -> st.SearchStrategy[Any]:
    rows = list(good) if isinstance(good, list) else []
    return st.sampled_from([[], rows, rows + rows, rows[::-1], (rows * _MANY)[:_MANY]])


@st.composite
def spoilt(draw: st.DrawFn, schema: Schema, good: Fields, most: int = 3) -> Fields:
    """The good record with up to so many of its values, inner ones too, replaced."""
    names: dict[str, Json] = {}
    _collect(schema.declared, names)
    record = good
    for _ in range(draw(st.integers(min_value=0, max_value=most))):
        places = list(_places(schema.declared, names, record, ()))
        path, inner, value = draw(st.sampled_from(places))
        record = _replaced(record, path, draw(hostile(inner, names, value)))
    return record


def _collect(schema: Json, names: dict[str, Json]) -> None:
    match schema:
        case list():
            for branch in schema:
                _collect(branch, names)
        case {"type": "record", "name": name, "fields": fields}:
            names[name] = schema
            for field in fields:
                _collect(field["type"], names)
        case {"type": "enum", "name": name}:
            names[name] = schema
        case {"type": "array", "items": items}:
            _collect(items, names)
        case {"type": inner}:
            _collect(inner, names)


def _places(
    schema: Json, names: dict[str, Json], value: object, path: Path
) -> Iterator[tuple[Path, Json, object]]:
    """Every value within a record, with its type."""
    match schema:
        case {"type": "record", "fields": fields} if isinstance(value, dict):
            for field in fields:
                inner, found = field["type"], value[field["name"]]
                yield (*path, field["name"]), inner, found
                yield from _places(inner, names, found, (*path, field["name"]))
        case {"type": "array", "items": items} if isinstance(value, list):
            for position, row in enumerate(value[:3]):
                yield from _places(items, names, row, (*path, position))
        case list() if value is not None:
            for branch in schema:
                if branch != "null":
                    yield from _places(branch, names, value, path)
        case str() if schema in names:
            yield from _places(names[schema], names, value, path)


def _replaced(value: Any, path: Path, new: object) -> Any:
    if not path:
        return new
    first, *rest = path
    if isinstance(value, list):
        assert isinstance(first, int), "a place in a list is a number"
        changed = list(value)
        changed[first] = _replaced(value[first], tuple(rest), new)
        return changed
    return {**value, first: _replaced(value[first], tuple(rest), new)}
