"""Where traces begin, which are kept, and whom spans are told to.

Owns the doors: a call, a source's record and a timer. Only what comes in through a door gets a
trace here; behind it every record carries its header on unchanged, so that what a stage writes
never depends on whether traces are on.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipelines.release import release
from pipelines.settings import Settings
from pipelines.tracing.sender import SpanSender
from pipelines.tracing.spans import Span
from pipelines.tracing.trace_context import TraceContext, span_id_of, trace_id_of_place

_SHARE_BITS: Final = 56
"""The low bits of a trace's id that the standard promises to be random."""

_INGEST: Final = "ingest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracer:
    """One process's traces. `share` of those that begin here are kept, chosen by their id."""

    put: Callable[[Span], None]
    share: float
    close: Callable[[], None] = lambda: None

    def begun(self) -> TraceContext | None:
        """A new trace; None for one that is not kept."""
        # Not secret: the ids only have to differ.
        trace_id = f"{random.getrandbits(128) or 1:032x}"
        return self._kept(TraceContext(trace_id=trace_id, span_id=new_span_id(), sampled=True))

    def begun_at(self, topic: str, partition: int, offset: int) -> TraceContext | None:
        """The trace of a source's record that brought none: the same at every reading of it."""
        place = (topic, partition, offset)
        return self._kept(
            TraceContext(
                trace_id=trace_id_of_place(*place),
                span_id=span_id_of(_INGEST, *place),
                sampled=True,
            )
        )

    def _kept(self, context: TraceContext) -> TraceContext | None:
        chosen = int(context.trace_id, 16) & ((1 << _SHARE_BITS) - 1)
        return context if chosen < self.share * (1 << _SHARE_BITS) else None


def new_span_id() -> str:
    """An id for a span that happens once."""
    return f"{random.getrandbits(64) or 1:016x}"


def entered(tracer: Tracer | None, caller: TraceContext | None) -> TraceContext | None:
    """The context that a call is performed in, and that its command carries.

    A caller who keeps his trace gets a span of ours in it; one who does not is followed in that.
    """
    if tracer is None:
        return caller
    if caller is None:
        return tracer.begun()
    return caller.child(new_span_id()) if caller.sampled else caller


def tracer_for(settings: Settings, part: str) -> Tracer | None:
    """The traces of a part of the service (`processor`, `crm`, …); None where they are off."""
    if settings.traces_url is None:
        return None
    # Loaded here only: it takes a quarter of a second that nobody else should wait for.
    from pipelines.tracing.otlp import OtlpDelivery

    resource = {
        "service.name": f"giftcert-{part}",
        "service.namespace": "gift-certificates",
        "service.version": release().version,
        "service.instance.id": settings.worker_id,
    }
    delivery = OtlpDelivery(
        settings.traces_url,
        resource,
        ca=settings.tls_ca_location,
        headers_file=settings.traces_headers_file,
    )
    sender = SpanSender(delivery)
    return Tracer(put=sender.put, share=settings.traces_share, close=sender.close)
