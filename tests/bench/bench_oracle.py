"""How long it takes to answer about a number that a caller may not know, by what is behind it.

Unknown, free, and reserved by another channel: the answers are the same bytes, and here the same
time. The kinds take turns call by call, so that whatever disturbs one disturbs all; what counts is
how far their medians are apart beside the quartiles of each. `GIFTCERT_TEST_BROKER` chooses the
broker as for the flow tests.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

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
from state.certificate.commands import Action, Channel, Command, Load, Origin, ReserveNumber
from tests.bench.measuring import title

EACH: Final = 400
"""Calls about each kind of number, with another number of the kind each time."""
READY_S: Final = 60.0
HOUR_MS: Final = 3_600_000
KINDS: Final = ("unknown", "free", "foreign")
_MONEY: Final = {"amount": "1.00", "currency": "RUB", "orderId": "o", "cvc": "123456"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call, and the status it is answered with for every kind it is asked about."""

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    status: int = 404
    kinds: tuple[str, ...] = KINDS
    calls: int = EACH


QUESTIONS: Final = (
    Question(name="get", method="GET", path=""),
    Question(name="balance", method="GET", path="/balance"),
    Question(name="history", method="GET", path="/history"),
    Question(name="cvc", method="GET", path="/cvc?requestId=k"),
    Question(name="authorize", method="POST", path="/authorizations", body=_MONEY),
    Question(name="capture", method="POST", path="/authorizations/a/capture"),
    Question(name="void", method="POST", path="/authorizations/a/void"),
    # A free one is reserved: that is what the call is for.
    Question(
        name="reserve",
        method="POST",
        path="/actions/reserve",
        body={},
        status=409,
        kinds=("unknown", "foreign"),
        calls=EACH // 2,
    ),
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    kind = os.environ.get("GIFTCERT_TEST_BROKER") or AUTO
    with start_broker(kind, tmp_path_factory.mktemp("broker")) as running:
        title(f"numbers a till may not know, on {running.kind}, one processor, one caller")
        yield running


def test_oracle(broker: Broker, tmp_path: Path) -> None:
    options = StackOptions(
        data_dir=tmp_path,
        broker=broker.bootstrap,
        topic_prefix="oracle-",
        environment={"GIFTCERT_RATE_LIMIT": "9000000/minute"},
    )
    with Stack(options) as stack:
        _fill(broker)
        with httpcore.ConnectionPool(max_connections=1) as connections:
            edge = Edge(stack, connections)
            edge.await_numbers()
            for question in QUESTIONS:
                _tell(question, edge.times_us(question))


def _number(kind: str, index: int) -> str:
    return f"{kind.upper()}-{index:05d}"


def _fill(broker: Broker) -> None:
    """As many numbers of each kind as there are calls; unknown ones need nothing."""
    framing = SingleObjectFraming()
    producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random"})
    now_ms = time.time_ns() // 1_000_000
    load = Load(pool="PHYSICAL")
    reserve = ReserveNumber(channel=Channel.ONLINE_STORE, order_id=None, until_ms=now_ms + HOUR_MS)
    actions: dict[str, tuple[Action, ...]] = {"free": (load,), "foreign": (load, reserve)}
    for index in range(EACH):
        for kind, done in actions.items():
            number = _number(kind, index)
            for position, action in enumerate(done):
                command = Command(
                    command_id=f"{number}/{position}",
                    at_ms=now_ms,
                    certificate_id=number,
                    origin=Origin.LOADER,
                    action=action,
                )
                value = framing.encode(RecordName.COMMAND, command_to_record(command))
                producer.produce(f"oracle-{COMMANDS.name}", key=number, value=value)
    assert producer.flush(READY_S) == 0


class Edge:
    """One till that asks over one connection."""

    def __init__(self, stack: Stack, connections: httpcore.ConnectionPool) -> None:
        (self._url,) = stack.http_urls
        scopes = "certificates:read balance:read cvc:read certificates:redeem certificates:reserve"
        self._till = stack.token("till", scopes)
        self._support = stack.token("support")
        self._connections = connections
        self._asked = 0

    def await_numbers(self) -> None:
        """Until the last one of each kind is there."""
        deadline_s = time.monotonic() + READY_S
        for kind, lifecycle in (("free", "AVAILABLE"), ("foreign", "RESERVED")):
            for index in range(EACH):
                path = f"/certificates/{_number(kind, index)}"
                while True:
                    status, content = self._call("GET", path, None, self._support)
                    if status == 200 and json.loads(content)["lifecycle"] == lifecycle:
                        break
                    assert time.monotonic() < deadline_s, "the numbers are not there"
                    time.sleep(0.05)

    def times_us(self, question: Question) -> dict[str, list[float]]:
        """Microseconds of each call about each kind of number, the kinds by turns."""
        times: dict[str, list[float]] = {kind: [] for kind in question.kinds}
        for turn in range(question.calls):
            # Another kind begins each time: to come first must not be one kind's lot.
            for shift in range(len(question.kinds)):
                kind = question.kinds[(turn + shift) % len(question.kinds)]
                path = f"/certificates/{_number(kind, turn)}{question.path}"
                began_ns = time.perf_counter_ns()
                status, content = self._call(question.method, path, question.body, self._till)
                times[kind].append((time.perf_counter_ns() - began_ns) / 1_000)
                assert status == question.status, (kind, content)
        return times

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None, token: str
    ) -> tuple[int, bytes]:
        self._asked += 1
        headers: dict[bytes | str, bytes | str] = {
            "Host": self._url.rpartition("/")[2],
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": f"key-{self._asked}",
        }
        content = b""
        if body is not None:
            content = json.dumps(body).encode()
            headers |= {"Content-Type": "application/json"}
        if method == "POST":
            headers["Content-Length"] = str(len(content))
        answer = self._connections.request(
            method, f"{self._url}{path}", headers=headers, content=content
        )
        return answer.status, answer.content


def _tell(question: Question, times_us: dict[str, list[float]]) -> None:
    medians = {kind: median(taken) for kind, taken in times_us.items()}
    told = []
    for kind, taken in times_us.items():
        low, _, high = quantiles(taken, n=4, method="inclusive")
        told.append(f"{kind} {medians[kind]:7.0f} ({low:.0f} to {high:.0f})")
    apart = max(medians.values()) - min(medians.values())
    percent = 100 * apart / min(medians.values())
    print(f"  {question.name:<10} {'   '.join(told)} µs   apart {apart:.0f} µs, {percent:.1f} %")
