"""Two whole edges that put calls to each other over TLS, as two workers do."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic

import httpx
import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from http_edge.api.problems import Problem
from http_edge.serving.forwarding import Forwarder
from http_edge.serving.hop import HOP, Forwarded, remaining_ms
from http_edge.serving.server import EdgeServer
from pipelines.local.ports import HeldPort
from pipelines.tls import trusted_authorities
from tests.http_edge.authority import TlsFiles
from tests.http_edge.raw_owner import DEADLINE_S, KnownPlace

STOPS_WITHIN_S = 4
OWN_MS = 5_000


class Edge:
    """One worker's edge. What it does not keep itself it puts to `other`."""

    def __init__(self, files: TlsFiles) -> None:
        port = HeldPort()
        self.settings = files.settings(http_port=port.port)
        self.url = self.settings.edge_url()
        self.keeps = False
        self.other = ""
        self.hangs = False
        self.asked: list[dict[str, object]] = []
        self.asking = threading.Event()
        trust = trusted_authorities(self.settings)
        self._forwarder = Forwarder(self.url, trust.context)
        routes = [Route("/{path:path}", self._answer, methods=["GET", "POST"])]
        app = Starlette(routes=routes, lifespan=self._lifespan)
        port.release()
        self.server = EdgeServer(
            self.settings, app, waiting=[self._forwarder], beside=[trust.watch]
        )

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self._forwarder.close()

    async def _answer(self, request: Request) -> Response:
        content = await request.body()
        left_ms = remaining_ms(request, OWN_MS)
        self.asked.append({"hop": HOP in request.headers, "body": content, "left_ms": left_ms})
        self.asking.set()
        if self.hangs:
            # Until the caller goes, as it does when it is told to give up.
            await request.receive()
        if self.keeps:
            return JSONResponse({"kept by": self.url}, 201, {"ETag": '"5"'})
        outbound = Forwarded.of(request, content, left_ms / 1000, acts=request.method == "POST")
        try:
            answered = await self._forwarder.forward(outbound, KnownPlace(self.other))
        except Problem as problem:
            return problem.response()
        return answered.response()


@contextmanager
def running(edge: Edge) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=edge.server.run)
    thread.start()
    try:
        yield thread
    finally:
        edge.server.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def edges(tmp_path: Path, authority: trustme.CA) -> Iterator[tuple[Edge, Edge]]:
    with ExitStack() as stack:
        here, there = (Edge(TlsFiles(tmp_path / name).write(authority)) for name in ("a", "b"))
        here.other, there.other = there.url, here.url
        for edge in (here, there):
            stack.enter_context(running(edge))
        yield here, there


def post(edge: Edge) -> httpx.Response:
    return httpx.post(
        f"{edge.url}/certificates/GC-0001/authorizations",
        content=b"{}",
        verify=trusted_authorities(edge.settings).context(),
        timeout=DEADLINE_S,
        trust_env=False,
    )


def test_call_is_answered_by_the_edge_that_keeps_it(edges: tuple[Edge, Edge]) -> None:
    here, there = edges
    there.keeps = True
    answer = post(here)
    assert (answer.status_code, answer.json()) == (201, {"kept by": there.url})
    assert answer.headers["etag"] == '"5"'
    assert here.asked == [{"hop": False, "body": b"{}", "left_ms": OWN_MS}]
    [asked] = there.asked
    assert (asked["hop"], asked["body"]) == (True, b"{}")
    assert isinstance(asked["left_ms"], int)
    assert 0 < asked["left_ms"] < OWN_MS


def test_edges_that_take_each_other_for_the_owner_end_in_a_503(edges: tuple[Edge, Edge]) -> None:
    here, there = edges
    answer = post(here)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"].endswith("/moving")
    assert (len(here.asked), len(there.asked)) == (1, 1)


def test_call_at_the_owner_when_the_edge_between_stops_may_have_happened(
    edges: tuple[Edge, Edge],
) -> None:
    here, there = edges
    there.hangs = True
    answers: list[httpx.Response] = []
    calling = threading.Thread(target=lambda: answers.append(post(here)))
    calling.start()
    assert there.asking.wait(DEADLINE_S)
    stopped_s = monotonic()
    here.server.stop()
    calling.join(DEADLINE_S)
    assert monotonic() - stopped_s < STOPS_WITHIN_S
    assert [answer.status_code for answer in answers] == [504]
    assert answers[0].json()["type"].endswith("/no-answer")
