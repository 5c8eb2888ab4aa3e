"""`giftcert auditor`: the laws checked for as long as the service runs, until told to stop.

The composition root of an auditor; `pipelines/audit/` does the work.
"""

from typing import Final

import structlog

from pipelines.acls.access import access_as
from pipelines.acls.rights import Principal
from pipelines.audit.auditor import Auditor, hangs_after_s
from pipelines.audit.listener import Listener
from pipelines.audit.metrics import AuditMetrics
from pipelines.audit.store_check import StoreCheck
from pipelines.caller_token import token_source
from pipelines.committed_reader import CommittedReader
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.interruption import stop_signals_interrupt
from pipelines.last_turn import LastTurn
from pipelines.logs import configure_logs
from pipelines.outbox import OnFailure, Outbox
from pipelines.settings import load_settings
from pipelines.stages.record import Outgoing
from pipelines.tls import shown_certificate
from pipelines.topics import COMMANDS, STREAM

_DELIVERY_S: Final = 1.0
"""How long the last commands may take: an alert that is lost is asked for after the restart."""


def auditor() -> None:
    r"""Check every law on every event of the stream, for as long as it runs, and show the figures.

    Reads GiftCertificates.Stream from its start and follows it. Shows /metrics, /healthz and
    /readyz at GIFTCERT_HTTP_HOST and GIFTCERT_HTTP_PORT. A breach is a line in the log, a figure,
    and an alert LAW_BREACH on the stream. Keeps nothing: one is enough, and two do no harm. With
    a token (GIFTCERT_TOKEN_FILE or GIFTCERT_TOKEN; scope certificates:audit) it compares the live
    stores too, as `giftcert audit` does.

    \b
    Examples:
      giftcert auditor
      GIFTCERT_HTTP_PORT=9090 GIFTCERT_TOKEN_FILE=/run/token giftcert auditor
    """
    token = token_source()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    framing = framing_for(settings, (RecordName.COMMAND,))
    metrics = AuditMetrics()
    last_turn = LastTurn(hangs_after_s=hangs_after_s(settings.partitions))
    listener = Listener(
        settings.http_host,
        settings.http_port,
        metrics,
        alive=lambda: last_turn.alive,
        ready=lambda: metrics.latest.caught_up,
        shown=shown_certificate(settings),
    )
    outbox = Outbox(settings, "auditor")

    def send(key: bytes, value: bytes, failed: OnFailure) -> None:
        outbox.send(Outgoing(topic=COMMANDS, key=key, value=value), failed)

    try:
        with (
            stop_signals_interrupt(),
            access_as(Principal.AUDITOR, settings),
            listener,
            CommittedReader(settings, STREAM) as reader,
        ):
            log = structlog.get_logger(__name__)
            log.info("auditor at work", url=settings.edge_url())
            check = None if token is None else StoreCheck(settings, token)
            Auditor(reader, framing, send, metrics, last_turn, check=check).run()
    except KeyboardInterrupt:
        return
    finally:
        outbox.close(_DELIVERY_S)
        framing.close()
