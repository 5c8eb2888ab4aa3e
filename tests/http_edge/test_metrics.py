"""The figures: each is counted where it happens, under labels that cannot multiply."""

import asyncio

import httpx
import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.serving.metrics import CONTENT_TYPE, OPERATION, EdgeMetrics, MeteredApp

pytestmark = pytest.mark.anyio

BASE = "http://edge.test"

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def figures(metrics: EdgeMetrics) -> Figures:
    """Every sample by name and labels, as Prometheus would read them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def requests_in(metrics: EdgeMetrics) -> dict[tuple[str, str], float]:
    return {
        (dict(labels)["operation"], dict(labels)["status"]): value
        for (name, labels), value in figures(metrics).items()
        if name == "giftcert_http_requests_total"
    }


def in_flight(metrics: EdgeMetrics) -> float:
    return figures(metrics)["giftcert_http_requests_in_flight", ()]


async def read(request: Request) -> Response:
    request.scope[OPERATION] = "readBalance"
    return Response(status_code=int(request.query_params.get("status", "200")))


async def fail(request: Request) -> Response:
    request.scope[OPERATION] = "capture"
    raise RuntimeError("a bug")


def app_with(metrics: EdgeMetrics) -> MeteredApp:
    routes = [Route("/balance/{number}", read), Route("/capture", fail)]
    return MeteredApp(Starlette(routes=routes), metrics)


async def call(metrics: EdgeMetrics, path: str) -> None:
    transport = httpx.ASGITransport(app_with(metrics), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        await client.get(path)


async def test_requests_are_counted_by_operation_and_status() -> None:
    metrics = EdgeMetrics()
    for path in ["/balance/GC-1", "/balance/GC-2", "/balance/GC-1?status=409", "/capture", "/no"]:
        await call(metrics, path)
    assert requests_in(metrics) == {
        ("readBalance", "200"): 2,
        ("readBalance", "409"): 1,
        ("capture", "500"): 1,
        ("none", "404"): 1,
    }
    assert in_flight(metrics) == 0


async def test_request_that_ends_without_an_answer_is_counted_and_no_longer_in_flight() -> None:
    metrics = EdgeMetrics()
    entered, never = asyncio.Event(), asyncio.Event()

    async def waits(_scope: object, _receive: object, _send: object) -> None:
        entered.set()
        await never.wait()

    scope = {"type": "http", "headers": []}
    task = asyncio.create_task(MeteredApp(waits, metrics)(scope, read, fail))  # type: ignore[arg-type] # neither is called
    await entered.wait()
    assert in_flight(metrics) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert in_flight(metrics) == 0
    assert requests_in(metrics) == {("none", "none"): 1}


async def test_app_start_and_stop_are_no_requests() -> None:
    metrics = EdgeMetrics()
    seen: list[str] = []

    async def app(scope: dict[str, str], _receive: object, _send: object) -> None:
        seen.append(scope["type"])

    await MeteredApp(app, metrics)({"type": "lifespan"}, read, fail)  # type: ignore[arg-type] # neither is called
    assert seen == ["lifespan"]
    assert requests_in(metrics) == {}


DURATIONS: list[tuple[float, float]] = [
    (0.0009, 0.001),
    (0.009, 0.01),
    (0.059, 0.06),
    (0.299, 0.3),
    (0.31, 0.5),
    (4.9, 5.0),
    (11, float("inf")),
]


@pytest.mark.parametrize(("duration_s", "bucket"), DURATIONS)
def test_duration_falls_into_the_bucket_that_tells_it_from_the_target(
    duration_s: float, bucket: float
) -> None:
    metrics = EdgeMetrics()
    metrics.started()
    metrics.ended("next", 201, duration_s)
    buckets = {
        float(dict(labels)["le"]): value
        for (name, labels), value in figures(metrics).items()
        if name == "giftcert_http_request_duration_seconds_bucket"
    }
    assert min(edge for edge, count in buckets.items() if count == 1) == bucket


def test_events_are_counted_under_their_names() -> None:
    metrics = EdgeMetrics()
    metrics.rate_limited("till")
    metrics.rate_limited(None)
    metrics.code_revealed()
    metrics.forwarded("capture")
    metrics.forwarded("capture")
    found = figures(metrics)
    assert found["giftcert_http_rate_limited_total", (("client", "till"),)] == 1
    assert found["giftcert_http_rate_limited_total", (("client", "none"),)] == 1
    assert found["giftcert_cvc_reveals_total", ()] == 1
    assert found["giftcert_http_forwarded_total", (("operation", "capture"),)] == 2


def test_two_edges_in_one_process_count_apart_and_nothing_globally() -> None:
    first, second = EdgeMetrics(), EdgeMetrics()
    first.code_revealed()
    assert figures(second)["giftcert_cvc_reveals_total", ()] == 0
    assert b"giftcert_" not in prometheus_client.generate_latest()


async def test_labels_are_the_closed_lists_and_no_more() -> None:
    """What a caller chooses (numbers, paths, queries) makes no new line."""
    metrics = EdgeMetrics()
    metrics.rate_limited("till")
    metrics.forwarded("capture")
    for number in range(50):
        await call(metrics, f"/balance/GC-{number}?x={number}")
        await call(metrics, f"/nowhere/{number}")
    labels = {label for (_, found) in figures(metrics) for label, _ in found}
    assert labels == {"operation", "status", "client", "le"}
    assert set(requests_in(metrics)) == {("readBalance", "200"), ("none", "404")}


def test_content_type_is_the_one_of_the_text_that_is_told() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")
    assert EdgeMetrics().exposition().startswith(b"# HELP giftcert_http_requests_total")
