"""`giftcert enrich`: version 2 payments of version 1 payments and their orders, until told to stop.

The composition root of the enrichment; `pipelines/neighbours/enrich/` does the work.
"""

from typing import Annotated

import structlog
import typer
from rich.console import Console

from pipelines.acls.access import access_as
from pipelines.acls.rights import Principal
from pipelines.acls.table import Names
from pipelines.audit.listener import optional_listener
from pipelines.client_faults import failures_as_faults
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.interruption import stop_signals_interrupt
from pipelines.kafka_admin import KafkaAdmin
from pipelines.logs import configure_logs
from pipelines.neighbours.enrich.application import Enrichment, metrics_of
from pipelines.neighbours.enrich.preparing import ANSWER_S, prepare, require_sources
from pipelines.neighbours.enrich.rehearsal import rehearse, show
from pipelines.neighbours.enrich.settings import EnrichSettings, load_enrich_settings
from pipelines.neighbours.enrich.ticks import Ticks
from pipelines.neighbours.enrich.topics import topics_for
from pipelines.progress import progress
from pipelines.settings import Settings, load_settings


def enrich(
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Read both topics to where they end now, write nothing, and print what would be "
            "said about the payments.",
        ),
    ] = False,
) -> None:
    """Join version 1 payments with their orders and write version 2 payments.

    For a payment system whose events cannot say yet whether they concern a gift certificate. Reads
    orders and payments from their start, whichever comes first; writes every payment, ordinary
    ones too, to a topic of choice; payments that are version 2 already pass byte for byte. What
    cannot be read goes to `<output topic>.DLQ`. Exactly once; a repetition is told again under the
    same eventId. Stops cleanly on Ctrl-C and SIGTERM.

    Settings: GIFTCERT_ENRICH_*, docs/neighbours/payments.md. Needs GIFTCERT_STATE_DIR. Run one: a
    second one takes over from the first, which ends.

    \b
    Examples:
      giftcert enrich --dry-run
      GIFTCERT_STATE_DIR=/var/lib/enrich giftcert enrich
      GIFTCERT_ENRICH_PAYMENTS_TOPIC=Payments.V1 GIFTCERT_ENRICH_OUTPUT_TOPIC=All_Payments \\
        GIFTCERT_STATE_DIR=/var/lib/enrich giftcert enrich
    """  # noqa: D301 - the \b is the help formatter's own mark, not text
    own = load_enrich_settings()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    if dry_run:
        _rehearse(settings, own)
    else:
        _run(settings, own)


def _rehearse(settings: Settings, own: EnrichSettings) -> None:
    topics = topics_for(settings, own)
    require_sources(topics, KafkaAdmin(settings, timeout_s=ANSWER_S).topics())
    framing = framing_for(settings)
    try:
        with progress("reading orders and payments") as advance:
            rehearsed = rehearse(settings, topics, framing, advance)
    finally:
        framing.close()
    show(rehearsed, Console())


def _run(settings: Settings, own: EnrichSettings) -> None:
    topics = topics_for(settings, own)
    settings.required_state_dir()
    framing = framing_for(settings, (RecordName.PAYMENT,))
    try:
        # The application takes the signals over while it works.
        with (
            stop_signals_interrupt(),
            access_as(Principal.ENRICH, settings, Names(enrich=topics)),
            failures_as_faults(settings.bootstrap),
        ):
            made = prepare(settings, topics)
            log = structlog.get_logger(__name__)
            log.info(
                "enrichment at work", payments=topics.payments, output=topics.output, made=made
            )
            metrics = metrics_of(topics, settings)
            application = Enrichment(settings, own, topics, framing, metrics=metrics)
            listener = optional_listener(
                settings,
                own.http_port,
                metrics,
                alive=lambda: metrics.last_turn.alive,
                ready=lambda: metrics.ready,
            )
            with listener, Ticks(settings, topics.join, own.tick_s):
                application.run()
    except KeyboardInterrupt:
        return
    finally:
        framing.close()
