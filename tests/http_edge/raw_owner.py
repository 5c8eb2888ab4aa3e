"""Another worker's edge as seen from its socket: it keeps what came and answers what it is told.

Owns the server, the ways in which it can fail, and a place whose owner is known beforehand.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass

from http_edge.api.problems import Problem

DEADLINE_S = 10
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One call as it came over the wire. `connection` counts from one."""

    connection: int
    line: str
    headers: Mapping[str, str]
    body: bytes


Behaviour = Callable[["RawOwner", asyncio.StreamWriter], Awaitable[bool]]
"""Answers one call; whether the connection goes on."""


def http_answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    told = {"content-length": str(len(body)), "content-type": "application/json", **(headers or {})}
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def says(
    status: int = 200, headers: Mapping[str, str] | None = None, **fields: object
) -> Behaviour:
    """Answer JSON."""
    answer = http_answer(status, json.dumps(fields).encode(), headers)

    async def behave(_owner: RawOwner, writer: asyncio.StreamWriter) -> bool:
        writer.write(answer)
        return True

    return behave


def refuses(problem: Problem) -> Behaviour:
    """Answer a problem."""
    response = problem.response()
    told = {name: value for name, value in response.headers.items() if name != "content-length"}
    answer = http_answer(response.status_code, bytes(response.body), told)

    async def behave(_owner: RawOwner, writer: asyncio.StreamWriter) -> bool:
        writer.write(answer)
        return True

    return behave


async def hangs(owner: "RawOwner", _writer: asyncio.StreamWriter) -> bool:
    """Take the call and say nothing until the end."""
    await owner.ended.wait()
    return False


async def closes(_owner: "RawOwner", _writer: asyncio.StreamWriter) -> bool:
    """Take the call and close the connection."""
    return False


async def resets(_owner: "RawOwner", writer: asyncio.StreamWriter) -> bool:
    """Take the call and die."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    return False


async def breaks_off(_owner: "RawOwner", writer: asyncio.StreamWriter) -> bool:
    """Begin to answer, and close the connection."""
    writer.write(http_answer(200, b'{"version": 5}')[:-4])
    return False


async def babbles(_owner: "RawOwner", writer: asyncio.StreamWriter) -> bool:
    """Answer something that is not HTTP."""
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    return False


async def says_and_closes(_owner: "RawOwner", writer: asyncio.StreamWriter) -> bool:
    """Answer, and close the connection without having said so."""
    writer.write(http_answer(200, b"{}"))
    return False


class RawOwner:
    """A worker's edge. `behaviour` answers each call, and can be changed at any time.

    `open` is how many connections have not ended yet.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.received: list[Received] = []
        self.ended = asyncio.Event()
        self.url = ""
        self.open = 0
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        self.open += 1
        number = self._connections
        try:
            while head := await self._head(reader):
                line, *rest = head.decode("latin-1").split("\r\n")
                headers = dict(each.split(": ", 1) for each in rest if each)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.received.append(
                    Received(connection=number, line=line, headers=headers, body=body)
                )
                if not await self.behaviour(self, writer):
                    break
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""


@asynccontextmanager
async def listening(
    behaviour: Behaviour, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawOwner]:
    """The owner, on a real port of this machine until the end."""
    owner = RawOwner(behaviour)
    server = await asyncio.start_server(owner.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    owner.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield owner
    finally:
        owner.ended.set()
        server.close()


class KnownPlace:
    """A place whose owner is known beforehand: `owners` are the answers, the last one for good."""

    def __init__(self, *owners: str | None) -> None:
        self._owners = list(owners)
        self.asked = 0
        self.wrong: list[str] = []

    def owner(self) -> Future[str | None]:
        self.asked += 1
        future: Future[str | None] = Future()
        future.set_result(self._owners.pop(0) if len(self._owners) > 1 else self._owners[0])
        return future

    def mistaken(self, owner: str) -> None:
        self.wrong.append(owner)
