"""What keeps a payment from counting: it has not ended, it failed, its currency is another.

Pure. Refunds of a known order are told by `refund_reasons`, which knows what waits for them.
"""

from collections.abc import Iterator
from typing import Final

from state.certificate.money import Money
from state.correlation.facts import OrderSeen, PaymentSeen, PaymentStatus, PaymentType, Tender
from state.correlation.overview import Overview
from state.correlation.sentences import Sentence, SentenceCode, say

NO_REASON: Final = "no reason was given"


def payment_sentences(overview: Overview) -> Iterator[Sentence]:
    """What is to be said of the payments themselves."""
    order = overview.order
    for each in overview.payments:
        payment = each.payment
        if order is None or payment.type is not PaymentType.REFUND:
            yield from unfinished(payment)
        if order is not None and _in_other_currency(payment, order):
            yield say(
                SentenceCode.PAYMENT_IN_OTHER_CURRENCY,
                type=payment.type.value,
                payment=payment.payment_id,
                amount=_money(payment),
                currency=order.currency,
            )


def unfinished(payment: PaymentSeen) -> Iterator[Sentence]:
    """That a payment has not ended, or failed; nothing of one that succeeded."""
    named, amount = payment.payment_id, _money(payment)
    if payment.status is PaymentStatus.PENDING:
        code = SentenceCode.PAYMENT_NOT_ENDED
        yield say(code, type=payment.type.value, payment=named, amount=amount)
    elif payment.status is PaymentStatus.FAILED:
        yield say(
            SentenceCode.PAYMENT_FAILED,
            type=payment.type.value,
            payment=named,
            amount=amount,
            reason=payment.failure_reason or NO_REASON,
        )


def _in_other_currency(payment: PaymentSeen, order: OrderSeen) -> bool:
    """Of the certificate tender, `redemption_reasons` and the certificate itself speak."""
    return (
        payment.currency != order.currency
        and payment.tender is not Tender.GIFT_CERTIFICATE
        and payment.status is PaymentStatus.SUCCEEDED
    )


def _money(payment: PaymentSeen) -> Money:
    return Money(amount_minor=payment.amount_minor, currency=payment.currency)
