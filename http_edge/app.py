"""The ASGI apps: which routes a process answers, and what becomes of every problem."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from http_edge.access.gate import Gate
from http_edge.api.calls import API
from http_edge.api.documentation_routes import documentation_routes
from http_edge.api.problems import MALFORMED, METHOD, NO_PATH, Problem, internal_error
from http_edge.asking.dispatch import call_routes
from http_edge.asking.services import EdgeServices
from http_edge.handlers.code_calls import reveal_code
from http_edge.handlers.correlation_calls import explain_correlation
from http_edge.handlers.history_calls import read_history
from http_edge.handlers.money_calls import authorize, capture, void_authorization
from http_edge.handlers.pool_calls import read_pools
from http_edge.handlers.reading_calls import read_balance, read_certificate
from http_edge.handlers.reserving_calls import reserve_number, take_next
from http_edge.handlers.search_calls import search_certificates
from http_edge.handlers.service_routes import service_routes
from http_edge.handlers.support_calls import annul, lock, notify, unlock
from http_edge.serving.guards import guarded
from http_edge.serving.metrics import MeteredApp


def create_app(services: EdgeServices) -> ASGIApp:
    """The edge of one processor."""
    handlers = {
        operation: partial(handler, services)
        for operation, handler in {
            "takeNext": take_next,
            "takeNextByGet": take_next,
            "searchCertificates": search_certificates,
            "readCertificate": read_certificate,
            "readHistory": read_history,
            "readBalance": read_balance,
            "revealCode": reveal_code,
            "reserveNumber": reserve_number,
            "lock": lock,
            "unlock": unlock,
            "annul": annul,
            "notify": notify,
            "authorize": authorize,
            "capture": capture,
            "voidAuthorization": void_authorization,
            "readPools": read_pools,
            "explainCorrelation": explain_correlation,
        }.items()
    }
    routes = [
        *call_routes(services.gate, API, handlers),
        *service_routes(services),
        *documentation_routes(services.settings),
    ]
    return app_of(services.gate, routes)


def app_of(gate: Gate, routes: Sequence[BaseRoute]) -> ASGIApp:
    """An app with these routes behind the guards that every process of ours has."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await gate.tokens.warm()
        yield
        await gate.forwarder.close()
        await gate.tokens.close()

    app = Starlette(
        routes=routes,
        exception_handlers={
            Problem: _on_problem,
            HTTPException: _on_http,
            ClientDisconnect: _on_disconnect,
            Exception: _on_bug,
        },
        lifespan=lifespan,
    )
    # An address with a slash too many is none: a redirect would lead to whatever host was named.
    app.router.redirect_slashes = False
    return MeteredApp(guarded(app, gate.settings), gate.metrics)


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem), "registered for problems"
    return error.response()


async def _on_http(_request: Request, error: Exception) -> Response:
    """What the router refuses: a path or a method that is not there."""
    assert isinstance(error, HTTPException), "registered for it"
    kind = {404: NO_PATH, 405: METHOD}.get(error.status_code, MALFORMED)
    return Problem(kind, error.detail, headers=error.headers).response()


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    """The caller left before it had sent its body: nothing was asked, and nobody reads this."""
    return Response(status_code=400)


async def _on_bug(request: Request, _error: Exception) -> Response:
    """A problem without details. The server logs the error itself, and so what is bound here."""
    structlog.contextvars.bind_contextvars(method=request.method, path=request.url.path)
    return internal_error().response()
