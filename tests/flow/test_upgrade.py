"""A rolling upgrade, and back: two versions of the program in one group, with callers and load.

Real Kafka and real processes. The earlier versions come out of the repository's own history.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import pytest

from pipelines.audit.run_audit import run_audit
from pipelines.local.running_broker import Broker
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.replay import read_topic
from pipelines.topics import DLQ
from tests.flow.channel_calls import ChannelCalls
from tests.flow.crash_load import CrashLoad
from tests.flow.scenario import Scenario
from tests.flow.service_under_test import Service
from tests.flow.source_trees import previous_version, unpack
from tests.flow.spender import Spender
from tests.flow.store_proof import check_correlators_store, check_processors_stores, owners_of
from tests.flow.worker_processes import end_worker_politely, worker_process
from tests.pipelines.local.local_machine import await_condition
from tests.repository_history import NoHistory

LAUNCHER: Final = Path(__file__).with_name("versioned_worker.py")
FIRST_WITH_ALL_CALLS: Final = "531268ee64c06e0facf20b1afc66221a74f223b5"
"""The first version with the whole API: as far back as this one can be rolled back."""
VERSIONS: Final = ("the version before", FIRST_WITH_ALL_CALLS[:7])

CERTIFICATES: Final = 60
SEED: Final = 20_260_202
SPENDERS: Final = 3
STOCK: Final = 1_000
CALLS_BETWEEN: Final = 10
"""What each caller must have had done, at least, before the next worker is replaced."""
READY_S: Final = 60.0


@dataclass(kw_only=True)
class UpgradeLoad(CrashLoad):
    """A crash load that leaves the certificates of others on the same stream alone."""

    def _note(self, key: str, value: bytes) -> None:
        if key in self.expected or key.startswith("GC-"):
            super()._note(key, value)


@dataclass(kw_only=True)
class Taker:
    """A store that reserves numbers all the time, and asks again for each through another edge."""

    store: ChannelCalls
    pool: str
    taken: list[str] = field(default_factory=list)

    async def run(self, done: asyncio.Event) -> None:
        """Reserve until told to end."""
        while not done.is_set() and len(self.taken) < STOCK:
            order_id = f"{self.pool}-{len(self.taken)}"
            first, again = [
                await self.store.until_answered(
                    "POST",
                    "/certificates/next",
                    key=order_id,
                    body={"pool": self.pool, "orderId": order_id},
                    edge=edge,
                )
                for edge in (0, 1)
            ]
            assert (first.status_code, first.content) == (201, again.content), again.text
            self.taken.append(first.json()["certificateId"])


class Fleet:
    """The workers of a stack, each of a version that can be changed while all else goes on."""

    def __init__(self, service: Service, versions: Path, earlier: Path) -> None:
        self.stack = service.stack
        self._versions = versions
        self._earlier = earlier

    def upgrade(self, worker_id: str) -> None:
        """Replace a worker by today's, as an orchestrator does."""
        (self._versions / worker_id).unlink()
        end_worker_politely(self.stack, worker_id)
        self._start(worker_id)
        self._check(worker_id, today=True)

    def roll_back(self, worker_id: str) -> None:
        """Replace a worker by the earlier one, as somebody in a hurry does."""
        (self._versions / worker_id).write_text(str(self._earlier), encoding="utf-8")
        self.stack.kill(worker_id)
        self._start(worker_id)
        self._check(worker_id, today=False)

    def _start(self, worker_id: str) -> None:
        """Start a worker and wait until it is ready, a correlator too."""
        self.stack.restart(worker_id)
        if worker_id.startswith("correlator"):
            await_condition(self._correlator_is_ready, timeout_s=READY_S)

    def _correlator_is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.stack.correlator_url}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _check(self, worker_id: str, *, today: bool) -> None:
        """It really is of that version: a test of one version against itself proves nothing."""
        process = worker_process(self.stack, worker_id)
        environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        told = f"PYTHONPATH={self._earlier}".encode() in environment
        assert told is not today, f"{worker_id} is of the other version"


@pytest.fixture(params=VERSIONS)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The source tree of an earlier version."""
    try:
        commit = previous_version() if request.param == VERSIONS[0] else FIRST_WITH_ALL_CALLS
        return unpack(commit, tmp_path / "earlier")
    except NoHistory as reason:
        pytest.skip(f"no earlier version to upgrade from: {reason}")


@pytest.fixture
def fleet(
    broker: Broker, topic_prefix: str, tmp_path: Path, earlier: Path
) -> Iterator[tuple[Fleet, Service]]:
    """A correlator and two processors of the earlier version."""
    if broker.kind == "embedded":
        pytest.skip("the embedded broker evicts no member of a group, nor has real transactions")
    versions = tmp_path / "versions"
    versions.mkdir()
    for worker_id in ("correlator-0", "processor-0", "processor-1"):
        (versions / worker_id).write_text(str(earlier), encoding="utf-8")
    options = StackOptions(
        data_dir=tmp_path / "stack",
        broker=broker.bootstrap,
        processors=2,
        topic_prefix=topic_prefix,
        environment={
            "GIFTCERT_PARTITIONS": "4",
            "GIFTCERT_RATE_LIMIT": "1000000/minute",
            "GIFTCERT_POOL_LOW_MARK": "0",
        },
        worker_command=(sys.executable, str(LAUNCHER), str(versions)),
    )
    with Stack(options) as stack:
        service = Service(stack, tmp_path / "stack", topic_prefix)
        yield Fleet(service, versions, earlier), service
        service.close()


@pytest.mark.timeout(600)
def test_rolling_upgrade_and_rollback_under_load_lose_and_double_nothing(
    fleet: tuple[Fleet, Service],
) -> None:
    """Old, mixed, new, mixed, old again: at the end all of it adds up, and stores are folds."""
    workers, service = fleet
    scenario = Scenario(service)
    load = UpgradeLoad(settings=service.settings, certificates=CERTIFICATES, seed=SEED, pace_s=0.05)
    codes = {}
    for _ in range(SPENDERS):
        number = scenario.sell()
        codes[number] = str(scenario.ask_cvc(number, f"{number}-code").json()["cvc"])
    scenario.load_many(STOCK)
    with load.publishing() as publisher:
        spenders, taker = asyncio.run(_call_while(service, codes, scenario.pool, workers))
        publisher.join(timeout=300)
        assert not publisher.is_alive(), "the load did not finish"
        load.await_events(timeout_s=60)
    scenario.settle()

    _check_calls(service, spenders, taker)
    report = run_audit(service.settings, service.stack.http_urls, token=service.auditor)
    assert report.breaches == ()
    assert list(read_topic(service.settings, DLQ)) == []
    owners = owners_of(service.stack, service.settings.partitions)
    stores = service.stack.state_directories
    service.stack.stop()
    check_processors_stores(service.settings, owners, stores)
    check_correlators_store(service.settings, stores["correlator-0"])


def _roll(workers: Fleet, done_so_far: Callable[[], int]) -> None:
    """Upgrade one worker after another, and then take all of it back; with work in between."""
    order = ("processor-0", "correlator-0", "processor-1")
    for replace in (workers.upgrade, workers.roll_back):
        for worker_id in order:
            replace(worker_id)
            _await_more(done_so_far)


def _await_more(done_so_far: Callable[[], int]) -> None:
    wanted = done_so_far() + CALLS_BETWEEN
    await_condition(lambda: done_so_far() >= wanted, timeout_s=READY_S)


async def _call_while(
    service: Service, codes: dict[str, str], pool: str, workers: Fleet
) -> tuple[list[Spender], Taker]:
    """Callers at both edges for as long as the workers are being replaced."""
    async with ChannelCalls(service, "till") as till, ChannelCalls(service, "store") as store:
        spenders = [Spender(till, number, code) for number, code in codes.items()]
        taker = Taker(store=store, pool=pool)
        done = asyncio.Event()

        def done_so_far() -> int:
            return min(len(taker.taken), *(spender.spent for spender in spenders))

        with ThreadPoolExecutor(1) as threads:
            loop = asyncio.get_running_loop()
            rolled = loop.run_in_executor(threads, _roll, workers, done_so_far)
            rolled.add_done_callback(lambda _: done.set())
            await asyncio.gather(rolled, taker.run(done), *(each.run(done) for each in spenders))
    return spenders, taker


def _check_calls(service: Service, spenders: list[Spender], taker: Taker) -> None:
    """Each call that was answered happened once, and nothing else did."""
    assert len(set(taker.taken)) == len(taker.taken)
    for number in taker.taken:
        assert [event.type for event in service.events(number)] == ["load", "reserve"]
    for spender in spenders:
        told_of = Counter(event.type for event in service.events(spender.number))
        made = (told_of["authorize"], told_of["capture"], told_of["redeem.partial"])
        assert made == (spender.spent,) * 3, spender.number
