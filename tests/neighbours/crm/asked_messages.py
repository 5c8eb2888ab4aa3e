"""Messages that are asked for, as the service's own code writes them on the stream.

Owns made-up certificates and times. The events come from the service's rules, so that a test
fails when what the CRM reads is no longer what the service writes.
"""

from typing import Any, Final

from pipelines.contracts.event_record import event_to_record, stream_headers
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.crm.request import Balance, Request, StreamRecord
from pipelines.neighbours.records.clients import NotificationChannel
from state.certificate.commands import (
    Action,
    Activate,
    Channel,
    Command,
    Issue,
    Load,
    NotificationResult,
    Origin,
    RequestNotification,
    Reserve,
    RevealCvc,
)
from state.certificate.money import Money
from state.certificate.record import CertificateState
from state.certificate.transition import transition

NUMBER: Final = "GC-00000042"
ORDER: Final = "42"
CLIENT: Final = "client-7"
AT_MS: Final = 1_772_359_209_000
FRAMING: Final = SingleObjectFraming()
TRACE: Final = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def request(
    offset: int = 0,
    *,
    partition: int = 0,
    number: str = NUMBER,
    notification: str = "42/issue/1",
    channel: NotificationChannel | None = NotificationChannel.SMS,
    order: str | None = ORDER,
    client: str | None = CLIENT,
    asked_at_ms: int = AT_MS,
    balance: Balance | None = None,
) -> Request:
    """One message that is asked for."""
    return Request(
        partition=partition,
        offset=offset,
        certificate_id=number,
        notification_id=notification,
        channel=channel,
        order_id=order,
        client_id=client,
        correlation_id=order,
        balance=balance or Balance(amount_minor=1_500_00, currency="RUB"),
        asked_at_ms=asked_at_ms,
    )


class Life:
    """One certificate and its events, by the service's own rules."""

    def __init__(
        self,
        number: str = NUMBER,
        *,
        channel: NotificationChannel | None = None,
        order_id: str = ORDER,
    ) -> None:
        self.number = number
        self.order_id = order_id
        self.records: list[dict[str, Any]] = []
        self._state = CertificateState()
        self._count = 0
        self._do(Load(pool="ELECTRONIC"))
        self._do(
            Reserve(
                pool="ELECTRONIC",
                channel=Channel.ONLINE_STORE,
                order_id=self.order_id,
                until_ms=AT_MS + 60_000,
            )
        )
        issue = Issue(
            channel=Channel.ONLINE_STORE,
            order_id=self.order_id,
            client_id=CLIENT,
            nominal=Money(amount_minor=1_500_00, currency="RUB"),
            notification_channel=channel,
        )
        self._do(issue, command_id=f"{self.order_id}/issue/1")
        self._do(Activate(order_id=self.order_id))

    @property
    def notification_id(self) -> str:
        return str(self.records[-1]["payload"]["notification"]["id"])

    def sent(self) -> None:
        self._do(NotificationResult(notification_id=self.notification_id, sent=True, reason=""))

    def failed(self) -> None:
        self._do(NotificationResult(notification_id=self.notification_id, sent=False, reason="no"))

    def ask_again(self, command_id: str = "notify-1") -> None:
        self._do(RequestNotification(notification_channel=None, reason="lost"), command_id)

    def reveal(self) -> None:
        self._do(RevealCvc(key_id="key"))

    def _do(self, action: Action, command_id: str | None = None) -> None:
        self._count += 1
        command = Command(
            command_id=command_id or f"{self.number}-{self._count}",
            at_ms=AT_MS + self._count,
            certificate_id=self.number,
            origin=Origin.FACT,
            correlation_id=self.order_id,
            actor="test",
            action=action,
        )
        found = transition(self._state, None, command)
        assert found.outcome is None or found.outcome.rejection is None, found.outcome
        self._state = found.state
        self.records += [
            event_to_record(published, command, f"event-{self.number}-{self._count}-{position}")
            for position, published in enumerate(found.published)
        ]


def stream_of(
    *lives: Life, partition: int = 0, first_offset: int = 0, trace: bytes | None = None
) -> list[StreamRecord]:
    """The events of these lives, one life after the other, as they lie on the stream."""
    events = [event for life in lives for event in life.records]
    return [
        StreamRecord(
            partition=partition,
            offset=first_offset + position,
            timestamp_ms=AT_MS + position,
            value=FRAMING.encode(RecordName.GIFT_CERTIFICATE_EVENT, event),
            headers=[*stream_headers(event), *([("traceparent", trace)] if trace else [])],
        )
        for position, event in enumerate(events)
    ]
