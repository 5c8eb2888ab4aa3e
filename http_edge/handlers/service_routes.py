"""The calls about the process itself, which need no token: is it alive, is it ready, its figures.

Owns those three, for a processor and a correlator alike, and joins a processor's internal listings
to them. They name no certificate and no client's secret.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.asking.services import EdgeServices
from http_edge.handlers.internal_calls import internal_routes
from http_edge.handlers.internal_route import json_response
from http_edge.serving.metrics import CONTENT_TYPE, OPERATION, EdgeMetrics


class Worked(Protocol):
    """What a worker says of itself."""

    @property
    def alive(self) -> bool:
        """Nothing has failed, and its loop turns."""
        ...

    @property
    def serving(self) -> bool:
        """Its stores may be read."""
        ...


def service_routes(services: EdgeServices) -> list[Route]:
    """Everything a processor answers beside the API."""
    return [*health_routes(services.worker, services.gate.metrics), *internal_routes(services)]


def health_routes(worker: Worked, metrics: EdgeMetrics) -> list[Route]:
    """What every worker answers about itself."""

    async def health(_request: Request) -> Response:
        """Alive: nothing has failed, the loop turns. Recovering, waiting for Kafka, is alive."""
        alive = worker.alive
        return json_response({"alive": alive}, 200 if alive else 503)

    async def ready(_request: Request) -> Response:
        """Ready: partitions assigned and recovered, so reads and requests are answered."""
        ready = worker.serving
        headers = {} if ready else {"Retry-After": "1"}
        return json_response({"ready": ready}, 200 if ready else 503, headers)

    async def figures(_request: Request) -> Response:
        """The figures for Prometheus, written in a thread: a call does not wait for a thousand."""
        text = await asyncio.to_thread(metrics.exposition)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    return [
        _route("/healthz", "health", health),
        _route("/readyz", "ready", ready),
        _route("/metrics", "metrics", figures),
    ]


def _route(path: str, operation: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    async def endpoint(request: Request) -> Response:
        request.scope[OPERATION] = operation
        return await answer(request)

    return Route(path, endpoint, methods=["GET"])
