"""A collector of a test: takes spans over OTLP/HTTP on a socket of its own, and keeps them.

Owns the decoding with OpenTelemetry's own messages. Knows nothing of certificates.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from tests.neighbours.crm.local_http import Answer, Got, LocalHttp, local_http

_DEADLINE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One span as it came, and whose it is."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent: str
    kind: str
    started_ns: int
    ended_ns: int
    failed: bool
    attributes: Mapping[str, str | int | bool]


class Collector:
    """Everything that was posted. `answer` is the status of every post."""

    def __init__(self) -> None:
        self.spans: list[Collected] = []
        self.bodies: list[bytes] = []
        self.status = 200
        self.http: LocalHttp | None = None
        self._came = Condition()

    @property
    def url(self) -> str:
        assert self.http is not None, "it serves"
        return f"{self.http.url}/v1/traces"

    def take(self, got: Got) -> Answer:
        """One post of a batch."""
        body = got.body
        if got.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if self.status == 200:
            assert got.path == "/v1/traces", got.path
            with self._came:
                self.bodies.append(body)
                self.spans += _decoded(body)
                self._came.notify_all()
        return Answer(status=self.status, body=b"")

    def of(self, trace_id: str) -> list[Collected]:
        """The spans of one trace, each once: one that came again is the same one."""
        found = {span.span_id: span for span in self.spans if span.trace_id == trace_id}
        return sorted(found.values(), key=lambda span: span.started_ns)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what came is enough."""
        with self._came:
            seen = self._came.wait_for(condition, _DEADLINE_S)
        assert seen, sorted({(span.service, span.name, span.trace_id) for span in self.spans})


def _decoded(body: bytes) -> Iterator[Collected]:
    request = ExportTraceServiceRequest.FromString(body)
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield Collected(
                    service=str(resource["service.name"]),
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    kind=OtlpSpan.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    started_ns=span.start_time_unix_nano,
                    ended_ns=span.end_time_unix_nano,
                    failed=span.status.code == 2,
                    attributes=_attributes(span.attributes),
                )


def _attributes(told: Iterable[KeyValue]) -> dict[str, str | int | bool]:
    values: dict[str, str | int | bool] = {}
    for each in told:
        kind = each.value.WhichOneof("value")
        assert kind is not None, each
        values[each.key] = getattr(each.value, kind)
    return values


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that serves until the end of the `with`."""
    collector = Collector()
    with local_http(collector.take) as server:
        collector.http = server
        yield collector
