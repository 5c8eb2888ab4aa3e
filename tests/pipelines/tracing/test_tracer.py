"""The doors of traces: which are kept, whose they are, and a timer's."""

from pathlib import Path

import pytest

from pipelines.faults import SettingsError
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS
from pipelines.tracing.otlp import OtlpDelivery, endpoint_of
from pipelines.tracing.spans import Span, SpanKind
from pipelines.tracing.timer_traces import with_traces
from pipelines.tracing.trace_context import TraceContext
from pipelines.tracing.tracer import Tracer, entered, tracer_for
from tests.pipelines.tracing.collector import collecting

KEPT = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=True)
NOT_KEPT = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=False)

SPAN = Span(name="span", kind=SpanKind.INTERNAL, context=KEPT, started_ns=1, ended_ns=2)
UNUSABLE = "GIFTCERT_TRACES_HEADERS_FILE: line 1 of {} is not `name: value`"


def tracer(share: float = 1.0, spans: list[Span] | None = None) -> Tracer:
    kept: list[Span] = [] if spans is None else spans
    return Tracer(put=kept.append, share=share)


class Log:
    """What a timer sends, kept."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    def send(self, output: Outgoing) -> None:
        self.sent.append(output)


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0.0, 0, 0), (0.25, 150, 350), (1.0, 1000, 1000)]
)
def test_share_of_traces_that_begin_here_is_kept(share: float, least: int, most: int) -> None:
    one = tracer(share)
    assert least <= sum(one.begun() is not None for _ in range(1000)) <= most
    places = [one.begun_at("All_Payments", 0, offset) is not None for offset in range(1000)]
    assert least <= sum(places) <= most
    assert places == [one.begun_at("All_Payments", 0, offset) is not None for offset in range(1000)]


def test_call_without_traces_carries_the_callers_own() -> None:
    assert entered(None, KEPT) is KEPT
    assert entered(None, None) is None


def test_call_with_traces_has_a_span_under_the_callers() -> None:
    context = entered(tracer(), KEPT)
    assert context is not None
    assert (context.trace_id, context.sampled) == (KEPT.trace_id, True)
    assert context.span_id != KEPT.span_id
    # Kept or not is the caller's to say, whatever our share.
    assert entered(tracer(0.0), KEPT) is not None
    assert entered(tracer(), NOT_KEPT) is NOT_KEPT


def test_call_of_a_caller_without_a_trace_begins_one() -> None:
    assert entered(tracer(), None) is not None
    assert entered(tracer(0.0), None) is None


def test_timer_begins_a_trace_with_what_it_asks() -> None:
    spans: list[Span] = []
    log = Log()
    output = Outgoing(topic=COMMANDS, key=b"k", value=b"v", headers=[("a", b"b")])
    with_traces(log.send, tracer(spans=spans))(output)
    context = TraceContext.of(log.sent[0].headers)
    assert [span.context for span in spans] == [context]
    assert log.sent[0].headers[0] == ("a", b"b")


def test_timer_without_traces_sends_as_it_did() -> None:
    log = Log()
    output = Outgoing(topic=COMMANDS, key=b"k", value=b"v")
    assert with_traces(log.send, None) == log.send
    with_traces(log.send, tracer(0.0))(output)
    assert log.sent == [output]


def test_timer_whose_record_is_not_taken_tells_no_span() -> None:
    def full(output: Outgoing) -> None:
        raise BufferError

    spans: list[Span] = []
    with pytest.raises(BufferError):
        with_traces(full, tracer(spans=spans))(Outgoing(topic=COMMANDS, key=b"k", value=b"v"))
    assert spans == []


def test_no_address_means_no_traces() -> None:
    assert tracer_for(Settings(), "processor") is None


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/v1/traces", "http://collector:4318/v1/traces"),
        ("https://gateway/otlp/traces", "https://gateway/otlp/traces"),
    ],
)
def test_bare_host_gets_the_standards_path(url: str, endpoint: str) -> None:
    assert endpoint_of(url) == endpoint


def test_spans_reach_a_collector_as_they_are() -> None:
    with collecting() as collector:
        made = tracer_for(Settings(traces_url=collector.url, worker_id="worker-7"), "processor")
        assert made is not None
        with_traces(Log().send, made)(Outgoing(topic=COMMANDS, key=b"k", value=b"v"))
        made.close()
        (span,) = collector.spans
        assert (span.service, span.name, span.parent) == ("giftcert-processor", "timer", "")
        assert span.attributes == {"messaging.destination.name": "GiftCertificates.Commands"}


def test_headers_of_the_file_go_with_every_batch_as_they_are_now(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("Authorization: Bearer first\nX-Scope-OrgID:shop \n")
    with collecting() as collector:
        assert collector.http is not None
        delivery = OtlpDelivery(collector.url, {"service.name": "test"}, headers_file=file)
        assert delivery.deliver([SPAN]) is None
        file.write_text("Authorization: Bearer second\n")
        assert delivery.deliver([SPAN]) is None
        file.write_text("Bearer third\n")
        assert delivery.deliver([SPAN]) == UNUSABLE.format(file)
        delivery.give_up()
        told = [
            (got.headers.get("authorization"), got.headers.get("x-scope-orgid"))
            for got in collector.http.got
        ]
    assert told == [("Bearer first", "shop"), ("Bearer second", None)]


def test_headers_that_cannot_be_used_are_told_at_the_start_without_what_they_are(
    tmp_path: Path,
) -> None:
    file = tmp_path / "headers"
    file.write_text("Bearer secret\n")
    settings = Settings(traces_url="http://127.0.0.1:1", traces_headers_file=file)
    with pytest.raises(SettingsError) as refused:
        tracer_for(settings, "processor")
    assert str(refused.value) == UNUSABLE.format(file)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_collector_that_refuses_stops_nothing(status: int) -> None:
    with collecting() as collector:
        collector.status = status
        made = tracer_for(Settings(traces_url=collector.url), "processor")
        assert made is not None
        with_traces(Log().send, made)(Outgoing(topic=COMMANDS, key=b"k", value=b"v"))
        made.close()
    assert collector.spans == []


def test_collector_that_is_not_there_stops_nothing() -> None:
    made = tracer_for(Settings(traces_url="http://127.0.0.1:1/v1/traces"), "processor")
    assert made is not None
    with_traces(Log().send, made)(Outgoing(topic=COMMANDS, key=b"k", value=b"v"))
    made.close()
