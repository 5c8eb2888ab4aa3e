"""One example for each call: what a caller sends and what comes back.

Owns one small story, told call by call: certificate GC-00000042 is bought by order 1001 and spent
by order 2002. Everything is of the types of the calls, so no example goes out of date unseen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from http_edge.api import models
from http_edge.api.correlation_examples import CORRELATION, CORRELATION_PATH
from http_edge.handlers.cursors import cursor_of
from state.certificate.commands import Channel, NotificationChannel
from state.certificate.events import EntryKind, EventType
from state.certificate.record import Lifecycle, NotificationStatus, Status

_NOTHING: Final = models.NoParameters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What one call takes and answers. `key` is the request's identity, where it has one."""

    answer: models.Told
    path: models.Sent = _NOTHING
    query: models.Sent = _NOTHING
    body: models.Sent | None = None
    key: str = "checkout-1001"


_NUMBER: Final = "GC-00000042"
_ONE: Final = models.CertificatePath(certificate_id=_NUMBER)
_HOLD_ID: Final = "1f0e9f0b-1c0d-5e0a-9b57-6d2f6f0f7c55"
_HOLD: Final = models.AuthorizationPath(certificate_id=_NUMBER, authorization_id=_HOLD_ID)
_RESERVATION: Final = models.Reservation(
    certificate_id=_NUMBER,
    reservation_id="8c9d1c56-7b1e-5a55-9a0e-0e4f4c5f8f10",
    reserved_until="2026-03-01T10:30:00.000Z",
)
_SNAPSHOT: Final = models.Snapshot(
    certificate_id=_NUMBER,
    pool="ELECTRONIC",
    status=Status.NOTIFICATION_SENT,
    lifecycle=Lifecycle.ACTIVE,
    channel=Channel.ONLINE_STORE,
    order_id="1001",
    client_id="customer-7",
    nominal="1500.00",
    remaining_balance="1500.00",
    held="0.00",
    available="1500.00",
    currency="RUB",
    reserved_until=None,
    issued_at="2026-03-01T10:02:11.480Z",
    activated_at="2026-03-01T10:02:11.480Z",
    expires_at=None,
    notification=models.Notification(
        id="6a1f7d1e-52c5-5c61-8c0e-8f4f3b8a9d01",
        channel=NotificationChannel.SMS,
        status=NotificationStatus.SENT,
    ),
    lock=None,
    version=7,
)
_REASON: Final = models.ReasonBody(reason="customer lost the card")


def _standing(status: Status, *, remaining: str = "1500.00", version: int) -> models.Standing:
    return models.Standing(
        certificate_id=_NUMBER,
        status=status,
        remaining_balance=remaining,
        held="0.00",
        currency="RUB",
        version=version,
    )


EXAMPLES: Final[Mapping[str, Example]] = {
    "takeNext": Example(
        body=models.NextBody(pool="ELECTRONIC", order_id="1001"), answer=_RESERVATION
    ),
    "takeNextByGet": Example(
        query=models.NextQuery(request_id="checkout-1001", pool="ELECTRONIC", order_id="1001"),
        answer=_RESERVATION,
    ),
    "searchCertificates": Example(
        query=models.SearchQuery(order_id="1001", limit=25),
        answer=models.SearchPage(items=[_SNAPSHOT], next=None),
    ),
    "readCertificate": Example(path=_ONE, answer=_SNAPSHOT),
    "readHistory": Example(
        path=_ONE,
        query=models.HistoryQuery(limit=2, cursor=cursor_of(2)),
        answer=models.History(
            certificate_id=_NUMBER,
            items=[
                models.HistoryLine(
                    sequence=2,
                    event_type=EventType.RESERVE,
                    status=Status.RESERVED,
                    occurred_at="2026-03-01T10:00:00.000Z",
                    actor="store",
                    correlation_id=None,
                    causation_id="8c9d1c56-7b1e-5a55-9a0e-0e4f4c5f8f10",
                    reason=None,
                    entry=None,
                ),
                models.HistoryLine(
                    sequence=3,
                    event_type=EventType.ISSUE,
                    status=Status.ISSUED,
                    occurred_at="2026-03-01T10:02:11.480Z",
                    actor=None,
                    correlation_id="1001",
                    causation_id="0d9f6f0e-7a55-5a0b-8f7d-2f6a8a1b3c4d",
                    reason=None,
                    entry=models.EntryLine(
                        kind=EntryKind.ISSUE,
                        amount="1500.00",
                        remaining_balance="1500.00",
                        held="0.00",
                    ),
                ),
            ],
            next=cursor_of(4),
        ),
    ),
    "readBalance": Example(
        path=_ONE,
        answer=models.Balance(
            remaining_balance="1500.00",
            held="200.00",
            available="1300.00",
            currency="RUB",
            status=Status.NOTIFICATION_SENT,
            lifecycle=Lifecycle.ACTIVE,
            locked=False,
        ),
    ),
    "revealCode": Example(
        path=_ONE,
        query=models.RevealQuery(request_id="notification-7"),
        answer=models.RevealedCode(cvc="492039"),
    ),
    "reserveNumber": Example(
        path=_ONE,
        body=models.ReserveBody(order_id="1001"),
        answer=_RESERVATION,
        key="checkout-1001-scan",
    ),
    "lock": Example(
        path=_ONE, body=_REASON, answer=_standing(Status.LOCKED, version=8), key="case-318-lock"
    ),
    "unlock": Example(
        path=_ONE,
        body=models.ReasonBody(reason="the card was found"),
        answer=_standing(Status.NOTIFICATION_SENT, version=9),
        key="case-318-unlock",
    ),
    "annul": Example(
        path=_ONE,
        body=models.ReasonBody(reason="bought with a stolen bank card"),
        answer=_standing(Status.ANNULLED, remaining="0.00", version=10),
        key="case-319-annul",
    ),
    "notify": Example(
        path=_ONE,
        body=models.NotifyBody(
            reason="the customer deleted the message", channel=NotificationChannel.EMAIL
        ),
        answer=_standing(Status.NOTIFICATION_REQUESTED, version=8),
        key="case-320-notify",
    ),
    "authorize": Example(
        path=_ONE,
        body=models.AuthorizeBody(amount="200.00", currency="RUB", order_id="2002", cvc="492039"),
        answer=models.Authorization(
            authorization_id=_HOLD_ID,
            certificate_id=_NUMBER,
            amount="200.00",
            currency="RUB",
            expires_at="2026-03-08T18:15:00.000Z",
            remaining_balance="1500.00",
            held="200.00",
            available="1300.00",
            version=8,
        ),
        key="order-2002-authorize",
    ),
    "capture": Example(
        path=_HOLD,
        body=models.CaptureBody(amount="150.00", currency="RUB"),
        answer=models.Captured(
            authorization_id=_HOLD_ID,
            certificate_id=_NUMBER,
            amount="150.00",
            currency="RUB",
            remaining_balance="1350.00",
            held="0.00",
            available="1350.00",
            status=Status.PARTIALLY_REDEEMED,
            version=10,
        ),
        key="order-2002-capture",
    ),
    "voidAuthorization": Example(
        path=_HOLD,
        body=models.VoidBody(),
        answer=_standing(Status.NOTIFICATION_SENT, version=9),
        key="order-2002-void",
    ),
    "readPools": Example(
        answer=models.PoolLevels(
            items=[models.PoolLevel(pool="ELECTRONIC", level=48210, low_mark=100, low=False)]
        )
    ),
    "explainCorrelation": Example(path=CORRELATION_PATH, answer=CORRELATION),
}
"""By operation."""
