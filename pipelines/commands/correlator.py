"""`giftcert correlator`: ingest and correlate, until told to stop."""

from pipelines.background import Background
from pipelines.contracts.framing import framing_for
from pipelines.local_stores import WorkerStore
from pipelines.logs import configure_logs
from pipelines.outbox import Outbox
from pipelines.settings import load_settings
from pipelines.timers import TimerLoop, deadline_fact
from pipelines.topics import FACTS, Role
from pipelines.topics_admin import require_topics
from pipelines.topology import WRITES, build_correlator, policy_of


def correlator() -> None:
    """Run a correlator: orders, payments and deliveries become commands for certificates.

    Stops cleanly on Ctrl-C and SIGTERM. Run as many as there are partitions, each with its own
    GIFTCERT_WORKER_ID and GIFTCERT_STATE_DIR.
    """
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    settings.required_state_dir()
    require_topics(settings, Role.CORRELATOR)
    framing = framing_for(settings, WRITES[Role.CORRELATOR])
    worker = build_correlator(settings, framing)
    outbox = Outbox(settings, "timers")
    timers = TimerLoop(
        WorkerStore(worker, FACTS),
        deadline_fact(framing, policy_of(settings)),
        outbox.send,
        settings.timer_interval_ms,
    )
    background = Background(on_failure=worker.abort)
    background.start("timers", timers.run)
    try:
        worker.run()
    finally:
        timers.stop()
        outbox.close()
    background.join(timeout_s=5.0)
