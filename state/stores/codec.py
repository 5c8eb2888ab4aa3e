"""The bytes of every record in the stores.

Layout of a value: one version byte, then MessagePack. The version byte is never zero, so that a
value can never look like the eight-byte expiry stamp the stream library puts before values of
stores with a time to live. A map of field names is written, so a field that is added later with a
default leaves old bytes readable; a change that is more than that takes a new version byte and a
reader for the old one.

Must not hold rules: it turns domain records into bytes and back, nothing else.
"""

from typing import Final, Generic, TypeVar, get_args

import msgspec

from state.certificate.commands import Origin
from state.certificate.events import Event
from state.certificate.history import HistoryEntry
from state.certificate.record import CertificateState
from state.certificate.transition import Outcome
from state.correlation.record import Correlation
from state.pool.queue import PoolHead, Take

VERSION: Final = 1
_PREFIX: Final = bytes([VERSION])
_ENCODER: Final = msgspec.msgpack.Encoder()

# All that the library can raise on bytes that are no record: text that is not UTF-8 and arrays in
# arrays without end have errors of their own.
_MISFITS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Record = TypeVar("Record")


class UnreadableRecord(Exception):
    """Bytes in a store that no version of this codec wrote. A bug or a damaged disk: stop."""


class RecordCodec(Generic[Record]):
    """Bytes of one type of record."""

    def __init__(self, record_type: type[Record]) -> None:
        self._decoder = msgspec.msgpack.Decoder(record_type)

    def encode(self, record: Record) -> bytes:
        """The version byte and the record."""
        return _PREFIX + _ENCODER.encode(record)

    def decode(self, value: bytes) -> Record:
        """The record. UnreadableRecord when the bytes are not of a known version."""
        _check_version(value)
        try:
            return self._decoder.decode(memoryview(value)[1:])
        except _MISFITS as error:
            raise UnreadableRecord(str(error)) from error


class _KeptEntry(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A history entry as it is written: `event` is MessagePack too, of the type `kind` names."""

    sequence: int
    at_ms: int
    origin: Origin
    causation_id: str
    kind: str
    event: msgspec.Raw
    correlation_id: str | None = None
    actor: str | None = None


_KEPT_ENTRY: Final = RecordCodec(_KeptEntry)

# Named after their types, which the library can do by itself only for classes of its own.
_EVENTS: Final[dict[str, msgspec.msgpack.Decoder[Event]]] = {
    kind.__name__: msgspec.msgpack.Decoder(kind) for kind in get_args(Event)
}


class HistoryCodec:
    """Bytes of one event of a history. What an entry does not have is not written."""

    def encode(self, entry: HistoryEntry) -> bytes:
        """The version byte and the entry, with the name of the event's type beside the event."""
        event = entry.event
        kept = _KeptEntry(
            sequence=entry.sequence,
            at_ms=entry.at_ms,
            origin=entry.origin,
            causation_id=entry.causation_id,
            kind=type(event).__name__,
            event=msgspec.Raw(_ENCODER.encode(event)),
            correlation_id=entry.correlation_id,
            actor=entry.actor,
        )
        return _KEPT_ENTRY.encode(kept)

    def decode(self, value: bytes) -> HistoryEntry:
        """The entry. UnreadableRecord when no version wrote the bytes, or a newer one its event."""
        kept = _KEPT_ENTRY.decode(value)
        decoder = _EVENTS.get(kept.kind)
        if decoder is None:
            raise UnreadableRecord("this version knows no such event")
        try:
            event = decoder.decode(kept.event)
        except _MISFITS as error:
            raise UnreadableRecord(str(error)) from error
        return HistoryEntry(
            sequence=kept.sequence,
            event=event,
            at_ms=kept.at_ms,
            origin=kept.origin,
            causation_id=kept.causation_id,
            correlation_id=kept.correlation_id,
            actor=kept.actor,
        )


CERTIFICATE_STATE: Final = RecordCodec(CertificateState)
OUTCOME: Final = RecordCodec(Outcome)
HISTORY_ENTRY: Final = HistoryCodec()
CORRELATION: Final = RecordCodec(Correlation)
POOL_HEAD: Final = RecordCodec(PoolHead)
POOL_TAKE: Final = RecordCodec(Take)


def encode_text(text: str) -> bytes:
    """A value that is one identifier."""
    return _PREFIX + text.encode()


def decode_text(value: bytes) -> str:
    """The identifier of `encode_text`."""
    _check_version(value)
    try:
        return value[1:].decode()
    except UnicodeDecodeError as error:
        raise UnreadableRecord(str(error)) from error


def encode_number(number: int) -> bytes:
    """A value that is one non-negative number: big-endian, eight bytes after the version."""
    return _PREFIX + number.to_bytes(8, "big")


def decode_number(value: bytes) -> int:
    """The number of `encode_number`."""
    if len(value) != 9 or value[0] != VERSION:
        raise UnreadableRecord("not a number record")
    return int.from_bytes(value[1:], "big")


def _check_version(value: bytes) -> None:
    if not value or value[0] != VERSION:
        raise UnreadableRecord(f"version {value[:1].hex() or 'absent'} is not known")
