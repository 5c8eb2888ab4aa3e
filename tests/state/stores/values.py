"""Hypothesis strategies made from the records' own types: any value that may be kept.

Integers are as wide as the stores keep them; nothing here knows a rule.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

_PRIMITIVES: Mapping[Any, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(min_value=-(2**63), max_value=2**64 - 1),
    str: st.text(max_size=8),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that a record is made of."""
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return st.one_of([values_of(branch) for branch in inner])
    if origin is tuple:
        return st.lists(values_of(inner[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(values_of(inner[0]), values_of(inner[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    assert isinstance(kind, type), f"no value is known for {kind}"
    assert is_dataclass(kind), f"no value is known for {kind}"
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: values_of(hint) for name, hint in hints.items()})
