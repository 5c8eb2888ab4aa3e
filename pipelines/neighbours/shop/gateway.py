"""The development SMS gateway: what the CRM calls in place of a provider, and its directory.

Owns the calls and their check of the caller's secret. Nothing is sent to anybody: a message is
kept in memory and shown on the phone page. Must not log an address or a text.
"""

import hmac
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipelines.neighbours.shop.address_directory import AddressDirectory
from pipelines.neighbours.shop.message_box import MessageBox, OtherMessage

_MAX_BODY_BYTES: Final = 16_384
_NO_STORE: Final = {"Cache-Control": "no-store"}


class _Sent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the CRM sends; it reads as any SMS provider's call does."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    to: Annotated[str, Meta(min_length=3, max_length=200)]
    text: Annotated[str, Meta(min_length=1, max_length=2_000)]


class _Known(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that a store took down."""

    address: Annotated[str, Meta(min_length=3, max_length=200)]


class Gateway:
    """The calls. `secret` is what a caller must show, read at each call."""

    def __init__(
        self,
        secret: Callable[[], str | None],
        box: MessageBox,
        directory: AddressDirectory,
        now_ms: Callable[[], int],
    ) -> None:
        self._secret = secret
        self._box = box
        self._directory = directory
        self._now_ms = now_ms

    def routes(self) -> list[Route]:
        """Where the calls are."""
        return [
            Route("/gateway/messages", self._send, methods=["POST"]),
            Route("/gateway/addresses", self._token, methods=["POST"]),
            Route("/gateway/addresses/{token}", self._address, methods=["GET"]),
        ]

    async def _send(self, request: Request) -> Response:
        """Take a message: 202, and 200 with the same answer for the same id again."""
        if not self._is_allowed(request):
            return _refused(401, "show the gateway's secret as a bearer token")
        received = await _body(request)
        if received is None:
            return _refused(413, "the message is too large")
        try:
            sent = msgspec.json.decode(received, type=_Sent)
        except (ValueError, RecursionError):
            # What is wrong with it may quote it.
            return _refused(422, 'send {"id": …, "to": …, "text": …}')
        if request.headers.get("idempotency-key") != sent.id:
            return _refused(400, "the header Idempotency-Key must be the message's id")
        try:
            receipt = self._box.put(sent.id, sent.to, sent.text, self._now_ms())
        except OtherMessage:
            return _refused(422, "this id was sent before with another message")
        status = 202 if receipt.is_new else 200
        return JSONResponse({"messageId": receipt.message_id}, status, headers=_NO_STORE)

    async def _token(self, request: Request) -> Response:
        """A token for an address, for a store that is not this one; the same one each time."""
        if not self._is_allowed(request):
            return _refused(401, "show the gateway's secret as a bearer token")
        received = await _body(request)
        if received is None:
            return _refused(413, "the address is too large")
        try:
            known = msgspec.json.decode(received, type=_Known)
        except (ValueError, RecursionError):
            return _refused(422, 'send {"address": …}')
        token = self._directory.token_for(known.address)
        return JSONResponse({"token": token}, headers=_NO_STORE)

    async def _address(self, request: Request) -> Response:
        """The address that a token of the store stands for."""
        if not self._is_allowed(request):
            return _refused(401, "show the gateway's secret as a bearer token")
        address = self._directory.address_of(request.path_params["token"])
        if address is None:
            return _refused(404, "no such token")
        return JSONResponse({"address": address}, headers=_NO_STORE)

    def _is_allowed(self, request: Request) -> bool:
        secret = self._secret()
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if secret is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(shown.encode(), secret.encode())


async def _body(request: Request) -> bytearray | None:
    """What was sent; None: more than anybody has to say."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > _MAX_BODY_BYTES:
            return None
    return received


def _refused(status: int, error: str) -> Response:
    headers = dict(_NO_STORE)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="development gateway"'
    return JSONResponse({"error": error}, status, headers=headers)
