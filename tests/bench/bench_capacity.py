"""What an operation leaves behind and costs: bytes on each topic and in each store, CPU by process.

A real stack on this machine, on real Kafka: its log files are weighed before and after. Each kind
of operation is measured twice, one at a time and many together, for what shares a commit also
shares its cost. The figures in `docs/capacity.md` are from here. `GIFTCERT_TEST_CAPACITY` says how
many operations of each kind are done together.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TypeAlias, TypeVar

import httpx
import pytest
from rocksdict import DBCompressionType, Options, Rdict

from pipelines.local.broker import AUTO, start_broker
from pipelines.local.running_broker import Broker
from tests.bench.measuring import title
from tests.bench.process_times import cpu_seconds, peak_memory_bytes, processes_with
from tests.flow.scenario import (
    HOUR_MS,
    NOMINAL_MINOR,
    Scenario,
    goods,
    purchase,
    redemption,
)
from tests.flow.service_under_test import Message, Service, now_ms, running_service
from tests.flow.source_messages import Delivery, Line, Order, Payment

TOGETHER = int(os.environ.get("GIFTCERT_TEST_CAPACITY", "1000"))
ALONE = 40
CALLERS = 16
IDLE_S = 5.0
PREFIX = "capacity-"
AMOUNT_MINOR = 500_00

Given = TypeVar("Given")
Answer = TypeVar("Answer")
Act: TypeAlias = Callable[[range], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What there is at one moment, all of it growing only."""

    log_bytes: Mapping[str, int]
    records: Mapping[str, int]
    store_bytes: Mapping[str, int]
    cpu_s: Mapping[str, float]
    at_s: float


class Scales:
    """Weighs one service: the broker's files, the stores' records, the processes' time."""

    def __init__(self, service: Service, broker: Broker, broker_dir: Path) -> None:
        self._service = service
        self._broker = broker
        self._broker_dir = broker_dir
        self.idle: dict[str, float] = {}

    def weigh(self) -> Weights:
        """Once nothing is under way."""
        self._service.settle()
        log = self._service.log
        return Weights(
            log_bytes=self._log_bytes(),
            records={topic: len(records) for topic, records in log.records.items()},
            store_bytes=self._store_bytes(),
            cpu_s=self._cpu_s(),
            at_s=monotonic(),
        )

    def learn_idle(self) -> None:
        """What every process takes while nobody asks for anything; it is nobody's operation."""
        before = self.weigh()
        sleep(IDLE_S)
        after = self.weigh()
        for name, seconds in after.cpu_s.items():
            self.idle[name] = (seconds - before.cpu_s[name]) / (after.at_s - before.at_s)

    def _log_bytes(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for path in self._broker_dir.rglob("*.log"):
            topic = path.parent.name.rpartition("-")[0]
            if PREFIX in topic:
                found[topic.replace(PREFIX, "")] += path.stat().st_size
            elif topic in ("__consumer_offsets", "__transaction_state"):
                found["Kafka's own"] += path.stat().st_size
        return dict(found)

    def _store_bytes(self) -> dict[str, int]:
        """The latest value of each key of each changelog, which is what RocksDB keeps."""
        found: Counter[str] = Counter()
        for topic, records in self._service.log.records.items():
            if topic.startswith("changelog"):
                latest = {(each.partition, each.key): each.value for each in records}
                found[topic] = sum(
                    len(key or b"") + len(value)
                    for (_, key), value in latest.items()
                    if value is not None
                )
        return dict(found)

    def merged_bytes(self, directory: Path) -> dict[str, tuple[int, int]]:
        """What each store's keys and values have, and take on disk once RocksDB has merged them."""
        directory.mkdir()
        found = {}
        for topic, records in self._service.log.records.items():
            if not topic.startswith("changelog"):
                continue
            latest = {(each.partition, each.key): each.value for each in records}
            options = Options()
            options.set_compression_type(DBCompressionType.lz4())
            store = Rdict(str(directory / topic), options)
            for (partition, key), value in latest.items():
                if value is not None:
                    store[bytes([partition]) + (key or b"")] = value
            store.flush()
            store.compact_range(None, None)
            store.close()
            files = (directory / topic).glob("*.sst")
            kept = self._store_bytes()[topic]
            found[topic] = kept, sum(path.stat().st_size for path in files)
        return found

    def peak_memory(self) -> dict[str, int]:
        """The most that each process has held at a time, in bytes."""
        return {name: peak_memory_bytes(each) for name, each in self._processes().items()}

    def _cpu_s(self) -> dict[str, float]:
        return {name: cpu_seconds(each) for name, each in self._processes().items()}

    def _processes(self) -> dict[str, Sequence[int]]:
        directories = self._service.stack.state_directories
        return {
            "broker": self._broker.process_ids(),
            **{
                worker: processes_with("GIFTCERT_STATE_DIR", str(directory))
                for worker, directory in directories.items()
                if worker != "auditor-0"
            },
        }


def difference(scales: Scales, before: Weights, after: Weights, count: int) -> None:
    """Print what one of so many operations has added."""
    took_s = after.at_s - before.at_s
    cpu = {
        name: (after.cpu_s[name] - before.cpu_s[name] - scales.idle.get(name, 0.0) * took_s)
        / count
        * 1_000
        for name in after.cpu_s
    }
    logs = _grown(before.log_bytes, after.log_bytes)
    records = _grown(before.records, after.records)
    stores = _grown(before.store_bytes, after.store_bytes)
    print(f"    {count} in {took_s:.1f} s")
    print("    CPU, ms: " + ", ".join(f"{name} {ms:.2f}" for name, ms in cpu.items()))
    for topic, grown in sorted(logs.items()):
        line = f"    {grown / count:9.0f} bytes, {records.get(topic, 0) / count:5.2f} records"
        kept = f"; kept in the store {stores[topic] / count:.0f} bytes" if topic in stores else ""
        print(f"{line}  {topic}{kept}")
    total = sum(grown for topic, grown in logs.items() if not topic.startswith(("c", "Kafka")))
    print(f"    {total / count:9.0f} bytes on the topics in all")


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {
        name: after[name] - before.get(name, 0)
        for name in after
        if after[name] != before.get(name, 0)
    }


class Trade:
    """Operations of one kind after another, each about certificates of its own."""

    def __init__(self, service: Service) -> None:
        self.scenario = Scenario(service)
        self.service = service
        self.numbers: list[str] = []
        self.orders: dict[str, str] = {}
        self.spent: dict[str, str] = {}
        self.codes: dict[str, str] = {}

    def load(self, which: range) -> None:
        self.scenario.load_many(len(which))

    def reserve(self, which: range) -> None:
        orders = [self.scenario.new_order_id() for _ in which]
        for order_id, number in zip(orders, self._each(self._take, orders), strict=True):
            self.numbers.append(number)
            self.orders[number] = order_id

    def _take(self, order_id: str) -> str:
        return self.scenario.reserve(order_id=order_id)

    def take(self, which: range) -> None:
        """What a pool does of a reservation, without the calls: nobody waits for an answer."""
        for _ in which:
            self.scenario.take_until(now_ms() + HOUR_MS)

    def sell(self, which: range) -> None:
        self._tell(self._purchase(number) for number in self._those(which))

    def _purchase(self, number: str) -> Sequence[Order | Payment]:
        order_id = self.orders[number]
        paid = Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=NOMINAL_MINOR)
        return purchase(number, order_id), paid

    def deliver(self, which: range) -> None:
        numbers = self._those(which)
        asked = {number: self.scenario.notification(number) for number in numbers}
        for number, code in zip(numbers, self._each(self._code, numbers), strict=True):
            self.codes[number] = code
        self._tell([Delivery(number=number, notification_id=asked[number])] for number in numbers)

    def _code(self, number: str) -> str:
        request = self.scenario.notification(number)
        return str(self.scenario.ask_cvc(number, request).json()["cvc"])

    def redeem(self, which: range) -> None:
        self._tell(self._redemption(number) for number in self._those(which))

    def _redemption(self, number: str) -> Sequence[Order | Payment]:
        order_id = self.spent[number] = self.scenario.new_order_id()
        return goods(number, order_id, AMOUNT_MINOR), redemption(number, order_id, AMOUNT_MINOR)

    def refund(self, which: range) -> None:
        self._tell(self._refund(number) for number in self._those(which))

    def _refund(self, number: str) -> Sequence[Order | Payment]:
        order_id = self.spent[number]
        back = Payment(
            payment_id=f"{order_id}-back",
            order_id=order_id,
            amount_minor=AMOUNT_MINOR,
            type="REFUND",
            tender="GIFT_CERTIFICATE",
            number=number,
            operation="REFUND",
            original=f"{order_id}-redeem",
        )
        return goods(number, order_id, AMOUNT_MINOR, status="RETURNED", version=2), back

    def spend(self, which: range) -> None:
        """Over HTTP, as a till does: set aside, capture; then order and payment confirm it."""
        numbers = self._those(which)
        self._each(self._spend, numbers)
        self._tell(self._confirmation(number) for number in numbers)

    def _spend(self, number: str) -> None:
        self.spent[number] = self.scenario.new_order_id()
        asked = {
            "amount": f"{AMOUNT_MINOR // 100}",
            "currency": "RUB",
            "orderId": self.spent[number],
            "cvc": self.codes[number],
        }
        path = f"/certificates/{number}/authorizations"
        held = self.scenario.http.post(path, json=asked)
        assert held.status_code == httpx.codes.CREATED, held.text
        taken = self.scenario.http.post(f"{path}/{held.json()['authorizationId']}/capture")
        assert taken.status_code == httpx.codes.OK, taken.text

    def _confirmation(self, number: str) -> Sequence[Order | Payment]:
        order_id = self.spent[number]
        return goods(number, order_id, AMOUNT_MINOR), redemption(number, order_id, AMOUNT_MINOR)

    def ordinary(self, which: range) -> None:
        self._tell(self._ordinary() for _ in which)

    def _ordinary(self) -> Sequence[Order | Payment]:
        order_id = self.scenario.new_order_id()
        lines = [Line(amount_minor=AMOUNT_MINOR // 5, line_id=str(line)) for line in range(5)]
        order = Order(order_id=order_id, total_minor=AMOUNT_MINOR, lines=lines)
        paid = Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=AMOUNT_MINOR)
        return order, paid

    def balance(self, which: range) -> None:
        self._each(self.scenario.balance, self._those(which))

    def _those(self, which: range) -> list[str]:
        return self.numbers[which.start : which.stop]

    def _tell(self, told: Iterator[Sequence[Order | Payment | Delivery]]) -> None:
        messages: list[Message] = [
            self.scenario.message(each) for together in told for each in together
        ]
        self.service.write(*messages)

    def _each(self, ask: Callable[[Given], Answer], given: Sequence[Given]) -> list[Answer]:
        with ThreadPoolExecutor(CALLERS if len(given) > 1 else 1) as callers:
            return list(callers.map(ask, given))


@pytest.fixture(scope="module")
def broker_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broker")


@pytest.fixture(scope="module")
def broker(broker_dir: Path) -> Iterator[Broker]:
    kind = os.environ.get("GIFTCERT_TEST_BROKER") or AUTO
    with start_broker(kind, broker_dir) as running:
        if running.kind != "apache":
            pytest.skip(f"the log files of a broker of kind {running.kind} cannot be weighed")
        yield running


def test_capacity(broker: Broker, broker_dir: Path, tmp_path: Path) -> None:
    title("An operation's bytes and CPU, on Apache Kafka, 3 partitions")
    with running_service(broker.bootstrap, tmp_path, PREFIX) as service:
        scales = Scales(service, broker, broker_dir)
        scales.learn_idle()
        print("  idle, share of a core: " + _shares(scales.idle))
        alone = [range(index, index + 1) for index in range(ALONE)]
        _weighed(scales, Trade(service), "one at a time", alone)
        _weighed(scales, Trade(service), "together", [range(TOGETHER)])
        kept = {
            worker: sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
            for worker, directory in service.stack.state_directories.items()
        }
        held = {name: f"{each / 1_000_000:.0f} MB" for name, each in scales.peak_memory().items()}
        for topic, (plain, merged) in scales.merged_bytes(tmp_path / "merged").items():
            print(f"  {topic}: {plain:,} bytes of keys and values, {merged:,} merged on disk")
    print(f"  most memory at a time: {held}")
    print(f"  bytes in the state directories at the end: {kept}")


def _weighed(scales: Scales, trade: Trade, how: str, shares: Sequence[range]) -> None:
    """One kind after another: each works on what the one before has left."""
    acts: Sequence[Act] = (
        trade.load,
        trade.reserve,
        trade.sell,
        trade.deliver,
        trade.redeem,
        trade.refund,
        trade.spend,
        trade.ordinary,
        trade.balance,
        trade.load,
        trade.take,
    )
    for act in acts:
        before = scales.weigh()
        for which in shares:
            act(which)
            trade.service.settle()
        print(f"\n  {act.__name__}, {how}")
        difference(scales, before, scales.weigh(), sum(map(len, shares)))


def _shares(idle: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.3f}" for name, share in idle.items())
