"""Traces that begin with a timer: what it asks for carries one, like a call's command.

Owns that one door. A deadline that is asked about again begins another trace.
"""

import time
from dataclasses import replace
from typing import Final

from pipelines.stages.record import Outgoing
from pipelines.timers import Send
from pipelines.tracing.spans import Attribute, Span, SpanKind
from pipelines.tracing.trace_context import TRACEPARENT
from pipelines.tracing.tracer import Tracer

_NAME: Final = "timer"


def with_traces(send: Send, tracer: Tracer | None) -> Send:
    """The same way to the log; where traces are on, each record begins one if it is kept."""
    if tracer is None:
        return send
    kept = tracer

    def sending(output: Outgoing) -> None:
        context = kept.begun()
        if context is None:
            send(output)
            return
        started_ns = time.time_ns()
        send(replace(output, headers=[*output.headers, (TRACEPARENT, context.text().encode())]))
        kept.put(
            Span(
                name=_NAME,
                kind=SpanKind.INTERNAL,
                context=context,
                started_ns=started_ns,
                ended_ns=time.time_ns(),
                attributes={Attribute.TOPIC: output.topic.name},
            )
        )

    return sending
