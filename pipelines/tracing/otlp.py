"""Spans in the form of OpenTelemetry, sent over OTLP/HTTP.

The one place that knows OpenTelemetry's packages; imported only where traces are on, because they
take a moment to load.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags
from opentelemetry.trace import SpanKind as OtelKind
from opentelemetry.trace.status import Status, StatusCode

from pipelines.faults import SettingsError
from pipelines.secret_files import read_secret
from pipelines.tracing.spans import Span, SpanKind

_KINDS: Final = {
    SpanKind.SERVER: OtelKind.SERVER,
    SpanKind.CLIENT: OtelKind.CLIENT,
    SpanKind.CONSUMER: OtelKind.CONSUMER,
    SpanKind.PRODUCER: OtelKind.PRODUCER,
    SpanKind.INTERNAL: OtelKind.INTERNAL,
}
_SCOPE: Final = InstrumentationScope("giftcert")
_DEFAULT_PATH: Final = "/v1/traces"
_ANSWER_S: Final = 2.0
_HEADERS_FILE: Final = "GIFTCERT_TRACES_HEADERS_FILE"
_HEADER: Final = re.compile(
    r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(?P<value>[!-~][ -~]*?)[ \t]*"
)


def endpoint_of(url: str) -> str:
    """Where spans are posted: the address itself, or the standard's path on a bare host."""
    return url if urlsplit(url).path else f"{url}{_DEFAULT_PATH}"


def read_headers(path: Path) -> dict[str, str]:
    """The headers of a file, one `name: value` a line. SettingsError, without what is in it."""
    found = {}
    for number, line in enumerate(read_secret(path, _HEADERS_FILE).splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        if header is None:
            raise SettingsError(f"{_HEADERS_FILE}: line {number} of {path} is not `name: value`")
        found[header["name"]] = header["value"]
    return found


class OtlpDelivery:
    """Posts batches to one collector. `resource` says who we are, in OpenTelemetry's names."""

    def __init__(
        self,
        url: str,
        resource: Mapping[str, str],
        *,
        ca: Path | None = None,
        headers_file: Path | None = None,
    ) -> None:
        """SettingsError when `headers_file` cannot be used now; later it only costs spans."""
        self._url = endpoint_of(url)
        self._resource = Resource(dict(resource))
        self._headers_file = headers_file
        self._told_headers: frozenset[str] = frozenset()
        self._session = session = requests.Session()
        # A proxy or a netrc of the machine's is not for what stays inside.
        session.trust_env = False
        self._take_headers()
        self._exporter = OTLPSpanExporter(
            self._url,
            certificate_file=None if ca is None else str(ca),
            timeout=_ANSWER_S,
            compression=Compression.Gzip,
            session=session,
        )

    def deliver(self, spans: Sequence[Span]) -> str | None:
        """Post them; in a phrase why it came to nothing."""
        try:
            self._take_headers()
        except SettingsError as error:
            return str(error)
        result = self._exporter.export([self._readable(span) for span in spans])
        if result is SpanExportResult.SUCCESS:
            return None
        return f"the collector at {self._url} did not take them"

    def give_up(self) -> None:
        """End what is under way and close the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # theirs is untyped

    def _take_headers(self) -> None:
        """Those of the file as it is now: who gives out a token changes it from time to time."""
        if self._headers_file is None:
            return
        told = read_headers(self._headers_file)
        for name in self._told_headers - told.keys():
            self._session.headers.pop(name, None)
        self._session.headers.update(told)
        self._told_headers = frozenset(told)

    def _readable(self, span: Span) -> ReadableSpan:
        trace_id = int(span.context.trace_id, 16)

        def context(span_id: str) -> SpanContext:
            flags = TraceFlags(TraceFlags.SAMPLED)
            return SpanContext(trace_id, int(span_id, 16), is_remote=False, trace_flags=flags)

        return ReadableSpan(
            span.name,
            context=context(span.context.span_id),
            parent=None if span.parent is None else context(span.parent),
            resource=self._resource,
            attributes={name.value: value for name, value in span.attributes.items()},
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=span.started_ns,
            end_time=span.ended_ns,
            instrumentation_scope=_SCOPE,
        )
