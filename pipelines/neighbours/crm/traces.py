"""The span of one delivery, and the trace in the log lines of it.

Owns what that span says: the certificate's last four, the way, and how it ended. Never an address,
a code or a text.
"""

import time
from typing import assert_never

import structlog

from pipelines.neighbours.crm.outcome import Failed, Obsolete, Outcome, Sent
from pipelines.neighbours.crm.request import Request
from pipelines.tracing.spans import Attribute, Span, SpanKind, Value, last_four
from pipelines.tracing.tracer import Tracer

_NAME = "crm deliver"


def delivery_begun(request: Request) -> int:
    """Begin: the time, UTC epoch ns. Every log line of the delivery's task has the trace's id."""
    context = request.trace_context
    if context is not None:
        structlog.contextvars.bind_contextvars(trace_id=context.trace_id)
    return time.time_ns()


def delivery_ended(
    tracer: Tracer | None, request: Request, outcome: Outcome, started_ns: int
) -> None:
    """Tell its span, where traces are on and this one is kept."""
    context = request.delivery_context
    if tracer is None or context is None or not context.sampled:
        return
    parent = request.trace_context
    assert parent is not None, "the delivery's context is a child of it"
    tracer.put(
        Span(
            name=_NAME,
            kind=SpanKind.CONSUMER,
            context=context,
            parent=parent.span_id,
            started_ns=started_ns,
            ended_ns=time.time_ns(),
            attributes=_attributes(request, outcome),
            failed=isinstance(outcome, Failed),
        )
    )


def _attributes(request: Request, outcome: Outcome) -> dict[Attribute, Value]:
    told: dict[Attribute, Value] = {Attribute.CERTIFICATE: last_four(request.certificate_id)}
    match outcome:
        case Sent():
            told |= {Attribute.OUTCOME: "sent", Attribute.CHANNEL: outcome.channel.value}
        case Failed():
            told |= {
                Attribute.OUTCOME: "failed",
                Attribute.CHANNEL: outcome.channel.value,
                Attribute.REASON: outcome.reason.value,
            }
        case Obsolete():
            told |= {Attribute.OUTCOME: "obsolete"}
        case _:
            assert_never(outcome)
    return told
