"""The route of an internal listing: who may read it, that it is counted and written down.

Owns that, for a processor and a correlator alike. What a listing says is its own module's.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.access.admission import caller_of, not_counted, share_of
from http_edge.access.callers import Caller, Scope
from http_edge.access.gate import Gate
from http_edge.api.problems import INTERNAL, Problem, invalid, scope_missing
from http_edge.asking.acting_route import ActingRoute
from http_edge.serving.call_log import CallRecord, write
from http_edge.serving.hop import HOP
from http_edge.serving.metrics import OPERATION
from pipelines.tracing.trace_context import TRACEPARENT

_MILLISECONDS = 1_000

Listing = Callable[[Request, Caller], Awaitable[object]]
"""Gives a response, or what becomes JSON."""


def internal_route(gate: Gate, path: str, listing: Listing, scopes: Sequence[Scope]) -> Route:
    """The route of one listing. Any one of the scopes is enough."""
    operation = path.removeprefix("/").replace("/", ".")

    async def endpoint(request: Request) -> Response:
        started_s = time.monotonic()
        request.scope[OPERATION] = operation
        caller, status, kind = None, INTERNAL.status, INTERNAL.name
        try:
            caller = await caller_of(gate, request)
            headers = await share_of(gate, caller)
            if caller.scopes.isdisjoint(scopes):
                raise scope_missing(scopes[0])
            listed = await _listed(gate, request, caller, listing)
            response = listed if isinstance(listed, Response) else json_response(listed)
            response.headers.update(headers)
            status, kind = response.status_code, ""
        except Problem as problem:
            status, kind = problem.kind.status, problem.kind.name
            raise
        finally:
            _record(request, operation, caller, status, kind, time.monotonic() - started_s)
        return response

    return ActingRoute(path, endpoint, methods=["GET"])


async def _listed(gate: Gate, request: Request, caller: Caller, listing: Listing) -> object:
    if HOP not in request.headers:
        return await listing(request, caller)
    async with not_counted(gate, caller):
        return await listing(request, caller)


def _record(
    request: Request,
    operation: str,
    caller: Caller | None,
    status: int,
    kind: str,
    duration_s: float,
) -> None:
    write(
        CallRecord(
            operation=operation,
            method=request.method,
            status=status,
            duration_ms=duration_s * _MILLISECONDS,
            client=None if caller is None else caller.client_id,
            subject=None if caller is None else caller.subject,
            problem=kind or None,
            hop=HOP in request.headers,
            peer=request.client.host if request.client and caller is None else None,
            traceparent=request.headers.get(TRACEPARENT),
        )
    )


def whole_number(text: str | None, name: str, least: int, most: int) -> int:
    """The number that a query gives under that name. Problem 422: it is none, or out of range."""
    # As many digits at most as the largest has: a number of thousands of them is not even read.
    wanted = f"{name} must be a whole number from {least} to {most}"
    if text is None or not text.isascii() or not text.isdigit() or len(text) > len(str(most)):
        raise invalid(wanted)
    number = int(text)
    if not least <= number <= most:
        raise invalid(wanted)
    return number


def json_response(content: object, status: int = 200, headers: Any = None) -> Response:
    """JSON that no cache keeps."""
    return Response(
        msgspec.json.encode(content),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
