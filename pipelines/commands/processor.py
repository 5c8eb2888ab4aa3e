"""`giftcert processor`: certificates, pool, index and the HTTP edge, until told to stop.

The composition root of a processor: the one place where flow and edge meet.
"""

from typing import Final

from http_edge.access.gate import Gate
from http_edge.app import create_app
from http_edge.asking.services import EdgeServices
from http_edge.serving.server import EdgeServer
from pipelines.background import Background
from pipelines.client_faults import failures_as_faults
from pipelines.contracts.framing import framing_for
from pipelines.cvc_keys import load_cvc_keys
from pipelines.group_descriptions import GroupDescriptions
from pipelines.local_stores import WorkerStore
from pipelines.logs import configure_logs
from pipelines.outbox import Outbox
from pipelines.owners import Owners
from pipelines.settings import Settings, load_settings
from pipelines.timers import TimerLoop, expiry_command
from pipelines.topics import COMMANDS, Role
from pipelines.topics_admin import require_topics
from pipelines.topology import WRITES, build_processor

_THREAD_END_S: Final = 3.0
"""How long each of the two threads may take to end; the edge gives callers up well before."""

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
    with failures_as_faults(settings.bootstrap):
        _work(settings)


def _work(settings: Settings) -> None:
    cvc_keys = load_cvc_keys(settings)
    gate = Gate.of(settings)
    require_topics(settings, Role.PROCESSOR)
    framing = framing_for(settings, WRITES[Role.PROCESSOR])
    worker = build_processor(settings, framing)
    outbox = Outbox(settings, "edge")
    groups = GroupDescriptions(settings.kafka_config())
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
        waiting=[gate.forwarder],
        beside=[gate.trust.watch],
    )
    timers = TimerLoop(
        WorkerStore(worker, COMMANDS),
        expiry_command(framing),
        outbox.send,
        settings.timer_interval_ms,
    )
    background = Background(on_failure=worker.abort)
    background.start("edge", edge.run)
    background.start("timers", timers.run)
    try:
        worker.run()
    finally:
        timers.stop()
        edge.stop()
        try:
            background.join(_THREAD_END_S)
        finally:
            # Last: until they ended, both may still have had something to send.
            outbox.close(_DELIVERY_S)
            groups.close()
