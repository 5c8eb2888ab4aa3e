"""The edge's server: it says at once, in one line, where it cannot listen; and stops when told."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from http_edge.server import EdgeServer
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from tests.http_edge.edge_under_test import FakeRequests, FakeServices

DEADLINE_S = 10


class ServedRequests(FakeRequests):
    """Requests whose reading of replies lasts until it is stopped, or fails."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.opened = threading.Event()
        self.stopped = threading.Event()
        self._error = error

    def open(self) -> None:
        self.opened.set()

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._error is not None:
            raise self._error
        self.stopped.wait(DEADLINE_S)

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
