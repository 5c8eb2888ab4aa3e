"""Certificates and commands to test with: one certificate in every condition that rules ask about.

Every certificate but those of `in_lifecycle` got where it is by the service's own rules. Owns no
expectation: those stand in the tables.
"""

from dataclasses import replace

from state.certificate.commands import (
    Action,
    Activate,
    Annul,
    Authorize,
    Capture,
    Channel,
    Command,
    Issue,
    Load,
    NotificationChannel,
    Origin,
    Redeem,
    ReserveNumber,
    RevealCvc,
)
from state.certificate.decision import Decision
from state.certificate.machine import decide, evolve
from state.certificate.money import Money
from state.certificate.record import Certificate, Lifecycle, LockInfo, Reservation, Status

NUMBER = "GC-0001"
POOL = "ELECTRONIC"
ORDER = "order-1"
OTHER_ORDER = "order-2"
SPENDER = "order-9"
CHANNEL = Channel.ONLINE_STORE
OTHER_CHANNEL = Channel.POS
CURRENCY = "RUB"
OTHER_CURRENCY = "USD"
NOMINAL_MINOR = 100_00
NOW_MS = 1_000_000
RESERVED_UNTIL_MS = 1_900_000
HOLD_UNTIL_MS = 2_000_000
HOLD_MINOR = 60_00
CVC_KEY = "key-1"


def money(amount_minor: int, currency: str = CURRENCY) -> Money:
    return Money(amount_minor=amount_minor, currency=currency)


def command(
    action: Action,
    command_id: str = "request",
    *,
    origin: Origin = Origin.HTTP,
    at_ms: int = NOW_MS,
    certificate_id: str = NUMBER,
    correlation_id: str | None = None,
    actor: str | None = None,
    body_digest: str | None = None,
) -> Command:
    return Command(
        command_id=command_id,
        at_ms=at_ms,
        certificate_id=certificate_id,
        origin=origin,
        action=action,
        correlation_id=correlation_id,
        actor=actor,
        body_digest=body_digest,
    )


def applied(certificate: Certificate | None, decision: Decision) -> Certificate | None:
    """The certificate after a decision's events."""
    for event in decision.events:
        certificate = evolve(certificate, NUMBER, event)
    return certificate


def after(certificate: Certificate | None, action: Action, command_id: str) -> Certificate:
    """The certificate after an action that the rules accept."""
    decision = decide(certificate, command(action, command_id))
    assert decision.rejection is None, decision.rejection
    moved = applied(certificate, decision)
    assert moved is not None
    return moved


def issue_action(order_id: str = ORDER, channel: Channel = CHANNEL) -> Issue:
    return Issue(
        order_id=order_id,
        channel=channel,
        client_id="client-1",
        nominal=money(NOMINAL_MINOR),
        notification_channel=NotificationChannel.SMS,
    )


def authorize_action(
    amount_minor: int = HOLD_MINOR,
    *,
    order_id: str = SPENDER,
    currency: str = CURRENCY,
    cvc_matches: bool = True,
    cvc_version: int = 1,
    accept_partial: bool = False,
) -> Authorize:
    return Authorize(
        order_id=order_id,
        amount=money(amount_minor, currency),
        cvc_matches=cvc_matches,
        cvc_version=cvc_version,
        accept_partial=accept_partial,
        expires_at_ms=HOLD_UNTIL_MS,
    )


def redeem_action(
    amount_minor: int,
    *,
    order_id: str = SPENDER,
    currency: str = CURRENCY,
    authorization_id: str | None = None,
) -> Redeem:
    return Redeem(
        order_id=order_id,
        payment_id="payment-1",
        amount=money(amount_minor, currency),
        authorization_id=authorization_id,
    )


def reserve_number(order_id: str | None = ORDER, channel: Channel = CHANNEL) -> ReserveNumber:
    return ReserveNumber(channel=channel, order_id=order_id, until_ms=RESERVED_UNTIL_MS)


def locked(certificate: Certificate) -> Certificate:
    lock = LockInfo(reason="asked by the police", by="support", at_ms=NOW_MS)
    return replace(certificate, lock=lock, status=Status.LOCKED)


AVAILABLE = after(None, Load(pool=POOL), "load")
RESERVED = after(AVAILABLE, reserve_number(), "reservation")
RESERVED_FOR_ANYONE = after(AVAILABLE, reserve_number(order_id=None), "reservation")
ISSUED = after(RESERVED, issue_action(), "notification-1")
ISSUED_AND_REVEALED = after(ISSUED, RevealCvc(key_id=CVC_KEY), "reveal")
ACTIVE = after(ISSUED_AND_REVEALED, Activate(order_id=ORDER), "activate")
HELD = after(ACTIVE, authorize_action(), "hold-1")
CAPTURED = after(HELD, Capture(authorization_id="hold-1", amount=None), "capture-1")
PARTIALLY_REDEEMED = after(ACTIVE, redeem_action(30_00), "redeem-1")
REDEEMED = after(ACTIVE, redeem_action(NOMINAL_MINOR), "redeem-1")
ANNULLED = after(ACTIVE, Annul(reason="lost"), "annul-1")
ANNULLED_UNSOLD = after(AVAILABLE, Annul(reason="misprint"), "annul-1")


def in_lifecycle(certificate: Certificate, lifecycle: Lifecycle) -> Certificate:
    """The same certificate, forced into a lifecycle: for showing which refusal is judged first."""
    reservation = None
    if lifecycle is Lifecycle.RESERVED:
        reservation = Reservation(
            reservation_id="reservation",
            channel=CHANNEL,
            order_id=ORDER,
            until_ms=RESERVED_UNTIL_MS,
        )
    return replace(
        certificate,
        lifecycle=lifecycle,
        status=Status(lifecycle.value),
        reservation=reservation,
    )
