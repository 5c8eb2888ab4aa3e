"""What every call goes through, in one place and in this order.

token, rate limit, scope, path, key, query and body, then the handler; a call about what another
process keeps is handed on to it. Owns what is the same for all calls: identity, deadline, position,
the line in the log and the numbers. What a call does is its handler's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from http_edge.access.admission import caller_of, not_counted, share_of
from http_edge.access.callers import Caller
from http_edge.access.gate import Gate
from http_edge.api.calls import Call
from http_edge.api.correlation_models import CorrelationPath
from http_edge.api.models import CertificatePath, Sent
from http_edge.api.problems import (
    INTERNAL,
    MALFORMED,
    NO_ANSWER,
    Problem,
    moving,
    no_answer,
    scope_missing,
)
from http_edge.asking.acting_route import ActingRoute
from http_edge.asking.asking import Answer, Ask, request_id_of
from http_edge.asking.call_trace import CallTrace, headers_with
from http_edge.asking.inputs import (
    KEY_HEADER,
    read_body,
    read_bytes,
    read_path,
    read_query,
    request_key,
)
from http_edge.asking.services import ElsewhereError
from http_edge.asking.store_position import POSITION_HEADER, StorePosition
from http_edge.serving.call_log import CallRecord, write
from http_edge.serving.hop import HOP, Forwarded, remaining_ms
from http_edge.serving.metrics import OPERATION
from pipelines.topics import COMMANDS

Handler = Callable[[Ask], Awaitable[Answer]]
_MILLISECONDS: Final = 1_000
_JSON: Final = "application/json"


def call_routes(gate: Gate, calls: Sequence[Call], handlers: Mapping[str, Handler]) -> list[Route]:
    """One route for each path. KeyError when a call has no handler."""
    by_path: dict[str, dict[str, Dispatcher]] = {}
    for call in calls:
        dispatcher = Dispatcher(gate, call, handlers[call.operation])
        by_path.setdefault(_pattern(call), {})[call.method] = dispatcher
    return [
        ActingRoute(path, _by_method(bound), methods=list(bound)) for path, bound in by_path.items()
    ]


def _by_method(bound: "Mapping[str, Dispatcher]") -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await bound[request.method].answer(request)

    return endpoint


def _pattern(call: Call) -> str:
    # Whatever a source likes may be a correlation's id, a slash too.
    if call.path_type is CorrelationPath:
        return call.path.replace("}", ":path}")
    return call.path


@dataclass(slots=True, kw_only=True)
class _Course:
    """How far a call has come: what its log line and its answer's headers are made from."""

    started_s: float
    trace: CallTrace
    headers: dict[str, str] = field(default_factory=dict)
    caller: Caller | None = None
    certificate_id: str | None = None
    request_id: str | None = None
    content: bytes = b""
    forwarded_to: str | None = None


class Dispatcher:
    """One call of the API, from its request to its response."""

    def __init__(self, gate: Gate, call: Call, handler: Handler) -> None:
        self._gate = gate
        self._call = call
        self._handler = handler

    async def answer(self, request: Request) -> Response:
        """The response to one request, a problem included; a bug goes on to the app."""
        trace = CallTrace.begun(self._gate.tracer, request)
        course = _Course(started_s=time.monotonic(), trace=trace)
        request.scope[OPERATION] = self._call.operation
        status, kind = INTERNAL.status, INTERNAL.name
        try:
            response, kind = await self._response(request, course)
            status = response.status_code
        except ClientDisconnect:
            # The caller left before it had said what it asks for: no fault of ours.
            status, kind = MALFORMED.status, MALFORMED.name
            raise
        except asyncio.CancelledError:
            # The last resort of the guards, who tell the caller so.
            status, kind = NO_ANSWER.status, NO_ANSWER.name
            raise
        finally:
            self._record(request, course, status, kind)
        # Not after a bug: the line that the server writes of it then has the trace.
        structlog.contextvars.unbind_contextvars("trace_id")
        for name, value in course.headers.items():
            response.headers.setdefault(name, value)
        return response

    async def _response(self, request: Request, course: _Course) -> tuple[Response, str]:
        try:
            return await self._performed(request, course), ""
        except Problem as problem:
            return problem.response(), problem.kind.name

    async def _performed(self, request: Request, course: _Course) -> Response:
        ask = await self._ask(request, course)
        if HOP in request.headers:
            # Whoever passed it on waits for it, and knows of other owners.
            async with not_counted(self._gate, ask.caller):
                return await self._tried(request, course, ask)
        return await self._gate.patience.answered(
            lambda: self._tried(request, course, ask), ask.until_s, lambda told: told.status_code
        )

    async def _tried(self, request: Request, course: _Course, ask: Ask) -> Response:
        try:
            answer = await self._handler(ask)
        except ElsewhereError as elsewhere:
            outbound = Forwarded.of(
                request,
                course.content,
                ask.timeout_s,
                acts=self._call.acts,
                headers=headers_with(course.trace, request),
            )
            answered = await self._gate.forwarder.forward(outbound, elsewhere.place)
            self._gate.metrics.forwarded(self._call.operation)
            course.forwarded_to = answered.owner
            if answered.turned_away():
                raise moving() from None
            if answered.status == NO_ANSWER.status:
                raise no_answer() from None
            # With what the owner says is left of the caller's calls: a refusal would be its.
            return answered.response()
        return self._told(answer)

    async def _ask(self, request: Request, course: _Course) -> Ask:
        """Everything the request came with, checked."""
        call = self._call
        course.caller = caller = await caller_of(self._gate, request)
        # Before the scope: a client must not call in vain without an end either.
        course.headers |= await share_of(self._gate, caller)
        if call.scope not in caller.scopes:
            raise scope_missing(call.scope)
        path = read_path(request, call.path_type)
        if isinstance(path, CertificatePath):
            course.certificate_id = path.certificate_id
        if call.acts:
            key = request_key(request)
            course.headers[KEY_HEADER] = key
            course.request_id = request_id_of(caller.client_id, key)
        own_ms = self._gate.settings.reply_timeout_ms
        position = request.headers.get(POSITION_HEADER)
        return Ask(
            call=call,
            caller=caller,
            path=path,
            query=read_query(request, call.query_type),
            body=await self._body(request, course),
            request_id=course.request_id,
            until_s=course.started_s + remaining_ms(request, own_ms) / _MILLISECONDS,
            authorization=request.headers.get("authorization", ""),
            trace=course.trace.text,
            if_none_match=request.headers.get("if-none-match"),
            position=None if position is None else StorePosition.parsed(position),
        )

    async def _body(self, request: Request, course: _Course) -> Sent | None:
        body_type = self._call.body_type
        if body_type is None:
            return None
        course.content = await read_bytes(request)
        if not course.content and self._call.body_optional:
            return None
        return read_body(request, course.content, body_type)

    def _told(self, answer: Answer) -> Response:
        headers = {"Cache-Control": "no-store", **answer.headers}
        if answer.position is not None and answer.position.topic.endswith(COMMANDS.name):
            position = answer.position
            headers[POSITION_HEADER] = StorePosition(
                partition=position.partition, offset=position.offset
            ).text()
        status = self._call.status if answer.status is None else answer.status
        if answer.content is None:
            return Response(status_code=status, headers=headers)
        content = msgspec.json.encode(answer.content)
        return Response(content, status_code=status, media_type=_JSON, headers=headers)

    def _record(self, request: Request, course: _Course, status: int, kind: str) -> None:
        caller = course.caller
        record = CallRecord(
            operation=self._call.operation,
            method=self._call.method,
            status=status,
            problem=kind or None,
            client=None if caller is None else caller.client_id,
            subject=None if caller is None else caller.subject,
            channel=None if caller is None else caller.channel,
            certificate=course.certificate_id,
            request_id=course.request_id,
            duration_ms=(time.monotonic() - course.started_s) * _MILLISECONDS,
            forwarded_to=course.forwarded_to,
            hop=HOP in request.headers,
            traceparent=course.trace.text,
            peer=request.client.host if request.client and caller is None else None,
        )
        write(record)
        course.trace.ended(self._call.path, record)
