"""The enrichment without Kafka: both stages, the state of each shard, and a clock that is turned.

Owns nothing but that wiring: what is performed are the stages that run on Kafka.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.enrich.deadlines import ShardState
from pipelines.neighbours.enrich.join import Waits
from pipelines.neighbours.enrich.joining import WHY, Joining
from pipelines.neighbours.enrich.reading import (
    SHARDS,
    AnyFraming,
    OrdersReader,
    PaymentsReader,
    shard_key,
)
from pipelines.neighbours.enrich.records import Destination, Given, Headers, Taken
from pipelines.neighbours.enrich.told import Tick, encode
from pipelines.neighbours.records.record import SourceRecord
from tests.contracts.framings import SINGLE_OBJECT

NOW_MS: Final = 1_767_225_600_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
WAITS: Final = Waits(wait_ms=HOUR_MS, forget_ms=7 * DAY_MS, keep_ms=1_000 * DAY_MS)


class DictState:
    """The state of a shard."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def get_bytes(self, key: bytes) -> bytes | None:
        return self.kept.get(key)

    def set_bytes(self, key: bytes, value: bytes) -> None:
        self.kept[key] = value

    def delete(self, key: bytes) -> None:
        self.kept.pop(key, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What was written about a payment."""

    fields: dict[str, Any]
    why: str | None

    @property
    def marks(self) -> tuple[str | None, str | None]:
        return self.fields["certificateOperation"], self.fields["certificateId"]


def taken(
    record: SourceRecord,
    framing: AnyFraming = SINGLE_OBJECT,
    *,
    headers: Headers = (),
    timestamp_ms: int = NOW_MS,
) -> Taken:
    """A record of the kit as it comes from its topic."""
    return Taken(
        topic=record.topic.name,
        partition=3,
        offset=41,
        key=record.key,
        value=record.encode(framing),
        headers=headers,
        timestamp_ms=timestamp_ms,
    )


@dataclass(slots=True, kw_only=True)
class EnrichmentInMemory:
    """Takes records one by one, as the one worker of all partitions would."""

    framing: AnyFraming = SINGLE_OBJECT
    waits: Waits = WAITS
    now_ms: int = NOW_MS
    given: list[Given] = field(default_factory=list)
    dead_letters: list[Given] = field(default_factory=list)
    states: dict[bytes, DictState] = field(default_factory=dict)

    def take(self, *records: SourceRecord | Taken) -> "list[Payment]":
        """Perform records in this order; what was written because of them."""
        before = len(self.given)
        for record in records:
            self._perform(record if isinstance(record, Taken) else taken(record, self.framing))
        return [self._payment(given) for given in self.given[before:]]

    def pass_time(self, ms: int) -> "list[Payment]":
        """Let time pass, and tick until nothing is due; what was written because of it."""
        self.now_ms += ms
        before = len(self.given)
        for shard in range(SHARDS):
            self._join(
                Given(destination=Destination.JOIN, key=shard_key(shard), value=encode(Tick()))
            )
        return [self._payment(given) for given in self.given[before:]]

    @property
    def kept(self) -> int:
        """How many orders and waiting payments' orders the state holds."""
        return sum(key.startswith(b"o") for state in self.states.values() for key in state.kept)

    def _perform(self, record: Taken) -> None:
        orders = record.topic == "All_SalesOrder"
        reader = OrdersReader(self.framing) if orders else PaymentsReader(self.framing)
        for given in reader(record):
            self._give(given)

    def _give(self, given: Given) -> None:
        match given.destination:
            case Destination.JOIN:
                self._join(given)
            case Destination.OUTPUT:
                self.given.append(given)
            case Destination.DEAD_LETTERS:
                self.dead_letters.append(given)

    def _join(self, given: Given) -> None:
        assert given.key is not None
        state: ShardState = self.states.setdefault(given.key, DictState())
        record = Taken(
            topic="join",
            partition=0,
            offset=0,
            key=given.key,
            value=given.value,
            headers=given.headers,
            timestamp_ms=self.now_ms,
        )
        for output in Joining(self.framing, self.waits)(record, state, self.now_ms):
            self._give(output)

    def _payment(self, given: Given) -> Payment:
        why = dict(given.headers).get(WHY)
        return Payment(
            fields=self.framing.decode(RecordName.PAYMENT, given.value),
            why=None if why is None else why.decode(),
        )
