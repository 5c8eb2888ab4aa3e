"""Client records as a CRM tells them on All_Clients.

Owns what makes one impossible. The service reads one thing in them: how the message with a
certificate's one-time code ended.
"""

from dataclasses import dataclass
from enum import StrEnum

from pipelines.contracts.fields import MAX_MADE_ID_LENGTH
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.checks import (
    checked_id,
    checked_instant,
    checked_number,
    checked_text,
    optional_id,
    without_addresses,
)
from pipelines.neighbours.records.record import ImpossibleRecord, SourceRecord, event_id_of
from pipelines.topics import ALL_CLIENTS
from state.certificate.commands import NotificationChannel

__all__ = ["Client", "Delivery", "DeliveryOutcome", "NotificationChannel", "without_addresses"]


class DeliveryOutcome(StrEnum):
    """Whether a message was delivered."""

    SENT = "SENT"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The outcome of one message. `reason` is for FAILED; see `without_addresses`."""

    certificate_id: str
    notification_id: str
    channel: NotificationChannel
    outcome: DeliveryOutcome
    reason: str | None = None

    def fields(self) -> dict[str, object]:
        if self.reason is not None and self.outcome is not DeliveryOutcome.FAILED:
            raise ImpossibleRecord(
                "delivery.reason is set on a message that was SENT: leave it out"
            )
        return {
            "certificateId": checked_number("delivery.certificateId", self.certificate_id),
            "notificationId": self._checked_notification_id(),
            "channel": self.channel.value,
            "outcome": self.outcome.value,
            "reason": checked_text("delivery.reason", self.reason),
        }

    def event_id(self) -> str:
        """The id of the event that tells of this outcome."""
        return event_id_of("delivery", self._checked_notification_id(), self.outcome.value)

    def _checked_notification_id(self) -> str:
        return checked_id("delivery.notificationId", self.notification_id, MAX_MADE_ID_LENGTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What the CRM says about a customer.

    Without `event_id` the id follows from the delivery (its notification and outcome), so that the
    same outcome told again is the same event. A record without a delivery has to bring one.
    """

    client_id: str
    at_ms: int
    delivery: Delivery | None = None
    correlation_id: str | None = None
    event_id: str | None = None

    def record(self) -> SourceRecord:
        """The record to write. ImpossibleRecord says what the service could not accept."""
        value = {
            "eventId": checked_id("eventId", self._event_id()),
            "eventTime": checked_instant("eventTime", self.at_ms),
            "clientId": checked_id("clientId", self.client_id),
            "correlationId": optional_id("correlationId", self.correlation_id),
            "delivery": self.delivery and self.delivery.fields(),
        }
        return SourceRecord(
            topic=ALL_CLIENTS, name=RecordName.CLIENT, key=self.client_id.encode(), value=value
        )

    def _event_id(self) -> str:
        if self.event_id is not None:
            return self.event_id
        if self.delivery is None:
            raise ImpossibleRecord("eventId is missing: a record without a delivery needs its own")
        return self.delivery.event_id()
