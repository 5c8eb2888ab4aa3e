"""Where an auditor shows its figures: a small listener of its own for Prometheus and probes.

Owns the addresses it answers and the thread that serves them. Knows no law and no Kafka.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from pipelines.faults import SettingsError
from pipelines.metrics.process import ProcessMetrics
from pipelines.settings import Settings

_IDLE_S: Final = 10.0
_TEXT: Final = [("Content-Type", "text/plain; charset=utf-8")]


class Listener:
    """Answers `/metrics`, `/healthz` and `/readyz`, from entry to exit of its `with`.

    SettingsError when it cannot listen there. With a certificate it speaks HTTPS only.
    """

    def __init__(
        self,
        host: str,
        port: int,
        collector: Collector,
        *,
        ready: Callable[[], bool],
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        registry = CollectorRegistry()
        registry.register(ProcessMetrics())
        registry.register(collector)
        self._figures = make_wsgi_app(registry)
        self._ready = ready
        try:
            self._server = make_server(
                host,
                port,
                self._answer,
                _Six if ":" in host else ThreadingWSGIServer,
                handler_class=_Quiet,
            )
        except OSError as error:
            raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from None
        if certificate is not None:
            self._server.socket = _protected(self._server, certificate, key)
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
                return _said(start, "200 OK", "alive")
            case "/readyz":
                if self._ready():
                    return _said(start, "200 OK", "ready")
                return _said(start, "503 Service Unavailable", "still reading what is past")
            case _:
                return _said(start, "404 Not Found", "/metrics, /healthz and /readyz are here")


def optional_listener(
    settings: Settings, port: int | None, collector: Collector, *, ready: Callable[[], bool]
) -> AbstractContextManager[object]:
    """A listener where a port was set for it, at the host and with the certificate of all."""
    if port is None:
        return nullcontext()
    return Listener(
        settings.http_host,
        port,
        collector,
        ready=ready,
        certificate=settings.tls_certificate_location,
        key=settings.tls_key_location,
    )


class _Six(ThreadingWSGIServer):
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


def _protected(server: ThreadingWSGIServer, certificate: Path, key: Path | None) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        server.server_close()
        raise SettingsError(f"GIFTCERT_TLS_CERTIFICATE_LOCATION: {error}") from None
    # The handshake is the handling thread's: one who never ends it must not keep others out.
    return context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
