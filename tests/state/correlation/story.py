"""Telling the fold what happened, one fact after another, and hearing what it asks for.

Owns the orders and payments that the tests tell of, with everything a test does not care about
filled in; no expectation.
"""

from collections.abc import Iterable

from state.certificate.commands import Action, Channel, Command, NotificationChannel
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
from state.correlation.fold import fold
from state.correlation.record import Correlation

KEY = "correlation-1"
ORDER = "order-1"
A, B = "GC-000A", "GC-000B"
HOUR_MS = 60 * 60 * 1000
POLICY = Policy(missing_after_ms=24 * HOUR_MS, forget_after_ms=7 * 24 * HOUR_MS)
START_MS = 1_000_000


class Story:
    """One correlation from its first fact on, an hour between facts unless a time is told."""

    def __init__(self) -> None:
        self.state: Correlation | None = None
        self.commands: list[Command] = []
        self.at_ms = START_MS

    def tell(self, *happenings: Happening, at_ms: int | None = None) -> list[Command]:
        """The facts in this order; gives the commands they call for."""
        heard: list[Command] = []
        for happening in happenings:
            self.at_ms = self.at_ms + HOUR_MS if at_ms is None else at_ms
            step = fold(self.state, fact(happening, self.at_ms))
            self.state = step.state
            heard.extend(step.commands)
        self.commands.extend(heard)
        return heard

    def ring(self, at_ms: int | None = None) -> list[Command]:
        """A timer says that the deadline has come, at the deadline unless a time is told."""
        due_ms = self.due_ms() if at_ms is None else at_ms
        assert due_ms is not None, "nothing is awaited"
        return self.tell(DeadlineReached(), at_ms=due_ms)

    def due_ms(self) -> int | None:
        """When the timer is to ring next."""
        return self.kept.deadline_ms

    @property
    def is_forgotten(self) -> bool:
        return self.state is None

    @property
    def kept(self) -> Correlation:
        assert self.state is not None, "the correlation was forgotten"
        return self.state


def fact(happening: Happening, at_ms: int) -> Fact:
    return Fact(
        fact_id=f"fact-{at_ms}",
        correlation_id=KEY,
        at_ms=at_ms,
        policy=POLICY,
        happening=happening,
    )


def asked(commands: Iterable[Command]) -> list[str]:
    """Each command as "Action number"; of an alert the code."""
    return [f"{_verb(each.action)} {each.certificate_id}" for each in commands]


def _verb(action: Action) -> str:
    code = getattr(action, "code", None)
    return f"Alert:{code}" if code is not None else type(action).__name__


def told(happenings: Iterable[Happening]) -> Story:
    story = Story()
    story.tell(*happenings)
    return story


def order(
    status: OrderStatus = OrderStatus.CONFIRMED,
    version: int = 1,
    *,
    total: int = 100,
    sells: dict[str, int] | None = None,
    spends: dict[str, int] | None = None,
    currency: str = "RUB",
) -> OrderSeen:
    """An order that sells certificate lines L1, L2 … and spends from certificates."""
    lines = (sells or {}).items()
    return OrderSeen(
        order_id=ORDER,
        version=version,
        channel=Channel.ONLINE_STORE,
        status=status,
        client_id="client-1",
        currency=currency,
        total_minor=total,
        lines=tuple(
            CertificateLine(line_id=f"L{place}", amount_minor=amount, certificate_id=number or None)
            for place, (number, amount) in enumerate(lines, start=1)
        ),
        tenders=tuple(
            CertificateTender(certificate_id=number, amount_minor=amount)
            for number, amount in (spends or {}).items()
        ),
        notification_channel=NotificationChannel.SMS,
    )


def ordinary(status: OrderStatus = OrderStatus.CONFIRMED, version: int = 1) -> OrdinaryOrderSeen:
    return OrdinaryOrderSeen(order_id=ORDER, version=version, status=status)


def payment(
    type_: PaymentType,
    amount: int = 100,
    payment_id: str = "pay-1",
    *,
    status: PaymentStatus = PaymentStatus.SUCCEEDED,
    tender: Tender = Tender.CARD,
    currency: str = "RUB",
    certificate: str | None = None,
    operation: CertificateOperation | None = None,
    authorization: str | None = None,
    original: str | None = None,
    reason: str | None = None,
) -> PaymentSeen:
    return PaymentSeen(
        payment_id=payment_id,
        order_id=ORDER,
        type=type_,
        status=status,
        amount_minor=amount,
        currency=currency,
        tender=tender,
        certificate_id=certificate,
        operation=operation,
        authorization_id=authorization,
        original_payment_id=original,
        failure_reason=reason,
    )


def spent(
    amount: int = 50,
    payment_id: str = "spend-1",
    *,
    certificate: str | None = A,
    authorization: str | None = None,
) -> PaymentSeen:
    """A capture on the certificate tender."""
    return payment(
        PaymentType.CAPTURE,
        amount,
        payment_id,
        tender=Tender.GIFT_CERTIFICATE,
        certificate=certificate,
        authorization=authorization,
    )


def given_back(
    amount: int = 50,
    payment_id: str = "back-1",
    *,
    certificate: str | None = A,
    status: PaymentStatus = PaymentStatus.SUCCEEDED,
    original: str | None = None,
    reason: str | None = None,
) -> PaymentSeen:
    """A refund on the certificate tender."""
    return payment(
        PaymentType.REFUND,
        amount,
        payment_id,
        tender=Tender.GIFT_CERTIFICATE,
        status=status,
        certificate=certificate,
        original=original,
        reason=reason,
    )


AUTHORIZED = payment(PaymentType.AUTHORIZATION, payment_id="auth-1")
CAPTURED = payment(PaymentType.CAPTURE, payment_id="capture-1")
VOIDED = payment(PaymentType.VOID, payment_id="void-1", original="auth-1")
REFUNDED = payment(PaymentType.REFUND, payment_id="refund-1")
PURCHASE = order(sells={A: 100})
RETURNED = order(OrderStatus.RETURNED, 2, sells={A: 100})
CANCELLED = order(OrderStatus.CANCELLED, 2, sells={A: 100})
REDEMPTION = order(spends={A: 50})
