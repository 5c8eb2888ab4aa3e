"""The edge's server: it says at once, in one line, where it cannot listen; and stops when told."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from time import monotonic

import httpx
import pytest

from http_edge.problems import no_answer
from http_edge.server import EdgeServer
from pipelines.contracts.reply_record import Reply
from pipelines.faults import SettingsError
from pipelines.logs import configure_logs
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from tests.http_edge.edge_under_test import FakeRequests, FakeServices, problem_of

DEADLINE_S = 10
STOPS_WITHIN_S = 4
"""Of the seven that a stack gives a worker, for the stream's end and the last writes too."""


class ServedRequests(FakeRequests):
    """Requests whose reading of replies lasts until it is stopped, or fails."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.opened = threading.Event()
        self.stopped = threading.Event()
        self.refusing = False
        self._error = error

    def open(self) -> None:
        self.opened.set()

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._error is not None:
            raise self._error
        self.stopped.wait(DEADLINE_S)

    def refuse_new(self) -> None:
        self.refusing = True

    def give_up(self) -> None:
        pass

    def stop(self) -> None:
        self.stopped.set()


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


def server_of(requests: FakeRequests | None = None, **settings: object) -> EdgeServer:
    services = FakeServices(settings=Settings.model_validate(settings))
    if requests is not None:
        services.requests = requests
    return EdgeServer(services)  # type: ignore[arg-type]  # fakes of what it serves


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


@pytest.mark.parametrize("host", ["10.0.0.1", "192.0.2.1"])
def test_address_that_is_not_loopback_is_one_line(host: str, free_port: int) -> None:
    """Nobody is asked who he is yet, so nobody from elsewhere may ask."""
    with pytest.raises(SettingsError) as caught:
        server_of(http_host=host, http_port=free_port)
    assert f"GIFTCERT_HTTP_HOST={host} is not a loopback address" in one_line(caught.value)


def test_every_address_is_not_loopback(free_port: int) -> None:
    with pytest.raises(SettingsError) as caught:
        server_of(http_host="0.0.0.0", http_port=free_port, advertised_url="http://a:1")
    assert "is not a loopback address" in one_line(caught.value)


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


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_edge_answers_until_it_is_stopped(host: str, free_port: int) -> None:
    requests = ServedRequests()
    server = server_of(requests, http_host=host, http_port=free_port)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        url = f"http://127.0.0.1:{free_port}/healthz"
        # The socket listens since the server was made: this waits for the answer, not for luck.
        answer = httpx.get(url, timeout=DEADLINE_S, trust_env=False)
        assert answer.status_code == 200
        assert "server" not in answer.headers
        assert requests.opened.is_set(), "it stands on its replies before it answers"
    finally:
        server.stop()
        thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert requests.stopped.is_set()


def test_edge_whose_replies_fail_stops_and_says_why(free_port: int) -> None:
    """Without replies every request would time out: better no worker than such a one."""
    failure = RuntimeError("the consumer is fenced")
    server = server_of(ServedRequests(failure), http_port=free_port)
    caught: list[BaseException] = []
    unhandled = threading.excepthook
    # The thread that read them dies of it too, as it should; here that is expected.
    threading.excepthook = lambda _args: None

    def run() -> None:
        try:
            server.run()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    try:
        thread.start()
        thread.join(DEADLINE_S)
    finally:
        threading.excepthook = unhandled
    assert caught == [failure]


class PatientRequests(ServedRequests):
    """Requests whose answers never come: a caller waits until it is given up."""

    def __init__(self) -> None:
        super().__init__()
        self.asking = threading.Event()
        self._given_up = asyncio.Event()

    async def ask(self, request_id: str, body_digest: str, output: Outgoing) -> Reply:
        self.asking.set()
        await self._given_up.wait()
        raise no_answer()

    def give_up(self) -> None:
        assert self.refusing, "nothing new is asked before the last is given up"
        self._given_up.set()


def test_request_under_way_when_the_edge_stops_is_answered(free_port: int) -> None:
    requests = PatientRequests()
    server = server_of(requests, http_port=free_port)
    serving = threading.Thread(target=server.run)
    answers: list[httpx.Response] = []

    def ask() -> None:
        url = f"http://127.0.0.1:{free_port}/certificates/next?pool=ELECTRONIC"
        answers.append(httpx.get(url, timeout=DEADLINE_S, trust_env=False))

    asking = threading.Thread(target=ask)
    serving.start()
    asking.start()
    assert requests.asking.wait(DEADLINE_S)
    stopped_s = monotonic()
    server.stop()
    asking.join(DEADLINE_S)
    serving.join(DEADLINE_S)
    assert monotonic() - stopped_s < STOPS_WITHIN_S
    [answer] = answers
    assert problem_of(answer) == (504, "no-answer")
    assert answer.headers["idempotency-key"]


class FailingRequests(ServedRequests):
    async def ask(self, request_id: str, body_digest: str, output: Outgoing) -> Reply:
        raise RuntimeError("a bug")


def test_bug_is_logged_once_with_its_trace_and_which_call_it_was(
    free_port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("WARNING", "json")
    server = server_of(FailingRequests(), http_port=free_port)
    serving = threading.Thread(target=server.run)
    serving.start()
    try:
        url = f"http://127.0.0.1:{free_port}/certificates/GC-0001/cvc"
        answer = httpx.get(url, timeout=DEADLINE_S, trust_env=False)
        assert problem_of(answer) == (500, "internal-error")
    finally:
        server.stop()
        serving.join(DEADLINE_S)
        root.handlers[:] = handlers
        root.setLevel(level)
    [line] = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert line["level"] == "error"
    assert line["exception"].startswith("Traceback")
    assert "RuntimeError: a bug" in line["exception"]
    assert (line["method"], line["path"]) == ("GET", "/certificates/…0001/cvc")
