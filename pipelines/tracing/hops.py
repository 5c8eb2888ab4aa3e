"""The hops of a worker: a span for every record of a kept trace that a stage performed.

Owns the wrapper around a stage and the spans that wait for the commit, since nobody sees what a hop
wrote before. The ids of these spans follow from the record's place, so a record that is performed
again after a crash gives the same span again. What a stage writes is never touched; only a source's
record that brought no trace is given one, from its place, before ingest sees it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.stages.record import (
    DeadlineRecords,
    Incoming,
    Outgoing,
    StatefulStage,
    StatelessStage,
)
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    INDEX,
    POOL,
    SOURCES,
    Topic,
)
from pipelines.tracing.spans import Attribute, Span, SpanKind, Value
from pipelines.tracing.told_outputs import Told, told_of
from pipelines.tracing.trace_context import TRACEPARENT, TraceContext, span_id_of
from pipelines.tracing.tracer import Tracer
from state.stores.layout import KeyedRecords

HOPS: Final = {
    ALL_SALES_ORDER: "ingest",
    ALL_PAYMENTS: "ingest",
    ALL_CLIENTS: "ingest",
    FACTS: "correlate",
    COMMANDS: "certificates",
    POOL: "pool",
    INDEX: "index",
}
"""What the span of a topic's record is called; one for each stage of the topology."""

_WAITING_MAX: Final = 10_000
"""Spans of records that were performed and not committed; a checkpoint has fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Performed:
    """One record that was performed: its own span, and what it told the world."""

    span: Span
    told: Sequence[Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hop:
    """One record of a kept trace at its stage."""

    topic: Topic
    incoming: Incoming
    context: TraceContext
    started_ns: int

    def span(self, took_ns: int, outputs: int, broken: BrokenRecord | None) -> Span:
        """Its span, as far as it is known before the commit."""
        hop, incoming = HOPS[self.topic], self.incoming
        span_id = span_id_of(hop, self.topic.name, incoming.partition, incoming.offset)
        attributes: dict[Attribute, Value] = {
            Attribute.SYSTEM: "kafka",
            Attribute.TOPIC: self.topic.name,
            Attribute.PARTITION: str(incoming.partition),
            Attribute.OFFSET: incoming.offset,
            Attribute.OUTPUTS: outputs,
            Attribute.PERFORMED_US: took_ns // 1_000,
        }
        if broken is not None:
            attributes[Attribute.DEAD_LETTER] = broken.code.value
            attributes[Attribute.ERROR_TYPE] = broken.code.value
        return Span(
            name=f"{hop} {self.topic.name}",
            kind=SpanKind.CONSUMER,
            context=self.context.child(span_id),
            # Where the trace began with this very record, its span is the root.
            parent=None if self.context.span_id == span_id else self.context.span_id,
            started_ns=self.started_ns,
            ended_ns=self.started_ns + took_ns,
            attributes=attributes,
            failed=broken is not None,
        )


class Hops:
    """The spans of one worker. All in the loop's thread."""

    def __init__(self, tracer: Tracer, framing: Framing) -> None:
        self._tracer = tracer
        self._framing = framing
        self._waiting: list[_Performed] = []

    def feeding(self, topic: Topic, stage: StatelessStage) -> StatelessStage:
        """The same stage, seen."""

        def seen(incoming: Incoming) -> list[Outgoing]:
            if topic in SOURCES:
                incoming = self._begun(topic, incoming)
            return self._watched(topic, incoming, lambda: stage(incoming))

        return seen

    def folding(self, topic: Topic, stage: StatefulStage) -> StatefulStage:
        """The same stage, seen."""

        def seen(
            incoming: Incoming, records: KeyedRecords, deadlines: DeadlineRecords, /
        ) -> list[Outgoing]:
            return self._watched(topic, incoming, lambda: stage(incoming, records, deadlines))

        return seen

    def committed(self) -> None:
        """What was performed is there for all to see."""
        if self._waiting:
            now_ns = time.time_ns()
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                self._tell(each, now_ns)

    def dropped(self) -> None:
        """What was performed came to nothing: others perform it again, and tell of it."""
        self._waiting.clear()

    def _begun(self, topic: Topic, incoming: Incoming) -> Incoming:
        """A source's record with a trace, where it has none and one is kept of it."""
        if incoming.trace:
            return incoming
        context = self._tracer.begun_at(topic.name, incoming.partition, incoming.offset)
        if context is None:
            return incoming
        return replace(
            incoming, headers=[*incoming.headers, (TRACEPARENT, context.text().encode())]
        )

    def _watched(
        self, topic: Topic, incoming: Incoming, perform: Callable[[], list[Outgoing]]
    ) -> list[Outgoing]:
        context = TraceContext.of(incoming.headers)
        if context is None or not context.sampled:
            return perform()
        hop = _Hop(topic=topic, incoming=incoming, context=context, started_ns=time.time_ns())
        began_ns = time.perf_counter_ns()
        with structlog.contextvars.bound_contextvars(trace_id=context.trace_id):
            try:
                outputs = perform()
            except BrokenRecord as error:
                self._note(hop, time.perf_counter_ns() - began_ns, [], error)
                raise
        self._note(hop, time.perf_counter_ns() - began_ns, outputs, None)
        return outputs

    def _note(
        self, hop: "_Hop", took_ns: int, outputs: Sequence[Outgoing], broken: BrokenRecord | None
    ) -> None:
        if len(self._waiting) < _WAITING_MAX:
            span = hop.span(took_ns, len(outputs), broken)
            self._waiting.append(_Performed(span=span, told=told_of(outputs, self._framing)))

    def _tell(self, performed: _Performed, now_ns: int) -> None:
        span = performed.span
        self._tracer.put(replace(span, ended_ns=max(now_ns, span.ended_ns)))
        for position, told in enumerate(performed.told):
            self._tracer.put(
                Span(
                    name=told.name,
                    kind=SpanKind.PRODUCER,
                    context=span.context.child(span_id_of(span.context.span_id, position)),
                    parent=span.context.span_id,
                    started_ns=span.ended_ns,
                    ended_ns=max(now_ns, span.ended_ns),
                    attributes=told.attributes,
                )
            )
