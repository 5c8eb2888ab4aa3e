"""One full history entry for every type of event: what the golden files of histories hold.

Every field is set, so that a renamed or retyped one shows. Owns no expectation, and no rule makes
events with all of this in them.
"""

from collections.abc import Mapping
from typing import Final

from state.certificate.commands import Channel, NotificationChannel, Origin
from state.certificate.events import (
    Activated,
    AlertRaised,
    Annulled,
    Authorized,
    CaptureConfirmed,
    Captured,
    CvcRevealed,
    ErrorRaised,
    Event,
    HoldExpired,
    Issued,
    Loaded,
    Locked,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    PurchaseUndone,
    Reason,
    Redeemed,
    RefundAwaited,
    RefundDetailsAwaited,
    Refunded,
    Released,
    Reserved,
    Unlocked,
    Voided,
)
from state.certificate.history import HistoryEntry
from state.certificate.record import Reservation
from state.certificate.rejections import Rejection, RejectionCode

AT_MS: Final = 1_735_689_600_123  # 2025-01-01T00:00:00.123Z
_REASON: Final = Reason(code="SUPPORT", text="reported stolen")

EVENTS: Final[tuple[Event, ...]] = (
    Loaded(pool="ELECTRONIC"),
    Reserved(
        reservation=Reservation(
            reservation_id="request-1",
            channel=Channel.POS,
            order_id="order-1",
            until_ms=AT_MS + 1,
        )
    ),
    Released(reason=_REASON),
    Issued(
        order_id="order-1",
        channel=Channel.ONLINE_STORE,
        client_id="client-7",
        correlation_id="correlation-1",
        amount_minor=150_000,
        currency="RUB",
        at_ms=AT_MS + 2,
    ),
    Activated(at_ms=AT_MS + 3),
    NotificationRequested(
        notification_id="correlation-1/issue/1", channel=NotificationChannel.SMS, reason=_REASON
    ),
    NotificationSent(notification_id="correlation-1/issue/1"),
    NotificationFailed(notification_id="correlation-1/issue/1", reason=_REASON),
    CvcRevealed(notification_id="correlation-1/issue/1", key_id="2025-01", version=2),
    Authorized(
        authorization_id="hold-1",
        order_id="order-2",
        amount_minor=10_000,
        expires_at_ms=AT_MS + 6,
        channel=Channel.POS,
    ),
    Captured(authorization_id="hold-1", amount_minor=10_000),
    CaptureConfirmed(authorization_id="hold-1", amount_minor=10_000),
    Voided(authorization_id="hold-1"),
    HoldExpired(authorization_id="hold-1"),
    Redeemed(order_id="order-2", amount_minor=10_000, full=True),
    RefundAwaited(order_id="order-2"),
    RefundDetailsAwaited(order_id="order-2", reason=_REASON),
    Refunded(order_id="order-2", amount_minor=10_000),
    PurchaseUndone(amount_minor=150_000),
    Locked(reason=_REASON, by="support-3", at_ms=AT_MS + 5),
    Unlocked(reason=_REASON),
    Annulled(reason=_REASON, amount_minor=150_000),
    AlertRaised(reason=_REASON),
    ErrorRaised(
        rejection=Rejection(code=RejectionCode.WRONG_CVC, detail="the third in a row"),
        wrong_tries=3,
    ),
)


def entry_with(event: Event) -> HistoryEntry:
    """An entry that holds the event, and everything else that an entry can."""
    return HistoryEntry(
        sequence=17,
        event=event,
        at_ms=AT_MS,
        origin=Origin.HTTP,
        causation_id="request-1",
        correlation_id="correlation-1",
        actor="till/cashier-3",
    )


ENTRIES: Final[Mapping[str, HistoryEntry]] = {
    f"history-{type(event).__name__}": entry_with(event) for event in EVENTS
}
"""By the name of the golden file."""
