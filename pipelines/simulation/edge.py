"""An edge without sockets: the real handlers over a simulated process's stores and log.

Owns what a handler waits for. A handler is a coroutine that nobody's event loop runs: whoever calls
it sends it on when its reply came, when the store moved, or when its caller's patience ended.
"""

from collections.abc import Generator
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

from http_edge.api.problems import refusal
from http_edge.asking.services import EdgeServices
from http_edge.asking.store_position import StorePosition
from pipelines.contracts.reply_record import Reply, reply_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.cvc_keys import CvcKeys
from pipelines.local_stores import WorkerStore
from pipelines.partitioning import partition_of
from pipelines.runtime import Worker
from pipelines.simulation.process import Process
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS, INDEX, POOL, Topic
from state.stores.reader import StoreReader

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

KEYS: Final = CvcKeys(
    current_id="2026", by_id={"2026": b"the master key of a simulation..", "2025": b"o" * 32}
)
"""Made up, and worth nothing: the codes of a run are the same every time."""

Asked = tuple[str, str | None]

_partition_of = lru_cache(maxsize=50_000)(partition_of)


class Waiting:
    """What a handler is suspended on: a reply, or (`position`) a store that is not there yet."""

    __slots__ = ("position", "reply")

    def __init__(self, position: StorePosition | None = None) -> None:
        self.position = position
        self.reply: Reply | None = None

    def __await__(self) -> Generator["Waiting", None, None]:
        yield self


class SimulatedRequests:
    """The edge's asking: as the real one, but for who delivers and who gives up."""

    def __init__(self, universe: "Universe", process: Process) -> None:
        self.reply_to = process.life
        self._universe = universe
        self._process = process
        self._waiting: dict[Asked, list[Waiting]] = {}

    async def ask(
        self, request_id: str, body_digest: str, output: Outgoing, timeout_s: float
    ) -> Reply:
        """Send one request, unless the same is under way here, and wait for its outcome."""
        assert timeout_s > 0, "a call whose time is over asks for nothing"
        asked, waiting = (request_id, body_digest), Waiting()
        under_way = asked in self._waiting
        self._waiting.setdefault(asked, []).append(waiting)
        try:
            if not under_way:
                self._universe.publish(output, sender=self._process)
            await waiting
        finally:
            self._forget(asked, waiting)
        reply = waiting.reply
        assert reply is not None, "sent on only with a reply"
        if reply.outcome.rejection is not None:
            raise refusal(reply.outcome.rejection)
        return reply

    def _forget(self, asked: Asked, waiting: Waiting) -> None:
        callers = self._waiting.get(asked, [])
        if waiting in callers:
            callers.remove(waiting)
            if not callers:
                del self._waiting[asked]

    def taken(self, payload: bytes) -> list[Waiting]:
        """Who waits for the reply in these bytes, and from now on no longer waits."""
        # A life's name is a whole field: read only what may be ours.
        if self.reply_to.encode() not in payload:
            return []
        fields = self._universe.framing.decode(RecordName.REPLY, payload)
        reply = reply_from_record(fields)
        if reply.reply_to != self.reply_to:
            return []
        asked = (reply.outcome.command_id, reply.outcome.body_digest)
        found = self._waiting.pop(asked, [])
        for waiting in found:
            waiting.reply = reply
        return found


class _SimulatedOwners:
    """Who has a partition, by the group's own knowledge."""

    def __init__(self, universe: "Universe") -> None:
        self._universe = universe

    def place(self, topic: Topic, partition: int) -> Process | None:
        return self._universe.owner_of(topic, partition)


class SimulatedServices(EdgeServices):
    """The services of one process's edge; its reads and refusals are the real ones."""

    def __init__(self, universe: "Universe", process: Process) -> None:
        # Not its parent's: that opens Kafka's clients.
        self._universe = universe
        self.settings = universe.settings
        self.framing = universe.framing
        self.worker = cast(Worker, process)
        self.requests = cast(Any, SimulatedRequests(universe, process))
        self.owners = cast(Any, _SimulatedOwners(universe))
        self.gate = cast(Any, SimpleNamespace(metrics=SimpleNamespace(code_revealed=_nothing)))
        self.cvc_keys = KEYS
        self.certificates = WorkerStore(self.worker, COMMANDS)
        self.pools = WorkerStore(self.worker, POOL)
        self.index = WorkerStore(self.worker, INDEX)
        self._reader = StoreReader(self.certificates, self.partition_of)

    def now_ms(self) -> int:
        return self._universe.now_ms

    def partition_of(self, key: bytes) -> int:
        return _partition_of(key, self._universe.partitions)

    async def _reached(self, position: StorePosition, timeout_s: float) -> None:
        assert timeout_s > 0, "a call whose time is over waits for nothing"
        while not self.has_reached(position):
            await Waiting(position)

    def has_reached(self, position: StorePosition) -> bool:
        """Whether the store shows what was decided there."""
        return self.worker.reached(COMMANDS, position.partition) > position.offset


def _nothing() -> None:
    """Nobody counts."""
