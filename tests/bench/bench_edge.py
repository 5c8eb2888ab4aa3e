"""The edge as callers feel it: next, authorize, balance and get, by 1, 16 and 64 of them.

A real stack on this machine, exactly-once. Callers share the processor's two cores. Then each call
at the steady rate of its goal: what counts there is from when a call was due, not from when a busy
caller got round to it. `GIFTCERT_TEST_BROKER` chooses the broker as for the flow tests.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Final

import httpcore
import pytest
from confluent_kafka import Producer

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.local.broker import AUTO, start_broker
from pipelines.local.running_broker import Broker
from pipelines.local.stack import Stack
from pipelines.local.stack_options import StackOptions
from pipelines.topics import COMMANDS
from state.certificate.commands import (
    Action,
    Activate,
    Channel,
    Command,
    Issue,
    Load,
    Origin,
    ReserveNumber,
)
from state.certificate.money import Money
from tests.bench.measuring import title

SOLD: Final = 600
"""So many that none has more than a handful of holds at the end, as in a shop."""
FREE: Final = 15_000
SECONDS: Final = 5.0
CLIENTS: Final = (1, 16, 64)
DEADLINE_S: Final = 120.0
HOUR_MS: Final = 3_600_000

Ask = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    kind = os.environ.get("GIFTCERT_TEST_BROKER") or AUTO
    with start_broker(kind, tmp_path_factory.mktemp("broker")) as running:
        title(f"the edge on {running.kind}, one processor, exactly-once")
        yield running


def test_edge(broker: Broker, tmp_path: Path) -> None:
    options = StackOptions(
        data_dir=tmp_path,
        broker=broker.bootstrap,
        topic_prefix="edge-",
        environment={"GIFTCERT_RATE_LIMIT": "9000000/minute"},
    )
    with Stack(options) as stack:
        _fill(broker)
        asyncio.run(_drive(stack))


def _fill(broker: Broker) -> None:
    framing = SingleObjectFraming()
    producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random"})
    now_ms = time.time_ns() // 1_000_000
    money = Money(amount_minor=1_000_000_00, currency="RUB")

    def put(number: str, *actions: Action) -> None:
        for position, action in enumerate(actions):
            command = Command(
                command_id=f"{number}/{position}",
                at_ms=now_ms,
                certificate_id=number,
                origin=Origin.LOADER,
                action=action,
            )
            value = framing.encode(RecordName.COMMAND, command_to_record(command))
            producer.produce(f"edge-{COMMANDS.name}", key=number, value=value)

    for index in range(FREE):
        put(f"GC-{index:07d}", Load(pool="ELECTRONIC"))
    for index in range(SOLD):
        order_id = f"order-{index}"
        put(
            f"SOLD-{index:05d}",
            Load(pool="PHYSICAL"),
            ReserveNumber(channel=Channel.POS, order_id=order_id, until_ms=now_ms + HOUR_MS),
            Issue(
                order_id=order_id,
                channel=Channel.POS,
                client_id=None,
                nominal=money,
                notification_channel=None,
            ),
            Activate(order_id=order_id),
        )
    assert producer.flush(DEADLINE_S) == 0


class Edge:
    """The calls, each with its own token.

    Connections are kept in a stack, each used by one caller at a time: the library's own pool looks
    through all of them at each call, and would be what is measured.
    """

    def __init__(self, stack: Stack) -> None:
        (self._url,) = stack.http_urls
        self._tokens = {
            client: stack.token(client) for client in ("store", "till", "crm", "support")
        }
        host, _, port = self._url.removeprefix("http://").partition(":")
        self._origin = httpcore.Origin(b"http", host.encode(), int(port))
        self._idle: list[httpcore.AsyncHTTPConnection] = []
        self._keys = count()
        self._turns = count()
        self._codes: dict[str, str] = {}

    async def close(self) -> None:
        for connection in self._idle:
            await connection.aclose()

    async def call(
        self, client: str, method: str, path: str, body: dict[str, object] | None = None
    ) -> tuple[int, bytes]:
        headers: dict[bytes | str, bytes | str] = {
            "Host": self._url.rpartition("/")[2],
            "Authorization": f"Bearer {self._tokens[client]}",
            "Idempotency-Key": f"key-{next(self._keys)}",
        }
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        connection = self._idle.pop() if self._idle else httpcore.AsyncHTTPConnection(self._origin)
        answer = await connection.request(
            method, f"{self._url}{path}", headers=headers, content=content
        )
        self._idle.append(connection)
        return answer.status, answer.content

    async def ready(self) -> None:
        """Wait until all numbers are there, and read the codes."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                _, content = await self.call("support", "GET", "/pools")
                items = json.loads(content).get("items", ())
                if [item["level"] for item in items if item["pool"] == "ELECTRONIC"] == [FREE]:
                    break
                await asyncio.sleep(0.1)
            for index in range(SOLD):
                number = f"SOLD-{index:05d}"
                path = f"/certificates/{number}/cvc?requestId=code"
                while (answer := await self.call("crm", "GET", path))[0] != 200:
                    await asyncio.sleep(0.1)
                self._codes[number] = json.loads(answer[1])["cvc"]

    def _number(self) -> str:
        return f"SOLD-{next(self._turns) % SOLD:05d}"

    async def next(self) -> None:
        status, content = await self.call(
            "store", "POST", "/certificates/next", {"pool": "ELECTRONIC"}
        )
        assert status == 201, content

    async def authorize(self) -> None:
        number = self._number()
        body: dict[str, object] = {
            "amount": "1.00",
            "currency": "RUB",
            "orderId": f"o-{number}",
            "cvc": self._codes[number],
        }
        status, content = await self.call(
            "till", "POST", f"/certificates/{number}/authorizations", body
        )
        assert status == 201, content

    async def balance(self) -> None:
        status, content = await self.call("till", "GET", f"/certificates/{self._number()}/balance")
        assert status == 200, content

    async def get(self) -> None:
        status, content = await self.call("till", "GET", f"/certificates/{self._number()}")
        assert status == 200, content


async def _drive(stack: Stack) -> None:
    edge = Edge(stack)
    await edge.ready()
    calls: dict[str, Ask] = {
        "balance": edge.balance,
        "get": edge.get,
        "next": edge.next,
        "authorize": edge.authorize,
    }
    for ask in calls.values():
        await _together(ask, 1, 1.0)
    for name, ask in calls.items():
        for clients in CLIENTS:
            _tell(f"{name}, {clients} clients", *await _together(ask, clients, SECONDS))
    for name, ask, rate, goal_ms in (
        ("balance", edge.balance, 300, 10),
        ("get", edge.get, 300, 10),
        ("next", edge.next, 100, 60),
        ("authorize", edge.authorize, 100, 60),
    ):
        times_ms = await _at_rate(ask, rate, 2 * SECONDS)
        _tell(f"{name} at {rate}/s (goal: p99 under {goal_ms} ms)", times_ms, 2 * SECONDS)
    await edge.close()


async def _together(ask: Ask, clients: int, seconds: float) -> tuple[list[float], float]:
    """Milliseconds of each call of so many callers who ask again as soon as they are answered."""
    times_ms: list[float] = []
    started_s = time.perf_counter()

    async def caller() -> None:
        while time.perf_counter() - started_s < seconds:
            asked_s = time.perf_counter()
            await ask()
            times_ms.append((time.perf_counter() - asked_s) * 1_000)

    await asyncio.gather(*(caller() for _ in range(clients)))
    return times_ms, time.perf_counter() - started_s


async def _at_rate(ask: Ask, rate: int, seconds: float) -> list[float]:
    """Milliseconds from when each call was due, at a steady rate."""
    times_ms: list[float] = []
    started_s = time.perf_counter()

    async def one(due_s: float) -> None:
        await ask()
        times_ms.append((time.perf_counter() - due_s) * 1_000)

    async with asyncio.TaskGroup() as group:
        for index in range(int(rate * seconds)):
            due_s = started_s + index / rate
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            group.create_task(one(due_s))
    return times_ms


def _tell(name: str, times_ms: list[float], seconds: float) -> None:
    cuts = quantiles(times_ms, n=100, method="inclusive")
    print(
        f"  {name:<44} {len(times_ms) / seconds:>6.0f}/s   p50 {cuts[49]:>6.1f}   "
        f"p99 {cuts[98]:>6.1f} ms"
    )
