"""A correlator's own edge: what it explains, to whom, and what it hands on or leaves alone."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import RLock
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from http_edge.access.callers import Scope
from http_edge.access.gate import Gate
from http_edge.access.limits import RateLimiter
from http_edge.asking.correlator_services import CorrelatorServices
from http_edge.handlers.correlation_routes import create_correlator_app
from http_edge.serving.forwarding import Forwarder
from http_edge.serving.hop import HOP, Answered
from http_edge.serving.metrics import EdgeMetrics
from http_edge.serving.patience import Patience
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.topics import FACTS, Topic
from state.correlation.facts import PaymentType
from state.stores.codec import CORRELATION
from state.stores.image import StoreImage, image_rows
from state.stores.layout import MAIN, stored_key
from state.stores.reader import StoreClosed
from tests.http_edge.edge_under_test import (
    AUDITOR,
    BASE,
    OWN_URL,
    SIBLING,
    STORE,
    SUPPORT,
    FakeForwarder,
    FakeOwners,
    FakeServices,
    FakeTokens,
    RowsInMemory,
    call,
    problem_of,
    token,
)
from tests.state.correlation.story import KEY, PURCHASE, Story, payment, told

pytestmark = pytest.mark.anyio

PARTITIONS = 3
SUPPORT_ALONE = token("support", Scope.SUPPORT)
HALF_PAID = told([PURCHASE, payment(PaymentType.CAPTURE, 60)])


class FactsInMemory:
    """A correlator's store: what it keeps by partition, and whether it is moving."""

    def __init__(self) -> None:
        self.records: dict[int, dict[bytes, bytes]] = {number: {} for number in range(PARTITIONS)}
        self.is_moving = False
        self.closes_when_read = False

    def serves(self, partition: int) -> bool:
        return not self.is_moving and partition in self.records

    def moving(self) -> bool:
        return self.is_moving

    def get(self, partition: int, key: bytes) -> bytes | None:
        if self.closes_when_read:
            raise StoreClosed
        return self.records[partition].get(key)

    def keep(self, correlation_id: str, story: Story) -> None:
        key = correlation_id.encode()
        value = CORRELATION.encode(story.kept)
        self.records[partition_of(key, PARTITIONS)][stored_key(key, MAIN)] = value


class CorrelatorWorker:
    """The worker as the edge sees it."""

    def __init__(self, facts: FactsInMemory) -> None:
        self.alive = True
        self.serving = True
        self.stores_lock = RLock()
        self._facts = facts

    def reached(self, topic: Topic, partition: int) -> int:
        return self.performed(topic, partition)

    def performed(self, topic: Topic, partition: int) -> int:
        assert topic is FACTS
        return 40 + partition

    def partitions_of(self, topic: Topic) -> dict[int, RowsInMemory]:
        assert topic is FACTS
        return {each: RowsInMemory(records) for each, records in self._facts.records.items()}


class Correlator:
    """A correlator's edge over a store in memory."""

    def __init__(self) -> None:
        settings = Settings(partitions=PARTITIONS, rate_limit="1000000/minute")
        self.facts = FactsInMemory()
        self.worker: Any = CorrelatorWorker(self.facts)
        self.forwarder: Any = FakeForwarder()
        parts: Any = {"tokens": FakeTokens(), "trust": None}
        self._gate = {
            "settings": settings,
            "limiter": RateLimiter(settings),
            "metrics": EdgeMetrics(),
            "patience": Patience(waiting_max=0),
            **parts,
        }
        self._owners: Any = FakeOwners(settings)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[httpx.AsyncClient]:
        services = CorrelatorServices(
            gate=Gate(**self._gate, forwarder=self.forwarder),
            worker=self.worker,
            facts=self.facts,
            owners=self._owners,
        )
        transport = httpx.ASGITransport(app=create_correlator_app(services))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield client

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async with self.calling() as client:
            return await client.get(path, headers=headers)

    async def explain(
        self, correlation_id: str = KEY, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        path = f"/correlations/{quote(correlation_id, safe='')}"
        return await self.get(path, SUPPORT if headers is None else headers)


@pytest.fixture
def correlator() -> Correlator:
    return Correlator()


async def test_correlation_kept_here_is_explained(correlator: Correlator) -> None:
    correlator.facts.keep(KEY, HALF_PAID)
    answer = await correlator.explain()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    explained = answer.json()
    assert (explained["correlationId"], explained["settled"]) == (KEY, False)
    assert explained["amounts"]["shortToIssue"] == "0.40"
    assert [each["code"] for each in explained["sentences"]] == [
        "SHORT_TO_ISSUE",
        "PAYMENT_AWAITED",
    ]


@pytest.mark.parametrize(
    "correlation_id",
    ["shop/7/order 1", "заказ-1", "a?b#c%d", "next", "..", "order|c"],
    ids=["slash", "not_ascii", "marks", "word", "dots", "separator"],
)
async def test_correlation_with_any_printable_id_is_found(
    correlator: Correlator, correlation_id: str
) -> None:
    """The id is whatever its source likes."""
    correlator.facts.keep(correlation_id, HALF_PAID)
    path = f"/correlations/{quote(correlation_id, safe='').replace('.', '%2E')}"
    assert (await correlator.get(path, SUPPORT)).status_code == 200


async def test_correlation_nobody_heard_of_is_not_found(correlator: Correlator) -> None:
    correlator.facts.keep(KEY, HALF_PAID)
    assert problem_of(await correlator.explain("correlation-2")) == (404, "not-found")


@pytest.mark.parametrize("correlation_id", ["x" * 201, "bell\x07"], ids=["long", "control"])
async def test_correlation_id_that_cannot_be_is_not_found(
    correlator: Correlator, correlation_id: str
) -> None:
    assert problem_of(await correlator.explain(correlation_id)) == (404, "not-found")


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({}, (401, "token-missing")),
        ({"Authorization": "Bearer forged"}, (401, "token-invalid")),
        (STORE, (403, "scope-missing")),
        (token("auditor", Scope.AUDIT), (403, "scope-missing")),
    ],
    ids=["no_token", "forged", "channel", "auditor"],
)
async def test_correlation_is_explained_to_support_only(
    correlator: Correlator, headers: dict[str, str], problem: tuple[int, str]
) -> None:
    """The forwarding process is believed in nothing: the owner asks for the token itself."""
    correlator.facts.keep(KEY, HALF_PAID)
    assert problem_of(await correlator.explain(headers=headers)) == problem
    hop = {**headers, HOP: "1"}
    assert problem_of(await correlator.explain(headers=hop)) == problem


async def test_correlation_that_is_moving_is_not_answered_for(correlator: Correlator) -> None:
    correlator.facts.keep(KEY, HALF_PAID)
    correlator.facts.is_moving = True
    answer = await correlator.explain()
    assert problem_of(answer) == (503, "moving")
    assert answer.headers["retry-after"] == "1"
    assert correlator.forwarder.forwarded == []


async def test_correlation_whose_store_closes_meanwhile_is_not_answered_for(
    correlator: Correlator,
) -> None:
    correlator.facts.keep(KEY, HALF_PAID)
    correlator.facts.closes_when_read = True
    assert problem_of(await correlator.explain()) == (503, "moving")


async def test_correlation_of_another_correlator_is_asked_of_that_one(
    correlator: Correlator,
) -> None:
    partition = partition_of(KEY.encode(), PARTITIONS)
    del correlator.facts.records[partition]
    correlator.forwarder.answer = Answered(
        owner=SIBLING, status=404, headers={"content-type": "text/x"}, content=b"theirs"
    )
    answer = await correlator.explain()
    assert (answer.status_code, answer.content) == (404, b"theirs")
    ((outbound, place),) = correlator.forwarder.forwarded
    assert (outbound.method, outbound.target) == ("GET", f"/correlations/{KEY}".encode())
    assert outbound.headers["authorization"] == SUPPORT["Authorization"]
    assert not outbound.acts
    assert place == (FACTS, partition)


async def test_correlation_handed_on_once_is_not_handed_on_again(correlator: Correlator) -> None:
    """Two correlators that each take the other for the owner would otherwise never end."""
    correlator.facts.records.clear()
    correlator.forwarder = Forwarder(OWN_URL, ssl.create_default_context)
    answer = await correlator.explain(headers={**SUPPORT, HOP: "1"})
    assert problem_of(answer) == (503, "moving")
    await correlator.forwarder.close()


async def test_processor_asked_for_a_correlation_asks_the_correlator_that_keeps_it() -> None:
    services = FakeServices()
    answer = await call(services, "GET", f"/correlations/{KEY}", SUPPORT)
    assert answer.json() == {"from": "sibling"}
    ((outbound, place),) = services.forwarder.forwarded
    assert outbound.target == f"/correlations/{KEY}".encode()
    kept: Any = place
    assert kept == (FACTS, services.partition_of(KEY.encode()))


async def test_processor_asked_without_the_scope_asks_nobody() -> None:
    services = FakeServices()
    answer = await call(services, "GET", f"/correlations/{KEY}", STORE)
    assert problem_of(answer) == (403, "scope-missing")
    assert services.forwarder.forwarded == []


async def test_health_and_readiness_follow_the_worker_and_need_no_token(
    correlator: Correlator,
) -> None:
    assert (await correlator.get("/healthz")).json() == {"alive": True}
    assert (await correlator.get("/readyz")).json() == {"ready": True}
    correlator.worker.serving = False
    ready = await correlator.get("/readyz")
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
    correlator.worker.alive = False
    assert (await correlator.get("/healthz")).status_code == 503


async def test_metrics_count_explanations_and_name_no_order(correlator: Correlator) -> None:
    correlator.facts.keep(KEY, HALF_PAID)
    await correlator.explain()
    figures = (await correlator.get("/metrics")).text
    counted = 'giftcert_http_requests_total{operation="explainCorrelation",status="200"} 1.0'
    assert counted in figures
    assert KEY not in figures


@pytest.mark.parametrize(
    ("method", "path", "problem"),
    [
        ("GET", "/certificates/GC-00000042", (404, "no-such-path")),
        ("GET", "/internal/certificates", (404, "no-such-path")),
        ("GET", "/correlations/", (404, "not-found")),
        ("POST", f"/correlations/{KEY}", (405, "method-not-allowed")),
        ("DELETE", f"/correlations/{KEY}", (405, "method-not-allowed")),
    ],
)
async def test_correlator_answers_nothing_else(
    correlator: Correlator, method: str, path: str, problem: tuple[int, str]
) -> None:
    async with correlator.calling() as client:
        assert problem_of(await client.request(method, path, headers=SUPPORT)) == problem


# Its store, for a proof


async def test_correlator_shows_images_of_its_store_to_auditors_alone() -> None:
    correlator = Correlator()
    correlator.facts.keep(KEY, HALF_PAID)
    partition = partition_of(KEY.encode(), PARTITIONS)
    path = f"/internal/image?store=correlations&partition={partition}"
    answer = await correlator.get(path, AUDITOR)
    image = msgspec.msgpack.decode(answer.content, type=StoreImage)
    assert (image.position, image.records) == (40 + partition, 1)
    assert image.rows == image_rows(correlator.facts.records[partition])
    assert problem_of(await correlator.get(path, SUPPORT_ALONE)) == (403, "scope-missing")
    stores = (await correlator.get("/internal/stores", AUDITOR)).json()["stores"]
    assert stores == {"correlations": list(range(PARTITIONS))}
    other = await correlator.get("/internal/image?store=certificates&partition=0", AUDITOR)
    assert problem_of(other) == (422, "invalid-request")
