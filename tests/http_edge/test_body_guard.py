"""The guard of bodies: their size and their time, however they come and whoever reads them."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from http_edge.api.problems import Problem, no_answer
from http_edge.asking.inputs import MAX_BODY_BYTES
from http_edge.serving.guards import BodyGuard
from tests.http_edge.asgi_caller import GONE, Caller, Headers, echo, http_scope, part

pytestmark = pytest.mark.anyio

CHUNKED: Headers = [(b"transfer-encoding", b"chunked")]


def declared(length: str) -> Headers:
    return [(b"content-length", length.encode())]


REFUSED_BEFORE: list[tuple[str, tuple[int, str]]] = [
    (str(MAX_BODY_BYTES + 1), (413, "too-large")),
    ("9" * 18, (413, "too-large")),
    ("9" * 10_000, (413, "too-large")),
    ("-1", (400, "malformed-request")),
    ("+1", (400, "malformed-request")),
    ("1_0", (400, "malformed-request")),
    ("ten", (400, "malformed-request")),
    ("", (400, "malformed-request")),
]


@pytest.mark.parametrize(("length", "problem"), REFUSED_BEFORE)
async def test_body_is_refused_by_its_declared_length_before_the_app_is_asked(
    length: str, problem: tuple[int, str]
) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("the app was asked")

    caller = await Caller([part(b"unread")]).calls(BodyGuard(app), http_scope(declared(length)))
    assert caller.problem == problem
    assert len(caller.to_send) == 1


@pytest.mark.parametrize("headers", [CHUNKED, declared(str(MAX_BODY_BYTES))])
async def test_largest_body_arrives_whole(headers: Headers) -> None:
    half = b"x" * (MAX_BODY_BYTES // 2)
    caller = Caller([part(half, more=True), part(half)])
    await caller.calls(BodyGuard(echo), http_scope(headers))
    assert (caller.status, len(caller.body)) == (200, MAX_BODY_BYTES)


async def test_chunked_body_is_refused_at_the_byte_over_the_limit_and_not_read_on() -> None:
    chunk = b"x" * 1_024
    caller = Caller([part(chunk, more=True) for _ in range(1_000)])
    await caller.calls(BodyGuard(echo), http_scope(CHUNKED))
    assert caller.problem == (413, "too-large")
    assert 1_000 - len(caller.to_send) == MAX_BODY_BYTES // 1_024 + 1


async def test_slow_body_is_refused_once_its_time_is_over() -> None:
    caller = Caller([part(b"a", more=True)])
    await caller.calls(BodyGuard(echo, timeout_s=0.02), http_scope(declared("10")))
    assert caller.problem == (408, "request-timeout")
    assert caller.headers[b"connection"] == b"close"


async def test_drops_of_a_body_do_not_lengthen_its_time() -> None:
    class Dripping(Caller):
        """Sends a byte at a time, for ever, each well within the time."""

        async def receive(self) -> Message:
            await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.005)
            return part(b"a", more=True)

    caller = Dripping()
    await caller.calls(BodyGuard(echo, timeout_s=0.05), http_scope(CHUNKED))
    assert caller.problem == (408, "request-timeout")


async def test_body_that_is_there_already_is_taken_whenever_the_app_reads_it() -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        await echo(scope, receive, send)

    caller = Caller([part(b"a", more=True), part(b"b")])
    await caller.calls(BodyGuard(late, timeout_s=0), http_scope(CHUNKED))
    assert (caller.status, caller.body) == (200, b"ab")


async def test_waiting_for_the_caller_to_leave_is_no_slow_body() -> None:
    """An app that streams listens for that after the body, for as long as its answer takes."""
    heard: list[str] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        try:
            async with asyncio.timeout(0.03):
                await receive()
        except TimeoutError:
            heard.append("nothing")

    await Caller([part(b"a")]).calls(BodyGuard(app, timeout_s=0.001), http_scope(CHUNKED))
    assert heard == ["nothing"]


async def test_caller_that_leaves_in_its_body_is_heard_by_the_app() -> None:
    caller = Caller([part(b"a", more=True), GONE])
    with pytest.raises(ClientDisconnect):
        await caller.calls(BodyGuard(echo), http_scope(CHUNKED))
    assert caller.sent == []


@pytest.mark.parametrize("kind", ["too-large", "request-timeout"])
async def test_app_that_answers_problems_answers_these_too(kind: str) -> None:
    """As the edge does: with its own headers, and without a bug in the log."""

    async def on_problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        response = error.response()
        response.headers["x-by"] = "the app"
        return response

    async def endpoint(request: Request) -> Response:
        return Response(await request.body())

    routes = [Route("/echo", endpoint, methods=["POST"])]
    app = Starlette(routes=routes, exception_handlers={Problem: on_problem})
    caller = Caller([part(b"x" * 1_000, more=True)])
    limit = 10 if kind == "too-large" else 2_000
    guard = BodyGuard(app, max_bytes=limit, timeout_s=0.02)
    await caller.calls(guard, http_scope(CHUNKED))
    assert caller.problem[1] == kind
    assert caller.headers[b"x-by"] == b"the app"


async def test_refused_body_after_the_answer_began_adds_nothing_to_it() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    caller = Caller([part(b"x" * (MAX_BODY_BYTES + 1))])
    with pytest.raises(Problem):
        await caller.calls(BodyGuard(app), http_scope(CHUNKED))
    assert [message["type"] for message in caller.sent] == ["http.response.start"]


async def test_problem_of_the_app_itself_is_not_answered_by_the_guard() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise no_answer()

    with pytest.raises(Problem):
        await Caller().calls(BodyGuard(app), http_scope(CHUNKED))
