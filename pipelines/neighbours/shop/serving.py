"""The shop's web server: uvicorn on the main thread, until it is told to stop.

Owns the listening socket and the end of open streams. Knows no page.
"""

import logging
import socket
import traceback
from collections.abc import Callable
from threading import Event
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from pipelines.faults import SettingsError

_GRACE_S: Final = 2
_BACKLOG: Final = 128
_EVERY_S: Final = 2.0


class _FaultsWithoutTexts(logging.Filter):
    """A bug's kind and place are enough to find it; its text may quote what somebody typed."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info is None:
            return True
        kind, _error, trace = record.exc_info
        places = "".join(traceback.format_tb(trace))
        record.msg = "a page broke: %s\n%s"
        record.args = ("" if kind is None else kind.__name__, places)
        record.exc_info = None
        return True


class _Server(uvicorn.Server):
    """Ends the open streams before it waits for connections to end."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stop = before_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_stop()
        await super().shutdown(sockets)


class ShopServer:
    """Listens from the moment it is made. SettingsError where the address is not to be had."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = _listen(host, port)
        self._server: _Server | None = None
        self._stopped = Event()

    @property
    def port(self) -> int:
        """The port that it listens on; the one that was free where 0 was asked for."""
        port: int = self._socket.getsockname()[1]
        return port

    def run(self, app: ASGIApp, before_stop: Callable[[], None]) -> None:
        """Serve until stopped, by a signal or by `stop`. `before_stop` is called when it ends."""
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            # An address may hold what was typed; and nobody reads it.
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = _Server(config, before_stop)
        log, without_texts = logging.getLogger("uvicorn.error"), _FaultsWithoutTexts()
        log.addFilter(without_texts)
        try:
            if not self._stopped.is_set():
                self._server.run(sockets=[self._socket])
        finally:
            log.removeFilter(without_texts)

    def stop(self) -> None:
        """Let it end, from any thread, also before it has begun."""
        self._stopped.set()
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """Let the address go."""
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise SettingsError(f"the shop cannot listen on {host}:{port}: {error.strerror}") from error
    listener.listen(_BACKLOG)
    return listener


def repeat(work: Callable[[], None], stopped: Event, *, every_s: float = _EVERY_S) -> None:
    """Do something again and again, until told to stop."""
    while not stopped.wait(every_s):
        work()
