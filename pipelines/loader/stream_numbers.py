"""What GiftCertificates.Stream says of the numbers of a file: loaded by whom, and their state now.

A number was loaded if and only if the stream has its `load` event, and that event's cause says by
which load. Reading on keys alone passes some hundred thousand events a second, where a question
to the service would take as long as loading the number. Sends nothing.
"""

from collections.abc import Mapping
from contextlib import closing
from sys import intern
from typing import Final, NamedTuple, Protocol

from pipelines.committed_reader import CommittedReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing, framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.loader.rows import LoadFile
from pipelines.progress import Advance
from pipelines.settings import Settings
from pipelines.topics import STREAM

_LOAD_EVENT: Final = "load"


class KnownNumber(NamedTuple):
    """A number that was loaded. `state` is the certificate's status after its last event."""

    by_this_load: bool
    loaded_at_ms: int
    pool: str
    state: str


class StreamRecord(Protocol):
    """A record of the stream, as the Kafka client gives it."""

    def key(self) -> bytes | str | None: ...

    def value(self) -> bytes | str | None: ...


class StreamNumbers:
    """Takes the stream's records in their order; `known` grows."""

    def __init__(self, load_id: str, numbers: Mapping[str, object], framing: Framing) -> None:
        self._prefix = f"load:{load_id}:"
        self._numbers = numbers
        self._framing = framing
        self.known: dict[str, KnownNumber] = {}

    def take(self, record: StreamRecord) -> None:
        """One record; whatever is not about these numbers is passed over unread."""
        key = record.key()
        number = key.decode(errors="replace") if isinstance(key, bytes) else key
        if number is None or number not in self._numbers:
            return
        payload = record.value()
        assert not isinstance(payload, str), "values are read as bytes"
        try:
            fields = self._framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, payload)
        except BrokenRecord:
            return  # The audit names it; the service itself would never have written it.
        snapshot = fields["payload"]
        if snapshot is None:
            return  # An alert about a number that nobody loaded.
        before = self.known.get(number)
        # A million numbers share a handful of pools and states: each text is kept once.
        state = intern(snapshot["status"])
        if before is not None:
            self.known[number] = before._replace(state=state)
        elif fields["eventType"] == _LOAD_EVENT:
            self.known[number] = KnownNumber(
                by_this_load=fields["causationId"] == f"{self._prefix}{number}",
                loaded_at_ms=fields["occurredAt"],
                pool=intern(snapshot["pool"]),
                state=state,
            )


def known_numbers(
    file: LoadFile, settings: Settings, advance: Advance, *, most_records: int | None = None
) -> dict[str, KnownNumber]:
    """Those of the file's numbers that were loaded until now.

    With `most_records`, a stream of more is not read, and nothing is known. BrokerUnreachable,
    BrokerRefused, TopicMissing.
    """
    with closing(framing_for(settings)) as framing, CommittedReader(settings, STREAM) as reader:
        numbers = StreamNumbers(file.load_id, file.rows, framing)
        ends = reader.ends()
        total = sum(ends.values())
        if most_records is not None and total > most_records:
            return {}
        for batch in reader.batches_to(ends):
            for message in batch:
                numbers.take(message)
            advance(min(reader.read, total), total)
    return numbers.known
