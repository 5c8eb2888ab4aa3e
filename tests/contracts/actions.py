"""One command of every kind, and one pool command, fact and outcome of every kind.

Owns values only; the tables of what is wrong with a record change them field by field.
"""

from typing import Final

from state.certificate.commands import (
    Action,
    Activate,
    Annul,
    Authorize,
    CancelPurchase,
    Capture,
    Channel,
    Command,
    ExpireHold,
    ExpireReservation,
    Issue,
    Load,
    Lock,
    NotificationChannel,
    NotificationResult,
    Origin,
    RaiseAlert,
    Redeem,
    RefundPending,
    RefundPendingDetails,
    RefundToCertificate,
    Release,
    RequestNotification,
    Reserve,
    ReserveNumber,
    RevealCvc,
    Unlock,
    Void,
)
from state.certificate.money import Money
from state.certificate.record import Status
from state.certificate.rejections import RejectionCode, reject
from state.certificate.transition import Outcome
from state.correlation.facts import (
    CertificateLine,
    CertificateOperation,
    CertificateTender,
    DeadlineReached,
    Fact,
    Happening,
    OrderSeen,
    OrderStatus,
    OrdinaryOrderSeen,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Policy,
    Tender,
)
from state.pool.commands import Add, Forget, PoolAction, PoolCommand, TakeNext

AT_MS: Final = 1_735_689_600_123
NUMBER: Final = "GC-0000-0042"
MONEY: Final = Money(amount_minor=150_050, currency="RUB")
STORE: Final = Channel.ONLINE_STORE

ACTIONS: Final[tuple[Action, ...]] = (
    Load(pool="ELECTRONIC"),
    Reserve(pool="ELECTRONIC", channel=STORE, order_id="order-1", until_ms=AT_MS + 1),
    Reserve(pool="ELECTRONIC", channel=Channel.POS, order_id=None, until_ms=AT_MS + 1),
    ReserveNumber(channel=STORE, order_id="order-1", until_ms=AT_MS + 1),
    ReserveNumber(channel=Channel.POS, order_id=None, until_ms=0),
    ExpireReservation(reservation_id="request-1"),
    Release(order_id="order-1", channel=STORE),
    Issue(
        order_id="order-1",
        channel=STORE,
        client_id="client-7",
        nominal=MONEY,
        notification_channel=NotificationChannel.SMS,
    ),
    Issue(
        order_id="order-1", channel=STORE, client_id=None, nominal=MONEY, notification_channel=None
    ),
    Activate(order_id="order-1"),
    NotificationResult(notification_id="correlation-1/issue/1", sent=True, reason=""),
    NotificationResult(notification_id="correlation-1/issue/1", sent=False, reason="no such phone"),
    RequestNotification(notification_channel=NotificationChannel.EMAIL),
    RequestNotification(notification_channel=None),
    RevealCvc(key_id="2025-01"),
    Authorize(
        order_id="order-1",
        amount=MONEY,
        cvc_matches=True,
        cvc_version=2,
        accept_partial=False,
        expires_at_ms=AT_MS + 1,
    ),
    Capture(authorization_id="hold-1", amount=MONEY),
    Capture(authorization_id="hold-1", amount=None),
    Void(authorization_id="hold-1"),
    ExpireHold(authorization_id="hold-1"),
    Redeem(order_id="order-1", payment_id="payment-1", amount=MONEY, authorization_id="hold-1"),
    Redeem(order_id="order-1", payment_id="payment-1", amount=MONEY, authorization_id=None),
    RefundToCertificate(order_id="order-1", payment_id="payment-1", amount=MONEY),
    RefundPending(order_id="order-1"),
    RefundPendingDetails(order_id="order-1", reason="the card is closed"),
    CancelPurchase(order_id="order-1"),
    Lock(reason="reported stolen"),
    Unlock(reason="found again"),
    Annul(reason="misprint"),
    RaiseAlert(code="OVERPAID", text="more was captured than the order costs"),
)


def command(action: Action, **changes: str | None) -> Command:
    """A command with everything that may be absent; `changes` replace texts of the envelope."""
    envelope = {
        "command_id": "request-1",
        "certificate_id": NUMBER,
        "correlation_id": "correlation-1",
        "actor": "edge",
        "reply_to": "0123456789abcdef",
        "body_digest": "fedcba9876543210",
        **changes,
    }
    return Command(at_ms=AT_MS, origin=Origin.HTTP, action=action, **envelope)  # type: ignore[arg-type]  # two are required


POOL_ACTIONS: Final[tuple[PoolAction, ...]] = (
    Add(certificate_id=NUMBER),
    Forget(certificate_id=NUMBER),
    TakeNext(
        request_id="request-1",
        body_digest="fedcba9876543210",
        channel=STORE,
        order_id="order-1",
        reserved_until_ms=AT_MS + 1,
        low_mark=100,
        reply_to="0123456789abcdef",
        actor="edge",
        instead_of=NUMBER,
    ),
    TakeNext(
        request_id="request-1",
        body_digest=None,
        channel=Channel.POS,
        order_id=None,
        reserved_until_ms=0,
        low_mark=0,
        reply_to=None,
        actor=None,
    ),
)


def pool_command(action: PoolAction) -> PoolCommand:
    return PoolCommand(pool="ELECTRONIC", at_ms=AT_MS, action=action)


ORDER: Final = OrderSeen(
    order_id="order-1",
    version=3,
    channel=STORE,
    status=OrderStatus.CONFIRMED,
    client_id="client-7",
    currency="RUB",
    total_minor=159_900,
    lines=(
        CertificateLine(line_id="1", amount_minor=150_000, certificate_id=NUMBER),
        CertificateLine(line_id="2", amount_minor=9_900, certificate_id=None),
    ),
    tenders=(CertificateTender(certificate_id="GC-0000-0007", amount_minor=50_000),),
    notification_channel=NotificationChannel.EMAIL,
)
PAYMENT: Final = PaymentSeen(
    payment_id="payment-1",
    order_id="order-1",
    type=PaymentType.CAPTURE,
    status=PaymentStatus.SUCCEEDED,
    amount_minor=109_900,
    currency="RUB",
    tender=Tender.GIFT_CERTIFICATE,
    certificate_id="GC-0000-0007",
    operation=CertificateOperation.REDEMPTION,
    authorization_id="hold-1",
    original_payment_id="payment-0",
    failure_reason="declined at first",
)

HAPPENINGS: Final[tuple[Happening, ...]] = (
    ORDER,
    OrderSeen(
        order_id="order-1",
        version=0,
        channel=Channel.POS,
        status=OrderStatus.CREATED,
        client_id=None,
        currency="JPY",
        total_minor=0,
        lines=(),
        tenders=(),
        notification_channel=None,
    ),
    OrdinaryOrderSeen(order_id="order-1", version=3, status=OrderStatus.RETURNED),
    PAYMENT,
    PaymentSeen(
        payment_id="payment-1",
        order_id="order-1",
        type=PaymentType.REFUND,
        status=PaymentStatus.PENDING,
        amount_minor=0,
        currency="KWD",
        tender=Tender.CASH,
    ),
    DeadlineReached(),
)
POLICY: Final = Policy(missing_after_ms=86_400_000, forget_after_ms=604_800_000)


def fact(happening: Happening) -> Fact:
    return Fact(
        fact_id="event-1",
        correlation_id="correlation-1",
        at_ms=AT_MS,
        policy=POLICY,
        happening=happening,
    )


OUTCOMES: Final[tuple[Outcome, ...]] = (
    Outcome(
        command_id="request-1",
        certificate_id=NUMBER,
        body_digest=None,
        decided_at_ms=AT_MS,
        sequence=17,
        status=Status.LOCKED,
        currency="RUB",
        remaining_minor=99_950,
        held_minor=10_000,
        amount_minor=5_000,
        reservation_id="request-1",
        reserved_until_ms=AT_MS + 1,
        authorization_id="hold-1",
        hold_expires_at_ms=AT_MS + 6,
        notification_id="correlation-1/issue/1",
        cvc_key_id="2025-01",
        cvc_version=2,
    ),
    Outcome(
        command_id="request-1",
        certificate_id="",
        body_digest=None,
        decided_at_ms=AT_MS,
        rejection=reject(RejectionCode.POOL_EMPTY),
    ),
    *(
        Outcome(
            command_id="request-1",
            certificate_id=NUMBER,
            body_digest=None,
            decided_at_ms=AT_MS,
            rejection=reject(code, "for a reason"),
            sequence=3,
        )
        for code in RejectionCode
    ),
)
