"""The ASGI app: routes, and what becomes of every problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from http_edge.certificate_routes import certificate_routes
from http_edge.forwarding import Forwarder
from http_edge.problems import Problem
from http_edge.service_routes import service_routes
from http_edge.services import EdgeServices, ElsewhereError


def create_app(services: EdgeServices) -> Starlette:
    """The edge of one processor."""
    forwarder = Forwarder(services.settings)

    async def on_problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem), "registered for problems"
        return error.response()

    async def on_elsewhere(request: Request, error: Exception) -> Response:
        assert isinstance(error, ElsewhereError), "registered for it"
        try:
            return await forwarder.forward(request, error.owner)
        except Problem as problem:
            return problem.response()

    async def on_http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for it"
        kind = {404: "no-such-path", 405: "method-not-allowed"}.get(error.status_code, "http")
        problem = Problem(
            status=error.status_code,
            kind=kind,
            title=error.detail,
            headers=dict(error.headers or {}),
        )
        return problem.response()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await forwarder.close()

    return Starlette(
        routes=[*certificate_routes(services), *service_routes(services)],
        exception_handlers={
            Problem: on_problem,
            ElsewhereError: on_elsewhere,
            HTTPException: on_http,
        },
        lifespan=lifespan,
    )
