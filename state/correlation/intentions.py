"""What the facts seen so far ask of certificates.

Pure derivation: from a correlation to the commands it calls for, each with an identity that never
changes, in the order in which they must be performed. The fold sends each identity once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from state.certificate.commands import (
    Action,
    Activate,
    CancelPurchase,
    Issue,
    RaiseAlert,
    Redeem,
    RefundPending,
    RefundPendingDetails,
    RefundToCertificate,
    Release,
)
from state.certificate.money import Money
from state.correlation.coverage import Coverage, coverage
from state.correlation.facts import (
    CertificateLine,
    OrderSeen,
    OrderStatus,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.record import Correlation

BINDING = frozenset({OrderStatus.CONFIRMED, OrderStatus.COMPLETED})
UNDONE = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNED})
REFUND_UNDER_WAY = frozenset({PaymentStatus.PENDING, PaymentStatus.SUCCEEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Intention:
    """One command to send once. `identity` is unique within the correlation, for ever."""

    identity: str
    certificate_id: str
    action: Action


def intentions(correlation: Correlation) -> Iterator[Intention]:
    """Everything the correlation asks for by now, sent before or not."""
    order = correlation.order
    if order is None:
        return
    paid = coverage(correlation)
    for line in order.lines:
        if line.certificate_id is not None:
            yield from _purchase(correlation, order, paid, line, line.certificate_id)
    yield from _redemptions(correlation, order)
    yield from _refunds(correlation, order)
    yield from _order_alerts(correlation, order, paid)


def _purchase(
    correlation: Correlation,
    order: OrderSeen,
    paid: Coverage,
    line: CertificateLine,
    certificate_id: str,
) -> Iterator[Intention]:
    def intend(verb: str, action: Action) -> Intention:
        identity = f"{verb}/{line.line_id}"
        return Intention(identity=identity, certificate_id=certificate_id, action=action)

    issued = f"issue/{line.line_id}" in correlation.done
    if order.status in BINDING and paid.covered_minor >= order.total_minor:
        yield intend("issue", _issue(order, line))
        issued = True
    if order.status in BINDING and issued and paid.captured_minor >= order.total_minor:
        yield intend("activate", Activate(order_id=order.order_id))
    if not issued:
        voided = bool(correlation.succeeded(PaymentType.VOID)) and paid.covered_minor == 0
        if order.status in UNDONE or voided:
            yield intend("release", Release(order_id=order.order_id, channel=order.channel))
        return
    order_half = order.status in UNDONE
    money_half = _money_is_back(correlation, order, paid, line)
    if order_half and money_half:
        yield intend("undo", CancelPurchase(order_id=order.order_id))
    elif order_half or _money_is_coming_back(correlation, order, paid, line):
        yield intend("pending", RefundPending(order_id=order.order_id))
    for refund in _purchase_refunds(correlation, line):
        if refund.status is PaymentStatus.FAILED:
            reason = refund.failure_reason or "the refund failed"
            details = RefundPendingDetails(order_id=order.order_id, reason=reason)
            yield intend(f"details/{refund.payment_id}", details)


def _issue(order: OrderSeen, line: CertificateLine) -> Issue:
    return Issue(
        order_id=order.order_id,
        channel=order.channel,
        client_id=order.client_id,
        nominal=Money(amount_minor=line.amount_minor, currency=order.currency),
        notification_channel=order.notification_channel,
    )


def _purchase_refunds(correlation: Correlation, line: CertificateLine) -> list[PaymentSeen]:
    """Refunds in money (not onto a certificate) that may be about this line."""
    return [
        payment
        for payment in correlation.payments.values()
        if payment.type is PaymentType.REFUND
        and payment.tender is not Tender.GIFT_CERTIFICATE
        and payment.certificate_id in (None, line.certificate_id)
    ]


def _money_is_back(
    correlation: Correlation, order: OrderSeen, paid: Coverage, line: CertificateLine
) -> bool:
    """Whether the customer has the line's money again.

    A refund that names the certificate is about its line. One that names none counts only when
    what is left cannot pay for any certificate line: a small refund on an order of goods and
    certificates must not end a certificate.
    """
    named_minor = sum(
        refund.amount_minor
        for refund in _purchase_refunds(correlation, line)
        if refund.status is PaymentStatus.SUCCEEDED and refund.certificate_id is not None
    )
    if named_minor >= line.amount_minor:
        return True
    goods_minor = order.total_minor - sum(each.amount_minor for each in order.lines)
    return paid.any_payment and paid.kept_minor <= max(goods_minor, 0)


def _money_is_coming_back(
    correlation: Correlation, order: OrderSeen, paid: Coverage, line: CertificateLine
) -> bool:
    """The first half of a refund: one was begun, or the payment behind an issue was voided."""
    begun = any(r.status in REFUND_UNDER_WAY for r in _purchase_refunds(correlation, line))
    voided = bool(correlation.succeeded(PaymentType.VOID))
    return begun or (voided and paid.covered_minor < order.total_minor)


def redemption_payments(correlation: Correlation) -> tuple[PaymentSeen, ...]:
    """The payments that took money from certificates."""
    captures = correlation.succeeded(PaymentType.CAPTURE)
    return tuple(p for p in captures if p.tender is Tender.GIFT_CERTIFICATE)


def match_redemptions(correlation: Correlation) -> dict[str, str]:
    """Which tender each certificate payment agrees with: payment id to certificate id.

    Payments matched before stay matched; a tender serves one payment; certificate, amount and
    currency must be equal. A payment that names no certificate takes the first tender that fits.
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
    if order.status not in BINDING and order.status is not OrderStatus.RETURNED:
        return matched
    for payment in payments:
        if payment.payment_id in matched or payment.currency != order.currency:
            continue
        for certificate_id, amount_minor in free:
            named = payment.certificate_id in (None, certificate_id)
            if named and amount_minor == payment.amount_minor:
                matched[payment.payment_id] = certificate_id
                free.remove((certificate_id, amount_minor))
                break
    return matched


def _redemptions(correlation: Correlation, order: OrderSeen) -> Iterator[Intention]:
    matched = match_redemptions(correlation)
    for payment in redemption_payments(correlation):
        certificate_id = matched.get(payment.payment_id)
        if certificate_id is not None:
            yield Intention(
                identity=f"redeem/{payment.payment_id}",
                certificate_id=certificate_id,
                action=Redeem(
                    order_id=order.order_id,
                    payment_id=payment.payment_id,
                    amount=Money(amount_minor=payment.amount_minor, currency=payment.currency),
                    authorization_id=payment.authorization_id,
                ),
            )
        elif order.status in BINDING and order.tenders:
            yield _alert(
                f"REDEMPTION_MISMATCH/{payment.payment_id}",
                payment.certificate_id or order.tenders[0].certificate_id,
                "order and payment name different certificates or amounts; nothing was spent",
            )


def _refunds(correlation: Correlation, order: OrderSeen) -> Iterator[Intention]:
    """Refunds onto certificates: each needs the redemption it gives back to have been sent."""
    matched = match_redemptions(correlation)
    refunds = [
        payment
        for payment in correlation.payments.values()
        if payment.type is PaymentType.REFUND and payment.tender is Tender.GIFT_CERTIFICATE
    ]
    refunded: set[str] = set()
    for refund in refunds:
        certificate_id = _refund_target(refund, matched, order)
        if certificate_id is None:
            continue
        refunded.add(certificate_id)
        yield from _refund(refund, certificate_id, order)
    if order.status in UNDONE:
        for certificate_id in dict.fromkeys(matched.values()):
            if certificate_id not in refunded:
                yield _refund_pending(certificate_id, order)


def _refund(refund: PaymentSeen, certificate_id: str, order: OrderSeen) -> Iterator[Intention]:
    if refund.status is PaymentStatus.FAILED:
        yield Intention(
            identity=f"details/{refund.payment_id}",
            certificate_id=certificate_id,
            action=RefundPendingDetails(
                order_id=order.order_id, reason=refund.failure_reason or "the refund failed"
            ),
        )
    elif order.status in UNDONE and refund.status is PaymentStatus.SUCCEEDED:
        yield Intention(
            identity=f"refund/{refund.payment_id}",
            certificate_id=certificate_id,
            action=RefundToCertificate(
                order_id=order.order_id,
                payment_id=refund.payment_id,
                amount=Money(amount_minor=refund.amount_minor, currency=refund.currency),
            ),
        )
    else:
        yield _refund_pending(certificate_id, order)


def _refund_pending(certificate_id: str, order: OrderSeen) -> Intention:
    return Intention(
        identity=f"pending/{certificate_id}",
        certificate_id=certificate_id,
        action=RefundPending(order_id=order.order_id),
    )


def _refund_target(refund: PaymentSeen, matched: dict[str, str], order: OrderSeen) -> str | None:
    """The certificate a refund goes onto: one that this order really spent from."""
    spent = set(matched.values())
    if refund.certificate_id is not None:
        return refund.certificate_id if refund.certificate_id in spent else None
    if refund.original_payment_id in matched:
        return matched[refund.original_payment_id]
    for tender in order.tenders:
        if tender.certificate_id in spent and tender.amount_minor >= refund.amount_minor:
            return tender.certificate_id
    return None


def _order_alerts(
    correlation: Correlation, order: OrderSeen, paid: Coverage
) -> Iterator[Intention]:
    subject = certificate_of(correlation)
    if paid.captured_minor > order.total_minor:
        yield _alert("OVERPAID", subject, "more was captured than the order costs")
    if order.status in BINDING and paid.covered_minor >= order.total_minor:
        for line in order.lines:
            if line.certificate_id is None:
                text = "an order was paid whose certificate line has no number"
                yield _alert(f"NUMBER_MISSING/{line.line_id}", subject, text)


def _alert(name: str, certificate_id: str, text: str) -> Intention:
    code = name.partition("/")[0]
    return Intention(
        identity=f"alert/{name}",
        certificate_id=certificate_id,
        action=RaiseAlert(code=code, text=text),
    )


def alert_for(correlation: Correlation, code: str, text: str) -> Intention:
    """An alert about the correlation as a whole."""
    return _alert(code, certificate_of(correlation), text)


def certificate_of(correlation: Correlation) -> str:
    """The certificate an alert is filed under; without one, the correlation itself.

    The prefix has characters that no certificate number may have, so the keys never meet.
    """
    order = correlation.order
    if order is not None:
        for line in order.lines:
            if line.certificate_id is not None:
                return line.certificate_id
        for tender in order.tenders:
            return tender.certificate_id
    for payment in correlation.payments.values():
        if payment.certificate_id is not None:
            return payment.certificate_id
    return f"correlation:{correlation.correlation_id}"
