"""The edge with Kafka faked and nothing else: who calls, and what other processors say, are told.

Owns the services under test and the client. Everything between a request and the records it becomes
is the real thing; the real path through Kafka is the flow tests'.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from threading import RLock
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
from starlette.types import ASGIApp

from http_edge.access.callers import Caller, Scope
from http_edge.access.gate import Gate
from http_edge.access.limits import RateLimiter
from http_edge.api.problems import client_unknown, moving, token_invalid, token_missing
from http_edge.app import create_app
from http_edge.asking.services import EdgeServices
from http_edge.serving.hop import Answered, Forwarded
from http_edge.serving.metrics import EdgeMetrics
from http_edge.serving.patience import Patience
from pipelines.owners import Membership
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, INDEX, POOL, Topic, topic_name
from state.certificate.commands import Channel
from state.stores.reader import StoreReader
from tests.http_edge.certificates_in_flow import KEYS
from tests.http_edge.flow_in_memory import AT_MS, FRAMING, PARTITIONS, FlowInMemory

NOW_MS = AT_MS
BASE = "http://edge.test"
OWN_URL = "http://127.0.0.1:8080"
SIBLING = "http://10.0.0.2:8080"
CLIENTS: Mapping[str, Channel | None] = {
    "store": Channel.ONLINE_STORE,
    "till": Channel.POS,
    "crm": None,
    "support": None,
    "auditor": None,
}


def token(client: str, *scopes: str) -> dict[str, str]:
    """The header of a caller with these scopes. `client/person` names a person behind it."""
    return {"Authorization": f"Bearer {client} {' '.join(scopes)}".rstrip()}


_OF_CHANNELS = (Scope.RESERVE, Scope.READ, Scope.SEARCH, Scope.BALANCE, Scope.REDEEM)
STORE = token("store", *_OF_CHANNELS)
TILL = token("till", *_OF_CHANNELS)
CRM = token("crm", Scope.CVC, Scope.READ, Scope.SEARCH)
SUPPORT = token("support", *Scope)
AUDITOR = token("auditor", Scope.AUDIT)


class FakeTokens:
    """Takes `Bearer <client> <scope> …` at its word."""

    async def caller_of(self, authorization: str | None) -> Caller:
        if authorization is None:
            raise token_missing()
        client, *scopes = authorization.removeprefix("Bearer ").split(" ")
        if client == "forged":
            raise token_invalid("the token's signature does not fit")
        client_id, _, person = client.partition("/")
        if client_id not in CLIENTS:
            raise client_unknown()
        return Caller(
            client_id=client_id,
            channel=CLIENTS[client_id],
            scopes=frozenset(Scope(scope) for scope in scopes),
            subject=person or None,
        )

    async def warm(self) -> None:
        pass

    async def close(self) -> None:
        pass


class FakeForwarder:
    """The way to the other processors: keeps what goes there, answers what it is told to."""

    def __init__(self) -> None:
        self.forwarded: list[tuple[Forwarded, Any]] = []
        self.listed: list[tuple[str, str, dict[str, str], str | None]] = []
        self.answer = Answered(owner=SIBLING, status=200, headers={}, content=b'{"from":"sibling"}')
        self.siblings: dict[str, ASGIApp] = {}

    async def forward(self, outbound: Forwarded, place: Any) -> Answered:
        self.forwarded.append((outbound, place))
        return self.answer

    async def get_json(
        self,
        owner: str,
        path: str,
        query: Mapping[str, str],
        authorization: str | None,
        *,
        timeout_ms: int = 0,
    ) -> object:
        assert timeout_ms > 0, "nobody is waited for without an end"
        self.listed.append((owner, path, dict(query), authorization))
        if owner not in self.siblings:
            raise moving()
        transport = httpx.ASGITransport(self.siblings[owner])
        async with httpx.AsyncClient(transport=transport, base_url=owner) as client:
            answer = await client.get(
                f"{path}?{urlencode(query)}", headers={"Authorization": authorization or ""}
            )
        if answer.status_code != 200:
            raise moving()
        return msgspec.json.decode(answer.content)

    async def close(self) -> None:
        pass


class FakeWorker:
    """The worker as the edge sees it."""

    def __init__(self, flow: FlowInMemory) -> None:
        self._flow = flow
        self.alive = True
        self.serving = True
        self.behind: int | None = None
        """The first offset whose effect the stores do not show yet; None: they show all."""
        self.stores_lock = RLock()

    def reached(self, topic: Topic, partition: int) -> int:
        return self.performed(topic, partition) if self.behind is None else self.behind

    def performed(self, topic: Topic, partition: int) -> int:
        assert topic in (COMMANDS, POOL, INDEX), "a processor's own input"
        return self._flow.offset + 1

    def partitions_of(self, topic: Topic) -> dict[int, Any]:
        store = {COMMANDS: self._flow.certificates, POOL: self._flow.pools}.get(
            topic, self._flow.index
        )
        return {each: RowsInMemory(store.records[each]) for each in store.partitions()}


class RowsInMemory:
    """An open partition as the library gives it: rows in the order of their keys."""

    def __init__(self, records: dict[bytes, bytes]) -> None:
        self._records = records

    def iter_items(self, lower_bound: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As of when the first row is asked for, like the library's."""
        yield from sorted(self._records.items())


class FakeOwners:
    """The group's membership."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.held: dict[tuple[str, int], str] = {}
        self.doubted: list[tuple[str, int, str]] = []

    def give(self, topic: Topic, partition: int, owner: str) -> None:
        self.held[topic_name(topic, self._settings), partition] = owner

    def members(self) -> "Future[Membership]":
        told: Future[Membership] = Future()
        told.set_result(Membership(held=self.held))
        return told

    def place(self, topic: Topic, partition: int) -> Any:
        return topic, partition

    def mistaken(self, name: str, partition: int, owner: str) -> None:
        self.doubted.append((name, partition, owner))


class FakeServices(EdgeServices):
    """The edge's services over a flow in memory. Its methods are the real ones."""

    def __init__(self, settings: Settings | None = None, flow: FlowInMemory | None = None) -> None:
        # Not its parent's: that would open Kafka's clients.
        self.settings = settings or Settings(
            partitions=PARTITIONS, pool_low_mark=7, rate_limit="1000000/minute"
        )
        self.flow: Any = flow or FlowInMemory()
        self.forwarder = FakeForwarder()
        parts: Any = {"tokens": FakeTokens(), "forwarder": self.forwarder, "trust": None}
        self.gate = Gate(
            settings=self.settings,
            limiter=RateLimiter(self.settings),
            metrics=EdgeMetrics(),
            # Of one attempt each call tells what it was told; waiting is tested by itself.
            patience=Patience(waiting_max=0),
            **parts,
        )
        self.framing = FRAMING
        self.worker: Any = FakeWorker(self.flow)
        self.owners: Any = FakeOwners(self.settings)
        self.correlator_owners: Any = FakeOwners(self.settings)
        self.cvc_keys = KEYS
        self.requests: Any = self.flow
        self.certificates: Any = self.flow.certificates
        self.pools: Any = self.flow.pools
        self.index: Any = self.flow.index
        self._reader = StoreReader(self.certificates, self.partition_of)
        self.app: ASGIApp | None = None

    def now_ms(self) -> int:
        return NOW_MS


def app_over(services: Any) -> ASGIApp:
    """The real app over services: one for all calls to them."""
    if services.app is None:
        services.app = create_app(services)
    made: ASGIApp = services.app
    return made


@asynccontextmanager
async def calling(services: Any, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, without any network."""
    transport = httpx.ASGITransport(app=app_over(services), **options)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


async def call(
    services: Any,
    method: str,
    path: str,
    caller: Mapping[str, str] | None = None,
    *,
    key: str | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """One call. `body` is sent as JSON where there is one."""
    told = {**(caller or {}), **(headers or {})}
    if key is not None:
        told["Idempotency-Key"] = key
    async with calling(services) as client:
        return await client.request(method, path, json=body, headers=told)


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and the last word of the type of a problem, after checking its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail"}
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body["type"].rpartition("/")[2]
