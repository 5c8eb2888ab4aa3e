"""The edge's server: uvicorn on a thread of a worker, beside the loop that owns the stores.

Owns the listening socket, the event loop, what runs on it beside the app, and the order in which
all of that ends. Knows no call: the app is given to it, whichever worker's it is.
"""

import asyncio
import errno
import ipaddress
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, Protocol

import uvicorn
from starlette.types import ASGIApp

from http_edge.serving.guarded_protocol import GuardedProtocol
from pipelines.faults import SettingsError
from pipelines.settings import Settings
from pipelines.tls import ServedContext, shown_certificate

_BACKLOG: Final = 1024
_ANSWER_S: Final = 1.5
"""How long answers may still come when the edge stops; then whoever waits is told to repeat."""
_GRACE_S: Final = 2
"""How long connections may take to end. Longer than the wait before, so that callers are told."""
_GOODBYE_S: Final = 0.2
"""How long at least a closed connection has for its last bytes when the edge stops."""
IDLE_S: Final = 65
"""How long a connection without a call is kept. Longer than callers keep theirs (proxies usually 60
seconds, our own forwarding 30), so that nobody puts a call on a connection that is being closed;
no longer, for each takes one of the limited number."""

Beside = Callable[[], Coroutine[None, None, None]]


class Waiting(Protocol):
    """Callers who wait for something of another process, and can be told that it will not come."""

    def refuse_new(self) -> None:
        """From now on let nobody begin to wait."""
        ...

    def give_up(self) -> None:
        """Tell all who still wait that there is no answer in time."""
        ...


class Replies(Waiting, Protocol):
    """What reads the answers from Kafka, in a thread of its own."""

    def open(self) -> None:
        """Get ready; nothing is asked before."""
        ...

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read until stopped."""
        ...

    def stop(self) -> None:
        """End `run`."""
        ...


class _Server(uvicorn.Server):
    """Ends in this order: no new questions, a while for answers, then a problem for who waits."""

    def __init__(self, config: uvicorn.Config, waiting: Sequence[Waiting]) -> None:
        super().__init__(config)
        self._waiting = waiting

    def refuse_new(self) -> None:
        """From now on let nobody begin to wait. From any thread."""
        for waiting in self._waiting:
            waiting.refuse_new()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.refuse_new()
        loop = asyncio.get_running_loop()
        ends = [loop.call_later(_ANSWER_S, waiting.give_up) for waiting in self._waiting]
        goodbyes = loop.create_task(self._cut_goodbyes_short())
        await super().shutdown(sockets)
        goodbyes.cancel()
        for end in ends:
            end.cancel()

    async def _cut_goodbyes_short(self) -> None:
        """End connections that are closed already, but for the other side's goodbye.

        TLS waits for it, half a minute; and a client that keeps a connection for its next call does
        not listen.
        """
        closing: set[asyncio.Transport] = set()
        while True:
            await asyncio.sleep(_GOODBYE_S)
            transports = {connection.transport for connection in self.server_state.connections}
            for transport in transports & closing:
                transport.abort()
            closing = {transport for transport in transports if transport.is_closing()}


class EdgeServer:
    """Listens from the moment it is made, so that a port in use is told before anything starts.

    `requests` is what reads replies, where the app asks anything of the flow; `waiting` is what
    else callers may wait for; `beside` runs on the app's loop until the end. What fails of these
    ends the server, and `run` raises it. SettingsError: the port or the TLS files cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        app: ASGIApp,
        *,
        requests: Replies | None = None,
        waiting: Sequence[Waiting] = (),
        beside: Sequence[Beside] = (),
    ) -> None:
        shown = shown_certificate(settings)
        self._requests = requests
        self._beside = beside if shown is None else (*beside, shown.watch)
        self._socket = _listen(settings)
        config = uvicorn.Config(
            app,
            loop="uvloop",
            # With the limits of size, time and number that the server itself lacks.
            http=GuardedProtocol,
            ws="none",
            interface="asgi3",
            log_config=None,
            access_log=False,
            # Whose version it is helps nobody but an attacker.
            server_header=False,
            # A caller's address is that of the connection: a header that claims another is not
            # believed, or it would get round the limit for those who are turned away.
            proxy_headers=False,
            # What one request's log lines carry must not show up in those of the next.
            reset_contextvars=True,
            backlog=_BACKLOG,
            # The number of connections bounds that of requests, one at a time in each; the server's
            # own limit would answer without the form of a problem, to probes too.
            limit_concurrency=None,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=_GRACE_S,
            ssl_context_factory=None if shown is None else lambda *_: ServedContext.of(shown),
        )
        self._server = _Server(config, waiting if requests is None else (requests, *waiting))

    def run(self) -> None:
        """Serve until stopped."""
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(self._serve())

    def refuse_new(self) -> None:
        """Ask nothing new of the flow; all else is answered as before. From any thread."""
        self._server.refuse_new()

    def stop(self) -> None:
        """Answer what is under way, then end `run`. From any thread."""
        self._server.should_exit = True

    async def _serve(self) -> None:
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        replies = await self._start_replies(failed)
        beside = [self._start_beside(work, failed) for work in self._beside]
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            if self._requests is not None and replies is not None:
                self._requests.stop()
                await asyncio.to_thread(replies.join)
        if failed.done():
            failed.result()

    async def _start_replies(self, failed: asyncio.Future[None]) -> threading.Thread | None:
        requests = self._requests
        if requests is None:
            return None
        await asyncio.to_thread(requests.open)
        loop = asyncio.get_running_loop()

        def read_replies() -> None:
            try:
                requests.run(loop)
            except BaseException as error:
                loop.call_soon_threadsafe(self._fail, failed, error)
                raise

        replies = threading.Thread(target=read_replies, name="replies", daemon=True)
        replies.start()
        return replies

    def _start_beside(self, work: Beside, failed: asyncio.Future[None]) -> asyncio.Task[None]:
        def look_why(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._fail(failed, error)

        task = asyncio.create_task(work())
        task.add_done_callback(look_why)
        return task

    def _fail(self, failed: asyncio.Future[None], error: BaseException) -> None:
        """Stop for an error; of several the first is told."""
        if not failed.done():
            failed.set_exception(error)
        self.stop()


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def _listen(settings: Settings) -> socket.socket:
    """The listening socket. SettingsError when the address is not ours or the port is taken."""
    try:
        address = ipaddress.ip_address(settings.http_host)
    except ValueError:
        address = ipaddress.ip_address(_resolved(settings.http_host))
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), settings.http_port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise _not_ours(settings.http_host, error) from error
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
        raise _not_ours(host, error) from error


def _not_ours(host: str, error: OSError) -> SettingsError:
    return SettingsError(
        f"GIFTCERT_HTTP_HOST={host} is not an address of this machine: {error.strerror}"
    )
