"""What the routes work with: one object made at start, so that no route reaches for a global."""

import asyncio
import time
from typing import Final

from http_edge.problems import moving, not_found
from http_edge.requests import Requests
from pipelines.contracts.framing import Framing
from pipelines.cvc_keys import CvcKeys
from pipelines.local_stores import WorkerStore
from pipelines.outbox import Outbox
from pipelines.owners import Owners
from pipelines.partitioning import partition_of
from pipelines.runtime import Worker
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, POOL
from state.certificate.record import CertificateState
from state.stores.codec import CERTIFICATE_STATE
from state.stores.layout import MAIN
from state.stores.reader import Answer, Found, Moving, NotHere, StoreReader

MINUTE_MS: Final = 60_000


class ElsewhereError(Exception):
    """The certificate is kept by the process at `owner`: the request goes there."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


class EdgeServices:
    """The edge's way to the stores, to the log, and to the clock."""

    def __init__(
        self,
        *,
        settings: Settings,
        framing: Framing,
        worker: Worker,
        outbox: Outbox,
        owners: Owners,
        cvc_keys: CvcKeys,
    ) -> None:
        self.settings = settings
        self.framing = framing
        self.worker = worker
        self.owners = owners
        self.cvc_keys = cvc_keys
        self.requests = Requests(settings, framing, outbox)
        self.certificates = WorkerStore(worker, COMMANDS)
        self.pools = WorkerStore(worker, POOL)
        self._reader = StoreReader(
            self.certificates,
            lambda key: partition_of(key, settings.partitions),
            lambda partition: owners.owner_of(COMMANDS, partition),
        )

    def now_ms(self) -> int:
        """The time that commands from this edge carry, UTC epoch milliseconds."""
        return time.time_ns() // 1_000_000

    async def certificate_state(self, certificate_id: str) -> CertificateState:
        """The committed state of a certificate.

        Problem when it does not exist or is moving; ElsewhereError when another process keeps it.
        """
        key = certificate_id.encode()
        answer: Answer
        if self.certificates.serves(partition_of(key, self.settings.partitions)):
            answer = self._reader.get(key, MAIN)
        else:
            # Finding the owner may ask Kafka, which must not stop the event loop.
            answer = await asyncio.to_thread(self._reader.get, key, MAIN)
        match answer:
            case Found(value=bytes() as value):
                return CERTIFICATE_STATE.decode(value)
            case Found():
                raise not_found()
            case NotHere(owner=str() as owner) if owner != self.settings.edge_url():
                raise ElsewhereError(owner)
            case NotHere() | Moving():
                raise moving()
