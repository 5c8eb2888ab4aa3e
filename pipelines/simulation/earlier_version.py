"""How a worker of the version before writes, while a rolling upgrade is under way.

Owns the two rules of change that the contracts and the store's codec promise to survive: a record
by its schema's version before, and a state record without the fields that came later. Which fields
came later is not asked: every field that has its default is left out, as if all had.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Final

import msgspec

from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName, published
from pipelines.simulation.store import Rewrite
from pipelines.topics import COMMANDS, FACTS, POOL, Topic
from state.stores.codec import CERTIFICATE_STATE, CORRELATION, OUTCOME, POOL_HEAD, RecordCodec
from state.stores.layout import MAIN

_MAIN_RECORDS: Final[Mapping[str, RecordCodec[Any]]] = {
    COMMANDS.name: CERTIFICATE_STATE,
    FACTS.name: CORRELATION,
    POOL.name: POOL_HEAD,
}
_OUTCOME_MARK: Final = b"q"
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_ENCODER: Final = msgspec.msgpack.Encoder()


class EarlierFraming(SingleObjectFraming):
    """Writes every record by the version before its current one, where there is one."""

    def encode(
        self, record: RecordName, value: Mapping[str, object], *, version: int | None = None
    ) -> bytes:
        schemas = published(record)
        if version is not None or len(schemas) == 1 or record is RecordName.REPLY:
            # A reply that does not say what it answers is no answer to today's edge: nobody's
            # calls would end while such a worker has their partition.
            return super().encode(record, value, version=version)
        known = {field["name"] for field in schemas[-2].parsed["fields"]}
        fitting = {name: part for name, part in value.items() if name in known}
        return super().encode(record, fitting, version=len(schemas) - 1)


def earlier_state(topic: Topic) -> Rewrite:
    """How the stage of that topic wrote its records before; other kinds of record are the same."""
    main = _MAIN_RECORDS.get(topic.name)

    def rewrite(key: bytes, value: bytes) -> bytes:
        if key == MAIN and main is not None:
            return without_defaults(main, value)
        if key.startswith(_OUTCOME_MARK) and topic is COMMANDS:
            return without_defaults(OUTCOME, value)
        return value

    return rewrite


def without_defaults(codec: RecordCodec[Any], value: bytes) -> bytes:
    """The same record without the fields that have their defaults."""
    return value[:1] + _ENCODER.encode(_pruned(codec.decode(value)))


def _pruned(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if is_dataclass(kind):
        pruned = {}
        for name, default in _defaults(kind):
            part = getattr(value, name)
            if part != default:
                pruned[name] = _pruned(part)
        return pruned
    if isinstance(value, Mapping):
        return {key: _pruned(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_pruned(each) for each in value]
    return value


@cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """Each field, and what it is when it is not written; MISSING where it must be."""
    return tuple((each.name, _default(each)) for each in fields(kind))


def _default(field: "Field[Any]") -> Any:
    if field.default is not MISSING:
        return field.default
    return MISSING if field.default_factory is MISSING else field.default_factory()
