"""No secret is anywhere: no code that was told, no address, in any topic or store.

Owns the search. Bytes are searched first; a code that seems to be there is looked for once more in
what the bytes say, since eight digits may stand beside each other by chance.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pipelines.simulation.actors import Breach
from pipelines.simulation.laws_log import RECORDS, Findings, ReadLog
from pipelines.simulation.orders import ADDRESS
from pipelines.topics import ALL_SALES_ORDER, DLQ, STATEFUL, TOPICS

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def judge_secrets(universe: "Universe", log: ReadLog, codes: Iterable[str]) -> list[Breach]:
    """Every topic and store in which a secret is found."""
    law = Findings("secrets")
    search = Search(codes)
    for topic in TOPICS:
        if topic in (ALL_SALES_ORDER, DLQ):
            # The shop tells addresses itself, and what is broken is kept as it came.
            continue
        for record in log.records(topic):
            found = search.in_record(log, RECORDS[topic], record.value or b"")
            if found is not None:
                law.add(f"{topic.name} {record.partition}/{record.offset} holds {found}")
    for topics in STATEFUL.values():
        for topic in topics:
            for records in universe.stores(topic).values():
                for key, value in records.items():
                    found = search.in_stored(key, value)
                    if found is not None:
                        law.add(f"the store of {topic.name} holds {found} under {key!r}")
    return law.breaches


class Search:
    """What must not be found: these codes, and any address."""

    def __init__(self, codes: Iterable[str]) -> None:
        self._codes = frozenset(codes)
        lengths = {len(code) for code in self._codes}
        self._digits = re.compile(b"[0-9]{%d,}" % min(lengths)) if lengths else None
        self._address = ADDRESS.encode()

    def in_record(self, log: ReadLog, name: Any, value: bytes) -> str | None:
        """What a topic's record holds that it must not."""
        if self._address in value:
            return "an address"
        if self._may_hold_code(value) and self._in_texts(log.decode(name, value)):
            return "a code"
        return None

    def in_stored(self, key: bytes, value: bytes) -> str | None:
        """What a store's record holds that it must not."""
        if self._address in value or self._address in key:
            return "an address"
        if self._may_hold_code(value) and self._in_texts(_unpacked(value)):
            return "a code"
        return None

    def _may_hold_code(self, value: bytes) -> bool:
        if self._digits is None:
            return False
        for run in self._digits.findall(value):
            digits = run.decode()
            for code in self._codes:
                if code in digits:
                    return True
        return False

    def _in_texts(self, value: object) -> bool:
        return any(self._is_in(text) for text in _texts(value))

    def _is_in(self, text: str) -> bool:
        words = re.split(r"[^0-9A-Za-z]+", _UUID.sub("", text))
        return not self._codes.isdisjoint(words)


def _unpacked(value: bytes) -> object:
    """What a stored value says, whatever record it is."""
    try:
        return msgspec.msgpack.decode(value[1:])
    except msgspec.DecodeError:
        return value[1:].decode(errors="replace")


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case bytes():
            yield from _texts(_nested(value))
        case Mapping():
            for key, each in value.items():
                yield from _texts(key)
                yield from _texts(each)
        case list() | tuple():
            for each in value:
                yield from _texts(each)
        case int():
            yield str(value)


def _nested(value: bytes) -> object:
    """Bytes within a record: an amount, or nothing that anybody could read."""
    return int.from_bytes(value, "big", signed=True) if len(value) <= 8 else ""
