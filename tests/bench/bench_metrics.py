"""What the figures cost: a record with and without being counted, a commit, a look and a scrape.

The stage with its records in memory is the cheapest that a record can be: on Kafka it takes several
times as long, and the share of the counting is smaller.
"""

from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from pipelines.metrics.sampler import Sampler
from pipelines.metrics.tally import Tally
from pipelines.metrics.worker_metrics import WorkerMetrics
from pipelines.runtime_store import KeptOptions, KeptPartition, StoreFigures
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.record import Incoming, StatefulStage
from pipelines.topics import COMMANDS, STATEFUL, STREAM, Role, Topic
from state.correlation.facts import OrderStatus, OrdinaryOrderSeen
from state.stores.layout import DEADLINES, DeadlineEntry, deadline_key, stored_key
from tests.bench.bench_stages import STEPS, _commands, _facts
from tests.bench.measuring import measure, title
from tests.contracts.actions import fact
from tests.pipelines.metrics.test_worker_metrics import FakeWorker
from tests.pipelines.stages.stage_in_memory import (
    FRAMING,
    PARTITIONS,
    DictRecords,
    SetDeadlines,
)

ORDINARY = OrdinaryOrderSeen(order_id="order-1", version=1, status=OrderStatus.COMPLETED)
COMMIT_EVERY = 25
"""Lives to a commit, so 200 commands: about what a busy worker commits at once."""

RESERVED = 100_000


def _lives(
    stage: StatefulStage, records: list[Incoming], tally: Tally | None
) -> Callable[[], None]:
    """So many lives as fit into a commit; what the run time does of counting, done here."""

    def run() -> None:
        for _ in range(COMMIT_EVERY):
            kept, deadlines = DictRecords(), SetDeadlines()
            for record in records:
                outputs = stage(record, kept, deadlines)
                if tally is not None:
                    for output in outputs:
                        if output.topic is STREAM:
                            tally.published(output.headers)
                    tally.performed(record.topic, record.timestamp_ms)
        if tally is not None:
            tally.committed(0.01)

    return run


def test_counting() -> None:
    tally = Tally()
    lives, orders = _commands(), _facts(fact(ORDINARY))
    title("A record, counted and not: certificates, and ordinary orders in correlate")
    found = measure(
        {
            "certificates, not counted": _lives(
                CertificatesStage(FRAMING, PARTITIONS), lives, None
            ),
            "certificates, counted": _lives(
                CertificatesStage(FRAMING, PARTITIONS, tally), lives, tally
            ),
            "correlate, not counted": _lives(CorrelateStage(FRAMING, PARTITIONS), orders, None),
            "correlate, counted": _lives(CorrelateStage(FRAMING, PARTITIONS), orders, tally),
        }
    )
    for stage, records in (("certificates", len(STEPS)), ("correlate", len(orders))):
        plain, counted = found[f"{stage}, not counted"], found[f"{stage}, counted"]
        more_us = counted.median_us - plain.median_us
        print(
            f"  {stage}: {more_us / COMMIT_EVERY / records:.2f} µs a record, "
            f"{100 * more_us / plain.median_us:.1f} %"
        )


class OnePartition:
    """A real store of one partition, as the sampler reads it."""

    def __init__(self, opened: KeptPartition) -> None:
        self._opened = opened

    def partitions(self) -> list[int]:
        return [0]

    def moving(self) -> bool:
        return False

    def get(self, _partition: int, key: bytes) -> bytes | None:
        found = self._opened.get(key)
        return found if isinstance(found, bytes) else None

    def scan(
        self, _partition: int, lower: bytes, upper: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        rows = self._opened.iter_items(lower, upper)
        for row in rows:
            found.append(row)
            if len(found) >= limit:
                break
        rows.close()  # type: ignore[attr-defined]  # a generator
        return found

    def figures(self, _partition: int) -> StoreFigures:
        return self._opened.figures()


def test_looking_and_showing(tmp_path: Path) -> None:
    opened = KeptPartition(str(tmp_path / "0"), options=KeptOptions(block_cache_size=1 << 26))
    for begin in range(0, RESERVED, 10_000):
        entries = (
            DeadlineEntry(
                at_ms=2_000_000_000_000 + n,
                message_key=f"GC-{n:08d}",
                kind="RESERVATION",
                subject=f"{n:032x}",
            )
            for n in range(begin, begin + 10_000)
        )
        opened.apply(
            [(stored_key(DEADLINES, deadline_key(each)), b"\x01") for each in entries],
            begin,
        )
    worker = FakeWorker(Role.PROCESSOR)
    worker.tally.assigned([(f"here-{topic.name}", 0) for topic in STATEFUL[Role.PROCESSOR]])
    stores: dict[Topic, OnePartition] = {COMMANDS: OnePartition(opened)}
    sampler = Sampler(stores, lambda: worker.tally.assignment, low_mark=1)
    registry = CollectorRegistry()
    registry.register(WorkerMetrics(worker, sampler))
    title(f"A look at {RESERVED:,} reservations, and a scrape")
    measure(
        {
            "look, with its pauses": lambda: sampler.look(1_900_000_000_000),
            "scrape of a processor": lambda: generate_latest(registry),
        }
    )
    opened.close()
