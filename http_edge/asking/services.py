"""What the calls work with: one object made at start, so that no call reaches for a global."""

import asyncio
import time
from typing import Final

from http_edge.access.gate import Gate
from http_edge.api.problems import moving, not_found, not_there_yet
from http_edge.asking.requests import Requests
from http_edge.asking.store_position import StorePosition
from pipelines.contracts.framing import Framing
from pipelines.cvc_keys import CvcKeys
from pipelines.local_stores import WorkerStore
from pipelines.outbox import Outbox
from pipelines.owners import Owners, Place
from pipelines.partitioning import partition_of
from pipelines.runtime import Worker
from pipelines.topics import COMMANDS, INDEX, POOL, Topic
from state.certificate.commands import Origin
from state.certificate.record import CertificateState
from state.certificate.transition import Outcome
from state.stores.codec import CERTIFICATE_STATE, OUTCOME
from state.stores.layout import MAIN, outcome_key
from state.stores.reader import Found, Moving, NotHere, StoreReader

MINUTE_MS: Final = 60_000
_LOOK_AGAIN_S: Final = 0.002
"""How often a read looks whether its store has come to the position it waits for."""

_AHEAD_MAX: Final = 100_000
"""How many records a store may be behind a position that is waited for. No answer told a later one:
it was decided by a worker that had performed all before it."""


class ElsewhereError(Exception):
    """Another process keeps what was asked for, at that place: the call goes there."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


class EdgeServices:
    """A processor's edge: its way to the stores, to the log, to its siblings, and to the clock."""

    def __init__(
        self,
        *,
        gate: Gate,
        framing: Framing,
        worker: Worker,
        outbox: Outbox,
        owners: Owners,
        correlator_owners: Owners,
        cvc_keys: CvcKeys,
    ) -> None:
        settings = gate.settings
        self.gate = gate
        self.settings = settings
        self.framing = framing
        self.worker = worker
        self.owners = owners
        self.correlator_owners = correlator_owners
        self.cvc_keys = cvc_keys
        self.requests = Requests(settings, framing, outbox)
        self.certificates = WorkerStore(worker, COMMANDS)
        self.pools = WorkerStore(worker, POOL)
        self.index = WorkerStore(worker, INDEX)
        self._reader = StoreReader(
            self.certificates,
            self.partition_of,
        )

    def now_ms(self) -> int:
        """The time that commands from this edge carry, UTC epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def partition_of(self, key: bytes) -> int:
        """The partition of a key in any topic of ours."""
        return partition_of(key, self.settings.partitions)

    async def certificate_state(
        self, certificate_id: str, position: StorePosition | None, timeout_s: float
    ) -> CertificateState:
        """The committed state of a certificate, not older than the position where one is given.

        Problem when it does not exist or is moving; ElsewhereError when another process keeps it.
        """
        key = certificate_id.encode()
        partition = self.partition_of(key)
        if not self.certificates.serves(partition):
            raise self.elsewhere(COMMANDS, partition)
        if position is not None and position.partition == partition:
            if position.offset >= self.worker.performed(COMMANDS, partition) + _AHEAD_MAX:
                raise not_there_yet()
            await self._reached(position, timeout_s)
            if not self.certificates.serves(partition):
                raise self.elsewhere(COMMANDS, partition)
        match self._reader.get(key, MAIN):
            case Found(value=bytes() as value):
                return CERTIFICATE_STATE.decode(value)
            case Found():
                raise not_found()
            case NotHere() | Moving():
                raise moving()

    def elsewhere(self, topic: Topic, partition: int) -> Exception:
        """Why this process cannot answer for a partition: another has it, or it is moving."""
        if not self.worker.serving:
            return moving()
        return ElsewhereError(self.owners.place(topic, partition))

    def outcome_of(self, certificate_id: str, request_id: str) -> Outcome | None:
        """What the log decided of this request, if it did already. Problem when it is moving."""
        key = outcome_key(Origin.HTTP, request_id)
        match self._reader.get(certificate_id.encode(), key):
            case Found(value=value):
                return None if value is None else OUTCOME.decode(value)
            case NotHere() | Moving():
                raise moving()

    async def settled(self, certificate_id: str, timeout_s: float) -> None:
        """Wait until the store shows everything that anybody can have seen by now.

        The stream is visible a moment before the store has it, so who comes because of an event
        may be ahead of us. Problem: not in time.
        """
        partition = self.partition_of(certificate_id.encode())
        performed = self.worker.performed(COMMANDS, partition)
        position = StorePosition(partition=partition, offset=performed - 1)
        await self._reached(position, timeout_s)

    async def _reached(self, position: StorePosition, timeout_s: float) -> None:
        """Wait until the store shows what was decided at the position. Problem: not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.worker.reached(COMMANDS, position.partition) <= position.offset:
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            raise not_there_yet() from None
