"""The edge's server: it says at once, in one line, where it cannot listen; and stops when told."""

import asyncio
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
import structlog
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from http_edge.api.problems import Problem, no_answer
from http_edge.serving.server import Beside, EdgeServer
from pipelines import tls as tls_module
from pipelines.faults import SettingsError
from pipelines.logs import configure_logs
from pipelines.settings import Settings
from pipelines.tls import trusted_authorities
from tests.http_edge.authority import TlsFiles

DEADLINE_S = 10
STOPS_WITHIN_S = 4
"""Of the seven that a stack gives a worker, for the stream's end and the last writes too."""


class Waited:
    """What callers of the app wait for: an answer that never comes until they are given up."""

    def __init__(self) -> None:
        self.asking = threading.Event()
        self.steps: list[str] = []
        self._given_up = asyncio.Event()

    async def ask(self, _request: Request) -> Response:
        self.asking.set()
        await self._given_up.wait()
        return no_answer().response()

    def refuse_new(self) -> None:
        self.steps.append("refuse_new")

    def give_up(self) -> None:
        self.steps.append("give_up")
        self._given_up.set()


class ReadReplies(Waited):
    """Replies whose reading lasts until it is stopped, or fails."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self._stopped = threading.Event()
        self._error = error

    def open(self) -> None:
        self.steps.append("open")

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._error is not None:
            raise self._error
        assert self._stopped.wait(DEADLINE_S)
        self.steps.append("run ends")

    def stop(self) -> None:
        self._stopped.set()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def who(request: Request) -> Response:
    assert request.client is not None
    return JSONResponse({"host": request.client.host, "scheme": request.url.scheme})


def app_of(**endpoints: Callable[[Request], Any]) -> Starlette:
    return Starlette(
        routes=[Route(f"/{name}", endpoint) for name, endpoint in {"who": who, **endpoints}.items()]
    )


def server_of(**settings: object) -> EdgeServer:
    return EdgeServer(Settings.model_validate(settings), app_of())


@contextmanager
def running(server: EdgeServer) -> Iterator[threading.Thread]:
    """The server on a thread of its own, and stopped in the end."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield thread
    finally:
        server.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def get(url: str, **options: Any) -> httpx.Response:
    # The socket listens since the server was made: this waits for the answer, not for luck.
    return httpx.get(url, timeout=DEADLINE_S, trust_env=False, **options)


def one_line(error: SettingsError) -> str:
    text = str(error)
    assert "\n" not in text
    return text


def test_port_in_use_is_one_line(taken_port: int) -> None:
    with pytest.raises(SettingsError) as caught:
        server_of(http_port=taken_port)
    assert one_line(caught.value) == (
        f"GIFTCERT_HTTP_PORT={taken_port} cannot be listened on: Address already in use"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_address_of_another_machine_is_one_line(host: str, free_port: int) -> None:
    with pytest.raises(SettingsError) as caught:
        server_of(http_host=host, http_port=free_port)
    assert one_line(caught.value) == (
        f"GIFTCERT_HTTP_HOST={host} is not an address of this machine: "
        "Cannot assign requested address"
    )


def test_name_that_nobody_knows_is_one_line(
    monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    def unknown(host: str) -> str:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "gethostbyname", unknown)
    with pytest.raises(SettingsError) as caught:
        server_of(http_host="nowhere.test", http_port=free_port)
    assert one_line(caught.value) == (
        "GIFTCERT_HTTP_HOST=nowhere.test is not an address of this machine: "
        "Name or service not known"
    )


def test_tls_files_that_cannot_be_used_leave_the_port_free(
    tmp_path: Path, authority: trustme.CA, free_port: int
) -> None:
    files = TlsFiles(tmp_path).write(authority)
    files.key.write_bytes(b"")
    with pytest.raises(SettingsError, match="GIFTCERT_TLS_KEY_LOCATION"):
        EdgeServer(files.settings(http_port=free_port), app_of())
    with socket.create_server(("127.0.0.1", free_port)):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_edge_answers_until_it_is_stopped(host: str, free_port: int) -> None:
    server = server_of(http_host=host, http_port=free_port, advertised_url="http://edge.test")
    url = f"http://127.0.0.1:{free_port}/who"
    with running(server):
        answer = get(url)
        assert answer.json() == {"host": "127.0.0.1", "scheme": "http"}
        assert "server" not in answer.headers
    with pytest.raises(httpx.ConnectError):
        get(url)


def test_replies_are_opened_before_the_first_call_and_read_until_the_last(free_port: int) -> None:
    replies = ReadReplies()
    seen: list[list[str]] = []

    async def look(_request: Request) -> Response:
        seen.append(list(replies.steps))
        return Response()

    server = EdgeServer(Settings(http_port=free_port), app_of(look=look), requests=replies)
    with running(server):
        get(f"http://127.0.0.1:{free_port}/look")
    assert seen == [["open"]]
    assert replies.steps == ["open", "refuse_new", "run ends"]


def test_edge_whose_replies_fail_stops_and_says_why(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without replies every request would time out: better no worker than such a one."""
    failure = RuntimeError("the consumer is fenced")
    server = EdgeServer(Settings(http_port=free_port), app_of(), requests=ReadReplies(failure))
    # The thread that read them dies of it too, as it should; here that is expected.
    monkeypatch.setattr(threading, "excepthook", lambda _args: None)
    with pytest.raises(RuntimeError) as caught:
        server.run()
    assert caught.value is failure


def test_work_beside_the_app_runs_to_the_end_and_no_longer(free_port: int) -> None:
    steps: list[str] = []

    async def beside() -> None:
        steps.append("begins")
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("ends")

    async def look(_request: Request) -> Response:
        return JSONResponse(steps)

    server = EdgeServer(Settings(http_port=free_port), app_of(look=look), beside=[beside])
    with running(server):
        assert get(f"http://127.0.0.1:{free_port}/look").json() == ["begins"]
    assert steps == ["begins", "ends"]


async def fail() -> None:
    raise RuntimeError("a bug beside")


async def end_at_once() -> None:
    pass


@pytest.mark.parametrize("beside", [[fail], [end_at_once, fail], [fail, fail]])
def test_edge_with_a_failure_beside_the_app_stops_and_says_why(
    beside: list[Beside], free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RuntimeError, match="a bug beside"):
        EdgeServer(Settings(http_port=free_port), app_of(), beside=beside).run()
    assert caplog.records == [], "who runs the server tells of it, and once"


def test_request_under_way_when_the_edge_stops_is_answered(free_port: int) -> None:
    replies, other = ReadReplies(), Waited()
    server = EdgeServer(
        Settings(http_port=free_port),
        app_of(flow=replies.ask, other=other.ask),
        requests=replies,
        waiting=[other],
    )
    answers: dict[str, httpx.Response] = {}

    def ask(path: str) -> None:
        answers[path] = get(f"http://127.0.0.1:{free_port}/{path}")

    asking = [threading.Thread(target=ask, args=(path,)) for path in ("flow", "other")]
    with running(server) as serving:
        for thread in asking:
            thread.start()
        for waited in (replies, other):
            assert waited.asking.wait(DEADLINE_S)
        stopped_s = monotonic()
        server.stop()
        for thread in [*asking, serving]:
            thread.join(DEADLINE_S)
        assert monotonic() - stopped_s < STOPS_WITHIN_S
    assert {path: answer.status_code for path, answer in answers.items()} == {
        "flow": 504,
        "other": 504,
    }
    assert other.steps == ["refuse_new", "give_up"]
    assert replies.steps == ["open", "refuse_new", "give_up", "run ends"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_idle_connections_do_not_hold_up_the_stop(
    scheme: str, free_port: int, tmp_path: Path, authority: trustme.CA
) -> None:
    """A client that keeps a connection for its next call does not listen for its end."""
    files = TlsFiles(tmp_path).write(authority)
    settings = files.settings(http_port=free_port)
    if scheme == "http":
        settings = Settings(http_port=free_port)
    server = EdgeServer(settings, app_of())
    trust = trusted_authorities(files.settings()).context()
    with httpx.Client(verify=trust, trust_env=False, timeout=DEADLINE_S) as client:
        with running(server):
            assert client.get(f"{scheme}://127.0.0.1:{free_port}/who").status_code == 200
            stopped_s = monotonic()
        assert monotonic() - stopped_s < 1.5


def test_caller_cannot_claim_another_address(free_port: int) -> None:
    """Calls without a valid token are counted by address."""
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    with running(server_of(http_port=free_port)):
        answer = get(f"http://127.0.0.1:{free_port}/who", headers=headers)
    assert answer.json() == {"host": "127.0.0.1", "scheme": "http"}


def test_what_is_bound_to_the_log_of_one_request_is_not_in_that_of_the_next(
    free_port: int,
) -> None:
    """Two requests sent at once over one connection: the second starts where the first ends."""

    async def bind(_request: Request) -> Response:
        bound = structlog.contextvars.get_contextvars()
        structlog.contextvars.bind_contextvars(client="till")
        return JSONResponse(bound)

    server = EdgeServer(Settings(http_port=free_port), app_of(bind=bind))
    asked = b"GET /bind HTTP/1.1\r\nhost: edge.test\r\n\r\n"
    last = b"GET /bind HTTP/1.1\r\nhost: edge.test\r\nconnection: close\r\n\r\n"
    with running(server), socket.create_connection(("127.0.0.1", free_port), DEADLINE_S) as caller:
        caller.sendall(asked + asked + last)
        with caller.makefile("rb") as answers:
            received = answers.read()
    assert received.count(b"\r\n\r\n{}") == 3, received


def test_bug_is_logged_once_with_its_trace_and_what_is_bound_to_its_request(
    free_port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    async def bug(_request: Request) -> Response:
        structlog.contextvars.bind_contextvars(path="/certificates/GC-0001/cvc")
        raise RuntimeError("a bug")

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("WARNING", "json")
    try:
        with running(EdgeServer(Settings(http_port=free_port), app_of(bug=bug))):
            assert get(f"http://127.0.0.1:{free_port}/bug").status_code == 500
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    [line] = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert line["level"] == "error"
    assert line["exception"].startswith("Traceback")
    assert "RuntimeError: a bug" in line["exception"]
    assert line["path"] == "/certificates/…0001/cvc"


def test_edge_with_a_certificate_speaks_https_only(
    free_port: int, tmp_path: Path, authority: trustme.CA
) -> None:
    files = TlsFiles(tmp_path).write(authority)
    settings = files.settings(http_port=free_port)
    trust = trusted_authorities(settings).context()
    with running(EdgeServer(settings, app_of())):
        answer = get(f"{settings.edge_url()}/who", verify=trust)
        assert answer.json() == {"host": "127.0.0.1", "scheme": "https"}
        with pytest.raises(httpx.TransportError):
            get(f"http://127.0.0.1:{free_port}/who")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            get(f"{settings.edge_url()}/who", verify=ssl.create_default_context())


def certificate_shown(port: int, trust: ssl.SSLContext) -> bytes:
    """What a new connection is shown."""
    with (
        socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain,
        trust.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def test_replaced_certificate_is_shown_to_new_connections_and_old_ones_go_on(
    free_port: int, tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_module, "LOOK_EVERY_S", 0.01)
    files = TlsFiles(tmp_path).write(authority)
    settings = files.settings(http_port=free_port)
    trust = trusted_authorities(settings).context()
    url = f"{settings.edge_url()}/who"
    with (
        running(EdgeServer(settings, app_of())),
        httpx.Client(verify=trust, trust_env=False, timeout=DEADLINE_S) as client,
    ):
        kept = client.get(url).extensions["network_stream"]
        before = certificate_shown(free_port, trust)
        files.write(authority)
        deadline_s = monotonic() + DEADLINE_S
        while certificate_shown(free_port, trust) == before:
            assert monotonic() < deadline_s, "the new certificate is never shown"
        assert client.get(url).extensions["network_stream"] is kept


def test_problem_of_the_app_has_no_server_behind_it(free_port: int) -> None:
    """What stands in front of the app adds nothing that tells what it is."""

    async def refuse(_request: Request) -> Response:
        return Problem(no_answer().kind).response()

    with running(EdgeServer(Settings(http_port=free_port), app_of(refuse=refuse))):
        answer = get(f"http://127.0.0.1:{free_port}/refuse")
    assert set(answer.headers) <= {"date", "content-type", "content-length", "cache-control"}
