"""Where a process without an edge shows its figures: a small listener for Prometheus and probes.

Owns the addresses it answers and the thread that serves them. Knows no law and no Kafka.
"""

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Final, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from pipelines.faults import SettingsError
from pipelines.metrics.process import ProcessMetrics
from pipelines.settings import Settings
from pipelines.tls import FollowedFiles, shown_certificate

_IDLE_S: Final = 10.0
_TEXT: Final = [("Content-Type", "text/plain; charset=utf-8")]


class Listener:
    """Answers `/metrics`, `/healthz` and `/readyz`, from entry to exit of its `with`.

    `alive`: the loop of the process turns; `ready`: it has caught up. Asked from other threads.
    SettingsError when it cannot listen there. With a certificate it speaks HTTPS only, and a
    changed one is shown from the next connection on.
    """

    def __init__(
        self,
        host: str,
        port: int,
        collector: Collector,
        *,
        alive: Callable[[], bool],
        ready: Callable[[], bool],
        shown: FollowedFiles | None = None,
    ) -> None:
        registry = CollectorRegistry()
        registry.register(ProcessMetrics())
        registry.register(collector)
        self._figures = make_wsgi_app(registry)
        self._alive = alive
        self._ready = ready
        try:
            self._server = make_server(
                host,
                port,
                self._answer,
                _Six if ":" in host else _Server,
                handler_class=_Quiet,
            )
        except OSError as error:
            raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from None
        self._server.shown = shown
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="figures", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                answered: Iterable[bytes] = self._figures(environ, start)
                return answered
            case "/healthz":
                if self._alive():
                    return _said(start, "200 OK", "alive")
                return _said(start, "503 Service Unavailable", "the loop does not turn any more")
            case "/readyz":
                if self._ready():
                    return _said(start, "200 OK", "ready")
                return _said(start, "503 Service Unavailable", "still reading what is past")
            case _:
                return _said(start, "404 Not Found", "/metrics, /healthz and /readyz are here")


def optional_listener(
    settings: Settings,
    port: int | None,
    collector: Collector,
    *,
    alive: Callable[[], bool],
    ready: Callable[[], bool],
) -> AbstractContextManager[object]:
    """A listener where a port was set for it, at the host and with the certificate of all."""
    if port is None:
        return nullcontext()
    return Listener(
        settings.http_host,
        port,
        collector,
        alive=alive,
        ready=ready,
        shown=shown_certificate(settings),
    )


class _Server(ThreadingWSGIServer):
    """Protects each connection with the certificate of its moment, where there is one."""

    shown: FollowedFiles | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.shown is None:
            return connection, address
        self.shown.look()
        # The handshake is the handling thread's: one who never ends it must not keep others out.
        return self.shown.context().wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ), address


class _Six(_Server):
    """At an address of IP version 6."""

    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    """Logs no request, and waits for none that does not come."""

    timeout = _IDLE_S

    def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 - their name
        """Say nothing: a scrape every few seconds is no news."""


def _said(start: StartResponse, status: str, text: str) -> list[bytes]:
    start(status, list(_TEXT))
    return [f"{text}\n".encode()]
