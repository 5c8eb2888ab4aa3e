"""How much of an order is paid, from its payments.

Pure sums over payments; one authorization is never counted twice, once as such and once captured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from state.correlation.facts import PaymentSeen, PaymentType, Tender
from state.correlation.matching import match_redemptions
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
    """Sum the payments in the order's currency; others cannot pay it and are ignored.

    A payment on the certificate tender that agrees with no tender of the order spends nothing, so
    it pays for nothing either, and its refund takes nothing away.
    """
    order = correlation.order
    currency = order.currency if order else None
    matched = match_redemptions(correlation) if order else {}

    def of(type_: PaymentType) -> list[PaymentSeen]:
        return [p for p in correlation.succeeded(type_) if currency in (None, p.currency)]

    captures, voids = of(PaymentType.CAPTURE), of(PaymentType.VOID)
    authorizations = of(PaymentType.AUTHORIZATION)
    return Coverage(
        captured_minor=sum(p.amount_minor for p in captures if _pays(p, p.payment_id, matched)),
        authorized_minor=_open_authorizations(authorizations, captures, voids),
        refunded_minor=sum(
            refund.amount_minor
            for refund in of(PaymentType.REFUND)
            if _pays(refund, refund.original_payment_id, matched)
        ),
        any_payment=bool(captures or voids or authorizations),
    )


def _pays(payment: PaymentSeen, redemption: str | None, matched: Mapping[str, str]) -> bool:
    if payment.tender is not Tender.GIFT_CERTIFICATE:
        return True
    return redemption in matched or (redemption is None and bool(matched))


def _open_authorizations(
    authorizations: list[PaymentSeen], captures: list[PaymentSeen], voids: list[PaymentSeen]
) -> int:
    """What is authorized and neither captured nor voided.

    A capture or void belongs to the authorization it names, or shares the payment id with; these
    are settled first. A capture that names none (version 1 cannot) is taken for the authorization
    of its tender that fits it best, the largest capture first: counting both would issue a
    certificate on half the money. A void that names none gives up what is still open of its
    tender.
    """
    left = {
        authorization.payment_id: authorization.amount_minor for authorization in authorizations
    }
    tender_of = {a.payment_id: a.tender for a in authorizations}
    for taken in captures:
        target = _named(taken, left)
        if target is not None:
            left[target] = max(0, left[target] - taken.amount_minor)
    for voided in voids:
        target = _named(voided, left)
        if target is not None:
            left[target] = 0
    unnamed = [capture for capture in captures if _named(capture, left) is None]
    for taken in sorted(unnamed, key=lambda each: -each.amount_minor):
        large_enough = [
            payment_id
            for payment_id, open_minor in left.items()
            if tender_of[payment_id] is taken.tender and open_minor >= taken.amount_minor
        ]
        if large_enough:
            target = min(large_enough, key=lambda payment_id: left[payment_id])
            left[target] -= taken.amount_minor
    for voided in voids:
        if _named(voided, left) is None and voided.original_payment_id is None:
            left.update((key, 0) for key in left if tender_of[key] is voided.tender)
    return sum(left.values())


def _named(payment: PaymentSeen, left: Mapping[str, int]) -> str | None:
    for payment_id in (payment.original_payment_id, payment.payment_id):
        if payment_id is not None and payment_id in left:
            return payment_id
    return None
