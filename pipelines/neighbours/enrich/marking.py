"""What an order says about one of its payments: the fields that version 1 does not have.

Pure. Each payment is marked by itself, whatever other payments there are and in whichever order
they come: two equal payments of one order get equal marks. Where the order leaves open which
certificate is meant, none is named; the service then finds it by the amount, as it always did.
"""

from dataclasses import dataclass

from pipelines.neighbours.enrich.told import OrderTold, PaymentTold
from state.correlation.facts import CertificateOperation, PaymentType, Tender


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a payment means for a certificate; both absent: nothing."""

    certificate_id: str | None = None
    operation: CertificateOperation | None = None

    def __bool__(self) -> bool:
        return self.operation is not None


def marks_of(payment: PaymentTold, order: OrderTold | None) -> Marks:
    """The marks of a payment, with its order or without.

    A payment by certificate says itself what it does, and only the order says with which one.
    """
    if payment.tender is Tender.GIFT_CERTIFICATE:
        return Marks(
            certificate_id=_spent(payment, order),
            operation=_unless_refund(payment, CertificateOperation.REDEMPTION),
        )
    if order is None or order.sold is None:
        return Marks()
    return Marks(
        certificate_id=_bought(payment, order),
        operation=_unless_refund(payment, CertificateOperation.PURCHASE),
    )


def _unless_refund(payment: PaymentTold, operation: CertificateOperation) -> CertificateOperation:
    refund = payment.type is PaymentType.REFUND
    return CertificateOperation.REFUND if refund else operation


def _spent(payment: PaymentTold, order: OrderTold | None) -> str | None:
    """The one certificate that this payment can have spent, or can give back to.

    The only one of its order; else, of money taken, the only one that pays just this amount. A
    refund may be of a part, so amounts do not tell it.
    """
    if order is None or order.paid_with is None:
        return None
    paid_with = order.paid_with
    numbers = {number for number, _ in paid_with.rows}
    if len(numbers) > 1 and payment.type is not PaymentType.REFUND:
        fits = payment.currency == paid_with.currency
        numbers = {
            number for number, minor in paid_with.rows if fits and minor == payment.amount_minor
        }
    return numbers.pop() if len(numbers) == 1 else None


def _bought(payment: PaymentTold, order: OrderTold) -> str | None:
    """The one certificate that this money buys, or was given back for.

    Money given back names it only when it is all that the order cost, and the order is nothing but
    that certificate: it may else be for goods, or what was paid too much.
    """
    sold = order.sold
    assert sold is not None, "the order sells certificates"
    if len(sold.rows) != 1:
        return None
    (number, amount_minor) = sold.rows[0]
    if payment.type is not PaymentType.REFUND:
        return number
    whole = (payment.amount_minor, payment.currency) == (amount_minor, sold.currency)
    return number if whole and sold.total_minor == amount_minor else None
