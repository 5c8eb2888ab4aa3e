"""The guards around the app: what every answer carries, and what is refused before a call."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from http_edge.serving import guards
from http_edge.serving.guards import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    BodyGuard,
    HeadGuard,
    SecurityHeaders,
    TimeGuard,
    guarded,
)
from pipelines.settings import Settings
from tests.http_edge.asgi_caller import (
    SECURITY_HEADERS,
    Caller,
    Headers,
    asleep,
    echo,
    http_scope,
    part,
    silent,
)

pytestmark = pytest.mark.anyio

GUARDS: list[Callable[[ASGIApp], ASGIApp]] = [
    SecurityHeaders,
    HeadGuard,
    BodyGuard,
    lambda app: TimeGuard(app, limit_s=5),
    lambda app: guarded(app, Settings()),
]


@pytest.mark.parametrize("guard", GUARDS)
async def test_app_start_and_stop_pass_every_guard(guard: Callable[[ASGIApp], ASGIApp]) -> None:
    caller = await Caller().calls(guard(echo), {"type": "lifespan"})
    assert caller.sent == [{"type": "lifespan"}]


@pytest.mark.parametrize("guard", GUARDS)
async def test_request_in_order_passes_every_guard_untouched(
    guard: Callable[[ASGIApp], ASGIApp],
) -> None:
    caller = Caller([part(b"one ", more=True), part(b"two")])
    await caller.calls(guard(echo), http_scope([(b"transfer-encoding", b"chunked")]))
    assert (caller.status, caller.body) == (200, b"one two")


async def test_streamed_answer_passes_every_guard_piece_by_piece() -> None:
    async def pieces() -> Any:
        yield b"a"
        yield b"b"

    caller = Caller([part()])
    await caller.calls(guarded(StreamingResponse(pieces()), Settings()), http_scope())
    assert [message.get("body") for message in caller.sent[1:]] == [b"a", b"b", b""]


@pytest.mark.parametrize("status", [200, 201, 304, 401, 404, 500, 503])
async def test_every_answer_carries_the_security_headers(status: int) -> None:
    caller = await Caller([part()]).calls(
        SecurityHeaders(Response(status_code=status)), http_scope()
    )
    assert caller.headers.items() >= SECURITY_HEADERS.items()
    assert b"camera=()" in caller.headers[b"permissions-policy"]
    assert b"strict-transport-security" not in caller.headers


@pytest.mark.parametrize(
    ("scheme", "told"), [("http", None), ("https", b"max-age=31536000"), ("HTTP", None)]
)
async def test_strict_transport_is_told_under_tls_only(scheme: str, told: bytes | None) -> None:
    caller = await Caller().calls(SecurityHeaders(silent), http_scope(scheme=scheme))
    assert caller.headers.get(b"strict-transport-security") == told


@pytest.mark.parametrize("name", ["Cache-Control", "content-security-policy", "X-Frame-Options"])
async def test_header_that_the_answer_sets_itself_is_kept(name: str) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(name.encode(), b"its own")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body"})

    caller = await Caller().calls(SecurityHeaders(app), http_scope())
    found = [
        value for key, value in caller.sent[0]["headers"] if key.lower() == name.lower().encode()
    ]
    assert found == [b"its own"]


@pytest.mark.parametrize(
    ("path", "is_docs"),
    [
        ("/docs", True),
        ("/docs/", True),
        ("/docs/swagger-ui.css", True),
        ("/docsx", False),
        ("/certificates/docs", False),
        ("/", False),
    ],
)
async def test_page_of_the_docs_may_use_its_own_files_and_nothing_else_may(
    path: str, is_docs: bool
) -> None:
    caller = await Caller().calls(SecurityHeaders(silent), http_scope(path=path))
    policy = caller.headers[b"content-security-policy"].decode()
    assert ("script-src 'self'" in policy) is is_docs
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_answer_to_a_bug_and_to_a_refused_head_carry_them_too() -> None:
    async def bug(_request: Request) -> Response:
        raise RuntimeError("a bug")

    app = guarded(Starlette(routes=[Route("/echo", bug, methods=["POST"])]), Settings())
    failed, refused = Caller([part()]), Caller()
    with pytest.raises(RuntimeError):
        await failed.calls(app, http_scope())
    await refused.calls(app, http_scope(raw_path=b"/" * 5_000))
    assert (failed.status, refused.status) == (500, 414)
    assert failed.headers.items() >= SECURITY_HEADERS.items()
    assert refused.headers.items() >= SECURITY_HEADERS.items()


# Heads


def headers_of(size: int) -> Headers:
    """Ten headers of a size in all, with their framing."""
    nine = [(b"x-%d" % number, b"v" * 100) for number in range(9)]
    taken = sum(len(name) + len(value) + 4 for name, value in nine)
    return [*nine, (b"x-last", b"v" * (size - taken - len(b"x-last") - 4))]


HEADS: list[tuple[str, Scope, tuple[int, str] | None]] = [
    ("nothing special", http_scope(), None),
    ("longest target", http_scope(raw_path=b"/" + b"a" * (MAX_TARGET_BYTES - 2)), None),
    (
        "target too long",
        http_scope(raw_path=b"/" + b"a" * (MAX_TARGET_BYTES - 1)),
        (414, "target-too-long"),
    ),
    (
        "path and query too long together",
        http_scope(raw_path=b"/" + b"a" * 2_048, query_string=b"b" * 2_048),
        (414, "target-too-long"),
    ),
    (
        "no raw path from the server",
        {**http_scope(path="/" + "a" * MAX_TARGET_BYTES), "raw_path": None},
        (414, "target-too-long"),
    ),
    ("most headers", http_scope([(b"x-%d" % n, b"") for n in range(MAX_HEADERS)]), None),
    (
        "too many headers",
        http_scope([(b"x-%d" % n, b"") for n in range(MAX_HEADERS + 1)]),
        (431, "head-too-large"),
    ),
    ("largest headers", http_scope(headers_of(MAX_HEADER_BYTES)), None),
    ("headers too large", http_scope(headers_of(MAX_HEADER_BYTES + 1)), (431, "head-too-large")),
    *(
        (
            f"{name} twice",
            http_scope([(name.encode(), b"1"), (b"x", b"y"), (name.encode(), b"1")]),
            (400, "malformed-request"),
        )
        for name in ("authorization", "idempotency-key", "content-length", "content-type", "host")
    ),
    ("accept twice", http_scope([(b"accept", b"a/b"), (b"accept", b"c/d")]), None),
]


@pytest.mark.parametrize(("scope", "refused"), [pytest.param(*row[1:], id=row[0]) for row in HEADS])
async def test_head_is_refused_from_its_limit_on(
    scope: Scope, refused: tuple[int, str] | None
) -> None:
    caller = await Caller().calls(HeadGuard(silent), scope)
    if refused is None:
        assert (caller.status, caller.body) == (401, b"read nothing")
    else:
        assert caller.problem == refused


async def test_refused_head_tells_the_header_and_not_its_value() -> None:
    twice = [(b"authorization", b"Bearer hush"), (b"authorization", b"Bearer hush")]
    caller = await Caller().calls(HeadGuard(silent), http_scope(twice))
    assert b"authorization" in caller.body
    assert b"hush" not in caller.body


# The whole request


async def test_request_that_nothing_ends_is_answered_in_the_end() -> None:
    caller = await Caller().calls(TimeGuard(asleep, limit_s=0.02), http_scope())
    assert caller.problem == (504, "no-answer")


async def test_app_is_stopped_when_its_time_is_over() -> None:
    stopped: list[bool] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    await Caller().calls(TimeGuard(app, limit_s=0.02), http_scope())
    assert stopped == [True]


async def test_half_sent_answer_gets_no_second_beginning() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    caller = await Caller().calls(TimeGuard(app, limit_s=0.02), http_scope())
    assert [message["type"] for message in caller.sent] == ["http.response.start"]


async def test_timeout_of_the_app_itself_is_not_taken_for_the_last_resort() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise TimeoutError

    caller = Caller()
    with pytest.raises(TimeoutError):
        await caller.calls(TimeGuard(app, limit_s=5), http_scope())
    assert caller.sent == []


async def test_server_that_cancels_a_request_is_obeyed() -> None:
    caller = Caller()
    task = asyncio.create_task(caller.calls(guarded(asleep, Settings()), http_scope()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert caller.sent == []


def test_last_resort_is_longer_than_every_wait_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    monkeypatch.setattr(guards, "TimeGuard", lambda _app, *, limit_s: limits.append(limit_s))
    guarded(echo, Settings(reply_timeout_ms=120_000))
    assert limits == [120 + guards.BODY_TIMEOUT_S + 5]
