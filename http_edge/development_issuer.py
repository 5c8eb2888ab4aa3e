"""The development issuer: tokens for the clients of a stack on this machine, over OAuth2.

Owns its three calls and the promise that it listens on loopback addresses only. Never for
production: no worker imports it, and workers refuse an issuer like this one where anything of
theirs is beyond this machine.
"""

import asyncio
import base64
import ipaddress
import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, unquote_plus, urlsplit

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipelines.faults import SettingsError
from pipelines.local.development_clients import SCOPES, UnknownScope
from pipelines.local.development_tokens import ALGORITHM, TOKEN_LIFETIME_S, DevelopmentTokens

PURPOSE: Final = (
    "A development issuer for one machine. Never for production: whoever may read its directory "
    "may make any token."
)
MAX_BODY_BYTES: Final = 16_384
_MAX_FIELDS: Final = 20
_GRANT: Final = "client_credentials"
_GRACE_S: Final = 1
_BACKLOG: Final = 128
# Swagger UI is served by the edge, on another port and so of another origin.
_LOOPBACK_PAGES: Final = r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?"


class _Refused(Exception):
    """An error answer of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def response(self) -> Response:
        headers = {"Cache-Control": "no-store"}
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="development issuer"'
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, self.status, headers)


def create_issuer(tokens: DevelopmentTokens) -> Starlette:
    """The ASGI app that answers for these tokens."""
    calls = _IssuerCalls(tokens)
    pages = Middleware(
        CORSMiddleware,
        allow_origin_regex=_LOOPBACK_PAGES,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Requested-With"],
    )
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", calls.discovery, methods=["GET"]),
            Route("/jwks", calls.keys, methods=["GET"]),
            Route("/token", calls.token, methods=["POST"]),
        ],
        middleware=[pages],
    )


class _IssuerCalls:
    """One method a call."""

    def __init__(self, tokens: DevelopmentTokens) -> None:
        self._tokens = tokens

    async def discovery(self, _request: Request) -> Response:
        """What OpenID Connect Discovery and RFC 8414 ask for."""
        url = self._tokens.url
        return JSONResponse(
            {
                "issuer": url,
                "jwks_uri": f"{url}/jwks",
                "token_endpoint": f"{url}/token",
                "grant_types_supported": [_GRANT],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "scopes_supported": list(SCOPES),
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "development_only": PURPOSE,
            }
        )

    async def keys(self, _request: Request) -> Response:
        """The public key, by which anybody can check a token."""
        return JSONResponse(self._tokens.public_keys())

    async def token(self, request: Request) -> Response:
        """A token for a client that says its secret: the grant `client_credentials`."""
        try:
            form = await _form(request)
            if form.get("grant_type") != _GRANT:
                raise _Refused("unsupported_grant_type", f"the one grant here is {_GRANT}")
            client_id, secret = _credentials(request, form)
            if not self._tokens.is_secret_of(client_id, secret):
                raise _Refused("invalid_client", "no client has this id and secret", 401)
            issued = self._tokens.issue(client_id, form.get("scope"))
        except UnknownScope as error:
            return _Refused("invalid_scope", str(error)).response()
        except _Refused as refused:
            return refused.response()
        return JSONResponse(
            {
                "access_token": issued.text,
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFETIME_S,
                "scope": " ".join(issued.scopes),
            },
            headers={"Cache-Control": "no-store"},
        )


async def _form(request: Request) -> dict[str, str]:
    """The fields of the body, each there once."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise _Refused("invalid_request", "send application/x-www-form-urlencoded")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise _Refused("invalid_request", f"the body is over {MAX_BODY_BYTES} bytes", 413)
    try:
        fields = parse_qs(
            received.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        raise _Refused("invalid_request", "the body is no form") from None
    for name, values in fields.items():
        if len(values) > 1:
            raise _Refused("invalid_request", f"{name!r} is there more than once")
    return {name: values[0] for name, values in fields.items()}


def _credentials(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret, from the header or from the body, never from both."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return form.get("client_id", ""), form.get("client_secret", "")
    if "client_secret" in form:
        raise _Refused("invalid_request", "give the secret in one place")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
    except ValueError:
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise _Refused("invalid_client", "the Authorization header must be Basic", 401)
    # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
    return unquote_plus(client_id), unquote_plus(secret)


class IssuerServer:
    """Listens from the moment it is made. SettingsError where that is beyond this machine."""

    def __init__(self, tokens: DevelopmentTokens) -> None:
        self._tokens = tokens
        self._socket = _listen(tokens.url)
        config = uvicorn.Config(
            create_issuer(tokens),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until a stop signal; the first line logged says what this is."""
        structlog.get_logger("giftcert.issuer").warning(PURPOSE, issuer=self._tokens.url)
        asyncio.run(self._server.serve(sockets=[self._socket]))


def _listen(url: str) -> socket.socket:
    """The listening socket. SettingsError when the address is not loopback or is taken."""
    parts = urlsplit(url)
    assert parts.port is not None, "an issuer's own address has a port"
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, parts.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SettingsError(f"the issuer cannot listen on {host}: {error.strerror}") from error
    family, _, _, _, address = found[0]
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise SettingsError(
            f"the development issuer does not listen on {host}: that is not a loopback address, "
            "and its tokens are for this machine only"
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"the issuer cannot listen on port {parts.port}: {error.strerror}"
        ) from error
    listener.listen(_BACKLOG)
    return listener
