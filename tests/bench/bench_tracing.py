"""What traces cost a worker and a call: off, on for traces that are not kept, and on for all."""

from collections.abc import Callable

from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.record import StatefulStage
from pipelines.topics import COMMANDS
from pipelines.tracing.hops import Hops
from pipelines.tracing.spans import Span
from pipelines.tracing.tracer import Tracer
from state.certificate.commands import Load
from tests.bench.measuring import measure, title
from tests.pipelines.stages.stage_in_memory import (
    FRAMING,
    PARTITIONS,
    TRACE,
    DictRecords,
    SetDeadlines,
    incoming,
)
from tests.pipelines.tracing.test_hops import NOT_KEPT, load_record
from tests.state.certificate.specimens import NUMBER, command


def _nowhere(_span: Span) -> None:
    """What the queue does is a few hundred nanoseconds more."""


def _performing(stage: StatefulStage, hops: Hops, *, kept: bool) -> Callable[[], object]:
    value = load_record(command(Load(pool="ELECTRONIC"), "load"))
    headers = [TRACE if kept else ("traceparent", NOT_KEPT)]
    told = incoming(value, NUMBER.encode(), headers=headers)

    def perform() -> None:
        stage(told, DictRecords(), SetDeadlines())
        hops.committed()

    return perform


def test_stage_with_and_without_traces() -> None:
    stage = CertificatesStage(FRAMING, PARTITIONS)
    hops = Hops(Tracer(put=_nowhere, share=1.0), FRAMING)
    traced = hops.folding(COMMANDS, stage)
    title("Traces around the certificates stage, per command")
    measure(
        {
            "off": _performing(stage, hops, kept=True),
            "on, trace not kept": _performing(traced, hops, kept=False),
            "on, trace kept": _performing(traced, hops, kept=True),
        }
    )
