"""What the enrichment takes on real Kafka: a backlog worked off, and how old a marked payment is.

Owns a broker and one worker. The backlog is written before the worker is started, payments first.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from threading import Event

import pytest

from pipelines.local.broker import AUTO, say_on_stderr, start_broker
from pipelines.local.running_broker import Broker
from pipelines.neighbours.records.producer import RecordProducer
from tests.bench.measuring import title
from tests.flow.enrichment_process import FRAMING, EnrichmentUnderTest, enrichment_on
from tests.neighbours.enrich.stories import GOODS, PURCHASE, payment

BACKLOG = 30_000
"""Orders, and as many payments."""
LONE = 100
PAUSE_S = 0.05
DEADLINE_S = 240


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for all figures."""
    with start_broker(AUTO, tmp_path_factory.mktemp("broker"), say=say_on_stderr) as running:
        yield running


def await_told(enrichment: EnrichmentUnderTest, count: int) -> None:
    """Like the flow tests' own wait, with more patience."""
    log = enrichment.log
    assert log is not None
    deadline_s = time.monotonic() + DEADLINE_S
    while len(log.of("All_Payments.Enriched")) < count:
        assert time.monotonic() < deadline_s, "it did not come to its end"
        log.read()


def seconds_to(enrichment: EnrichmentUnderTest, count: int) -> float:
    """Start it; how long until so many payments came out."""
    began_s = time.monotonic()
    enrichment.start()
    await_told(enrichment, count)
    return time.monotonic() - began_s


def test_backlog_of_ordinary_orders_and_payments(broker: Broker, tmp_path: Path) -> None:
    """What a start alone takes is measured before, by one payment, and taken off."""
    title("a backlog, one in a hundred orders sells a certificate")
    with enrichment_on(broker.bootstrap, "backlog-", tmp_path) as enrichment:
        for number, first in enumerate(("first", "second")):
            enrichment.write(replace(GOODS, order_id=first).record())
            enrichment.write(payment(1, order_id=first, payment_id=first).record())
            start_s = seconds_to(enrichment, number + 1)
            assert enrichment.end()[0] == 0, enrichment.said()
        ids = [f"o-{n}" for n in range(BACKLOG)]
        for start in range(0, BACKLOG, 5_000):
            part = ids[start : start + 5_000]
            enrichment.write(
                *(payment(99_00, order_id=each, payment_id=f"{each}/1").record() for each in part)
            )
            enrichment.write(
                *(
                    replace(PURCHASE if n % 100 == 0 else GOODS, order_id=each).record()
                    for n, each in enumerate(part)
                )
            )
        took_s = seconds_to(enrichment, BACKLOG + 2) - start_s
    print(
        f"  {2 * BACKLOG:,} records in {took_s:.1f} s beside the start of {start_s:.1f} s: "
        f"{2 * BACKLOG / took_s:,.0f} a second, {BACKLOG / took_s:,.0f} payments"
    )


def test_payment_of_a_known_order(broker: Broker, tmp_path: Path) -> None:
    title("a lone payment whose order is known, from its writing to its marked copy")
    taken_ms: list[float] = []
    with (
        enrichment_on(broker.bootstrap, "lone-", tmp_path) as enrichment,
        RecordProducer(enrichment.settings, FRAMING, "bench") as producer,
    ):
        enrichment.start()
        producer.write(*(replace(PURCHASE, order_id=f"o-{n}").record() for n in range(LONE)))
        producer.write(payment(1, order_id="o-0", payment_id="first").record())
        await_told(enrichment, 1)
        for number in range(LONE):
            Event().wait(PAUSE_S)
            record = payment(1, order_id=f"o-{number}", payment_id=f"p-{number}").record()
            began_s = time.monotonic()
            producer.write(record)
            await_told(enrichment, number + 2)
            taken_ms.append((time.monotonic() - began_s) * 1_000)
    cuts = quantiles(taken_ms, n=100)
    print(f"  p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms")
