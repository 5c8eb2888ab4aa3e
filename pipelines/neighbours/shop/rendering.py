"""Templates, and the assets they name.

Owns the template engine, with every value escaped, and the assets, read once and named by their
content so that browsers may keep them. Must not know what is on a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

_PACKAGE: Final = "pipelines.neighbours.shop"
_TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file that pages name."""

    content: bytes
    media_type: str
    digest: str


class Assets:
    """Every file in `assets/`."""

    def __init__(self) -> None:
        self._found: dict[str, Asset] = {}
        for path in (files(_PACKAGE) / "assets").iterdir():
            media_type = _TYPES.get(path.name.rpartition(".")[2])
            if media_type is not None:
                content = path.read_bytes()
                self._found[path.name] = Asset(
                    content=content, media_type=media_type, digest=sha256(content).hexdigest()[:12]
                )

    def url(self, name: str) -> str:
        """Where an asset is; another content has another address. KeyError: there is none."""
        return f"/assets/{name}?v={self._found[name].digest}"

    async def respond(self, request: Request) -> Response:
        """An asset, to be kept for ever; 404 where there is none."""
        asset = self._found.get(request.path_params["name"])
        if asset is None:
            return Response("there is no such file\n", 404, media_type="text/plain")
        return Response(
            asset.content,
            media_type=asset.media_type,
            headers={"Cache-Control": "public, max-age=31536000, immutable"},
        )


class Templates:
    """Pages from templates, each compiled once. A name that a template does not get is an error."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader(_PACKAGE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["asset"] = assets.url

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """One page, or a part of one."""
        return self._environment.get_template(name).render(context)


@cache
def shared_assets() -> Assets:
    """The assets, read once in a process."""
    return Assets()


@cache
def shared_templates() -> Templates:
    """The templates, compiled once in a process."""
    return Templates(shared_assets())
