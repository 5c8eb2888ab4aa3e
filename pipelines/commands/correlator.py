"""`giftcert correlator`: ingest, correlate and the small edge that explains, until told to stop.

The composition root of a correlator: the one place where its flow and its edge meet.
"""

from typing import Final

from http_edge.access.gate import Gate
from http_edge.asking.correlator_services import CorrelatorServices
from http_edge.handlers.correlation_routes import create_correlator_app
from http_edge.serving.server import EdgeServer
from pipelines.acls.access import access_as
from pipelines.acls.rights import Principal
from pipelines.background import Background
from pipelines.client_faults import failures_as_faults
from pipelines.contracts.framing import framing_for
from pipelines.group_descriptions import GroupDescriptions
from pipelines.local_stores import WorkerStore
from pipelines.logs import configure_logs
from pipelines.metrics.process import ProcessMetrics
from pipelines.metrics.worker_metrics import WorkerMetrics
from pipelines.metrics.worker_sampler import sampler_of
from pipelines.outbox import Outbox
from pipelines.owners import Owners
from pipelines.settings import Settings, load_settings
from pipelines.timers import TimerLoop, deadline_fact
from pipelines.topics import FACTS, Role
from pipelines.topics_admin import require_topics
from pipelines.topology import WRITES, build_correlator, policy_of
from pipelines.tracing.timer_traces import with_traces
from pipelines.tracing.tracer import tracer_for

_THREAD_END_S: Final = 2.3
"""How long each of the threads may take to end; the edge gives callers up well before."""

_DELIVERY_S: Final = 1.0
"""How long the last records may take: a deadline that is lost is sent again after the restart."""


def correlator() -> None:
    """Run a correlator: orders, payments and deliveries become commands for certificates.

    Stops cleanly on Ctrl-C and SIGTERM. Run as many as there are partitions, each with its own
    GIFTCERT_WORKER_ID, GIFTCERT_STATE_DIR and GIFTCERT_HTTP_PORT.
    """
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    settings.required_state_dir()
    # Wherever the client fails, in the loop, beside it or before it: it is Kafka's fault.
    with access_as(Principal.CORRELATOR, settings), failures_as_faults(settings.bootstrap):
        _work(settings)


def _work(settings: Settings) -> None:
    tracer = tracer_for(settings, "correlator")
    gate = Gate.of(settings, tracer)
    require_topics(settings, Role.CORRELATOR)
    framing = framing_for(settings, WRITES[Role.CORRELATOR], waits=True)
    worker = build_correlator(settings, framing, tracer)
    facts = WorkerStore(worker, FACTS)
    groups = GroupDescriptions(settings.kafka_config)
    services = CorrelatorServices(
        gate=gate, worker=worker, facts=facts, owners=Owners(settings, Role.CORRELATOR, groups)
    )
    edge = EdgeServer(
        settings,
        create_correlator_app(services),
        waiting=[gate.forwarder, gate.patience],
        beside=[gate.trust.watch],
    )
    outbox = Outbox(settings, "timers", worker.end_with)
    timers = TimerLoop(
        facts,
        deadline_fact(framing, policy_of(settings)),
        with_traces(outbox.send, tracer),
        settings.timer_interval_ms,
        worker.tally.asked,
    )
    sampler = sampler_of(worker)
    gate.metrics.show(ProcessMetrics(), WorkerMetrics(worker, sampler))
    background = Background(on_failure=worker.abort)
    background.start("edge", edge.run)
    background.start("timers", timers.run)
    background.start("figures", sampler.run)
    try:
        worker.run()
    finally:
        sampler.stop()
        timers.stop()
        edge.stop()
        try:
            background.join(_THREAD_END_S)
        finally:
            # Last: until they ended, a timer may still have had something to send.
            outbox.close(_DELIVERY_S)
            groups.close()
            if tracer is not None:
                tracer.close()
