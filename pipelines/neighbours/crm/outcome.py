"""How a delivery ends: sent, or failed for one of a few reasons.

Owns the closed list of reasons, which are a metric's label and the words on All_Clients. No word of
a gateway, a customer or a secret is ever in one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from pipelines.neighbours.crm.request import Request
from pipelines.neighbours.records.clients import (
    Client,
    Delivery,
    DeliveryOutcome,
    NotificationChannel,
)
from pipelines.neighbours.records.record import SourceRecord

NOBODY: Final = "unknown"
"""The client of an order that names none."""


class FailureReason(StrEnum):
    """Why a message was given up."""

    NO_ADDRESS = "NO_ADDRESS"
    BAD_ADDRESS = "BAD_ADDRESS"
    NO_GATEWAY = "NO_GATEWAY"
    NO_CODE = "NO_CODE"
    REFUSED = "REFUSED"
    OUT_OF_TIME = "OUT_OF_TIME"
    UNSURE = "UNSURE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A gateway took the message."""

    channel: NotificationChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The message was given up; `why` is for people."""

    channel: NotificationChannel
    reason: FailureReason
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Obsolete:
    """The service has an outcome from somebody else: there is nothing to tell."""


Outcome: TypeAlias = Sent | Failed | Obsolete


def outcome_record(request: Request, outcome: Sent | Failed, at_ms: int) -> SourceRecord:
    """The Client record that tells the service. Told again, it is the same event."""
    match outcome:
        case Sent():
            word, reason = DeliveryOutcome.SENT, None
        case Failed():
            word, reason = DeliveryOutcome.FAILED, f"{outcome.reason.value}: {outcome.why}"
        case _:
            assert_never(outcome)
    client = Client(
        event_id=f"delivery/{request.key}",
        client_id=request.client_id or NOBODY,
        correlation_id=request.correlation_id,
        at_ms=at_ms,
        delivery=Delivery(
            certificate_id=request.certificate_id,
            notification_id=request.notification_id,
            channel=outcome.channel,
            outcome=word,
            reason=reason,
        ),
    )
    return client.record()
