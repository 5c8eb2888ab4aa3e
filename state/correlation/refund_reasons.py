"""What refunds wait for: of a purchase that is undone, and onto a certificate that paid.

Pure. A refund needs both halves, the order undone and the money given back; these sentences say
which of them is missing.
"""

from collections.abc import Iterator, Mapping

from state.certificate.money import Money
from state.correlation.facts import (
    UNDONE,
    CertificateLine,
    OrderSeen,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.matching import match_redemptions, match_refunds
from state.correlation.overview import Overview, Step
from state.correlation.payment_reasons import NO_REASON, unfinished
from state.correlation.record import Correlation
from state.correlation.sentences import Sentence, SentenceCode, say


def refund_sentences(
    correlation: Correlation, overview: Overview, order: OrderSeen, called_for: frozenset[str]
) -> Iterator[Sentence]:
    """What is to be said of the purchases coming undone and of every refund."""
    standing = _standing_lines(overview, order)
    for line in standing:
        yield from _purchase(line, order, f"pending/{line.line_id}" in called_for)
    matched = match_redemptions(correlation)
    targets = match_refunds(correlation, matched)
    sent = overview.payments_asked(Step.REFUND)
    landed = frozenset(target for named, target in targets.items() if named in sent)
    for each in overview.payments:
        refund = each.payment
        if refund.type is not PaymentType.REFUND or refund.payment_id in sent:
            continue
        target = targets.get(refund.payment_id)
        if not _onto_certificate(refund):
            yield from _money_refund(refund, standing)
        elif refund.status is not PaymentStatus.FAILED:
            yield _certificate_refund(refund, target, order)
        elif target is None or target in landed:
            yield from unfinished(refund)
        else:
            yield _refund_failed(refund)
    if order.status in UNDONE:
        yield from _awaited_refunds(overview, matched, targets, landed)


def _standing_lines(overview: Overview, order: OrderSeen) -> tuple[CertificateLine, ...]:
    """The lines whose certificates were issued and not taken back."""
    issued, undone = overview.lines_asked(Step.ISSUE), overview.lines_asked(Step.UNDO)
    return tuple(line for line in order.lines if line.line_id in issued - undone)


def _purchase(line: CertificateLine, order: OrderSeen, begun: bool) -> Iterator[Sentence]:
    assert line.certificate_id is not None, "what was issued has a number"
    if order.status in UNDONE:
        code = SentenceCode.PURCHASE_REFUND_AWAITED
        yield say(code, certificate=line.certificate_id, line=line.line_id)
    elif begun:
        code = SentenceCode.PURCHASE_REFUND_BEGUN
        yield say(code, certificate=line.certificate_id, line=line.line_id)


def _money_refund(refund: PaymentSeen, standing: tuple[CertificateLine, ...]) -> Iterator[Sentence]:
    """One that failed matters for as long as a certificate it may be about stands."""
    about = any(refund.certificate_id in (None, line.certificate_id) for line in standing)
    if about and refund.status is PaymentStatus.FAILED:
        yield _refund_failed(refund)
    else:
        yield from unfinished(refund)


def _certificate_refund(refund: PaymentSeen, target: str | None, order: OrderSeen) -> Sentence:
    """What one that was not sent yet waits for."""
    named, amount = refund.payment_id, _money(refund)
    if target is None:
        return say(SentenceCode.REFUND_WITHOUT_REDEMPTION, payment=named, amount=amount)
    if order.status in UNDONE:
        code = SentenceCode.CERTIFICATE_REFUND_NOT_ENDED
    else:
        code = SentenceCode.CERTIFICATE_REFUND_BEGUN
    return say(code, payment=named, amount=amount, certificate=target)


def _awaited_refunds(
    overview: Overview,
    matched: Mapping[str, str],
    targets: Mapping[str, str],
    landed: frozenset[str],
) -> Iterator[Sentence]:
    """The certificates that paid for an undone order and have got nothing back so far."""
    under_way = {
        targets[each.payment.payment_id]
        for each in overview.payments
        if each.payment.payment_id in targets and each.payment.status is PaymentStatus.PENDING
    }
    for certificate_id in dict.fromkeys(matched.values()):
        if certificate_id not in landed and certificate_id not in under_way:
            yield say(SentenceCode.CERTIFICATE_REFUND_AWAITED, certificate=certificate_id)


def _onto_certificate(payment: PaymentSeen) -> bool:
    """One of nothing is asked of no certificate."""
    return payment.tender is Tender.GIFT_CERTIFICATE and payment.amount_minor > 0


def _refund_failed(payment: PaymentSeen) -> Sentence:
    return say(
        SentenceCode.REFUND_FAILED,
        payment=payment.payment_id,
        amount=_money(payment),
        reason=payment.failure_reason or NO_REASON,
    )


def _money(payment: PaymentSeen) -> Money:
    return Money(amount_minor=payment.amount_minor, currency=payment.currency)
