"""Hops: spans around stages, which change nothing of what the stages write."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
import structlog

from pipelines.contracts.broken import BrokenCode, BrokenRecord
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.record import Incoming, Outgoing
from pipelines.topics import ALL_PAYMENTS, COMMANDS, FACTS, TOPICS
from pipelines.tracing.hops import HOPS, Hops
from pipelines.tracing.spans import ATTRIBUTES, Attribute, Span, SpanKind
from pipelines.tracing.trace_context import TraceContext
from pipelines.tracing.tracer import Tracer
from state.certificate.commands import Command, Load
from tests.pipelines.stages.stage_in_memory import (
    FRAMING,
    PARTITIONS,
    TRACE,
    DictRecords,
    SetDeadlines,
    incoming,
)
from tests.state.certificate.specimens import NUMBER, command, issue_action, reserve_number

NOT_KEPT = TRACE[1][:-2] + b"00"
ROOT = "b7ad6b7169203331"


def load_record(told: Command) -> bytes:
    """The bytes of a command."""
    return FRAMING.encode(RecordName.COMMAND, command_to_record(told))


@dataclass
class Watched:
    """Hops whose spans a test sees."""

    spans: list[Span] = field(default_factory=list)
    share: float = 1.0

    def __post_init__(self) -> None:
        self.hops = Hops(Tracer(put=self.spans.append, share=self.share), FRAMING)

    def names(self) -> list[str]:
        return [span.name for span in self.spans]


COMMANDS_IN_ORDER = (
    command(Load(pool="ELECTRONIC"), "load"),
    command(reserve_number(), "reservation"),
    replace(command(reserve_number(), "too late"), reply_to="0123456789abcdef"),
    command(issue_action(), "notification-1", correlation_id="order-1"),
)


def performed(watched: Watched | None, headers: Sequence[tuple[str, bytes | None]]) -> list[object]:
    """Everything that the commands make of an empty certificate."""
    stage = CertificatesStage(FRAMING, PARTITIONS)
    seen = stage if watched is None else watched.hops.folding(COMMANDS, stage)
    records, deadlines = DictRecords(), SetDeadlines()
    made: list[object] = []
    for offset, each in enumerate(COMMANDS_IN_ORDER):
        told = incoming(load_record(each), NUMBER.encode(), offset=offset, headers=headers)
        made += seen(told, records, deadlines)
    if watched is not None:
        watched.hops.committed()
    return [*made, records.records, deadlines.entries]


@pytest.mark.parametrize("headers", [[TRACE], [("traceparent", NOT_KEPT)], [("other", b"x")], []])
def test_stage_writes_the_same_bytes_whether_traces_are_on_or_off(
    headers: Sequence[tuple[str, bytes | None]],
) -> None:
    off = performed(None, headers)
    assert performed(Watched(), headers) == off
    assert performed(Watched(share=0.0), headers) == off


def test_record_performed_again_gives_the_same_spans() -> None:
    """As after a crash between the commit and the sending, or in another process."""
    first, second = Watched(), Watched()
    performed(first, [TRACE])
    performed(second, [TRACE])

    def ids(watched: Watched) -> list[tuple[str, str, str | None]]:
        return [(span.name, span.context.span_id, span.parent) for span in watched.spans]

    assert ids(first) == ids(second)
    assert len({span.context.span_id for span in first.spans}) == len(first.spans)


def test_hop_hangs_under_the_caller_and_its_events_under_the_hop() -> None:
    watched = Watched()
    performed(watched, [TRACE])
    hops = [span for span in watched.spans if span.kind is SpanKind.CONSUMER]
    told = [span for span in watched.spans if span.kind is SpanKind.PRODUCER]
    assert {span.parent for span in hops} == {ROOT}
    assert {span.parent for span in told} == {span.context.span_id for span in hops}
    assert [span.name for span in told][:2] == ["stream load", "stream reserve"]
    assert {span.context.trace_id for span in watched.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    refused = [span for span in told if Attribute.REJECTION in span.attributes]
    assert [span.attributes[Attribute.REJECTION] for span in refused] == ["NOT_AVAILABLE"]
    assert all(span.ended_ns >= span.started_ns for span in watched.spans)


def test_span_never_holds_a_whole_number() -> None:
    watched = Watched()
    performed(watched, [TRACE])
    shown = {span.attributes.get(Attribute.CERTIFICATE) for span in watched.spans}
    assert shown == {None, f"…{NUMBER[-4:]}"}
    assert NUMBER not in repr(watched.spans)


def test_trace_that_is_not_kept_and_no_trace_have_no_spans() -> None:
    for value in (NOT_KEPT, None, b"nonsense"):
        watched = Watched()
        performed(watched, [("traceparent", value)])
        assert watched.spans == []


def silent(incoming: Incoming) -> list[Outgoing]:
    """A stage that writes nothing."""
    return []


def test_nothing_is_told_before_the_commit_or_of_what_was_dropped() -> None:
    watched = Watched()
    seen = watched.hops.feeding(FACTS, silent)
    seen(incoming(b"", b"k"))
    assert watched.spans == []
    watched.hops.dropped()
    watched.hops.committed()
    assert watched.spans == []
    seen(incoming(b"", b"k"))
    watched.hops.committed()
    watched.hops.committed()
    assert watched.names() == ["correlate GiftCertificates.Facts"]


def carries(incoming: Incoming) -> list[Outgoing]:
    """A stage that says which trace it was given."""
    return [Outgoing(topic=FACTS, key=b"k", value=b"", headers=incoming.trace)]


def test_source_record_without_a_trace_begins_one_from_its_place() -> None:
    watched = Watched()
    seen = watched.hops.feeding(ALL_PAYMENTS, carries)
    first, again, other = (
        TraceContext.of(seen(incoming(b"", b"k", headers=[], offset=offset))[0].headers)
        for offset in (5, 5, 6)
    )
    assert first is not None
    assert other is not None
    assert first == again
    assert first.trace_id != other.trace_id
    watched.hops.committed()
    root = watched.spans[0]
    assert (root.context.span_id, root.parent) == (first.span_id, None)


def test_source_record_with_a_trace_keeps_it_byte_for_byte() -> None:
    watched = Watched()
    for value in (TRACE[1], NOT_KEPT, b"what is none"):
        seen = watched.hops.feeding(ALL_PAYMENTS, carries)
        (output,) = seen(incoming(b"", b"k", headers=[("traceparent", value)]))
        assert list(output.headers) == [("traceparent", value)]


def test_source_record_whose_trace_is_not_kept_carries_nothing() -> None:
    seen = Watched(share=0.0).hops.feeding(ALL_PAYMENTS, carries)
    (output,) = seen(incoming(b"", b"k", headers=[]))
    assert list(output.headers) == []


def test_record_of_ours_without_a_trace_begins_none() -> None:
    """The loader's, for one: and what a fold writes must not depend on a setting."""
    seen = Watched().hops.feeding(FACTS, carries)
    (output,) = seen(incoming(b"", b"k", headers=[]))
    assert list(output.headers) == []


def test_broken_record_is_a_failed_span_and_still_broken() -> None:
    def broken(incoming: Incoming) -> list[Outgoing]:
        raise BrokenRecord(BrokenCode.UNDECODABLE, "no")

    watched = Watched()
    with pytest.raises(BrokenRecord):
        watched.hops.feeding(ALL_PAYMENTS, broken)(incoming(b"", b"k"))
    watched.hops.committed()
    (span,) = watched.spans
    assert (span.failed, span.attributes[Attribute.DEAD_LETTER]) == (True, "UNDECODABLE")
    assert structlog.contextvars.get_contextvars() == {}


def test_lines_that_are_written_in_a_stage_have_its_trace_and_no_others() -> None:
    seen: list[object] = []

    def fails(incoming: Incoming) -> list[Outgoing]:
        seen.append(structlog.contextvars.get_contextvars())
        raise ZeroDivisionError

    watched = Watched()
    with pytest.raises(ZeroDivisionError):
        watched.hops.feeding(ALL_PAYMENTS, fails)(incoming(b"", b"k"))
    assert seen == [{"trace_id": "0af7651916cd43dd8448eb211c80319c"}]
    assert structlog.contextvars.get_contextvars() == {}
    watched.hops.committed()
    assert watched.spans == []


def test_every_topic_with_a_stage_has_a_hop_and_every_attribute_a_meaning() -> None:
    outputs_only = {"GiftCertificates.Stream", "GiftCertificates.Replies", "GiftCertificates.DLQ"}
    assert {topic.name for topic in HOPS} == {topic.name for topic in TOPICS} - outputs_only
    assert set(ATTRIBUTES) == set(Attribute)
