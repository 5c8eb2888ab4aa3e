"""A caller of an ASGI app, without a server: it sends what it was given and keeps what comes back.

Owns the caller, a few apps to call, and the form that every answer must have.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_edge.api.problems import TYPE_ROOT

SECURITY_HEADERS: dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}

Headers = list[tuple[bytes, bytes]]


def http_scope(headers: Headers | None = None, **other: Any) -> Scope:
    return {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/echo",
        "raw_path": b"/echo",
        "query_string": b"",
        "headers": [] if headers is None else headers,
        **other,
    }


def part(body: bytes = b"", *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Message = {"type": "http.disconnect"}


class Caller:
    """Sends what it was given, then nothing more; keeps the answer."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self.to_send = list(messages)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if not self.to_send:
            await asyncio.Event().wait()
        return self.to_send.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def calls(self, app: ASGIApp, scope: Scope) -> "Caller":
        await app(scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        """Of an answer that is one: one start, bodies, an end, and nothing after it."""
        start, *bodies = self.sent
        assert start["type"] == "http.response.start"
        assert [body["type"] for body in bodies] == ["http.response.body"] * len(bodies)
        assert [body.get("more_body", False) for body in bodies] == [True] * (len(bodies) - 1) + [
            False
        ]
        status: int = start["status"]
        return status

    @property
    def headers(self) -> dict[bytes, bytes]:
        headers = self.sent[0]["headers"]
        assert len(dict(headers)) == len(headers), "a header came twice"
        return dict(headers)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def problem(self) -> tuple[int, str]:
        assert self.headers[b"content-type"] == b"application/problem+json"
        told = json.loads(self.body)
        assert told["status"] == self.status
        return self.status, told["type"].removeprefix(TYPE_ROOT)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers what it was sent."""
    if scope["type"] != "http":
        await send({"type": scope["type"]})
        return
    await Response(await Request(scope, receive).body())(scope, receive, send)


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers without reading anything."""
    await PlainTextResponse("read nothing", 401)(scope, receive, send)


async def asleep(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.Event().wait()
