"""Which certificate each payment on the certificate tender is about.

Pure matching of payments with the tenders of their order: redemptions first, then the refunds of
those redemptions. It asks nothing of certificates; `intentions` does.
"""

from collections.abc import Mapping

from state.correlation.facts import OrderStatus, PaymentSeen, PaymentStatus, PaymentType, Tender
from state.correlation.record import Correlation


def redemption_payments(correlation: Correlation) -> tuple[PaymentSeen, ...]:
    """The payments that took money from certificates."""
    captures = correlation.succeeded(PaymentType.CAPTURE)
    return tuple(p for p in captures if p.tender is Tender.GIFT_CERTIFICATE)


def match_redemptions(correlation: Correlation) -> dict[str, str]:
    """Which tender each certificate payment agrees with: payment id to certificate id.

    Payments matched before stay matched; a tender serves one payment; certificate, amount and
    currency must be equal. Payments that name their certificate choose first, then the others
    take the first tender that fits. An order undone before its payment was seen still matches:
    what was taken has to be known before it can be given back.
    """
    order = correlation.order
    assert order is not None, "payments are matched against an order"
    free = [(tender.certificate_id, tender.amount_minor) for tender in order.tenders]
    matched = dict(correlation.redeemed)
    payments = redemption_payments(correlation)
    for payment in payments:
        taken = (matched.get(payment.payment_id, ""), payment.amount_minor)
        if taken in free:
            free.remove(taken)
    if order.status is OrderStatus.CREATED:
        return matched
    for payment in sorted(payments, key=lambda each: each.certificate_id is None):
        if payment.payment_id in matched or payment.currency != order.currency:
            continue
        for certificate_id, amount_minor in free:
            named = payment.certificate_id in (None, certificate_id)
            if named and amount_minor == payment.amount_minor:
                matched[payment.payment_id] = certificate_id
                free.remove((certificate_id, amount_minor))
                break
    return matched


def certificate_refunds(correlation: Correlation) -> tuple[PaymentSeen, ...]:
    """The refunds that go onto certificates, whatever their status. One of nothing is none."""
    return tuple(
        payment
        for payment in correlation.payments.values()
        if payment.type is PaymentType.REFUND
        and payment.tender is Tender.GIFT_CERTIFICATE
        and payment.amount_minor > 0
    )


def match_refunds(correlation: Correlation, matched: Mapping[str, str]) -> dict[str, str]:
    """The certificate each refund goes onto: one that this order really spent from.

    A refund that names neither certificate nor payment goes where enough is left to be given
    back, so that two equal refunds reach two certificates. Where nothing fits, the certificate
    that was spent first gets to refuse it: a refusal is seen, silence is not.
    """
    redemptions = redemption_payments(correlation)
    amounts = {payment.payment_id: payment.amount_minor for payment in redemptions}
    left_minor: dict[str, int] = {}
    for payment_id, certificate_id in matched.items():
        left_minor[certificate_id] = left_minor.get(certificate_id, 0) + amounts[payment_id]
    targets: dict[str, str] = {}
    refunds = certificate_refunds(correlation)
    for refund in sorted(refunds, key=_names_nothing):
        target = _refund_target(refund, matched, left_minor, frozenset(amounts))
        if target is None:
            continue
        targets[refund.payment_id] = target
        if refund.status is not PaymentStatus.FAILED:
            left_minor[target] -= refund.amount_minor
    return targets


def _names_nothing(refund: PaymentSeen) -> bool:
    return refund.certificate_id is None and refund.original_payment_id is None


def _refund_target(
    refund: PaymentSeen,
    matched: Mapping[str, str],
    left_minor: Mapping[str, int],
    redemptions: frozenset[str],
) -> str | None:
    if refund.certificate_id is not None:
        return refund.certificate_id if refund.certificate_id in left_minor else None
    original = refund.original_payment_id
    if original is not None and original in redemptions:
        # A redemption that agreed with no tender spent nothing, so there is nothing to give back.
        return matched.get(original)
    for certificate_id, amount_minor in left_minor.items():
        if amount_minor >= refund.amount_minor:
            return certificate_id
    return next(iter(left_minor), None)
