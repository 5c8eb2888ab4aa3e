"""Which records stand under which keys.

A store keeps everything of one message key under that key; within it these short keys tell the
records apart. One key stands outside: the deadlines of a whole partition, ordered by time, so
that a timer reads the due ones with one short scan. No message key begins with its prefix, a NUL.

Message keys may hold the separator: an order's id is whatever its source likes. So no key within a
record does (`position_key` only behind a NUL, which no message key has); the last separator is then
the one between the two, and no two records can meet under one stored key.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from state.certificate.commands import Origin

MAIN: Final = b"c"
"""The record of the key itself: a certificate's state, a correlation, a pool's or index's head."""

SEPARATOR: Final = b"|"
"""What the stream library puts between a message key and a key within it."""

_HISTORY: Final = b"e"
_AFTER_HISTORY: Final = b"f"
"""Above every key of a history, whatever its digits."""

DEADLINES: Final = b"\x00d"
"""The message key, as it were, of the deadlines of a partition."""


class KeyedRecords(Protocol):
    """The records of one message key, as a stage sees them: reads see its own writes."""

    def get_bytes(self, key: bytes) -> bytes | None: ...

    def set_bytes(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None: ...


def outcome_key(origin: Origin, command_id: str) -> bytes:
    """The kept answer of one request. The origin is part of it: each has its own name space."""
    return b"q" + origin.value[:1].encode() + _within(command_id)


def position_key(position: int) -> bytes:
    """A place in a pool's queue or in an index entry's list."""
    return b"n" + position.to_bytes(8, "big")


def member_key(certificate_id: str) -> bytes:
    """Where a certificate stands in a pool's queue or in an index entry's list."""
    return b"p" + _within(certificate_id)


def history_key(sequence: int) -> bytes:
    """An event of a certificate, by its number: byte order is the order in which they happened.

    Sixteen hexadecimal digits, not eight bytes: those may hold the separator, and those of event
    31,843 would end just like a main record.
    """
    return _HISTORY + sequence.to_bytes(8, "big").hex().encode()


def history_bounds(message_key: bytes, after: int = 0) -> tuple[bytes, bytes]:
    """The stored keys from and up to, not with, which the events after number `after` stand.

    Nothing else stands between them for a certificate: its number holds no separator.
    """
    return stored_key(message_key, history_key(after + 1)), stored_key(message_key, _AFTER_HISTORY)


def take_key(request_id: str) -> bytes:
    """What a pool gave to one request."""
    return b"t" + _within(request_id)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DeadlineEntry:
    """One deadline of one message key. Ordered by time; at most one of a kind and subject."""

    at_ms: int
    message_key: str
    kind: str
    subject: str


def deadline_key(entry: DeadlineEntry) -> bytes:
    """Eight bytes of time, then what it is of: byte order is time order."""
    text = "\x00".join((entry.message_key, entry.kind, entry.subject))
    return entry.at_ms.to_bytes(8, "big") + text.encode()


def deadline_entry(key: bytes) -> DeadlineEntry:
    """The entry of `deadline_key`."""
    message_key, kind, subject = key[8:].decode().split("\x00")
    return DeadlineEntry(
        at_ms=int.from_bytes(key[:8], "big"), message_key=message_key, kind=kind, subject=subject
    )


def _within(identifier: str) -> bytes:
    """An id without the separator. No id has a NUL: contracts let printable text through only."""
    return identifier.encode().replace(SEPARATOR, b"\x00")


def stored_key(message_key: bytes, key: bytes) -> bytes:
    """The key under which the stream library really keeps a record."""
    return message_key + SEPARATOR + key
