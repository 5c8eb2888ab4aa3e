"""The edge's server: uvicorn on a thread of the processor, beside the loop that owns the stores."""

import asyncio
import ipaddress
import socket
import threading

import uvicorn

from http_edge.app import create_app
from http_edge.requests import Requests
from http_edge.services import EdgeServices
from pipelines.faults import SettingsError
from pipelines.settings import Settings

_BACKLOG = 1024
_ANSWER_S = 1.5
"""How long answers may still come when the edge stops; then whoever waits is told to repeat."""
_GRACE_S = 2
"""How long connections may take to end. Longer than the wait before, so that callers are told."""


class _Server(uvicorn.Server):
    """Ends in this order: no new questions, a while for answers, then a problem for who waits."""

    def __init__(self, config: uvicorn.Config, requests: Requests) -> None:
        super().__init__(config)
        self._requests = requests

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._requests.refuse_new()
        giving_up = asyncio.get_running_loop().call_later(_ANSWER_S, self._requests.give_up)
        await super().shutdown(sockets)
        giving_up.cancel()


class EdgeServer:
    """Listens from the moment it is made, so that a port in use is told before anything starts."""

    def __init__(self, services: EdgeServices) -> None:
        self._services = services
        self._socket = _listen(services.settings)
        config = uvicorn.Config(
            create_app(services),
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = _Server(config, services.requests)

    def run(self) -> None:
        """Serve until stopped."""
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        requests = self._services.requests
        await asyncio.to_thread(requests.open)
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[None] = loop.create_future()

        def read_replies() -> None:
            try:
                requests.run(loop)
            except BaseException as error:
                loop.call_soon_threadsafe(failed.set_exception, error)
                loop.call_soon_threadsafe(self.stop)
                raise

        replies = threading.Thread(target=read_replies, name="replies", daemon=True)
        replies.start()
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            requests.stop()
            await asyncio.to_thread(replies.join)
        if failed.done():
            failed.result()

    def stop(self) -> None:
        """Answer what is under way, then end `run`."""
        self._server.should_exit = True


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def _listen(settings: Settings) -> socket.socket:
    """The listening socket. SettingsError when the address is not loopback or is taken."""
    try:
        address = ipaddress.ip_address(settings.http_host)
    except ValueError:
        address = ipaddress.ip_address(_resolved(settings.http_host))
    if not address.is_loopback:
        raise SettingsError(
            f"GIFTCERT_HTTP_HOST={settings.http_host} is not a loopback address: "
            "the edge has no authentication yet and listens on this machine only"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), settings.http_port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"GIFTCERT_HTTP_PORT={settings.http_port} cannot be listened on: {error.strerror}"
        ) from error
    listener.listen(_BACKLOG)
    listener.set_inheritable(False)
    return listener


def _resolved(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise SettingsError(
            f"GIFTCERT_HTTP_HOST={host} is not an address of this machine: {error.strerror}"
        ) from error
