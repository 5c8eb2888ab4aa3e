"""The server's protocol, with limits on what comes before there is a request and after its answer.

Owns what one connection may hold of memory and time. Must not know any call: what it refuses never
reaches the app.

The parser refuses by itself (400): two or unreadable Content-Length, Content-Length beside
Transfer-Encoding, folded headers, a target over 64 KiB. The server ends a connection that is idle
between requests (`timeout_keep_alive`). Neither limits the size or the number of headers, how long
a head may take to come, what follows the last chunk of a body, or the number of connections.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from http_edge.api.problems import Problem, head_too_large, malformed_request, request_timeout
from http_edge.serving.guards import secured

ARRIVAL_TIMEOUT_S: Final = 10.0
"""For a head, and for the rest of a body that nobody reads any more."""
MAX_HEAD_BYTES: Final = 65_536
"""At which a connection is refused with its head still coming. The middleware counts exactly."""
MAX_REQUEST_BYTES: Final = 262_144
"""A whole request with its framing. The largest body in chunks of one byte is well below."""
MAX_CONNECTIONS: Final = 512
"""The stores and Kafka's clients in this process need file descriptors too; 1024 is a usual lot."""


class GuardedProtocol(HttpToolsProtocol):
    """The server's protocol with the limits it lacks, for `uvicorn.Config(http=…)`.

    What is refused here never reaches the app: there is no request yet, or its answer is out.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_head = True
        self._unfinished_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its parent
        """Start waiting for the first head. One connection too many ends at once."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._await_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to no complete request yet: of that, only so much is kept."""
        if self._in_head:
            self._await_rest()
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._unfinished_bytes > MAX_HEAD_BYTES:
            self._refuse(head_too_large())
        elif self._unfinished_bytes > MAX_REQUEST_BYTES:
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head is here."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        self._in_head = True
        self._unfinished_bytes = 0
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer that did not wait for the body: the rest is passed over, but not for long.

        Ending the connection at once would take the answer from a caller that still sends.
        """
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._await_rest()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - its parent's signature
        """What the parser refuses is a problem like every other."""
        self._refuse(malformed_request("this is not a request of HTTP/1.1"))

    def _await_rest(self) -> None:
        """Give what is on its way its time. The first wait counts: drops do not lengthen it."""
        if self._timer is None:
            self._timer = self.loop.call_later(ARRIVAL_TIMEOUT_S, self._is_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_late(self) -> None:
        self._timer = None
        if self._answering is not None:
            self._answering.keep_alive = False
        elif self._in_head and self._unfinished_bytes > 0:
            self._refuse(request_timeout())
        else:
            # Opened ahead of need, or answered already: there is nothing to answer.
            self.transport.close()

    @property
    def _answering(self) -> RequestResponseCycle | None:
        cycle: RequestResponseCycle | None = self.cycle
        return None if cycle is None or cycle.response_complete else cycle

    def _refuse(self, problem: Problem) -> None:
        """Answer without the app, and end the connection.

        Not while an earlier request waits for its answer: its caller would take this for it, and
        believe that nothing happened.
        """
        if self._answering is None:
            response = problem.response()
            own = [header for header in response.raw_headers if header[0] != b"connection"]
            headers = secured([*self.server_state.default_headers, *own], "", self.scheme or "http")
            lines = [name + b": " + value for name, value in [*headers, (b"connection", b"close")]]
            status = HTTPStatus(response.status_code)
            first = f"HTTP/1.1 {status.value} {status.phrase}".encode()
            self.transport.write(b"\r\n".join([first, *lines, b"", bytes(response.body)]))
        self.transport.close()
