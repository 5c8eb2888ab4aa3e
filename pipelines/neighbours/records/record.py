"""What every builder of the kit gives, and the one error by which it refuses.

Owns the shape of a record before it is bytes, and the ids of events that were not given any. Must
not know a field of any contract.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from pipelines.contracts.fields import MAX_ID_LENGTH
from pipelines.contracts.framing import Framing
from pipelines.contracts.opened import LARGEST_DECODED_BYTES
from pipelines.contracts.schemas import RecordName
from pipelines.topics import Topic

_LONG_EVENT_IDS: Final = UUID("b1c0a5f4-7d2e-5e0b-8f0a-3c1d5f9a7e42")
"""The name space of event ids made of ids that are too long to stand beside each other."""


class ImpossibleRecord(ValueError):
    """A record that must not be written: which field, what is wrong with it, and what to do.

    The text names fields and never holds a value: a value may be an address or a number.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """One record of another system, ready to be written to `topic` under `key`.

    `value` is in the shape that a framing encodes: symbols are text, times epoch milliseconds,
    amounts the decimal's bytes. `version` is the contract's version that it is written by; absent:
    the current one.
    """

    topic: Topic
    name: RecordName
    key: bytes
    value: Mapping[str, object]
    version: int | None = None

    @property
    def event_id(self) -> str:
        """The id by which a repetition is known."""
        return str(self.value["eventId"])

    def encode(self, framing: Framing) -> bytes:
        """The bytes to write. ImpossibleRecord when they are more than the service looks into."""
        encoded = framing.encode(self.name, self.value, version=self.version)
        if len(encoded) > LARGEST_DECODED_BYTES:
            mebibytes = LARGEST_DECODED_BYTES // (1024 * 1024)
            raise ImpossibleRecord(
                f"{self.name.value} has more than {mebibytes} MiB, which nobody would read: "
                "write fewer lines or shorter texts"
            )
        return encoded


def event_id_of(*parts: str) -> str:
    """The id of an event that follows from what it is about: told again, it is the same event."""
    joined = "/".join(parts)
    return joined if len(joined) <= MAX_ID_LENGTH else str(uuid5(_LONG_EVENT_IDS, joined))
