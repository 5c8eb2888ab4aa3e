"""The description of the API and the page that shows it; nobody needs a token to read them.

Owns `/openapi.json` and `/docs`. The page is Swagger UI as its package ships it: every file comes
from here, nothing from elsewhere, and no script stands in the page itself.
"""

import hashlib
from os import stat_result
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from http_edge.api.openapi import description
from pipelines.settings import Settings

OPENAPI_PATH: Final = "/openapi.json"
DOCS_PATH: Final = "/docs"
ASSETS: Final = frozenset(
    {
        "start.js",
        "swagger-ui-bundle.js",
        "swagger-ui.css",
        "index.css",
        "favicon-16x16.png",
        "favicon-32x32.png",
    }
)
"""What the page needs. The package's editor, its source maps and the rest are not served."""

_PAGE: Final = Path(__file__).parent / "docs_page"
_ASK_AGAIN: Final = {"Cache-Control": "no-cache"}
"""Kept by browsers, and asked for again by its ETag: a new version is seen at once."""


def documentation_routes(settings: Settings) -> list[BaseRoute]:
    """The routes; the description is made once, here."""
    policy = _policy(settings)

    async def page(_request: Request) -> Response:
        headers = {**_ASK_AGAIN, "Content-Security-Policy": policy}
        return FileResponse(_PAGE / "docs.html", headers=headers)

    return [
        Route(OPENAPI_PATH, _Document(settings).answer, methods=["GET"]),
        Route(DOCS_PATH, page, methods=["GET"]),
        Mount(f"{DOCS_PATH}/assets", _Assets()),
    ]


class _Document:
    """The description as it is answered."""

    def __init__(self, settings: Settings) -> None:
        self._content = msgspec.json.encode(description(settings))
        etag = f'"{hashlib.sha256(self._content).hexdigest()[:32]}"'
        self._headers = {**_ASK_AGAIN, "ETag": etag}

    async def answer(self, request: Request) -> Response:
        """The document; 304 for whoever has it."""
        known = request.headers.get("if-none-match", "").split(",")
        if self._headers["ETag"] in [each.strip().removeprefix("W/") for each in known]:
            return Response(status_code=304, headers=self._headers)
        return Response(self._content, media_type="application/json", headers=self._headers)


class _Assets(StaticFiles):
    """The files of the page: our own and the package's, no other file of either."""

    def __init__(self) -> None:
        super().__init__(directory=_PAGE, packages=[("swagger_ui", "static")])

    def lookup_path(self, path: str) -> tuple[str, stat_result | None]:
        """Where a file is; a file that is not on the list is nowhere."""
        return super().lookup_path(path) if path in ASSETS else ("", None)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 304 for whoever has it."""
        response = await super().get_response(path, scope)
        response.headers.update(_ASK_AGAIN)
        return response


def _policy(settings: Settings) -> str:
    """What the page may do: run its own files, and ask this service and the token issuer."""
    asks = ["'self'"]
    if settings.token_issuer is not None:
        parts = urlsplit(settings.token_issuer)
        asks.append(f"{parts.scheme}://{parts.netloc}")
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {' '.join(asks)}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
