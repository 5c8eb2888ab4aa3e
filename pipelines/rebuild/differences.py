"""In what two images of one partition differ, key by key, told so that no number is told.

Owns the comparison and the words: which kind of record, and the last four of what it is about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipelines.stores import StoreName
from state.stores.image import read_rows
from state.stores.layout import DEADLINES, MAIN, SEPARATOR, deadline_entry

KEPT: Final = 100
"""So many differences of a partition are told one by one; all are counted."""

_KINDS: Final = {
    b"e": "event of the history",
    b"n": "place in the order",
    b"p": "membership",
    b"q": "outcome of a request",
    b"t": "number taken",
}
_MAIN_KINDS: Final = {
    StoreName.CERTIFICATES: "certificate",
    StoreName.POOLS: "head of the pool",
    StoreName.INDEX: "head of the entry",
    StoreName.CORRELATIONS: "correlation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One key that is not the same. `what` is missing (in the store), extra, or different."""

    kind: str
    subject: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How many keys differ, and the first of them."""

    count: int = 0
    first: tuple[Difference, ...] = ()


NOTHING_DIFFERS: Final = Compared()


def compare(store: StoreName, by_the_log: bytes, in_the_store: bytes) -> Compared:
    """Compare the rows of two images."""
    if by_the_log == in_the_store:
        return NOTHING_DIFFERS
    found = list(_differing_keys(by_the_log, in_the_store))
    first = tuple(_difference(store, key, what) for key, what in found[:KEPT])
    return Compared(count=len(found), first=first)


def _differing_keys(by_the_log: bytes, in_the_store: bytes) -> Iterator[tuple[bytes, str]]:
    wanted, there = dict(read_rows(by_the_log)), dict(read_rows(in_the_store))
    for key in sorted(wanted.keys() | there.keys()):
        if key not in there:
            yield key, "missing in the store"
        elif key not in wanted:
            yield key, "in the store, and not by the log"
        elif wanted[key] != there[key]:
            yield key, "another value in the store"


def _difference(store: StoreName, key: bytes, what: str) -> Difference:
    kind, subject = _named(store, key)
    return Difference(kind=kind, subject=subject, what=what)


def _named(store: StoreName, key: bytes) -> tuple[str, str]:
    prefix = DEADLINES + SEPARATOR
    if key.startswith(prefix):
        try:
            return "deadline", masked(deadline_entry(key.removeprefix(prefix)).message_key)
        except ValueError:
            return "deadline", "something unreadable"
    message_key, parted, within = key.rpartition(SEPARATOR)
    if not parted:
        return "unknown record", masked(within.decode(errors="replace"))
    kind = _MAIN_KINDS[store] if within == MAIN else _KINDS.get(within[:1], "unknown record")
    text = message_key.decode(errors="replace")
    # A pool's name is no secret, and four letters of it would help nobody.
    return kind, text if store is StoreName.POOLS else masked(text)


def masked(text: str) -> str:
    """The last four characters of a number or id; of an entry of the index, also its kind."""
    head, colon, rest = text.partition(":")
    return f"{head}:…{rest[-4:]}" if colon and head[:1].isalpha() else f"…{text[-4:]}"
