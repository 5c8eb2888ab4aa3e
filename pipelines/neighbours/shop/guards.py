"""What stands before every page: whose name the shop answers to, and what its answers carry.

Owns the headers that let nothing foreign into a page, and the turning away of other host names.
Must not look at what is answered.
"""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
BI_POLICY: Final = "; ".join(
    (
        # A page that another program wrote, with its own style and drawings and no script.
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guards:
    """Adds the headers to every response. `names` are the hosts that a request may ask for.

    Any other is a name of somebody else's that leads to this machine, with pages behind it that
    would read ours. A response that brings a policy of its own keeps it.
    """

    def __init__(self, app: ASGIApp, *, names: Collection[str], secure: bool) -> None:
        self._app = app
        self._names = names
        self._headers = dict(_HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _POLICY)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        if _host(scope) in self._names:
            await self._app(scope, receive, guarded)
        else:
            refusal = PlainTextResponse("this is not where the shop is\n", 400)
            await refusal(scope, receive, guarded)


def _host(scope: Scope) -> str:
    """The host that a request asks for, without its port."""
    try:
        return urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
    except ValueError:
        return ""
