"""The ASGI app: routes, and what becomes of every problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from http_edge.certificate_routes import certificate_routes
from http_edge.forwarding import Forwarder
from http_edge.inputs import told_key
from http_edge.problems import Problem, internal_error
from http_edge.service_routes import service_routes
from http_edge.services import EdgeServices, ElsewhereError


def create_app(services: EdgeServices) -> Starlette:
    """The edge of one processor."""
    forwarder = Forwarder()

    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem), "registered for problems"
        return _answer(request, error)

    async def on_elsewhere(request: Request, error: Exception) -> Response:
        assert isinstance(error, ElsewhereError), "registered for it"
        try:
            return await forwarder.forward(request, error.owner)
        except Problem as problem:
            return _answer(request, problem)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for it"
        kind = {404: "no-such-path", 405: "method-not-allowed"}.get(error.status_code, "http")
        problem = Problem(
            status=error.status_code,
            kind=kind,
            title=error.detail,
            headers=dict(error.headers or {}),
        )
        return _answer(request, problem)

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
            ClientDisconnect: _on_disconnect,
            Exception: _on_bug,
        },
        lifespan=lifespan,
    )


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    """The caller left before it had sent its body: nothing was asked, and nobody reads this."""
    return Response(status_code=400)


async def _on_bug(request: Request, _error: Exception) -> Response:
    """A problem without details. The server logs the error itself, and so what is bound here."""
    structlog.contextvars.bind_contextvars(method=request.method, path=request.url.path)
    return _answer(request, internal_error())


def _answer(request: Request, problem: Problem) -> Response:
    response = problem.response()
    response.headers.update(told_key(request))
    return response
