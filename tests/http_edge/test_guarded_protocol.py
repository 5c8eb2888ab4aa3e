"""One connection: what it may hold before there is a request, and after its answer."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from http_edge.api.problems import TYPE_ROOT
from http_edge.asking.inputs import MAX_BODY_BYTES
from http_edge.serving.guarded_protocol import (
    ARRIVAL_TIMEOUT_S,
    MAX_CONNECTIONS,
    MAX_HEAD_BYTES,
    MAX_REQUEST_BYTES,
    GuardedProtocol,
)
from tests.http_edge.asgi_caller import SECURITY_HEADERS, asleep, echo, silent

pytestmark = pytest.mark.anyio


class FakeLoop:
    """Keeps timers and tasks; time passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.timers: list[tuple[float, Callable[[], None], list[bool]]] = []
        self.coroutines: list[Any] = []

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Any:
        cancelled: list[bool] = []
        self.timers.append((self.now_s + delay_s, callback, cancelled))

        class Handle:
            def cancel(self) -> None:
                cancelled.append(True)

        return Handle()

    def create_task(self, coroutine: Any) -> Any:
        self.coroutines.append(coroutine)

        class Task:
            def add_done_callback(self, _callback: object) -> None:
                pass

        return Task()

    async def run_tasks(self) -> None:
        while self.coroutines:
            await self.coroutines.pop(0)

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now_s]
        self.timers = [timer for timer in self.timers if timer[0] > self.now_s]
        for _, callback, cancelled in due:
            if not cancelled:
                callback()


class FakeTransport(asyncio.Transport):
    """Keeps what is written, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 80), "peername": ("127.0.0.1", 5)})
        self.written = b""
        self.closed = False
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Connection:
    """A connection to the app, without a network."""

    def __init__(self, app: ASGIApp = silent, state: ServerState | None = None) -> None:
        config = uvicorn.Config(app, http=GuardedProtocol, ws="none", log_config=None)
        config.load()
        self.loop = FakeLoop()
        self.transport = FakeTransport()
        state = ServerState() if state is None else state
        state.default_headers = [(b"date", b"today")]
        loop: Any = self.loop
        self.protocol = GuardedProtocol(config, state, {}, loop)
        self.protocol.connection_made(self.transport)

    def gets(self, data: bytes) -> "Connection":
        self.protocol.data_received(data)
        return self

    async def answers(self) -> "Connection":
        await self.loop.run_tasks()
        return self

    @property
    def statuses(self) -> list[int]:
        lines = self.transport.written.split(b"\r\n")
        # A body ends without a line break: the next answer's first line follows it directly.
        return [int(line.rpartition(b"HTTP/1.1 ")[2][:3]) for line in lines if b"HTTP/1.1 " in line]

    @property
    def problem(self) -> tuple[int, str]:
        """The one answer that is a problem, after checking its form."""
        head, _, body = self.transport.written.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines)
        assert len(headers) == len(lines), "a header came twice"
        assert headers[b"content-type"] == b"application/problem+json"
        assert headers[b"content-length"] == str(len(body)).encode()
        assert headers[b"connection"] == b"close"
        assert headers[b"date"] == b"today"
        assert headers.items() >= SECURITY_HEADERS.items()
        assert self.transport.closed
        told = json.loads(body)
        assert first.startswith(f"HTTP/1.1 {told['status']} ".encode())
        return told["status"], told["type"].removeprefix(TYPE_ROOT)


GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n"
LATE_S = ARRIVAL_TIMEOUT_S + 0.1


async def test_requests_in_order_are_answered_on_one_connection() -> None:
    connection = Connection(echo)
    for data in [GET, POST + b"12345", POST, b"123", b"45"]:
        connection.gets(data)
        if data not in (POST, b"123"):
            await connection.answers()
        connection.loop.pass_time(0.1)
    assert connection.statuses == [200, 200, 200]
    assert not connection.transport.is_closing()


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /a HTTP/1.1\r\nhost: x\r\nx-long: ",
        b"GET /a HTTP/1.1\r\nhost: x\r\n",
        b"GET /a?",
    ],
)
async def test_head_without_end_is_refused_before_it_fills_the_memory(beginning: bytes) -> None:
    filling = b"a: b\r\n" * 170 if beginning.endswith(b"\r\n") else b"a" * 1_024
    connection = Connection().gets(beginning)
    pieces = 0
    while not connection.transport.is_closing():
        connection.gets(filling)
        pieces += 1
    assert pieces * len(filling) <= MAX_HEAD_BYTES + 2 * len(filling)
    assert connection.problem == (431, "head-too-large")


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"", None),
        (b"\r\n", (408, "request-timeout")),
        (b"GET /a HT", (408, "request-timeout")),
        (b"GET /a HTTP/1.1\r\nhost: x\r\n", (408, "request-timeout")),
    ],
)
async def test_connection_whose_head_does_not_come_is_ended(
    sent: bytes, problem: tuple[int, str] | None
) -> None:
    connection = Connection()
    if sent:
        connection.gets(sent)
    connection.loop.pass_time(LATE_S)
    assert connection.transport.closed
    if problem is None:
        assert connection.transport.written == b""
    else:
        assert connection.problem == problem


async def test_drops_of_a_head_do_not_lengthen_its_time() -> None:
    connection = Connection()
    for byte in b"GET /a HTTP/1.1\r\nx-slow: 123456":
        if not connection.transport.is_closing():
            connection.gets(bytes([byte]))
            connection.loop.pass_time(1)
    assert connection.problem == (408, "request-timeout")
    assert connection.loop.now_s <= LATE_S


async def test_second_head_on_a_connection_has_its_time_too() -> None:
    connection = Connection().gets(GET)
    await connection.answers()
    connection.loop.pass_time(1)
    connection.gets(b"\r\n")
    connection.loop.pass_time(LATE_S)
    assert connection.statuses == [401, 408]
    assert connection.transport.closed


async def test_request_whose_answer_takes_long_is_not_ended_for_its_head() -> None:
    connection = Connection().gets(GET)
    connection.loop.pass_time(LATE_S)
    assert not connection.transport.is_closing()
    await connection.answers()
    assert connection.statuses == [401]


async def test_body_that_takes_long_is_not_taken_for_a_late_head() -> None:
    """How long a body may take is the body guard's, which knows whether it is read."""
    connection = Connection(echo).gets(POST)
    connection.loop.pass_time(LATE_S)
    await connection.gets(b"12345").answers()
    assert connection.statuses == [200]
    assert not connection.transport.is_closing()


async def test_many_requests_on_one_connection_are_not_counted_together() -> None:
    connection = Connection(echo)
    post = b"POST /a HTTP/1.1\r\ncontent-length: 8192\r\n\r\n" + b"x" * 8_192
    for _ in range(2 * MAX_REQUEST_BYTES // len(post)):
        await connection.gets(post).answers()
    assert not connection.transport.is_closing()


async def test_late_second_head_lets_the_first_answer_out_and_then_ends() -> None:
    connection = Connection().gets(GET + b"GET /b HT").gets(b"TP")
    connection.loop.pass_time(LATE_S)
    assert not connection.transport.is_closing()
    await connection.answers()
    assert connection.statuses == [401]
    assert connection.transport.closed


async def test_body_that_comes_after_its_answer_is_passed_over_and_the_connection_kept() -> None:
    """A caller that still sends must get to read why it was refused."""
    connection = await Connection().gets(POST).answers()
    assert connection.statuses == [401]
    assert not connection.transport.is_closing()
    connection.gets(b"12345")
    connection.loop.pass_time(0.1)
    await connection.gets(GET).answers()
    assert connection.statuses == [401, 401]


async def test_head_after_a_body_that_nobody_read_has_its_whole_time() -> None:
    connection = await Connection().gets(POST).answers()
    connection.gets(b"12345")
    connection.loop.pass_time(4)
    connection.gets(b"GET /a HT")
    connection.loop.pass_time(ARRIVAL_TIMEOUT_S - 1)
    assert not connection.transport.is_closing()
    connection.loop.pass_time(1.1)
    assert connection.statuses == [401, 408]


async def test_body_that_never_ends_after_its_answer_is_not_waited_for() -> None:
    connection = await Connection().gets(POST).answers()
    connection.gets(b"1")
    connection.loop.pass_time(LATE_S)
    assert connection.transport.closed
    assert connection.statuses == [401]


TOO_MUCH: list[tuple[str, bytes, bytes]] = [
    ("chunks", b"transfer-encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1_024 + b"\r\n"),
    ("extension", b"transfer-encoding: chunked\r\n\r\n1;", b"x" * 1_024),
    ("trailers", b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x-t: " + b"x" * 1_000 + b"\r\n"),
]


@pytest.mark.parametrize(
    ("beginning", "filling"), [pytest.param(*row[1:], id=row[0]) for row in TOO_MUCH]
)
@pytest.mark.parametrize("answered", [False, True])
async def test_request_without_end_is_cut_off(
    beginning: bytes, filling: bytes, answered: bool
) -> None:
    connection = Connection(silent if answered else asleep)
    connection.gets(b"POST /a HTTP/1.1\r\nhost: x\r\n" + beginning)
    if answered:
        await connection.answers()
    pieces = 0
    while not connection.transport.is_closing():
        connection.gets(filling)
        pieces += 1
    assert pieces * len(filling) <= MAX_REQUEST_BYTES + 2 * len(filling)
    assert connection.statuses == ([401] if answered else [])
    for coroutine in connection.loop.coroutines:
        coroutine.close()


async def test_largest_body_in_chunks_of_one_byte_is_not_cut_off() -> None:
    connection = Connection(echo)
    connection.gets(b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(MAX_BODY_BYTES):
        connection.gets(b"1\r\nx\r\n")
    await connection.gets(b"0\r\n\r\n").answers()
    assert connection.statuses == [200]


NO_HTTP: list[bytes] = [
    b"hello\r\n\r\n",
    b"GET /a HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n",
    b"GET /a HTTP/1.1\r\nhost : x\r\n\r\n",
    b"POST /a HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
    b"POST /a HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    b"POST /a HTTP/1.1\r\ncontent-length: 1, 1\r\n\r\n",
    b"POST /a HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    b"POST /a HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize("data", NO_HTTP)
async def test_what_the_parser_refuses_is_a_problem(data: bytes) -> None:
    """Most of these are ways to make two servers see two different requests in one."""
    assert Connection().gets(data).problem == (400, "malformed-request")


async def test_refusal_is_not_mistaken_for_the_answer_to_an_earlier_request() -> None:
    """The first request may well happen; a 400 in its place would say that it did not."""
    connection = Connection().gets(POST + b"12345" + b"no request\r\n\r\n")
    assert connection.statuses == []
    assert connection.transport.closed
    for coroutine in connection.loop.coroutines:
        coroutine.close()


async def test_connection_beyond_the_most_is_ended_at_once_and_the_others_kept() -> None:
    state = ServerState()
    kept = [Connection(state=state) for _ in range(MAX_CONNECTIONS)]
    refused = Connection(state=state)
    assert refused.transport.aborted
    assert not any(connection.transport.is_closing() for connection in kept)
    kept[0].protocol.connection_lost(None)
    refused.protocol.connection_lost(None)
    assert not Connection(state=state).transport.is_closing()


async def test_connection_that_is_lost_leaves_no_timer() -> None:
    connection = Connection().gets(b"GET")
    connection.protocol.connection_lost(None)
    written = connection.transport.written
    connection.loop.pass_time(LATE_S)
    assert connection.transport.written == written
    assert all(cancelled for _, _, cancelled in connection.loop.timers)
