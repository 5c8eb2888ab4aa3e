"""What the facts seen so far ask of certificates.

Pure derivation: from a correlation to the commands it calls for, each with an identity that never
changes, in the order in which they must be performed. The fold sends each identity once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

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
from state.correlation.coverage import Coverage, certificates_minor, coverage, goods_minor
from state.correlation.facts import (
    BINDING,
    UNDONE,
    CertificateLine,
    OrderSeen,
    OrderStatus,
    PaymentSeen,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.matching import (
    certificate_refunds,
    match_redemptions,
    match_refunds,
    redemption_payments,
)
from state.correlation.record import Correlation

REFUND_UNDER_WAY = frozenset({PaymentStatus.PENDING, PaymentStatus.SUCCEEDED})

CORRELATION_SUBJECT: Final = "correlation:"
"""Before the id of a correlation that alerts are filed under when it names no certificate."""


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
    if order.status in BINDING and _pays(order, paid.covered_minor, paid):
        yield intend("issue", _issue(order, line))
        issued = True
    if order.status in BINDING and issued and _pays(order, paid.captured_minor, paid):
        yield intend("activate", Activate(order_id=order.order_id))
    if not issued:
        voided = bool(correlation.succeeded(PaymentType.VOID)) and paid.covered_minor == 0
        if order.status in UNDONE or voided:
            yield intend("release", Release(order_id=order.order_id, channel=order.channel))
        return
    failed = [
        refund
        for refund in _purchase_refunds(correlation, order, line)
        if refund.status is PaymentStatus.FAILED
    ]
    order_half = order.status in UNDONE
    money_half = _money_is_back(correlation, order, paid, line)
    # A refund that failed before the order was undone already asks for details: people know.
    order_waits = order_half and not failed
    if order_half and money_half:
        yield intend("undo", CancelPurchase(order_id=order.order_id))
    elif order_waits or _money_is_coming_back(correlation, order, paid, line):
        yield intend("pending", RefundPending(order_id=order.order_id))
    for refund in failed:
        reason = refund.failure_reason or "the refund failed"
        details = RefundPendingDetails(order_id=order.order_id, reason=reason)
        yield intend(f"details/{refund.payment_id}", details)


def _pays(order: OrderSeen, paid_minor: int, paid: Coverage) -> bool:
    """Whether so much money pays for the order, and refunds have left enough for certificates."""
    needed_minor = min(certificates_minor(order), order.total_minor)
    left_minor = paid_minor - paid.refunded_minor
    return paid_minor >= order.total_minor and left_minor >= needed_minor


def _issue(order: OrderSeen, line: CertificateLine) -> Issue:
    return Issue(
        order_id=order.order_id,
        channel=order.channel,
        client_id=order.client_id,
        nominal=Money(amount_minor=line.amount_minor, currency=order.currency),
        notification_channel=order.notification_channel,
    )


def _purchase_refunds(
    correlation: Correlation, order: OrderSeen, line: CertificateLine
) -> list[PaymentSeen]:
    """Refunds in money (not onto a certificate) that may be about this line."""
    return [
        payment
        for payment in correlation.payments.values()
        if payment.type is PaymentType.REFUND
        and payment.tender is not Tender.GIFT_CERTIFICATE
        and payment.currency == order.currency
        and payment.certificate_id in (None, line.certificate_id)
    ]


def _money_is_back(
    correlation: Correlation, order: OrderSeen, paid: Coverage, line: CertificateLine
) -> bool:
    """Whether the customer has the line's money again.

    A refund that names the certificate is about its line. One that names none may be about goods:
    it counts only when what is left is no more than the goods cost, and cannot pay for any
    certificate line. A refund of the goods alone must not end a certificate that was paid for.
    """
    named_minor = sum(
        refund.amount_minor
        for refund in _purchase_refunds(correlation, order, line)
        if refund.status is PaymentStatus.SUCCEEDED and refund.certificate_id is not None
    )
    if named_minor >= line.amount_minor:
        return True
    smallest_minor = min(each.amount_minor for each in order.lines)
    left_minor = paid.kept_minor
    return paid.any_payment and left_minor <= goods_minor(order) and left_minor < smallest_minor


def _money_is_coming_back(
    correlation: Correlation, order: OrderSeen, paid: Coverage, line: CertificateLine
) -> bool:
    """The first half of a refund: one was begun, or the payment behind an issue was voided.

    Refunds that name no certificate are about the goods, or what was paid too much, for as long as
    these account for them.
    """
    begun = [r for r in _purchase_refunds(correlation, order, line) if r.status in REFUND_UNDER_WAY]
    named = any(refund.certificate_id is not None for refund in begun)
    unnamed_minor = sum(r.amount_minor for r in begun if r.certificate_id is None)
    overpaid_minor = max(paid.captured_minor - order.total_minor, 0)
    voided = bool(correlation.succeeded(PaymentType.VOID))
    return (
        named
        or unnamed_minor > goods_minor(order) + overpaid_minor
        or (voided and paid.covered_minor < order.total_minor)
    )


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
        elif order.status in BINDING:
            yield _alert(
                f"REDEMPTION_MISMATCH/{payment.payment_id}",
                payment.certificate_id or _first_tender(order) or certificate_of(correlation),
                "order and payment name different certificates or amounts; nothing was spent",
            )


def _first_tender(order: OrderSeen) -> str | None:
    return order.tenders[0].certificate_id if order.tenders else None


def _refunds(correlation: Correlation, order: OrderSeen) -> Iterator[Intention]:
    """Refunds onto certificates: each needs the redemption it gives back to have been sent."""
    matched = match_redemptions(correlation)
    targets = match_refunds(correlation, matched)
    for refund in certificate_refunds(correlation):
        certificate_id = targets.get(refund.payment_id)
        if certificate_id is not None:
            yield from _refund(refund, certificate_id, order)
    if order.status in UNDONE:
        for certificate_id in dict.fromkeys(matched.values()):
            if certificate_id not in targets.values():
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


def _order_alerts(
    correlation: Correlation, order: OrderSeen, paid: Coverage
) -> Iterator[Intention]:
    subject = certificate_of(correlation)
    # The total of an order that is only created may still grow.
    if order.status is not OrderStatus.CREATED and paid.captured_minor > order.total_minor:
        yield _alert("OVERPAID", subject, "more was captured than the order costs")
    if correlation.other_order_id is not None:
        text = "a second order has the correlation id of this one; nothing is done for the second"
        yield _alert("TWO_ORDERS", subject, text)
    if order.status in BINDING and order.lines and paid.certificate_minor > goods_minor(order):
        text = "a certificate was asked to pay for a certificate, which is not counted as paid"
        yield _alert("CERTIFICATE_FOR_CERTIFICATE", subject, text)
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
    return f"{CORRELATION_SUBJECT}{correlation.correlation_id}"
