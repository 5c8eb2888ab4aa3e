"""All pages of the shop as one web app.

Owns which routes there are, the guards before them and the pages for what is not there. Must not
know Kafka: what reads and writes topics is given to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from pipelines.neighbours.shop.address_directory import AddressDirectory
from pipelines.neighbours.shop.balance_checks import BalanceChecks
from pipelines.neighbours.shop.gateway import Gateway
from pipelines.neighbours.shop.guards import BI_POLICY, Guards
from pipelines.neighbours.shop.live import LiveStreams
from pipelines.neighbours.shop.message_box import MessageBox
from pipelines.neighbours.shop.rendering import shared_assets, shared_templates
from pipelines.neighbours.shop.sales import Sales
from pipelines.neighbours.shop.session import FormTokens
from pipelines.neighbours.shop.settings import ShopSettings
from pipelines.neighbours.shop.side_pages import SidePages
from pipelines.neighbours.shop.store_pages import StorePages
from pipelines.neighbours.shop.till_pages import TillPages
from pipelines.neighbours.shop.trouble import OwnTrouble, own
from pipelines.neighbours.shop.visits import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the pages stand on."""

    settings: ShopSettings
    sales: Sales
    balances: BalanceChecks
    directory: AddressDirectory
    box: MessageBox
    now_ms: Callable[[], int]


def create_shop(parts: Parts) -> ASGIApp:
    """The ASGI app, with its guards before everything else, its own faults included."""
    settings = parts.settings
    live = LiveStreams()
    door = Door(settings, shared_templates(), FormTokens())
    has_gateway = settings.gateway_secret_file is not None
    store = StorePages(
        door=door, sales=parts.sales, directory=parts.directory, settings=settings, live=live
    )
    till = TillPages(
        door=door,
        sales=parts.sales,
        directory=parts.directory,
        balances=parts.balances,
        settings=settings,
        live=live,
    )
    staff = settings.shows_staff_pages()
    side = SidePages(
        door=door,
        memory=parts.sales.memory,
        box=parts.box if has_gateway else None,
        live=live,
        service_url=settings.edge_url,
        for_staff=staff,
    )
    routes: list[BaseRoute] = [*side.routes(), *store.routes(), *_around(parts)]
    if staff:
        routes += [*till.routes(), Route("/till", _with_slash), *_report(settings)]
    app = Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: _not_there(door),
            ClientDisconnect: _gone,
            Exception: _broken(door),
        },
    )
    secure = settings.url().startswith("https://")
    return Guards(app, names=settings.host_names(), secure=secure)


def _around(parts: Parts) -> list[BaseRoute]:
    """What no person looks at by itself."""

    async def is_ready(_request: Request) -> Response:
        if not parts.sales.memory.caught_up:
            return PlainTextResponse("still reading the stream\n", 503)
        if not parts.sales.book.caught_up:
            return PlainTextResponse("still reading the shop's orders\n", 503)
        return PlainTextResponse("ready\n")

    async def is_alive(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    routes: list[BaseRoute] = [
        Route("/assets/{name}", shared_assets().respond),
        Route("/healthz", is_alive),
        Route("/readyz", is_ready),
        Route("/store", _with_slash),
    ]
    settings = parts.settings
    if settings.gateway_secret_file is not None:
        gateway = Gateway(settings.gateway_secret, parts.box, parts.directory, parts.now_ms)
        routes += gateway.routes()
    return routes


def _report(settings: ShopSettings) -> list[BaseRoute]:
    """The page that the BI mart writes."""
    if settings.bi_page is None:
        return []
    page = _PageOfBi(directory=settings.bi_page, html=True, check_dir=False)
    return [Route("/bi", _with_slash), Mount("/bi", page)]


class _PageOfBi(StaticFiles):
    """A page that another program writes, and perhaps has not written yet."""

    async def check_config(self) -> None:
        if self.directory is None or not Path(self.directory).is_dir():
            raise HTTPException(404)

    def file_response(self, *about: Any, **more: Any) -> Response:
        """A file of that page, under its own policy; it is written anew again and again."""
        response = super().file_response(*about, **more)
        response.headers["Content-Security-Policy"] = BI_POLICY
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _with_slash(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path}/", 308)


def _not_there(door: Door) -> Callable[[Request, Exception], Response]:
    def respond(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "what it is registered for"
        visit = door.visit(request, {})
        bi = request.url.path == "/bi/"
        trouble = own(OwnTrouble.REPORT_NOT_WRITTEN if bi else OwnTrouble.PAGE_UNKNOWN)
        response = door.trouble(visit, trouble, error.status_code)
        response.headers.update(error.headers or {})
        return response

    return respond


async def _gone(_request: Request, _error: Exception) -> Response:
    """Whoever asked left before the form was sent: nothing was asked, and nobody reads this."""
    return Response(status_code=400)


def _broken(door: Door) -> Callable[[Request, Exception], Response]:
    """The page for a bug; the server logs where it is."""

    def respond(request: Request, _error: Exception) -> Response:
        return door.trouble(door.visit(request, {}), own(OwnTrouble.BROKEN), 500)

    return respond
