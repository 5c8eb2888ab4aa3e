"""The edge with everything around it faked: no broker, no stores, no clock of its own.

Owns the fakes and the client. What is asked of the flow is kept in `asked`; what it would answer is
set beforehand. The real path through Kafka is the flow tests'.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from starlette.applications import Starlette

from http_edge.app import create_app
from http_edge.problems import moving, refusal
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.reply_record import Position, Reply
from pipelines.cvc_keys import CvcKeys
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from state.certificate.record import CertificateState
from state.certificate.rejections import RejectionCode, reject
from state.certificate.transition import Outcome
from state.pool.queue import PoolHead
from state.stores.codec import CERTIFICATE_STATE, POOL_HEAD
from state.stores.reader import StoreClosed

NOW_MS = 1_735_689_600_123
REPLY_TO = "0123456789abcdef"
BASE = "http://edge.test"
OUTCOME = Outcome(
    command_id="request-1", certificate_id="GC-0001", body_digest=None, decided_at_ms=NOW_MS
)


class FakeRequests:
    """Answers every request alike, and keeps what was asked."""

    def __init__(self) -> None:
        self.reply_to = REPLY_TO
        self.asked: list[tuple[str, str, Outgoing]] = []
        self.outcome = OUTCOME

    async def ask(self, request_id: str, body_digest: str, output: Outgoing) -> Reply:
        self.asked.append((request_id, body_digest, output))
        if self.outcome.rejection is not None:
            raise refusal(self.outcome.rejection)
        return Reply(
            reply_to=REPLY_TO,
            outcome=replace(self.outcome, command_id=request_id),
            position=Position(topic="t", partition=0, offset=0),
        )

    def refuse(self, code: RejectionCode, detail: str = "") -> None:
        self.outcome = replace(OUTCOME, rejection=reject(code, detail))


class FakeWorker:
    """A worker as the service's own calls see it."""

    def __init__(self) -> None:
        self.alive = True
        self.serving = True


class FakeListing:
    """The records of a store, in the order of their keys."""

    def __init__(self) -> None:
        self.records: dict[int, dict[bytes, bytes]] = {0: {}, 1: {}}
        self.closed = False

    def partitions(self) -> list[int]:
        return sorted(self.records)

    def get(self, partition: int, key: bytes) -> bytes | None:
        return self.records[partition].get(key)

    def scan(
        self, partition: int, lower: bytes, upper: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        if self.closed or partition not in self.records:
            raise StoreClosed
        rows = sorted(self.records[partition].items())
        return [(key, value) for key, value in rows if lower <= key < upper][:limit]

    def keep_certificate(self, number: str, state: CertificateState, partition: int = 0) -> None:
        self.records[partition][f"{number}|c".encode()] = CERTIFICATE_STATE.encode(state)

    def keep_pool(self, name: str, level: int, partition: int = 0) -> None:
        self.records[partition][f"{name}|c".encode()] = POOL_HEAD.encode(PoolHead(level=level))


@dataclass
class FakeServices:
    """What the routes work with."""

    settings: Settings = field(default_factory=lambda: Settings(pool_low_mark=7))
    framing: SingleObjectFraming = field(default_factory=SingleObjectFraming)
    requests: FakeRequests = field(default_factory=FakeRequests)
    worker: FakeWorker = field(default_factory=FakeWorker)
    certificates: FakeListing = field(default_factory=FakeListing)
    pools: FakeListing = field(default_factory=FakeListing)
    cvc_keys: CvcKeys = field(
        default_factory=lambda: CvcKeys(
            current_id="2025-02", by_id={"2025-01": b"1" * 32, "2025-02": b"2" * 32}
        )
    )
    states: dict[str, CertificateState] = field(default_factory=dict)
    finds: Callable[[str], CertificateState] | None = None

    def now_ms(self) -> int:
        return NOW_MS

    async def certificate_state(self, certificate_id: str) -> CertificateState:
        if self.finds is not None:
            return self.finds(certificate_id)
        state = self.states.get(certificate_id)
        if state is None:
            raise refusal(reject(RejectionCode.NOT_FOUND))
        return state

    def move(self) -> None:
        """From now on the partition is moving."""

        def finds(_certificate_id: str) -> CertificateState:
            raise moving()

        self.finds = finds


def app_over(services: Any) -> Starlette:
    """The real app over fakes of its services."""
    return create_app(services)


@asynccontextmanager
async def calling(services: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, without any network, from the app's start to its end."""
    app = app_over(services)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=BASE) as client,
    ):
        yield client


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and the last word of the type of a problem, after checking its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail"}
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["type"].rpartition("/")[2]
