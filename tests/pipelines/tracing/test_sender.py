"""The sender: spans in batches; a collector that is down costs spans and one line in a while."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import pytest
import structlog

from pipelines.tracing.sender import BATCH_SPANS, QUEUE_SPANS, SpanSender
from pipelines.tracing.spans import Span, SpanKind
from pipelines.tracing.trace_context import TraceContext

DEADLINE_S = 30.0
CONTEXT = TraceContext(trace_id="1" * 32, span_id="2" * 16, sampled=True)
SPAN = Span(name="span", kind=SpanKind.INTERNAL, context=CONTEXT, started_ns=1, ended_ns=2)


@dataclass
class FakeDelivery:
    """Takes batches, refuses them, or hangs."""

    why: str | None = None
    hangs: bool = False
    batches: list[int] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def deliver(self, spans: Sequence[Span]) -> str | None:
        self.batches.append(len(spans))
        self.came.set()
        if self.hangs:
            self.let_go.wait(DEADLINE_S)
        return self.why

    def give_up(self) -> None:
        self.let_go.set()


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_spans_come_in_batches_and_the_last_at_the_close() -> None:
    delivery = FakeDelivery()
    sender = SpanSender(delivery, every_s=60.0)
    for _ in range(BATCH_SPANS + 1):
        sender.put(SPAN)
    assert delivery.came.wait(DEADLINE_S)
    for _ in range(3):
        sender.put(SPAN)
    sender.close()
    sender.close()
    assert sum(delivery.batches) == BATCH_SPANS + 4
    assert max(delivery.batches) <= BATCH_SPANS


def test_collector_that_is_down_is_told_once_in_a_while_with_what_was_lost(
    lines: list[Any],
) -> None:
    now_s = [1_000.0]
    delivery = FakeDelivery(why="it is down")
    sender = SpanSender(delivery, every_s=0.001, clock=lambda: now_s[0])
    for _ in range(3):
        delivery.came.clear()
        sender.put(SPAN)
        assert delivery.came.wait(DEADLINE_S)
    now_s[0] += 61
    sender.put(SPAN)
    sender.close()
    told = [(line["log_level"], line["spans"], line["why"]) for line in lines]
    assert told == [("warning", 1, "it is down"), ("warning", 3, "it is down")]


def test_full_queue_drops_and_never_waits(lines: list[Any]) -> None:
    delivery = FakeDelivery(hangs=True)
    sender = SpanSender(delivery, every_s=0.001)
    sender.put(SPAN)
    assert delivery.came.wait(DEADLINE_S)
    began_s = monotonic()
    for _ in range(QUEUE_SPANS + 7):
        sender.put(SPAN)
    assert monotonic() - began_s < 1.0
    delivery.hangs = False
    delivery.let_go.set()
    sender.close(DEADLINE_S)
    assert sum(delivery.batches) == QUEUE_SPANS + 1
    assert [line["spans"] for line in lines] == [7]


def test_close_does_not_wait_for_a_collector_that_hangs() -> None:
    delivery = FakeDelivery(hangs=True)
    sender = SpanSender(delivery, every_s=0.001)
    sender.put(SPAN)
    assert delivery.came.wait(DEADLINE_S)
    began_s = monotonic()
    sender.close(0.05)
    assert monotonic() - began_s < 1.0
    assert delivery.let_go.is_set()
