"""The shop's server: it listens where it is told or says why not, and ends with its streams."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipelines.commands.shop import shop
from pipelines.faults import SettingsError
from pipelines.neighbours.shop.broadcast import Broadcast, News
from pipelines.neighbours.shop.live import LiveStreams
from pipelines.neighbours.shop.serving import ShopServer, repeat

WAIT_S = 30.0


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_address_that_is_taken_is_told(taken_port: int) -> None:
    with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{taken_port}"):
        ShopServer("127.0.0.1", taken_port)


def test_host_that_nobody_knows_is_told() -> None:
    with pytest.raises(SettingsError, match=r"cannot listen on no\.such\.host\.invalid"):
        ShopServer("no.such.host.invalid", 8090)


def test_server_that_stops_ends_the_open_streams_first() -> None:
    """A page that follows the stream must not keep the shop from ending."""
    source: Broadcast[str] = Broadcast(10)
    live = LiveStreams()

    def tell(news: News[str]) -> str:
        return "".join(news.items)

    async def follow(request: Request) -> Response:
        return live.respond(request, source, tell)

    server = ShopServer("127.0.0.1", 0)
    app = Starlette(routes=[Route("/live", follow)])
    thread = threading.Thread(target=server.run, args=(app, source.close))
    thread.start()
    try:
        with (
            httpx.Client(trust_env=False) as client,
            client.stream("GET", f"http://127.0.0.1:{server.port}/live") as stream,
        ):
            lines = stream.iter_lines()
            assert next(lines).startswith("retry:")
            server.stop()
            # It comes to its end in order: a connection that is cut would be an error here.
            assert [line for line in lines if line.startswith("event:")] == []
    finally:
        server.stop()
        thread.join(WAIT_S)
        server.close()
    assert not thread.is_alive()


def test_bug_is_logged_by_its_place_and_never_by_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a fault says may quote what somebody typed: a code, say."""

    async def breaks(request: Request) -> Response:
        raise ZeroDivisionError(f"the code was {request.query_params['code']}")

    server = ShopServer("127.0.0.1", 0)
    app = Starlette(routes=[Route("/", breaks)])
    thread = threading.Thread(target=server.run, args=(app, lambda: None))
    thread.start()
    try:
        answer = httpx.get(f"http://127.0.0.1:{server.port}/?code=492039", trust_env=False)
        assert answer.status_code == 500
    finally:
        server.stop()
        thread.join(WAIT_S)
        server.close()
    assert "ZeroDivisionError" in caplog.text
    assert "in breaks" in caplog.text
    assert "492039" not in caplog.text


def test_streams_beyond_the_bound_are_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    live = LiveStreams()
    monkeypatch.setattr(live, "_open", 100)
    request = Request({"type": "http", "headers": [], "query_string": b""})
    source: Broadcast[str] = Broadcast(1)
    answer = live.respond(request, source, lambda _news: None)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_server_that_is_stopped_before_it_begins_does_not_begin() -> None:
    server = ShopServer("127.0.0.1", 0)
    server.stop()
    server.run(Starlette(), lambda: None)
    server.close()


def test_work_is_repeated_until_the_end() -> None:
    stopped = threading.Event()
    count = 0

    def work() -> None:
        nonlocal count
        count += 1
        if count == 3:
            stopped.set()

    repeat(work, stopped, every_s=0.001)
    assert count == 3


def test_command_without_an_issuer_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before it listens, and before a customer comes."""
    with pytest.raises(SettingsError, match="GIFTCERT_SHOP_CLIENT_SECRETS_FILE is not set"):
        shop()
    secrets = tmp_path / "secrets.json"
    secrets.write_text('{"store": "a"}')
    monkeypatch.setenv("GIFTCERT_SHOP_CLIENT_SECRETS_FILE", str(secrets))
    with pytest.raises(SettingsError, match="has no secret of till"):
        shop()
    # A store alone needs its own secret only.
    monkeypatch.setenv("GIFTCERT_SHOP_STAFF_PAGES", "false")
    monkeypatch.setenv("GIFTCERT_SHOP_PORT", "8")
    monkeypatch.setenv("GIFTCERT_SHOP_HOST", "no.such.host.invalid")
    with pytest.raises(SettingsError, match="GIFTCERT_SHOP_TOKEN_URL is not set"):
        shop()
