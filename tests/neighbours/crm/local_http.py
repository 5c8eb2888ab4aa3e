"""A real HTTP server in a thread, that answers, hangs, drips or hangs up as a test tells it.

Owns its socket and everything it got. Knows nothing of gateways or certificates.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any, Final

_END_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server does: answers, and before it waits, or hangs up without a word."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: Event | None = None
    hangs_up: bool = False
    drips: bool = False


class _QuietServer(ThreadingHTTPServer):
    """Whoever asks may go away in the middle: that is what many of these tests are about."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


class LocalHttp:
    """One server at a port of its own. `answer` decides on each request."""

    def __init__(self, answer: Callable[[Got], Answer]) -> None:
        self.got: list[Got] = []
        self.answer = answer
        self._came = Condition()
        self._ended = Event()
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def protect(self, context: ssl.SSLContext) -> None:
        """Speak HTTPS; before `serving`."""
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    @contextmanager
    def serving(self) -> Iterator["LocalHttp"]:
        """Serve from here to the end of the `with`; whoever still hangs is let go."""
        self._thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(_END_S)

    def await_requests(self, count: int, timeout_s: float = 10.0) -> None:
        """Wait until so many requests have come."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.got) >= count, timeout_s), self.got

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._do()

            def do_POST(self) -> None:
                self._do()

            def do_PUT(self) -> None:
                self._do()

            def _do(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                got = Got(
                    method=self.command,
                    path=self.path,
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=self.rfile.read(length),
                )
                with outer._came:
                    outer.got.append(got)
                    outer._came.notify_all()
                try:
                    self._say(outer.answer(got))
                except OSError:
                    # Whoever asked has gone away, as this test wanted it to.
                    self.close_connection = True

            def _say(self, answer: Answer) -> None:
                if answer.after is not None:
                    while not answer.after.wait(0.01) and not outer._ended.is_set():
                        pass
                if answer.hangs_up:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if answer.drips:
                    for byte in answer.body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        if outer._ended.wait(0.05):
                            return
                else:
                    self.wfile.write(answer.body)

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def local_http(answer: Callable[[Got], Answer]) -> Iterator[LocalHttp]:
    """A server that answers so."""
    with LocalHttp(answer).serving() as server:
        yield server
