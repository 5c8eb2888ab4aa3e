"""The trace of one call: whose it is, what its command carries on, and its span.

Owns what a call's span says. Off, a caller's own trace is carried on as it came and no more is
done.
"""

import time
from dataclasses import dataclass
from typing import Self

import structlog
from starlette.requests import Request

from http_edge.serving.call_log import CallRecord
from pipelines.tracing.spans import Attribute, Span, SpanKind, Value, last_four
from pipelines.tracing.trace_context import TRACEPARENT, TraceContext
from pipelines.tracing.tracer import Tracer, entered

_FIRST_FAULT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTrace:
    """One call's place in its trace. `text`: the header that goes on, None where there is none."""

    tracer: Tracer | None
    caller: TraceContext | None
    context: TraceContext | None
    text: str | None
    started_ns: int

    @classmethod
    def begun(cls, tracer: Tracer | None, request: Request) -> Self:
        """As the request comes in. From here on every log line of the call has the trace's id."""
        given = request.headers.get(TRACEPARENT)
        # Only what is one: nothing else of a caller's may reach the headers of a topic.
        caller = TraceContext.parsed(given)
        context = entered(tracer, caller)
        text = given if context is caller else None
        if context is not None:
            structlog.contextvars.bind_contextvars(trace_id=context.trace_id)
            text = text or context.text()
        return cls(
            tracer=tracer,
            caller=caller,
            context=context,
            text=text if context is not None else None,
            started_ns=time.time_ns(),
        )

    def ended(self, route: str, record: CallRecord) -> None:
        """Tell the span of the call; of one whose caller is not known there is none."""
        context = self.context
        if self.tracer is None or context is None or not context.sampled or record.client is None:
            return
        parent = None if self.caller is None else self.caller.span_id
        self.tracer.put(
            Span(
                name=f"{record.method} {route}",
                kind=SpanKind.SERVER,
                context=context,
                parent=parent,
                started_ns=self.started_ns,
                ended_ns=time.time_ns(),
                attributes=_attributes(route, record),
                failed=record.status >= _FIRST_FAULT,
            )
        )


def headers_with(trace: CallTrace, request: Request) -> dict[str, str]:
    """A request's headers as they go on to another worker, whose span is under ours."""
    headers = dict(request.headers)
    if trace.text is not None:
        headers[TRACEPARENT] = trace.text
    return headers


def _attributes(route: str, record: CallRecord) -> dict[Attribute, Value]:
    told: dict[Attribute, Value | None] = {
        Attribute.METHOD: record.method,
        Attribute.ROUTE: route,
        Attribute.HTTP_STATUS: record.status,
        Attribute.ERROR_TYPE: record.problem,
        Attribute.OPERATION: record.operation,
        Attribute.REQUEST: record.request_id,
        Attribute.CHANNEL: record.channel,
        Attribute.CERTIFICATE: record.certificate and last_four(record.certificate),
        Attribute.FORWARDED: True if record.forwarded_to else None,
        Attribute.HOP: record.hop or None,
    }
    return {name: value for name, value in told.items() if value is not None}
