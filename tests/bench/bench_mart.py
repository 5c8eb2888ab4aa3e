"""What the mart takes to be made anew from a year of topics, and to be kept in step with them.

The topics are in memory: what Kafka adds is another process's work and the network's. The year is
as large as the demo's: 300,000 orders and payments, 8,000 events.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

from pipelines.neighbours.bi.batch import Read
from pipelines.neighbours.bi.duckdb_target import DuckDbTarget
from pipelines.neighbours.bi.mart import Mart, Moment
from pipelines.neighbours.bi.postgres_target import PostgresTarget
from pipelines.neighbours.bi.readings import Readings
from pipelines.neighbours.bi.report import read_report
from pipelines.neighbours.bi.target import Target
from pipelines.neighbours.bi.topic_record import TopicRecord
from pipelines.neighbours.records import orders, payments
from tests.bench.measuring import title
from tests.neighbours.bi.mart_in_memory import TERMS
from tests.neighbours.bi.postgres_server import PASSWORD, postgres_server, programs
from tests.neighbours.bi.told_topics import DAY_MS, FRAMING, NOON_MS, TILL, ToldTopics

ORDERS = 150_000
CERTIFICATES = 1_000
"""Of eight events each: bought, spent in part, refunded."""
GOODS = 9
BATCH = 20_000
STEADY_EVENTS = 100
"""What comes in half a second at 200 events a second."""
STEADY_BATCHES = 40
PARTITIONS = 6


def ordinary() -> Iterator[TopicRecord]:
    """Orders of goods and the payments for them, as they lie in six partitions each."""
    told = ToldTopics(now_ms=NOON_MS - 365 * DAY_MS)
    lines = [
        orders.GoodsLine(line_id=f"goods-{place}", sku=f"sku-{place}", amount_minor=199 + place)
        for place in range(GOODS)
    ]
    for number in range(ORDERS):
        told.now_ms += 365 * DAY_MS // ORDERS
        order = orders.SalesOrder(
            order_id=f"order-{number}",
            version=1,
            at_ms=told.now_ms,
            channel=TILL,
            status=orders.OrderStatus.COMPLETED,
            currency="USD",
            lines=lines,
            client_id=f"household-{number % 2_500}",
        )
        payment = payments.Payment(
            payment_id=f"order-{number}/1",
            order_id=f"order-{number}",
            at_ms=told.now_ms,
            channel=TILL,
            type=payments.PaymentType.CAPTURE,
            amount_minor=1_827,
            currency="USD",
            tender=payments.Tender.CARD,
        )
        yield told.tell(order.record(), partition=number % PARTITIONS)
        yield told.tell(payment.record(), partition=number % PARTITIONS)
        told.records.clear()


def certificates(first: int, count: int) -> list[TopicRecord]:
    """The lives of some certificates, with their orders and payments."""
    told = ToldTopics()
    for number in range(first, first + count):
        certificate, sale, basket = f"GC-{number:08d}", f"sale-{number}", f"basket-{number}"
        told.load(certificate).reserve(certificate)
        told.selling_order(order_id=sale, number=certificate, minor=50_00)
        told.payment(50_00, order_id=sale, number=certificate)
        told.issue(certificate, order_id=sale, minor=50_00)
        told.spending_order(20_00, order_id=basket, number=certificate)
        told.payment(20_00, order_id=basket, tender="GIFT_CERTIFICATE", number=certificate)
        told.redeem(20_00, order_id=basket, number=certificate)
        told.refund(5_00, order_id=basket, number=certificate)
        told.redeem(1_00, order_id=basket, number=certificate)
    return told.records


@pytest.fixture(scope="module")
def year() -> list[TopicRecord]:
    return [*certificates(0, CERTIFICATES), *ordinary()]


def made_anew(target: Target, year: list[TopicRecord]) -> tuple[Mart, Readings]:
    mart = Mart(target, TERMS, writer="bench")
    mart.begin(NOON_MS)
    readings = Readings(FRAMING, mart.calendar)
    reading_s = 0.0
    began_s = time.perf_counter()
    for begin in range(0, len(year), BATCH):
        before_s = time.perf_counter()
        read: list[Read] = [(each, readings.read(each)) for each in year[begin : begin + BATCH]]
        reading_s += time.perf_counter() - before_s
        mart.write(read, Moment(at_ms=NOON_MS, caught_up=True, ends={}), {})
    mart.learn()
    whole_s = time.perf_counter() - began_s
    print(
        f"  made anew in {target.label}: {len(year):,} records in {whole_s:.1f} s "
        f"({len(year) / whole_s:,.0f} a second), {reading_s:.1f} s of it decoding"
    )
    return mart, readings


def kept_in_step(mart: Mart, readings: Readings) -> None:
    """Time what stands between a batch's last record and its commit."""
    later = certificates(10_000_000, STEADY_BATCHES * STEADY_EVENTS // 8 + 20)
    moved = [
        TopicRecord(
            topic=each.topic,
            partition=97,
            offset=each.offset,
            key=each.key,
            value=(each.value or b"").replace(b"event-", b"later-"),
            headers=each.headers,
            timestamp_ms=each.timestamp_ms,
        )
        for each in later
    ]
    taken = []
    for place in range(STEADY_BATCHES):
        some = moved[place * STEADY_EVENTS : (place + 1) * STEADY_EVENTS]
        began_s = time.perf_counter()
        read: list[Read] = [(each, readings.read(each)) for each in some]
        mart.write(read, Moment(at_ms=NOON_MS, caught_up=True, ends={}), {})
        taken.append(time.perf_counter() - began_s)
    print(
        f"  a batch of {STEADY_EVENTS} (half a second of 200 a second): median "
        f"{median(taken) * 1_000:.0f} ms, 95 % {quantiles(taken, n=20)[-1] * 1_000:.0f} ms"
    )
    assert median(taken) < 0.5, "it takes longer than what it takes in"


def reported(target: Target) -> None:
    began_s = time.perf_counter()
    report = read_report(target, full_numbers=False)
    print(f"  a report: {time.perf_counter() - began_s:.1f} s")
    assert [row["unexplained_minor"] for row in report.money] == [0]


def test_mart_in_duckdb_is_made_anew_and_kept(tmp_path: Path, year: list[TopicRecord]) -> None:
    title("A mart of a year, in DuckDB")
    path = tmp_path / "mart.duckdb"
    target = DuckDbTarget(path)
    kept_in_step(*made_anew(target, year))
    reported(target)
    print(f"  the file: {path.stat().st_size / 2**20:.0f} MiB")


def test_mart_in_postgresql_is_made_anew_and_kept(year: list[TopicRecord]) -> None:
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL on this machine: there is no initdb")
    title("A mart of a year, in PostgreSQL")
    with postgres_server(where) as server:
        target = PostgresTarget(server.address, "bench", password=PASSWORD)
        kept_in_step(*made_anew(target, year))
        reported(target)
