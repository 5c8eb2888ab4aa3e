"""The run that tests forge: one certificate's life with calls, source records and reads.

Owns the story. It is just as it should be; what is wrong with it later is the tests'.
"""

from typing import Final

from state.certificate.commands import (
    Authorize,
    Capture,
    Channel,
    Lock,
    RevealCvc,
    Unlock,
    Void,
)
from state.certificate.money import Money
from tests.chaos.forged import Forged
from tests.flow.source_messages import Delivery, Line, Order, Payment

NOMINAL_MINOR: Final = 100_00


def authorize(amount_minor: int, *, matches: bool = True) -> Authorize:
    return Authorize(
        order_id="till",
        amount=Money(amount_minor=amount_minor, currency="RUB"),
        cvc_matches=matches,
        cvc_version=1,
        accept_partial=False,
        expires_at_ms=1_760_000_900_000,
        channel=Channel.ONLINE_STORE,
    )


def purchase(number: str) -> Order:
    return Order(
        order_id="C0-000001-buy",
        total_minor=NOMINAL_MINOR,
        lines=[Line(amount_minor=NOMINAL_MINOR, number=number)],
    )


def goods(number: str, amount_minor: int, *, status: str = "COMPLETED", version: int = 1) -> Order:
    return Order(
        order_id="C0-000001-goods",
        total_minor=amount_minor,
        lines=[Line(amount_minor=amount_minor)],
        tenders=[(number, amount_minor)],
        status=status,
        version=version,
    )


def paid_with(number: str, amount_minor: int, *, kind: str = "CAPTURE") -> Payment:
    return Payment(
        payment_id=f"C0-000001-{kind}",
        order_id="C0-000001-goods",
        amount_minor=amount_minor,
        type=kind,
        tender="GIFT_CERTIFICATE",
        number=number,
        operation="REFUND" if kind == "REFUND" else "REDEMPTION",
    )


def a_run() -> Forged:
    """One certificate's life with calls, source records and reads, just as it should be."""
    run = Forged()
    for index in range(3):
        run.load(f"GC-{index:08d}")
    number = run.take("C0-000001/reserve", "C0-000001-buy")
    run.tell("order", purchase(number))
    run.tell(
        "payment", Payment(payment_id="p", order_id="C0-000001-buy", amount_minor=NOMINAL_MINOR)
    )
    run.call("revealCode", "crm", "C0-000001/reveal", number, RevealCvc(key_id="key"))
    notification = run.evidence().by_key[number][-1].fields["payload"]["notification"]["id"]
    run.tell("delivery", Delivery(number=number, notification_id=notification))
    run.call(
        "authorize", "store", "C0-000001/a-authorize", number, authorize(30_00), {"amount": "30.00"}
    )
    hold = run.evidence().by_key[number][-1].cause
    run.read(number, position=run.last_position())
    run.call(
        "capture",
        "store",
        "C0-000001/a-capture",
        number,
        Capture(authorization_id=hold, amount=None),
    )
    run.read(number, position=run.last_position())
    run.call("voidAuthorization", "store", "C0-000001/a-void", number, Void(authorization_id=hold))
    run.call(
        "authorize",
        "store",
        "C0-000001/b-authorize",
        number,
        authorize(500_00),
        {"amount": "500.00"},
    )
    run.call(
        "authorize",
        "store",
        "C0-000001/c-authorize",
        number,
        authorize(1_00, matches=False),
        {"amount": "1.00"},
        wrong_code=True,
    )
    run.call("lock", "support", "C0-000001/lock", number, Lock(reason="asked for"))
    run.call("unlock", "support", "C0-000001/unlock", number, Unlock(reason="asked for"))
    run.tell("goods", goods(number, 20_00))
    run.tell("paid", paid_with(number, 20_00))
    run.tell("returned", goods(number, 20_00, status="RETURNED", version=2))
    run.tell("refunded", paid_with(number, 20_00, kind="REFUND"))
    run.read(number)
    run.end_life()
    return run
