"""How much of an order is paid, from its payments.

Pure sums over payments; one authorization is never counted twice, once as such and once captured.
"""

from dataclasses import dataclass

from state.correlation.facts import PaymentSeen, PaymentType
from state.correlation.record import Correlation


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Money of one order, minor units: captured, authorized and not yet captured, given back."""

    captured_minor: int
    authorized_minor: int
    refunded_minor: int
    any_payment: bool

    @property
    def covered_minor(self) -> int:
        """What makes a certificate issuable: captured, or promised by an authorization."""
        return self.captured_minor + self.authorized_minor

    @property
    def kept_minor(self) -> int:
        """What the retailer still has, or was promised, after refunds and voids."""
        return self.covered_minor - self.refunded_minor


def coverage(correlation: Correlation) -> Coverage:
    """Sum the payments in the order's currency; others cannot pay it and are ignored."""
    currency = correlation.order.currency if correlation.order else None

    def of(type_: PaymentType) -> list[PaymentSeen]:
        return [p for p in correlation.succeeded(type_) if currency in (None, p.currency)]

    captures, voids = of(PaymentType.CAPTURE), of(PaymentType.VOID)
    open_minor = _open_authorizations(of(PaymentType.AUTHORIZATION), captures, voids)
    return Coverage(
        captured_minor=sum(capture.amount_minor for capture in captures),
        authorized_minor=open_minor,
        refunded_minor=sum(refund.amount_minor for refund in of(PaymentType.REFUND)),
        any_payment=bool(captures or voids or of(PaymentType.AUTHORIZATION)),
    )


def _open_authorizations(
    authorizations: list[PaymentSeen], captures: list[PaymentSeen], voids: list[PaymentSeen]
) -> int:
    """What is authorized and neither captured nor voided.

    A capture belongs to the authorization it names, or shares the payment id with. One that names
    none (version 1 cannot) is taken for the oldest authorization of its tender that is large
    enough, because counting both would issue a certificate on half the money.
    """
    left = {
        authorization.payment_id: authorization.amount_minor for authorization in authorizations
    }
    tender_of = {a.payment_id: a.tender for a in authorizations}
    for taken in captures:
        target = _named(taken, left) or next(
            (
                payment_id
                for payment_id, open_minor in left.items()
                if tender_of[payment_id] is taken.tender and open_minor >= taken.amount_minor
            ),
            None,
        )
        if target is not None:
            left[target] = max(0, left[target] - taken.amount_minor)
    for voided in voids:
        target = _named(voided, left)
        if target is not None:
            left[target] = 0
        elif voided.original_payment_id is None:
            # A void that names nothing gives up what is still open of its tender.
            for payment_id in left:
                if tender_of[payment_id] is voided.tender:
                    left[payment_id] = 0
    return sum(left.values())


def _named(payment: PaymentSeen, left: dict[str, int]) -> str | None:
    for payment_id in (payment.original_payment_id, payment.payment_id):
        if payment_id is not None and payment_id in left:
            return payment_id
    return None
