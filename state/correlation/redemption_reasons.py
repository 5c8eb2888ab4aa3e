"""Why a certificate that should pay for an order was not spent.

Pure. A redemption needs a tender of the order and a captured payment that agree; these sentences
say what of that is missing or differs.
"""

from collections.abc import Iterator

from state.certificate.money import Money
from state.correlation.facts import (
    BINDING,
    OrderSeen,
    OrderStatus,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.overview import Overview, PaymentOverview, Step, TenderOverview
from state.correlation.sentences import Sentence, SentenceCode, say


def redemption_sentences(overview: Overview, order: OrderSeen) -> Iterator[Sentence]:
    """What is to be said of the tenders and of the payments that would spend a certificate."""
    if order.status in BINDING:
        yield from _unpaid_tenders(overview, order)
    captured = [each for each in overview.payments if _is(each.payment, PaymentType.CAPTURE)]
    agreeing = frozenset(tender.payment_id for tender in overview.tenders)
    spent = overview.payments_asked(Step.REDEEM)
    for each in captured:
        redeemed = each.payment.payment_id in spent
        if redeemed and order.status in BINDING and each.payment.payment_id not in agreeing:
            yield _no_longer_ordered(each)
        elif not redeemed and order.status is not OrderStatus.CREATED:
            yield _difference(each.payment, overview.tenders, order)
    taken = frozenset(each.payment.payment_id for each in captured)
    for each in overview.payments:
        authorized = _is(each.payment, PaymentType.AUTHORIZATION)
        if authorized and each.payment.payment_id not in taken:
            yield say(
                SentenceCode.CERTIFICATE_ONLY_AUTHORIZED,
                payment=each.payment.payment_id,
                amount=_money(each.payment),
            )


def _unpaid_tenders(overview: Overview, order: OrderSeen) -> Iterator[Sentence]:
    for tender in overview.tenders:
        if tender.payment_id is None:
            yield say(
                SentenceCode.TENDER_NOT_PAID,
                certificate=tender.certificate_id,
                amount=Money(amount_minor=tender.amount_minor, currency=order.currency),
            )


def _is(payment: PaymentSeen, type_: PaymentType) -> bool:
    """Whether it is such a payment on a certificate, and it succeeded."""
    return (
        payment.type is type_
        and payment.tender is Tender.GIFT_CERTIFICATE
        and payment.status is PaymentStatus.SUCCEEDED
    )


def _no_longer_ordered(redeemed: PaymentOverview) -> Sentence:
    assert redeemed.certificate_id is not None, "what was redeemed has a certificate"
    return say(
        SentenceCode.REDEMPTION_NO_LONGER_ORDERED,
        payment=redeemed.payment.payment_id,
        amount=_money(redeemed.payment),
        certificate=redeemed.certificate_id,
    )


def _difference(
    payment: PaymentSeen, tenders: tuple[TenderOverview, ...], order: OrderSeen
) -> Sentence:
    """What keeps a payment from agreeing with a tender."""
    named, amount = payment.payment_id, _money(payment)
    if not tenders:
        return say(SentenceCode.REDEMPTION_UNEXPECTED, payment=named, amount=amount)
    if payment.currency != order.currency:
        code = SentenceCode.REDEMPTION_IN_OTHER_CURRENCY
        return say(code, payment=named, amount=amount, currency=order.currency)
    meant = [
        tender for tender in tenders if payment.certificate_id in (None, tender.certificate_id)
    ]
    if not meant:
        assert payment.certificate_id is not None, "one that names none may mean any"
        code = SentenceCode.REDEMPTION_OF_OTHER_CERTIFICATE
        return say(code, payment=named, amount=amount, certificate=payment.certificate_id)
    if any(tender.amount_minor == payment.amount_minor for tender in meant):
        return say(SentenceCode.REDEMPTION_TWICE, payment=named, amount=amount)
    # Of several the one that is still to be paid; of several such, the first.
    nearest = next((tender for tender in meant if tender.payment_id is None), meant[0])
    difference_minor = abs(nearest.amount_minor - payment.amount_minor)
    return say(
        SentenceCode.REDEMPTION_OF_OTHER_AMOUNT,
        payment=named,
        amount=amount,
        certificate=nearest.certificate_id,
        expected=Money(amount_minor=nearest.amount_minor, currency=order.currency),
        difference=Money(amount_minor=difference_minor, currency=order.currency),
    )


def _money(payment: PaymentSeen) -> Money:
    return Money(amount_minor=payment.amount_minor, currency=payment.currency)
