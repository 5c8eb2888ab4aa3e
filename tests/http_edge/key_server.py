"""A small real web server where a token issuer's documents are, as good or bad as a test wants.

Owns the server and its thread. It can go away and come back on the same port, keep an answer back,
and counts what it is asked for.
"""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

DEADLINE_S = 10
KEYS_PATH = "/jwks"
DISCOVERY_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One answer. `endless`: byte by byte after it, until whoever asked has gone."""

    body: bytes
    status: int = 200
    endless: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def document(content: object) -> Served:
    return Served(body=json.dumps(content).encode())


class KeyServer:
    """Answers what `documents` has by path, once `gate` is open; 404 for all else."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.documents: dict[str, Served] = {}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self._leaving = threading.Event()
        self._tls = tls
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._port}"

    @property
    def keys_url(self) -> str:
        return self.url + KEYS_PATH

    def publish(self, *keys: object) -> Self:
        """The key set at `keys_url`, and a discovery document that leads there."""
        self.documents[KEYS_PATH] = document({"keys": list(keys)})
        discovery = {"issuer": self.url, "jwks_uri": self.keys_url}
        self.documents[DISCOVERY_PATH] = document(discovery)
        return self

    def start(self) -> None:
        """Listen, on the port that it had before if it had one."""
        assert self._server is None
        self._leaving.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Go away; may be called again."""
        self.gate.set()
        self._leaving.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                issuer.gate.wait(DEADLINE_S)
                served = issuer.documents.get(self.path, Served(body=b"", status=404))
                self.send_response(served.status)
                for name, value in served.headers.items():
                    self.send_header(name, value)
                length = len(served.body) + (1_000_000 if served.endless else 0)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                try:
                    self.wfile.write(served.body)
                    while served.endless and not issuer._leaving.wait(0.01):
                        self.wfile.write(b" ")
                except OSError:
                    # Whoever asked did not wait, which some tests are about.
                    pass

            def log_message(self, *_arguments: object) -> None:
                pass

        return Handler


@contextmanager
def serving(*, tls: ssl.SSLContext | None = None) -> Iterator[KeyServer]:
    """A server for the length of the block."""
    server = KeyServer(tls=tls)
    try:
        yield server
    finally:
        server.stop()
