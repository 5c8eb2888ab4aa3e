"""Calls to be forwarded, and one process that forwards them.

Owns the way every test of it goes; who answers at the other end is in `raw_owner`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from http_edge.api.problems import Problem
from http_edge.serving.forwarding import Forwarder
from http_edge.serving.hop import Forwarded
from pipelines.local.ports import HeldPort
from tests.http_edge.raw_owner import DEADLINE_S, KnownPlace

OWN = "http://10.0.0.1:8080"
BODY = b'{"amount":"10.00"}'
SOON_S = 0.05
_NOBODY_TRUSTED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@asynccontextmanager
async def forwarding(
    own_url: str = OWN, trust: Callable[[], ssl.SSLContext] = lambda: _NOBODY_TRUSTED
) -> AsyncIterator[Forwarder]:
    """A process that forwards, until the end."""
    forwarder = Forwarder(own_url, trust)
    try:
        yield forwarder
    finally:
        await forwarder.close()


def a_call(
    method: str = "POST",
    target: bytes = b"/certificates/GC-0001/authorizations",
    *,
    body: bytes | None = None,
    timeout_s: float = DEADLINE_S,
    headers: Mapping[str, str] | None = None,
) -> Forwarded:
    """A call that acts when it is a POST, and only then."""
    return Forwarded(
        method=method,
        target=target,
        headers={"authorization": "Bearer t"} if headers is None else headers,
        body=BODY if body is None and method == "POST" else body or b"",
        acts=method == "POST",
        timeout_s=timeout_s,
    )


async def refused(forwarder: Forwarder, outbound: Forwarded, place: KnownPlace) -> tuple[int, str]:
    """Status and name of the problem that comes of it."""
    with pytest.raises(Problem) as caught:
        await forwarder.forward(outbound, place)
    return caught.value.kind.status, caught.value.kind.name


def nobody() -> str:
    """An address where nobody listens."""
    port = HeldPort()
    port.release()
    return f"http://127.0.0.1:{port.port}"


async def until(condition: Callable[[], object]) -> None:
    """Wait for it, not for ever."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)
