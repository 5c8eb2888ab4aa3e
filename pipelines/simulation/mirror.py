"""What the world reads on the stream: the certificates as they were last told of.

Owns the reading of the stream, in parts, as any consumer does. It may be behind; it is never ahead.
"""

from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from pipelines.contracts.schemas import RecordName
from pipelines.topics import STREAM

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

Snapshot = Mapping[str, Any]


class Mirror:
    """The latest snapshot of every number, and the messages that customers are to be sent."""

    def __init__(self, universe: "Universe") -> None:
        self._universe = universe
        self._read = [0] * universe.partitions
        self.numbers: dict[str, Snapshot] = {}
        self.wishes: list[tuple[str, str]] = []
        """Certificate and message, of each message that was asked for and nobody took up yet."""

    def read(self) -> None:
        """Catch up with the stream."""
        decode = self._universe.framing.decode
        for partition, start in enumerate(self._read):
            end = self._universe.end_of(STREAM, partition)
            if end == start:
                continue
            for record in self._universe.records(STREAM, partition, start):
                self._take(decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value))
            self._read[partition] = end

    def _take(self, fields: Mapping[str, Any]) -> None:
        payload = fields["payload"]
        if payload is None:
            return
        self.numbers[payload["certificateId"]] = payload
        if fields["eventType"] == "notification.requested":
            self.wishes.append((payload["certificateId"], payload["notification"]["id"]))

    def any_number(self, random: Random) -> str | None:
        """A number that was ever told of."""
        return random.choice(list(self.numbers)) if self.numbers else None

    def spendable(self, random: Random) -> Snapshot | None:
        """A certificate with money on it, as it was told of."""
        return self._any(random, "ACTIVE", "PARTIALLY_REDEEMED")

    def sold(self, random: Random) -> Snapshot | None:
        """A certificate that was sold and not ended."""
        return self._any(random, "ISSUED", "ACTIVE", "PARTIALLY_REDEEMED", "REDEEMED")

    def locked(self, random: Random) -> Snapshot | None:
        """A certificate, or a free number, that lets nothing out."""
        found = [each for each in self.numbers.values() if each["lock"] is not None]
        return random.choice(found) if found else None

    def _any(self, random: Random, *lifecycles: str) -> Snapshot | None:
        found = [each for each in self.numbers.values() if each["lifecycle"] in lifecycles]
        return random.choice(found) if found else None
