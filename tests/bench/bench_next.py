"""`next` end to end: HTTP, pool, certificate, reply; commit when drained against by the clock.

A real stack on this machine for each way of committing, on one broker. `GIFTCERT_TEST_BROKER`
chooses the broker as for the flow tests.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import quantiles

import httpx
import pytest
from confluent_kafka import Producer

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.edge_client import BearerToken, RenewedToken
from pipelines.local.broker import AUTO, start_broker
from pipelines.local.running_broker import Broker
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.topics import COMMANDS
from state.certificate.commands import Command, Load, Origin
from tests.bench.measuring import title

WARM_UP = 20
ALONE = 100
CLIENTS = 16
EACH = 60
NUMBERS = WARM_UP + ALONE + CLIENTS * EACH
DEADLINE_S = 60.0
BY_THE_CLOCK = (sys.executable, str(Path(__file__).with_name("interval_only_worker.py")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of committing."""

    name: str
    prefix: str
    environment: dict[str, str] = field(default_factory=dict)
    worker_command: tuple[str, ...] | None = None


WAYS = (
    Way(name="when drained (what workers do)", prefix="drained-"),
    Way(
        name="every 20 ms, poll 10 ms",
        prefix="tight-",
        environment={"GIFTCERT_COMMIT_INTERVAL_MS": "20", "GIFTCERT_POLL_TIMEOUT_MS": "10"},
        worker_command=BY_THE_CLOCK,
    ),
    Way(
        name="every 200 ms, poll 100 ms (our defaults for these)",
        prefix="default-",
        worker_command=BY_THE_CLOCK,
    ),
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    kind = os.environ.get("GIFTCERT_TEST_BROKER") or AUTO
    with start_broker(kind, tmp_path_factory.mktemp("broker")) as running:
        title(f"`next` on {running.kind}, one processor, {CLIENTS} clients")
        yield running


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.prefix.strip("-"))
def test_next(broker: Broker, tmp_path: Path, way: Way) -> None:
    options = StackOptions(
        data_dir=tmp_path,
        broker=broker.bootstrap,
        topic_prefix=way.prefix,
        # Faster than any shop asks, which is what is measured.
        environment={"GIFTCERT_RATE_LIMIT": "1000000/minute", **way.environment},
    )
    if way.worker_command is not None:
        options = replace(options, worker_command=way.worker_command)
    with Stack(options) as stack:
        (url,) = stack.http_urls
        _fill(broker, way.prefix)
        asyncio.run(_drive(stack, url, way.name))


def _fill(broker: Broker, prefix: str) -> None:
    framing = SingleObjectFraming()
    producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random"})
    for index in range(NUMBERS):
        number = f"GC-{index:07d}"
        load = Command(
            command_id=f"load/{number}",
            at_ms=1,
            certificate_id=number,
            origin=Origin.LOADER,
            action=Load(pool="ELECTRONIC"),
        )
        value = framing.encode(RecordName.COMMAND, command_to_record(load))
        producer.produce(f"{prefix}{COMMANDS.name}", key=number, value=value)
    assert producer.flush(DEADLINE_S) == 0


async def _drive(stack: Stack, url: str, name: str) -> None:
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(
        base_url=url,
        timeout=DEADLINE_S,
        trust_env=False,
        limits=limits,
        auth=BearerToken(RenewedToken(lambda: stack.token("store"))),
    ) as client:
        await _filled(client, BearerToken(RenewedToken(lambda: stack.token("auditor"))))
        await _caller(client, "warm", WARM_UP)
        alone = await _caller(client, "alone", ALONE)
        started_s = time.perf_counter()
        taken = await asyncio.gather(
            *(_caller(client, f"client-{index}", EACH) for index in range(CLIENTS))
        )
        rate = CLIENTS * EACH / (time.perf_counter() - started_s)
    together = [each for times in taken for each in times]
    print(
        f"  {name:<52} 1 client: p50 {_percentile(alone, 50):.0f}, p99 {_percentile(alone, 99):.0f}"
        f" ms; {CLIENTS} clients: {rate:.0f}/s, p50 {_percentile(together, 50):.0f},"
        f" p99 {_percentile(together, 99):.0f} ms"
    )


async def _filled(client: httpx.AsyncClient, auditor: httpx.Auth) -> None:
    """Wait until the pool holds every number."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            pools = (await client.get("/internal/pools", auth=auditor)).json()
            if [pool["level"] for pool in pools] == [NUMBERS]:
                return
            await asyncio.sleep(0.05)


async def _caller(client: httpx.AsyncClient, name: str, calls: int) -> list[float]:
    """Milliseconds of each of so many calls, one after another."""
    times = []
    for index in range(calls):
        started_s = time.perf_counter()
        answer = await client.post(
            "/certificates/next",
            json={"pool": "ELECTRONIC"},
            headers={"idempotency-key": f"{name}-{index}"},
        )
        times.append((time.perf_counter() - started_s) * 1_000)
        assert answer.status_code == 201, answer.text
    return times


def _percentile(times: list[float], percent: int) -> float:
    return quantiles(times, n=100, method="inclusive")[percent - 1]
