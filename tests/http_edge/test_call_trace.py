"""The span of a call: under the caller's, over the command's, and told when it is answered."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
import structlog

from pipelines.tracing.spans import Attribute, Span, SpanKind
from pipelines.tracing.trace_context import TraceContext
from pipelines.tracing.tracer import Tracer
from tests.http_edge import certificates_in_flow as made
from tests.http_edge.conftest import LogLines
from tests.http_edge.edge_under_test import FakeServices, call, token
from tests.http_edge.every_call import EXAMPLES, call_of, ready_for

TRACE_ID = "a" * 32
CALLER = "b" * 16
KEPT = f"00-{TRACE_ID}-{CALLER}-01"
NOT_KEPT = f"00-{TRACE_ID}-{CALLER}-00"

pytestmark = pytest.mark.anyio


@pytest.fixture
def spans() -> list[Span]:
    return []


@pytest.fixture
def services(spans: list[Span]) -> Iterator[FakeServices]:
    services = FakeServices()
    services.gate = replace(services.gate, tracer=Tracer(put=spans.append, share=1.0))
    yield services
    structlog.contextvars.clear_contextvars()


async def ask(
    services: FakeServices, caller: dict[str, str] | None = None, **headers: str
) -> httpx.Response:
    example, row = EXAMPLES["lock"], call_of("lock")
    told = token(example.client, row.scope) if caller is None else caller
    return await call(
        services, "POST", example.path, told, key="key-1", body=example.body, headers=headers
    )


async def test_command_hangs_under_the_calls_span_and_that_under_the_callers(
    services: FakeServices, spans: list[Span]
) -> None:
    ready_for(services, "lock")
    await ask(services, traceparent=KEPT)
    (span,) = spans
    (asked,) = services.flow.asked
    assert TraceContext.of(asked.output.headers) == span.context
    assert (span.context.trace_id, span.parent) == (TRACE_ID, CALLER)
    assert (span.kind, span.failed) == (SpanKind.SERVER, False)
    assert span.name == "POST /certificates/{certificateId}/actions/lock"
    assert span.attributes[Attribute.HTTP_STATUS] == 200
    assert span.attributes[Attribute.CERTIFICATE] == f"…{made.NUMBER[-4:]}"
    assert made.NUMBER not in repr(span)
    assert structlog.contextvars.get_contextvars() == {}


async def test_trace_that_the_caller_does_not_keep_is_carried_as_it_came(
    services: FakeServices, spans: list[Span]
) -> None:
    ready_for(services, "lock")
    await ask(services, traceparent=NOT_KEPT)
    (asked,) = services.flow.asked
    assert list(asked.output.headers) == [("traceparent", NOT_KEPT.encode())]
    assert spans == []


async def test_call_without_a_trace_begins_one(
    services: FakeServices, spans: list[Span], log_lines: LogLines
) -> None:
    ready_for(services, "lock")
    await ask(services)
    (span,) = spans
    (asked,) = services.flow.asked
    assert TraceContext.of(asked.output.headers) == span.context
    assert span.parent is None
    (line,) = log_lines.calls()
    assert line["trace_id"] == span.context.trace_id


async def test_forwarded_call_hangs_under_the_span_of_who_forwards(
    services: FakeServices, spans: list[Span]
) -> None:
    services.certificates.held.clear()
    await ask(services, traceparent=KEPT)
    ((outbound, _),) = services.forwarder.forwarded
    (span,) = spans
    assert outbound.headers["traceparent"] == span.context.text()
    assert span.attributes[Attribute.FORWARDED] is True


async def test_stranger_has_no_span(services: FakeServices, spans: list[Span]) -> None:
    answer = await ask(services, {"Authorization": "Bearer nonsense"}, traceparent=KEPT)
    assert answer.status_code == 403
    assert spans == []


async def test_refused_call_says_why_and_is_no_failure(
    services: FakeServices, spans: list[Span]
) -> None:
    answer = await ask(services, traceparent=KEPT)
    assert answer.status_code == 404
    (span,) = spans
    assert (span.failed, span.attributes[Attribute.ERROR_TYPE]) == (False, "not-found")
