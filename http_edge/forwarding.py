"""Forwarding: a request about a certificate that another process keeps goes there, one hop only."""

import asyncio
from typing import Final

import httpx
from starlette.requests import Request
from starlette.responses import Response

from http_edge.problems import moving

ANSWER_S: Final = 1.5
"""How long an owner may take. Reads alone are forwarded, which take milliseconds; and a process
that stops waits for those under way."""

HOP: Final = "x-giftcert-hop"
_PASSED_ON: Final = ("authorization", "idempotency-key", "if-none-match", "traceparent")
_PASSED_BACK: Final = ("content-type", "etag", "retry-after", "cache-control")


class Forwarder:
    """Keeps connections to the other processes' edges."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            timeout=ANSWER_S,
            follow_redirects=False,
            # An owner is asked directly: a proxy of the environment is for the world outside.
            trust_env=False,
        )

    async def forward(self, request: Request, owner: str) -> Response:
        """Ask the owner and hand its answer on. A second hop means that the owner is changing."""
        if HOP in request.headers:
            raise moving()
        headers = {name: value for name in _PASSED_ON if (value := request.headers.get(name))}
        url = httpx.URL(owner).copy_with(
            path=request.url.path, query=request.url.query.encode() or None
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._client.request(
                    request.method, url, headers={**headers, HOP: "1"}
                )
        except (httpx.TransportError, TimeoutError):
            raise moving() from None
        kept = {name: value for name in _PASSED_BACK if (value := answer.headers.get(name))}
        return Response(answer.content, status_code=answer.status_code, headers=kept)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
