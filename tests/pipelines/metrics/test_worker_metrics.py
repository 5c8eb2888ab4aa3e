"""A worker shows every row of its role's list and no other, whatever state it is in."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipelines.contracts.broken import BrokenCode
from pipelines.metrics.consumer_lag import ConsumerLag
from pipelines.metrics.process import METRICS as PROCESS_METRICS
from pipelines.metrics.process import ProcessMetrics
from pipelines.metrics.rows import MetricRow
from pipelines.metrics.sampler import Sampler
from pipelines.metrics.tally import ALERT_CODES, Tally
from pipelines.metrics.worker_metrics import METRICS, WorkerMetrics
from pipelines.recovery.recoveries import RecoveryProgress
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, FACTS, POOL, STATEFUL, Role
from state.pool.queue import PoolHead
from tests.pipelines.metrics.shown_metrics import differences, samples
from tests.pipelines.metrics.test_consumer_lag import statistics
from tests.pipelines.metrics.test_sampler import NOW_MS, Rows, deadlines, pools

PREFIX = "here-"


@dataclass
class FakeWorker:
    """A worker of which everything is known."""

    role: Role
    settings: Settings = field(default_factory=lambda: Settings(topic_prefix=PREFIX, partitions=2))
    tally: Tally = field(default_factory=Tally)
    lag: ConsumerLag = field(default_factory=ConsumerLag)
    serving: bool = True
    loop_age_s: float = 0.25
    left: int = 0

    def recovery(self) -> RecoveryProgress:
        topics = [f"{PREFIX}{topic.name}" for topic in STATEFUL[self.role]]
        return RecoveryProgress(
            stores=int(bool(self.left)),
            left=dict.fromkeys(topics, self.left),
            applied=40,
            seconds=1.5,
        )


class Looked:
    """A worker with its sampler, at the first look."""

    def __init__(self, role: Role) -> None:
        self.worker = FakeWorker(role)
        stores = {topic: Rows() for topic in STATEFUL[role]}
        if role is Role.PROCESSOR:
            head = PoolHead(level=5, taken=3, window_started_ms=NOW_MS - 3_600_000, low_mark=2)
            stores[POOL] = Rows(pools(ELECTRONIC=head))
            stores[COMMANDS] = Rows(
                deadlines(3, "RESERVATION", NOW_MS + 9_000) | deadlines(1, "HOLD", NOW_MS - 9_000)
            )
        else:
            stores[FACTS] = Rows(deadlines(4, "CORRELATION", NOW_MS - 9_000))
        self.sampler = Sampler(stores, lambda: self.worker.tally.assignment, low_mark=50)
        self.worker.tally.assigned([(f"{PREFIX}{topic.name}", 0) for topic in STATEFUL[role]])
        self.sampler.look(NOW_MS)
        self._registry = CollectorRegistry()
        self._registry.register(ProcessMetrics())
        self._registry.register(WorkerMetrics(self.worker, self.sampler))

    def scrape(self) -> str:
        return generate_latest(self._registry).decode()


@pytest.fixture(params=list(Role))
def looked(request: pytest.FixtureRequest) -> Looked:
    return Looked(request.param)


def test_every_row_of_a_role_is_shown_and_nothing_else(looked: Looked) -> None:
    worker = looked.worker
    topic = f"{PREFIX}{STATEFUL[worker.role][0].name}"
    worker.lag.take(statistics(topic=topic, next_offset=3, ls_offset=8))
    rows = (*PROCESS_METRICS, *METRICS[worker.role])
    assert not [*differences(looked.scrape(), rows, absent=frozenset())]
    assert samples(looked.scrape())[f"lag_records/0/{topic.removeprefix(PREFIX)}"] == 5


def test_worker_without_partitions_shows_none_of_its_stores(looked: Looked) -> None:
    """They are another's by now: a sum over all workers would have them twice."""
    looked.worker.tally.assigned([])
    shown = samples(looked.scrape())
    assert not [name for name in shown if name.startswith(("pool_", "store_", "holds_"))]
    assert not [name for name in shown if name.startswith(("lag_", "sample_", "overdue_"))]
    assert {value for name, value in shown.items() if name.startswith("partitions_")} == {0.0}


def test_worker_that_recovers_says_how_far_it_is_and_nothing_of_its_stores(looked: Looked) -> None:
    looked.worker.serving = False
    looked.worker.left = 700
    shown = samples(looked.scrape())
    topic = STATEFUL[looked.worker.role][0].name
    assert (shown["serving"], shown["recovery_stores_left"]) == (0.0, 1.0)
    assert shown[f"recovery_records_left/{topic}"] == 700
    assert (shown["recovery_records_total"], shown["recovery_duration_seconds"]) == (40, 1.5)
    assert not [name for name in shown if name.startswith("store_")]


def test_look_from_before_a_rebalance_is_not_shown_after_it(looked: Looked) -> None:
    before = looked.worker.tally.assignment
    looked.worker.tally.assigned(before)
    assert "sample_age_seconds" not in samples(looked.scrape())
    looked.sampler.look(NOW_MS)
    assert "sample_age_seconds" in samples(looked.scrape())


def test_processor_shows_pools_holds_and_reservations() -> None:
    shown = samples(Looked(Role.PROCESSOR).scrape())
    assert shown["pool_free_numbers/ELECTRONIC"] == 5
    assert shown["pool_low_mark/ELECTRONIC"] == 2
    assert shown["pool_taken_per_hour/ELECTRONIC"] == 2
    assert shown["pool_empty_in_seconds/ELECTRONIC"] == 9_000
    assert (shown["reservations_open"], shown["reservations_overdue"]) == (3, 0)
    assert (shown["holds_open"], shown["holds_overdue"]) == (1, 1)
    assert shown["overdue_seconds/HOLD"] > 9
    assert shown["overdue_seconds/RESERVATION"] == 0


def test_correlator_shows_what_is_overdue() -> None:
    shown = samples(Looked(Role.CORRELATOR).scrape())
    assert shown["correlations_overdue"] == 4
    assert shown["overdue_seconds/CORRELATION"] > 9


def test_what_never_happened_is_shown_as_nothing(looked: Looked) -> None:
    shown = samples(looked.scrape())
    topic = STATEFUL[looked.worker.role][0].name
    for code in BrokenCode:
        assert shown[f"dead_letters_total/{code}/{topic}"] == 0
    assert shown["commits_total/dropped"] == 0
    if looked.worker.role is Role.PROCESSOR:
        assert shown["commands_total/ISSUE/rejected"] == 0
        assert shown["rejections_total/POOL_EMPTY"] == 0
        assert shown["events_total/issue.blocked"] == 0
        assert shown["stream_latency_seconds_count/FACT/event_time"] == 0
        assert {f"alerts_total/{code}" for code in ALERT_CODES} <= set(shown)


def test_counts_are_shown_under_topics_without_the_prefix() -> None:
    looked = Looked(Role.PROCESSOR)
    topic = f"{PREFIX}{COMMANDS.name}"
    looked.worker.tally.performed(topic, 1)
    looked.worker.tally.put_aside(topic, BrokenCode.EMPTY)
    looked.worker.tally.committed(0.03)
    looked.worker.tally.asked("HOLD")
    shown = samples(looked.scrape())
    assert shown[f"records_total/{COMMANDS.name}"] == 1
    assert shown[f"dead_letters_total/EMPTY/{COMMANDS.name}"] == 1
    assert shown[f"hop_latency_seconds_bucket/{COMMANDS.name}/+Inf"] == 1
    assert shown["commit_duration_seconds_bucket/0.05"] == 1
    assert shown["timer_requests_total/HOLD"] == 1
    assert PREFIX not in looked.scrape()


ALL_ROWS = {row.name: row for rows in METRICS.values() for row in rows}


@pytest.mark.parametrize("row", ALL_ROWS.values(), ids=str)
def test_name_says_what_it_counts_in_prometheus_words(row: MetricRow) -> None:
    """Base units, `_total` on counters alone, and one meaning to a name."""
    assert re.fullmatch(r"giftcert_[a-z0-9]+(_[a-z0-9]+)*", row.name)
    assert row.name.endswith("_total") == (row.kind == "counter")
    assert not row.name.endswith(("_ms", "_milliseconds", "_minutes", "_count", "_sum", "_bucket"))
    assert row.kind != "histogram" or row.name.endswith("_seconds")
    assert row.meaning.endswith(".")
    assert not {"le", "job", "instance"} & set(row.labels)


def test_every_alert_that_the_code_raises_has_its_label() -> None:
    """By the literals of the two places that raise them; any other code counts as OTHER."""
    root = Path(__file__).parents[3]
    found: set[str] = set()
    for path in [*(root / "state").rglob("*.py"), *(root / "pipelines" / "audit").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'\b_?alert(?:_for)?\([^"()]*f?"([A-Z_]+)', text))
        found |= set(re.findall(r'ALERT_CODE: Final = "([A-Z_]+)"', text))
        found |= set(re.findall(r"_lost\(RejectionCode\.([A-Z_]+)", text))
    assert found >= {"CVC_LOCKED", "OVERPAID", "LAW_BREACH", "NUMBER_GONE"}
    assert found <= ALERT_CODES
