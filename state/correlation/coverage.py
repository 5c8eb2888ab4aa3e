"""How much of an order is paid, from its payments.

Pure sums over payments; one authorization is never counted twice, once as such and once captured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from state.correlation.facts import OrderSeen, PaymentSeen, PaymentType, Tender
from state.correlation.matching import match_redemptions
from state.correlation.record import Correlation


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Money of one order, minor units: captured, authorized and not yet captured, given back.

    `certificate_minor` is what certificates were asked to pay, counted or not.
    """

    captured_minor: int
    authorized_minor: int
    refunded_minor: int
    certificate_minor: int
    any_payment: bool

    @property
    def covered_minor(self) -> int:
        """What makes a certificate issuable: captured, or promised by an authorization."""
        return self.captured_minor + self.authorized_minor

    @property
    def kept_minor(self) -> int:
        """What the retailer still has, or was promised, after refunds and voids."""
        return self.covered_minor - self.refunded_minor


def certificates_minor(order: OrderSeen) -> int:
    """What the certificates of an order cost."""
    return sum(line.amount_minor for line in order.lines)


def goods_minor(order: OrderSeen) -> int:
    """What everything else of an order costs."""
    return max(order.total_minor - certificates_minor(order), 0)


def coverage(correlation: Correlation) -> Coverage:
    """Sum the payments in the order's currency; others cannot pay it and are ignored.

    A payment on the certificate tender that agrees with no tender of the order spends nothing, so
    it pays for nothing either. One that agrees pays for goods only: should its certificate refuse
    (empty, locked), a certificate bought with it would be money from nothing.
    """
    order = correlation.order
    assert order is not None, "payments cover an order"
    matched = match_redemptions(correlation)

    def of(type_: PaymentType) -> list[PaymentSeen]:
        return [p for p in correlation.succeeded(type_) if p.currency == order.currency]

    authorizations, voids = of(PaymentType.AUTHORIZATION), of(PaymentType.VOID)
    promised = [a for a in authorizations if a.tender is not Tender.GIFT_CERTIFICATE]
    left, voided = _settle_voids(promised, of(PaymentType.CAPTURE), voids)
    captures = [p for p in of(PaymentType.CAPTURE) if p.payment_id not in voided]
    refunds = of(PaymentType.REFUND)
    spent_minor = _certificate_sum(captures, matched)
    back_minor = _certificate_sum(refunds, matched)
    counted_minor = min(spent_minor, goods_minor(order))
    still_counted_minor = min(max(spent_minor - back_minor, 0), counted_minor)
    return Coverage(
        captured_minor=_money_sum(captures) + counted_minor,
        authorized_minor=left,
        refunded_minor=_money_sum(refunds) + counted_minor - still_counted_minor,
        certificate_minor=spent_minor,
        any_payment=bool(captures or voids or authorizations),
    )


def _money_sum(payments: list[PaymentSeen]) -> int:
    return sum(p.amount_minor for p in payments if p.tender is not Tender.GIFT_CERTIFICATE)


def _certificate_sum(payments: list[PaymentSeen], matched: Mapping[str, str]) -> int:
    """What certificates paid, or got back: a refund is about the payment it names, if it does."""
    total_minor = 0
    for payment in payments:
        if payment.tender is Tender.GIFT_CERTIFICATE:
            refund = payment.type is PaymentType.REFUND
            about = payment.original_payment_id if refund else payment.payment_id
            if about in matched or (refund and about is None and matched):
                total_minor += payment.amount_minor
    return total_minor


def _settle_voids(
    authorizations: list[PaymentSeen], captures: list[PaymentSeen], voids: list[PaymentSeen]
) -> tuple[int, frozenset[str]]:
    """What is still promised, and the captures that were voided after all.

    A void is about the authorization it names while something of it is open. Once all of it was
    captured, or where it names a capture, it takes the capture back.
    """
    captured = {capture.payment_id for capture in captures}
    voided: set[str] = set()
    open_voids: list[PaymentSeen] = []
    for void in voids:
        named = (void.original_payment_id, void.payment_id)
        target = next((each for each in named if each in captured), None)
        # Looked at only where it matters: an order of hundreds of voids would take seconds.
        if target is not None and not _gives_up(authorizations, captures, open_voids, void):
            voided.add(target)
        else:
            open_voids.append(void)
    return _open_authorizations(authorizations, captures, open_voids), frozenset(voided)


def _gives_up(
    authorizations: list[PaymentSeen],
    captures: list[PaymentSeen],
    voids: list[PaymentSeen],
    void: PaymentSeen,
) -> bool:
    """Whether something authorized is still open after these voids that this one gives up."""
    before = _open_authorizations(authorizations, captures, voids)
    return _open_authorizations(authorizations, captures, [*voids, void]) != before


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
