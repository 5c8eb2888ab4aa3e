"""A correlation as fields: what was seen, what it comes to, what was asked, what is awaited.

Pure: it decides nothing and adds nothing, `intentions` and `fold` decided it all. Amounts are
minor units; those of the order are in its currency, a payment's in its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from state.correlation.coverage import certificates_minor, coverage, goods_minor
from state.correlation.facts import CertificateTender, OrderSeen, PaymentSeen, PaymentType
from state.correlation.fold import awaited
from state.correlation.matching import match_redemptions, match_refunds, redemption_payments
from state.correlation.record import Correlation


class Step(StrEnum):
    """What a certificate was told, or people were."""

    ISSUE = "ISSUE"
    ACTIVATE = "ACTIVATE"
    RELEASE = "RELEASE"
    UNDO = "UNDO"
    REDEEM = "REDEEM"
    REFUND = "REFUND"
    REFUND_PENDING = "REFUND_PENDING"
    REFUND_DETAILS = "REFUND_DETAILS"
    ALERT = "ALERT"


class Half(StrEnum):
    """Which half of the correlation is missing."""

    ORDER = "ORDER"
    PAYMENT = "PAYMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One command that was sent, and the time of the record that called for it.

    It names the line, payment or certificate it is about; an alert about the order names none.
    What came of the command, the certificate's own history tells.
    """

    step: Step
    at_ms: int
    line_id: str | None = None
    payment_id: str | None = None
    certificate_id: str | None = None
    alert: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderOverview:
    """A certificate that pays for the order, and the payment that agrees, if one does."""

    certificate_id: str
    amount_minor: int
    payment_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOverview:
    """A payment. `certificate_id` is the one it is taken to be about, said by it or found."""

    payment: PaymentSeen
    certificate_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What the order costs and what its payments come to.

    `covered_minor` is authorized and captured together; `certificate_minor` is what agreeing
    payments take from certificates, of which the price of the goods counts at most. What is short
    is 0 when the money is enough, and absent when the order sells no certificate.
    """

    total_minor: int
    certificates_minor: int
    goods_minor: int
    authorized_minor: int
    captured_minor: int
    covered_minor: int
    refunded_minor: int
    certificate_minor: int
    short_to_issue_minor: int | None
    short_to_activate_minor: int | None
    overpaid_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Which half is missing, since when, and when an alert is or was raised about it.

    `since_ms` is absent when it went missing again after its alert, which is raised once.
    """

    half: Half
    since_ms: int | None
    alert_at_ms: int | None
    alerted_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it. `asked` is everything that was sent, in the order in which it was."""

    order: OrderSeen | None
    amounts: Amounts | None
    tenders: tuple[TenderOverview, ...]
    payments: tuple[PaymentOverview, ...]
    asked: tuple[Asked, ...]
    waiting: Waiting | None

    def lines_asked(self, step: Step) -> frozenset[str]:
        """The lines whose certificate was told so."""
        return frozenset(
            each.line_id for each in self.asked if each.step is step and each.line_id is not None
        )

    def payments_asked(self, step: Step) -> frozenset[str]:
        """The payments that a certificate was told of so."""
        return frozenset(
            each.payment_id
            for each in self.asked
            if each.step is step and each.payment_id is not None
        )


def overview_of(correlation: Correlation) -> Overview:
    """The fields of an explanation."""
    order = correlation.order
    return Overview(
        order=order,
        amounts=None if order is None else _amounts(correlation, order),
        tenders=() if order is None else _tenders(correlation, order),
        payments=_payments(correlation),
        asked=tuple(_asked(correlation, name, at_ms) for name, at_ms in correlation.done.items()),
        waiting=_waiting(correlation),
    )


_STEPS: Final[Mapping[str, Step]] = {
    "issue": Step.ISSUE,
    "activate": Step.ACTIVATE,
    "release": Step.RELEASE,
    "undo": Step.UNDO,
    "redeem": Step.REDEEM,
    "refund": Step.REFUND,
    "pending": Step.REFUND_PENDING,
    "details": Step.REFUND_DETAILS,
    "alert": Step.ALERT,
}


def _asked(correlation: Correlation, identity: str, at_ms: int) -> Asked:
    """What a command was about, from its identity: `intentions` says how these are made."""
    verb, _, about = identity.partition("/")
    step = _STEPS[verb]
    match step:
        case Step.REDEEM | Step.REFUND:
            return Asked(step=step, at_ms=at_ms, payment_id=about)
        case Step.REFUND_PENDING if about not in _line_ids(correlation):
            return Asked(step=step, at_ms=at_ms, certificate_id=about)
        case Step.REFUND_DETAILS:
            payment_id, line_id = _failed_refund(correlation, about)
            return Asked(step=step, at_ms=at_ms, payment_id=payment_id, line_id=line_id)
        case Step.ALERT:
            alert, _, subject = about.partition("/")
            of_payment = alert == "REDEMPTION_MISMATCH"
            return Asked(
                step=step,
                at_ms=at_ms,
                payment_id=subject if of_payment else None,
                line_id=None if of_payment else subject or None,
                alert=alert,
            )
        case _:
            return Asked(step=step, at_ms=at_ms, line_id=about)


def _line_ids(correlation: Correlation) -> tuple[str, ...]:
    """Of a line that was issued, as long as the correlation is kept."""
    order = correlation.order
    return () if order is None else tuple(line.line_id for line in order.lines)


def _failed_refund(correlation: Correlation, about: str) -> tuple[str, str | None]:
    """The refund, and the line if it was one of a purchase. Either id may hold a slash."""
    for line_id in _line_ids(correlation):
        payment_id = about.removesuffix(f"/{line_id}")
        if (
            payment_id != about
            and f"{PaymentType.REFUND.value}/{payment_id}" in correlation.payments
        ):
            return payment_id, line_id
    return about, None


def _tenders(correlation: Correlation, order: OrderSeen) -> tuple[TenderOverview, ...]:
    """Each tender with the payment that agrees with it; a payment serves one tender."""
    matched = match_redemptions(correlation)
    agreeing = {
        payment.payment_id: (matched[payment.payment_id], payment.amount_minor)
        for payment in redemption_payments(correlation)
        if payment.payment_id in matched
    }
    return tuple(
        TenderOverview(
            certificate_id=tender.certificate_id,
            amount_minor=tender.amount_minor,
            payment_id=_first_agreeing(tender, agreeing),
        )
        for tender in order.tenders
    )


def _first_agreeing(tender: CertificateTender, agreeing: dict[str, tuple[str, int]]) -> str | None:
    wanted = (tender.certificate_id, tender.amount_minor)
    for payment_id, taken in agreeing.items():
        if taken == wanted:
            del agreeing[payment_id]
            return payment_id
    return None


def _payments(correlation: Correlation) -> tuple[PaymentOverview, ...]:
    matched = dict(correlation.redeemed)
    if correlation.order is not None:
        matched = match_redemptions(correlation)
    found = {
        PaymentType.CAPTURE: matched,
        PaymentType.REFUND: match_refunds(correlation, matched),
    }
    return tuple(
        PaymentOverview(
            payment=payment,
            certificate_id=found.get(payment.type, {}).get(
                payment.payment_id, payment.certificate_id
            ),
        )
        for payment in correlation.payments.values()
    )


def _amounts(correlation: Correlation, order: OrderSeen) -> Amounts:
    paid = coverage(correlation)
    sells = bool(order.lines)
    needed_minor = min(certificates_minor(order), order.total_minor)

    def short(paid_minor: int) -> int:
        left_minor = paid_minor - paid.refunded_minor
        return max(order.total_minor - paid_minor, needed_minor - left_minor, 0)

    return Amounts(
        total_minor=order.total_minor,
        certificates_minor=certificates_minor(order),
        goods_minor=goods_minor(order),
        authorized_minor=paid.authorized_minor,
        captured_minor=paid.captured_minor,
        covered_minor=paid.covered_minor,
        refunded_minor=paid.refunded_minor,
        certificate_minor=paid.certificate_minor,
        short_to_issue_minor=short(paid.covered_minor) if sells else None,
        short_to_activate_minor=short(paid.captured_minor) if sells else None,
        overpaid_minor=max(paid.captured_minor - order.total_minor, 0),
    )


def _waiting(correlation: Correlation) -> Waiting | None:
    half = awaited(correlation)
    if half is None:
        return None
    return Waiting(
        half=Half(half),
        since_ms=correlation.waiting_since_ms,
        alert_at_ms=correlation.deadline_ms,
        alerted_at_ms=correlation.done.get(f"alert/{half}_MISSING"),
    )
