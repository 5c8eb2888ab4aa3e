"""From a record of the stream to the event that the audit judges, or to why it is none.

Owns the decoding. Judges nothing.
"""

from dataclasses import dataclass

from confluent_kafka import Message

from pipelines.audit.stream_event import EventReader, StreamEvent
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record of the stream that is no event, where it stands, and why."""

    key: str
    partition: int
    offset: int
    text: str


class StreamRecords:
    """Reads records. Remembers amounts, of which there are few different."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._events = EventReader()

    def read(self, message: Message) -> StreamEvent | Unreadable:
        """The event in a record that was consumed without an error."""
        key, value = _bytes(message.key()), _bytes(message.value())
        partition, offset = message.partition(), message.offset()
        assert partition is not None, "a record that was read has a place"
        assert offset is not None, "a record that was read has a place"
        try:
            fields = self._framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, value)
            return self._events.event_of(fields, partition, offset, key)
        except BrokenRecord as error:
            text = (key or b"").decode(errors="replace")
            return Unreadable(key=text, partition=partition, offset=offset, text=str(error))


def _bytes(raw: str | bytes | None) -> bytes | None:
    return raw.encode() if isinstance(raw, str) else raw
