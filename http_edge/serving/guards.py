"""What stands around the app: how much a caller may send, how long it may take, and what every
answer carries.

Owns the ASGI middlewares and `guarded`, the order they must stand in. Must not know any call or any
caller. What an app is never asked about, a request that is still coming, is the protocol's.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_edge.api.problems import (
    Problem,
    head_too_large,
    malformed_request,
    no_answer,
    request_timeout,
    target_too_long,
    too_large,
)
from http_edge.asking.inputs import MAX_BODY_BYTES
from pipelines.settings import Settings

MAX_HEADER_BYTES: Final = 16_384
MAX_HEADERS: Final = 100
MAX_TARGET_BYTES: Final = 4_096
BODY_TIMEOUT_S: Final = 10.0
LAST_RESORT_S: Final = BODY_TIMEOUT_S + 5.0
"""Beyond the reply timeout: a slow body, the issuer's keys and another process come before it."""

DOCS_PATH: Final = "/docs"
_SINGLE: Final = frozenset(
    {b"authorization", b"content-length", b"content-type", b"host", b"idempotency-key"}
)

_log = structlog.get_logger(__name__)

RawHeaders = list[tuple[bytes, bytes]]

_API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
# The page's own files and calls, and the pictures that its style sheet holds as data.
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


_SWITCHED_OFF: Final = (
    "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), "
    "fullscreen=(), geolocation=(), gyroscope=(), keyboard-map=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), "
    "screen-wake-lock=(), sync-xhr=(), usb=(), web-share=(), xr-spatial-tracking=()"
)


def _always(content_policy: str) -> RawHeaders:
    headers = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "content-security-policy": content_policy,
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": _SWITCHED_OFF,
        "cache-control": "no-store",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]


_API_HEADERS: Final = _always(_API_POLICY)
_DOCS_HEADERS: Final = _always(_DOCS_POLICY)
# Of this host only: what other hosts of the domain do is not for this service to say.
_TLS_HEADER: Final = (b"strict-transport-security", b"max-age=31536000")


def guarded(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The app behind every guard. Around the whole app: its answer to a bug is an answer too."""
    limit_s = settings.reply_timeout_ms / 1000 + LAST_RESORT_S
    return SecurityHeaders(HeadGuard(TimeGuard(BodyGuard(app), limit_s=limit_s)))


class SecurityHeaders:
    """Adds to every answer what browsers must keep to, unless the answer says it otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given: Iterable[tuple[bytes, bytes]] = message.get("headers", ())
                message = {**message, "headers": secured(given, scope["path"], scope["scheme"])}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def secured(given: Iterable[tuple[bytes, bytes]], path: str, scheme: str) -> RawHeaders:
    """The headers of an answer with those that were missing."""
    headers = list(given)
    names = {name.lower() for name, _ in headers}
    docs = path == DOCS_PATH or path.startswith(f"{DOCS_PATH}/")
    headers += [
        header for header in (_DOCS_HEADERS if docs else _API_HEADERS) if header[0] not in names
    ]
    if scheme == "https" and _TLS_HEADER[0] not in names:
        headers.append(_TLS_HEADER)
    return headers


class HeadGuard:
    """Refuses a request whose target or headers are too much, or say one thing twice."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = None if scope["type"] != "http" else fault_of_head(scope)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await _answer(problem, scope, receive, send)


def fault_of_head(scope: Scope) -> Problem | None:
    """What is wrong with the head of a request. Sizes count name, value, and 4 bytes of framing."""
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    if len(raw_path) + 1 + len(scope["query_string"]) > MAX_TARGET_BYTES:
        return target_too_long()
    headers: RawHeaders = scope["headers"]
    if len(headers) > MAX_HEADERS:
        return head_too_large()
    size = 0
    seen: set[bytes] = set()
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name in _SINGLE:
            if name in seen:
                return malformed_request(f"the header {name.decode()} came more than once")
            seen.add(name)
    return head_too_large() if size > MAX_HEADER_BYTES else None


class BodyGuard:
    """Holds a request's body to its size, and to a time from when the app begins to read it.

    The app meets the refusal as a Problem when it reads; what it does not answer itself is answered
    here.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES, timeout_s: float = BODY_TIMEOUT_S
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        declared: bytes | None = headers.get(b"content-length")
        if declared is None and b"transfer-encoding" not in headers:
            await self._app(scope, receive, send)
        elif declared is not None and not declared.isdigit():
            await _answer(malformed_request("Content-Length is no number"), scope, receive, send)
        elif declared is not None and _is_over(declared, self._max_bytes):
            await _answer(too_large(), scope, receive, send)
        else:
            await self._guard(scope, receive, send)

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive, max_bytes=self._max_bytes, timeout_s=self._timeout_s)
        answer = _Sending(send)
        try:
            await self._app(scope, body.receive, answer.send)
        except Problem as problem:
            if problem is not body.problem or answer.started:
                raise
            await _answer(problem, scope, receive, send)


class _Body:
    """One body on its way in."""

    def __init__(self, receive: Receive, *, max_bytes: int, timeout_s: float) -> None:
        self._receive = receive
        self._bytes_left = max_bytes
        self._timeout_s = timeout_s
        self._until: float | None = None
        self._complete = False
        self.problem: Problem | None = None

    async def receive(self) -> Message:
        if self._complete:
            # Only whether the caller leaves is still heard, and that may take as long as it takes.
            return await self._receive()
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._timeout_s
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self.problem = request_timeout()
            raise self.problem from None
        self._bytes_left -= len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes_left < 0:
            self.problem = too_large()
            raise self.problem
        return message


class TimeGuard:
    """Ends a request that nothing else has ended: a last resort, longer than every wait inside."""

    def __init__(self, app: ASGIApp, *, limit_s: float) -> None:
        self._app = app
        self._limit_s = limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Sending(send)
        try:
            async with asyncio.timeout(self._limit_s) as limit:
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            if not limit.expired():
                raise
            _log.warning("a request was ended by the last resort", answer_begun=answer.started)
            # Of a half-sent answer nothing can be made: the server closes the connection.
            if not answer.started:
                await _answer(no_answer(), scope, receive, send)


class _Sending:
    """Knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        self.started = True
        await self._send(message)


def _is_over(declared: bytes, limit: int) -> bool:
    # Not even read as a number when it is absurdly long.
    return len(declared) > 18 or int(declared) > limit


async def _answer(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    await problem.response()(scope, receive, send)
