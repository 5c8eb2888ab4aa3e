"""A framing that reads and never writes: for stages that are folded without emitting anything.

Owns leaving out what nobody gets: encoding the events is a third of a stage's time, and a registry
need not know the schemas of what is not written.
"""

from collections.abc import Mapping

from pipelines.contracts.framing import Fields, Framing
from pipelines.contracts.schemas import RecordName


class SilentFraming:
    """Reads as another framing does; what is written is empty."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing

    def encode(
        self, record: RecordName, value: Mapping[str, object], *, version: int | None = None
    ) -> bytes:
        """Nothing: no store holds what a stage wrote."""
        del record, value, version
        return b""

    def decode(self, record: RecordName, payload: bytes | None) -> Fields:
        """As the other framing."""
        return self._framing.decode(record, payload)

    def close(self) -> None:
        """Close the other framing."""
        self._framing.close()
