"""`giftcert processor`: certificates, pool, index and the HTTP edge, until told to stop.

The composition root of a processor: the one place where flow and edge meet.
"""

from typing import Final

from http_edge.access.gate import Gate
from http_edge.app import create_app
from http_edge.asking.services import EdgeServices
from http_edge.serving.server import EdgeServer
from pipelines.acls.access import access_as
from pipelines.acls.rights import Principal
from pipelines.background import Background
from pipelines.client_faults import failures_as_faults
from pipelines.contracts.framing import framing_for
from pipelines.cvc_keys import load_cvc_keys
from pipelines.farewell import Farewell
from pipelines.group_descriptions import GroupDescriptions
from pipelines.local_stores import WorkerStore
from pipelines.logs import configure_logs
from pipelines.metrics.process import ProcessMetrics
from pipelines.metrics.worker_metrics import WorkerMetrics
from pipelines.metrics.worker_sampler import sampler_of
from pipelines.outbox import Outbox
from pipelines.owners import Owners
from pipelines.settings import Settings, load_settings
from pipelines.timers import TimerLoop, expiry_command
from pipelines.topics import COMMANDS, Role
from pipelines.topics_admin import require_topics
from pipelines.topology import WRITES, build_processor
from pipelines.tracing.timer_traces import with_traces
from pipelines.tracing.tracer import tracer_for

_THREAD_END_S: Final = 2.3
"""How long each of the threads may take to end; the edge gives callers up well before."""

_DELIVERY_S: Final = 1.0
"""How long the last records may take. Whoever asked was told already to repeat what is lost."""


def processor() -> None:
    """Run a processor: the master of certificates, with the HTTP edge in the same process.

    Stops cleanly on Ctrl-C and SIGTERM. Run as many as there are partitions, each with its own
    GIFTCERT_WORKER_ID, GIFTCERT_STATE_DIR and GIFTCERT_HTTP_PORT.
    """
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    settings.required_state_dir()
    # Wherever the client fails, in the loop, beside it or before it: it is Kafka's fault.
    with access_as(Principal.PROCESSOR, settings), failures_as_faults(settings.bootstrap):
        _work(settings)


def _work(settings: Settings) -> None:
    cvc_keys = load_cvc_keys(settings)
    tracer = tracer_for(settings, "processor")
    gate = Gate.of(settings, tracer)
    require_topics(settings, Role.PROCESSOR)
    framing = framing_for(settings, WRITES[Role.PROCESSOR], waits=True)
    worker = build_processor(settings, framing, tracer)
    outbox = Outbox(settings, "edge", worker.end_with)
    groups = GroupDescriptions(settings.kafka_config)
    services = EdgeServices(
        gate=gate,
        framing=framing,
        worker=worker,
        outbox=outbox,
        owners=Owners(settings, Role.PROCESSOR, groups),
        correlator_owners=Owners(settings, Role.CORRELATOR, groups),
        cvc_keys=cvc_keys,
    )
    edge = EdgeServer(
        settings,
        create_app(services),
        requests=services.requests,
        waiting=[gate.forwarder, gate.patience],
        beside=[gate.trust.watch],
    )
    worker.farewell = Farewell(edge.refuse_new, services.requests.waiting)
    timers = TimerLoop(
        WorkerStore(worker, COMMANDS),
        expiry_command(framing),
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
            # Last: until they ended, both may still have had something to send.
            outbox.close(_DELIVERY_S)
            groups.close()
            if tracer is not None:
                tracer.close()
