"""`giftcert crm`: one-time codes to customers by SMS or e-mail, until told to stop.

The composition root of the reference CRM; `pipelines/neighbours/crm/` does the work.
"""

import ssl
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import stamina.instrumentation
import structlog

from pipelines.acls.access import access_as
from pipelines.acls.rights import Principal
from pipelines.audit.listener import Listener
from pipelines.caller_token import token_source
from pipelines.client_credentials import ClientCredentials
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.edge_client import trusted
from pipelines.faults import SettingsError
from pipelines.interruption import stop_signals_interrupt
from pipelines.last_turn import LastTurn
from pipelines.logs import configure_logs
from pipelines.neighbours.crm.buyers import Buyers
from pipelines.neighbours.crm.code_reader import CodeReader
from pipelines.neighbours.crm.courier import Courier, Habits, Patience
from pipelines.neighbours.crm.desk import Desk
from pipelines.neighbours.crm.directory import (
    Directory,
    FileDirectory,
    HttpDirectory,
    NoDirectory,
)
from pipelines.neighbours.crm.gateway import Gateway
from pipelines.neighbours.crm.group_member import now_ms
from pipelines.neighbours.crm.http_gateway import HttpContract, HttpGateway
from pipelines.neighbours.crm.intake import Intake
from pipelines.neighbours.crm.lane import Lane
from pipelines.neighbours.crm.letters import Letters
from pipelines.neighbours.crm.metrics import CrmMetrics
from pipelines.neighbours.crm.order_log import OrderRecords
from pipelines.neighbours.crm.order_places import OrderPlaces
from pipelines.neighbours.crm.run_crm import CrmParts, hangs_after_s, run_crm
from pipelines.neighbours.crm.settings import CrmSettings, load_crm_settings
from pipelines.neighbours.crm.smtp_gateway import MailServer, SmtpGateway
from pipelines.neighbours.records.clients import NotificationChannel
from pipelines.settings import Settings, load_settings
from pipelines.tls import shown_certificate
from pipelines.tracing.tracer import tracer_for

_DIRECTORY_NAME: Final = "crm"
_SCOPE: Final = "cvc:read"


def crm() -> None:
    r"""Deliver one-time codes: from the request on the stream to the gateway, and the word of it.

    Reads GiftCertificates.Stream and All_SalesOrder, asks the edge for each code once, sends it by
    the gateway that GIFTCERT_CRM_SMS_URL or GIFTCERT_CRM_SMTP_HOST names, and writes the outcome to
    All_Clients. Shows /metrics, /healthz and /readyz at GIFTCERT_HTTP_HOST and GIFTCERT_HTTP_PORT.
    Run as many as the stream has partitions, each with its own GIFTCERT_WORKER_ID and
    GIFTCERT_STATE_DIR.

    \b
    Examples:
      giftcert crm
      GIFTCERT_CRM_SMS_URL=https://sms.example/messages giftcert crm
    """
    given = token_source()
    told = load_crm_settings()
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)
    # Each attempt is a figure; a gateway that is down is one line, not one for each that waits.
    stamina.instrumentation.set_on_retry_hooks([])
    lanes = _lanes(told)
    letters = Letters(told.templates_dir)
    directory = _directory(told)
    own = _own_token(settings, told) if given is None else None
    tracer = tracer_for(settings, "crm")
    codes = CodeReader(
        told.service_url,
        given or own or _no_token,
        token_refused=None if own is None else own.forget,
        verify=trusted(settings.tls_ca_location),
        traced=tracer is not None,
    )
    metrics = CrmMetrics()
    for lane in lanes.values():
        metrics.watch_gateway(lane.channel, lane.is_down)
    framing = framing_for(settings, (RecordName.CLIENT,))
    places = OrderPlaces(settings.required_state_dir() / _DIRECTORY_NAME)
    records = OrderRecords(settings)
    turns = [LastTurn(hangs_after_s=hangs_after_s(settings)) for _ in range(3)]
    buyers = Buyers(places, records, framing, turns[0])
    desk = Desk(
        Courier(
            buyers=buyers,
            directory=directory,
            codes=codes,
            letters=letters,
            lanes=lanes,
            patience=_patience(told),
            habits=_habits(told),
            metrics=metrics,
            now_ms=now_ms,
            tracer=tracer,
        ),
        turns[1],
    )
    intake = Intake(desk, framing, metrics, turns[2], now_ms=now_ms)
    parts = CrmParts(
        settings=settings,
        group=told.group_of(settings),
        framing=framing,
        desk=desk,
        intake=intake,
        places=places,
        buyers=buyers,
        connections=[codes, directory, *(lane.gateway for lane in lanes.values())],
    )
    try:
        _work(parts, metrics, lanes, turns)
    except KeyboardInterrupt:
        return
    finally:
        records.close()
        places.close()
        framing.close()
        if tracer is not None:
            tracer.close()


def _work(
    parts: CrmParts,
    metrics: CrmMetrics,
    lanes: Mapping[NotificationChannel, Lane],
    turns: Sequence[LastTurn],
) -> None:
    """Run, and show the figures, until interrupted."""
    settings = parts.settings
    listener = Listener(
        settings.http_host,
        settings.http_port,
        metrics,
        alive=lambda: all(each.alive for each in turns),
        ready=lambda: parts.intake.caught_up,
        shown=shown_certificate(settings),
    )
    with stop_signals_interrupt(), access_as(Principal.CRM, settings), listener:
        structlog.get_logger(__name__).info(
            "crm at work", url=settings.edge_url(), ways=sorted(lanes)
        )
        run_crm(parts)


def _patience(told: CrmSettings) -> Patience:
    return Patience(
        promise_s=told.promise_s,
        first_pause_s=told.retry_first_s,
        longest_pause_s=told.retry_longest_s,
    )


def _habits(told: CrmSettings) -> Habits:
    return Habits(
        language=told.language,
        channel=NotificationChannel(told.default_channel),
        when_unsure=told.when_unsure,
    )


def _no_token() -> str:
    raise AssertionError("one of the two sources is there")


def _own_token(settings: Settings, told: CrmSettings) -> ClientCredentials:
    if told.token_url is None:
        raise SettingsError(
            "there is no token for the service: set GIFTCERT_CRM_TOKEN_URL and "
            "GIFTCERT_CRM_CLIENT_SECRET_FILE, or GIFTCERT_TOKEN_FILE"
        )
    told.secret("client_secret_file")  # One that cannot be read is told now, not at a purchase.
    return ClientCredentials(
        told.token_url,
        told.client_id,
        lambda: told.secret("client_secret_file") or "",
        scope=_SCOPE,
        verify=trusted(settings.tls_ca_location),
    )


def _lanes(told: CrmSettings) -> dict[NotificationChannel, Lane]:
    """The ways to customers that the settings name. SettingsError when there is none."""
    gateways: dict[NotificationChannel, Gateway] = {}
    if told.sms_url is not None:
        told.secret("sms_secret_file")
        gateways[NotificationChannel.SMS] = HttpGateway(
            HttpContract.of(told),
            lambda: told.secret("sms_secret_file") or "",
            timeout_s=told.send_timeout_s,
            parallel=told.parallel_sends,
            verify=trusted(told.ca_location),
        )
    if told.smtp_host is not None:
        gateways[NotificationChannel.EMAIL] = _mail(told)
    if not gateways:
        raise SettingsError(
            "there is no gateway: set GIFTCERT_CRM_SMS_URL or GIFTCERT_CRM_SMTP_HOST"
        )
    return {
        channel: Lane(channel, gateway, parallel=told.parallel_sends)
        for channel, gateway in gateways.items()
    }


def _mail(told: CrmSettings) -> SmtpGateway:
    assert told.smtp_host is not None, "asked for only where there is one"
    assert told.smtp_from is not None, "the settings go together"
    told.secret("smtp_password_file")
    server = MailServer(
        host=told.smtp_host,
        port=told.smtp_port,
        tls=told.smtp_tls,
        user=told.smtp_user,
        sender=told.smtp_from,
        deduplicates=told.smtp_deduplicates,
    )
    authorities = trusted(told.ca_location)
    return SmtpGateway(
        server,
        partial(told.secret, "smtp_password_file"),
        timeout_s=told.send_timeout_s,
        parallel=told.parallel_sends,
        context=authorities if isinstance(authorities, ssl.SSLContext) else None,
    )


def _directory(told: CrmSettings) -> Directory:
    if told.address_file is not None:
        return FileDirectory(told.address_file)
    if told.address_url is None:
        return NoDirectory()
    told.secret("address_secret_file")
    return HttpDirectory(
        told.address_url,
        partial(told.secret, "address_secret_file"),
        verify=trusted(told.ca_location),
    )
