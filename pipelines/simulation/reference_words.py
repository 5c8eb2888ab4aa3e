"""The words of the reference model: what must be seen of a command, on the stream and in a reply.

Owns the shapes and the reading of amounts. Amounts are ten-thousandths of the currency's unit, as
the contract's decimals have them: so the model needs no table of currencies, and shares none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

Fields = Mapping[str, Any]
"""A decoded record, as Avro has it."""

HEADLINES: Final = {
    "load": "AVAILABLE",
    "reserve": "RESERVED",
    "release": "AVAILABLE",
    "issue": "ISSUED",
    "activate": "ACTIVE",
    "notification.requested": "NOTIFICATION_REQUESTED",
    "notification.sent": "NOTIFICATION_SENT",
    "notification.failed": "NOTIFICATION_FAILED",
    "redeem.partial": "PARTIALLY_REDEEMED",
    "redeem.full": "REDEEMED",
    "refund.pending": "REFUND_PENDING",
    "refund.pendingDetails": "REFUND_PENDING_DETAILS",
    "refund": "REFUNDED",
    "lock": "LOCKED",
    "annul": "ANNULLED",
}
"""What BI and CRM read after an event; one that is not here leaves the headline as it is."""


def parts(raw: bytes | None) -> int:
    """Ten-thousandths of a unit from a decimal's bytes; an absent amount is nothing."""
    return 0 if raw is None else int.from_bytes(raw, "big", signed=True)


class Told(NamedTuple):
    """One event as the stream must show it; what follows `entry` is the certificate after it.

    `entry` is the amount, the remaining balance and what is held. `lifecycle` None: no such number.
    """

    sequence: int
    event_type: str
    status: str
    channel: str | None
    correlation_id: str | None
    entry: tuple[int, int, int] | None
    lifecycle: str | None = None
    headline: str | None = None
    nominal: int = 0
    remaining: int = 0
    held: int = 0
    currency: str | None = None
    reserved_until: int | None = None
    locked: bool = False


class Answer(NamedTuple):
    """What whoever waits must be told: why not, or the certificate right after the command."""

    code: str | None
    sequence: int
    status: str | None = None
    currency: str | None = None
    remaining: int | None = None
    held: int | None = None
    amount: int | None = None
    reservation_id: str | None = None
    reserved_until: int | None = None
    authorization_id: str | None = None
    hold_expires_at: int | None = None
    notification_id: str | None = None
    cvc_version: int | None = None


@dataclass(slots=True)
class Verdict:
    """All that one command must come to.

    `answer` None: there is none, the request goes back to the pool, or it was a timer's. `pool` is
    what the pool must hear and its name; `found_under` what the index must hear.
    """

    answer: Answer | None
    events: list[Told] = field(default_factory=list)
    pool: tuple[str, str] | None = None
    found_under: list[str] = field(default_factory=list)
    repeated: bool = False
