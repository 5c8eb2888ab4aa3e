"""The topology on one screen: which worker feeds which topic to which stage.

    All_SalesOrder ─┐ ingest                       correlator
    All_Payments  ──┼──────► Facts ─► correlate ─► Commands
    All_Clients  ───┘────────────────────────────► Commands

    Pool ─► pool ─► Commands ─► certificates ─► Stream, Pool, Index, Replies      processor
                                       Index ─► index

What a stage does is in `stages/`; how a worker runs is in `runtime`.
"""

from collections.abc import Mapping
from typing import Protocol

from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.runtime import Worker
from pipelines.settings import Settings
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.index import IndexStage
from pipelines.stages.ingest import ClientsIngest, IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.notes import UNHEARD, StageNotes
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import StatefulStage, StatelessStage
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    INDEX,
    POOL,
    Role,
    Topic,
)
from pipelines.tracing.hops import Hops
from pipelines.tracing.tracer import Tracer
from state.correlation.facts import Policy

HOUR_MS = 60 * 60 * 1000

WRITES: Mapping[Role, tuple[RecordName, ...]] = {
    Role.CORRELATOR: (RecordName.FACT, RecordName.COMMAND),
    Role.PROCESSOR: (
        RecordName.COMMAND,
        RecordName.POOL_COMMAND,
        RecordName.GIFT_CERTIFICATE_EVENT,
        RecordName.INDEX_ENTRY,
        RecordName.REPLY,
    ),
}


def policy_of(settings: Settings) -> Policy:
    """The waiting times that travel with each fact."""
    return Policy(
        missing_after_ms=settings.half_missing_hours * HOUR_MS,
        forget_after_ms=settings.forget_ordinary_days * 24 * HOUR_MS,
    )


class Wiring(Protocol):
    """What takes stages: a worker, or whoever performs them without one."""

    def feed(self, topic: Topic, stage: StatelessStage) -> None: ...

    def fold(self, topic: Topic, stage: StatefulStage) -> None: ...


def wire(
    role: Role,
    wiring: Wiring,
    settings: Settings,
    framing: Framing,
    notes: StageNotes = UNHEARD,
) -> None:
    """Give every topic of a role to its stage. `notes` is told of what the stages do."""
    match role:
        case Role.CORRELATOR:
            _wire_correlator(wiring, settings, framing)
        case Role.PROCESSOR:
            _wire_processor(wiring, settings, framing, notes)


def build_correlator(settings: Settings, framing: Framing, tracer: Tracer | None = None) -> Worker:
    """Ingest and correlate: bulk, may have a backlog of millions of ordinary orders."""
    return _built(Role.CORRELATOR, settings, framing, tracer)


def build_processor(settings: Settings, framing: Framing, tracer: Tracer | None = None) -> Worker:
    """Certificates, pool and index: low volume, low latency."""
    return _built(Role.PROCESSOR, settings, framing, tracer)


def _built(role: Role, settings: Settings, framing: Framing, tracer: Tracer | None) -> Worker:
    worker = Worker(settings, role)
    wiring: Wiring = worker
    if tracer is not None:
        hops = Hops(tracer, framing)
        worker.commit_listeners.add(hops)
        wiring = TracedWiring(worker, hops)
    wire(role, wiring, settings, framing, worker.tally)
    return worker


class TracedWiring:
    """Gives stages on to a worker, with a span for each record they perform of a kept trace."""

    def __init__(self, wiring: Wiring, hops: Hops) -> None:
        self._wiring = wiring
        self._hops = hops

    def feed(self, topic: Topic, stage: StatelessStage) -> None:
        self._wiring.feed(topic, self._hops.feeding(topic, stage))

    def fold(self, topic: Topic, stage: StatefulStage) -> None:
        self._wiring.fold(topic, self._hops.folding(topic, stage))


def _wire_correlator(wiring: Wiring, settings: Settings, framing: Framing) -> None:
    rules = IngestRules(
        policy=policy_of(settings), accept_unmarked_payments=settings.accept_unmarked_payments
    )
    wiring.feed(ALL_SALES_ORDER, OrdersIngest(framing, rules))
    wiring.feed(ALL_PAYMENTS, PaymentsIngest(framing, rules))
    wiring.feed(ALL_CLIENTS, ClientsIngest(framing))
    wiring.fold(FACTS, CorrelateStage(framing, settings.partitions))


def _wire_processor(
    wiring: Wiring, settings: Settings, framing: Framing, notes: StageNotes
) -> None:
    wiring.fold(COMMANDS, CertificatesStage(framing, settings.partitions, notes))
    wiring.fold(POOL, PoolStage(framing, settings.partitions, notes))
    wiring.fold(INDEX, IndexStage(framing, settings.partitions))
