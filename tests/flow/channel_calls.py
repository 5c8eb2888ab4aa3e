"""Many callers at once, as channels are told to be: a key a request, repeats through any pod.

Owns the clients and the repeating. What the answers mean is the tests'.
"""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from tests.flow.service_under_test import Service

_ANSWER_S: Final = 30.0
_PATIENCE_S: Final = 90.0
_PAUSE_S: Final = 0.1
_COME_AGAIN: Final = frozenset({429, 503, 504})


class ChannelCalls:
    """One client of the service with its token, and every edge to ask, or only some of them."""

    def __init__(
        self, service: Service, client: str, *, edges: Sequence[int] | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {service.token(client)}"}
        limits = httpx.Limits(max_connections=300)
        self._edges = [
            httpx.AsyncClient(
                base_url=url, timeout=_ANSWER_S, trust_env=False, headers=headers, limits=limits
            )
            for index, url in enumerate(service.stack.http_urls)
            if edges is None or index in edges
        ]

    @property
    def edges(self) -> int:
        """How many there are to ask."""
        return len(self._edges)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for edge in self._edges:
            await edge.aclose()

    async def once(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
        edge: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One request to one edge."""
        told = {**(headers or {}), **({} if key is None else {"Idempotency-Key": key})}
        return await self._edges[edge % len(self._edges)].request(
            method, path, json=body, headers=told
        )

    async def until_answered(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
        edge: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer that counts: repeated with the same key, each time through the next edge."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                try:
                    answer = await self.once(
                        method, path, key=key, body=body, edge=edge, headers=headers
                    )
                except httpx.TransportError:
                    # Not even an answer: it may have happened, and the key will tell.
                    answer = None
                if answer is not None and answer.status_code not in _COME_AGAIN:
                    return answer
                edge += 1
                await asyncio.sleep(_PAUSE_S)
