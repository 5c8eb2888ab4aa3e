"""Who asks the edge in a scenario: for each call the client whose business it is.

Owns that choice, the client's token, and a key for a request that has none. A test about tokens,
keys or clients sends its own.
"""

import json
from collections.abc import Generator
from functools import partial
from typing import Final
from uuid import uuid4

import httpx

from pipelines.edge_client import RenewedToken
from pipelines.local.development_clients import CLIENTS
from pipelines.local.stack import Stack

SUPPORT: Final = "support"
_BY_CHANNEL: Final = {client.channel: client.client_id for client in CLIENTS if client.channel}
_SELLS_OR_SPENDS: Final = ("/certificates/next", "/actions/reserve")


class EdgeCallers(httpx.Auth):
    """Makes each request of an httpx client one of the client that would send it.

    `shown` keeps the tokens that were sent.
    """

    requires_request_body = True

    def __init__(self, stack: Stack) -> None:
        self._tokens = {
            client.client_id: RenewedToken(partial(stack.token, client.client_id))
            for client in CLIENTS
        }
        self.shown: set[str] = set()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Called by httpx for each request."""
        if "authorization" not in request.headers:
            token = self._tokens[client_of(request)]()
            self.shown.add(token)
            request.headers["Authorization"] = f"Bearer {token}"
        if request.method == "POST":
            request.headers.setdefault("Idempotency-Key", uuid4().hex)
        yield request


def client_of(request: httpx.Request) -> str:
    """Whose call it is: a shop's of the channel it names, the CRM's, the auditor's or support's."""
    path = request.url.path
    if path.startswith("/internal/"):
        return "auditor"
    if path.endswith("/cvc"):
        return "crm"
    if path.endswith(_SELLS_OR_SPENDS) or "/authorizations" in path:
        return _BY_CHANNEL.get(_channel(request) or "", "store")
    return SUPPORT


def _channel(request: httpx.Request) -> str | None:
    """The channel that a request names in its query or body, if it does."""
    try:
        body = json.loads(request.content or b"{}")
    except ValueError:
        body = {}
    named = body.get("channel") if isinstance(body, dict) else None
    return named if isinstance(named, str) else request.url.params.get("channel")
