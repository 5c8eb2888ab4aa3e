"""Which sentences are true of a correlation: why something does not happen, and what did.

Pure. It reads the fields of `overview` and what `intentions` call for, so that what people are told
and what is done cannot come apart. Redemptions and refunds have their own modules.
"""

from collections.abc import Iterator
from typing import Final

from state.certificate.money import Money
from state.correlation.facts import BINDING, UNDONE, OrderSeen, OrderStatus
from state.correlation.intentions import intentions
from state.correlation.overview import Amounts, Asked, Half, Overview, Step, Waiting
from state.correlation.payment_reasons import payment_sentences
from state.correlation.record import Correlation
from state.correlation.redemption_reasons import redemption_sentences
from state.correlation.refund_reasons import refund_sentences
from state.correlation.sentences import Moment, Sentence, SentenceCode, Tone, say


def sentences_about(correlation: Correlation, overview: Overview) -> tuple[Sentence, ...]:
    """All that is to be said, what is wrong first, then what is open."""
    said = list(_everything(correlation, overview))
    if all(each.tone is Tone.NOTE for each in said):
        said.insert(0, say(SentenceCode.SETTLED))
    weight = {tone: place for place, tone in enumerate(Tone)}
    return tuple(sorted(said, key=lambda each: weight[each.tone]))


def _everything(correlation: Correlation, overview: Overview) -> Iterator[Sentence]:
    called_for = frozenset(each.identity for each in intentions(correlation))
    order = overview.order
    if order is None:
        yield from _without_order(correlation)
    else:
        yield from _order(correlation, order)
        assert overview.amounts is not None, "an order has amounts"
        yield from _money(overview, order, overview.amounts, called_for)
        yield from _numbers(order, called_for)
        yield from redemption_sentences(overview, order)
        yield from refund_sentences(correlation, overview, order, called_for)
    yield from payment_sentences(overview)
    if overview.waiting is not None:
        yield from _waiting(overview.waiting)
    for asked in overview.asked:
        yield _told(asked)


def _without_order(correlation: Correlation) -> Iterator[Sentence]:
    if correlation.ordinary_order_id is not None:
        ordinary_id = correlation.ordinary_order_id
        yield say(SentenceCode.ORDER_HAS_NO_CERTIFICATES, order=ordinary_id)
    if correlation.concerns_certificates:
        yield say(SentenceCode.ORDER_NOT_SEEN)
    else:
        yield say(SentenceCode.NOT_ABOUT_CERTIFICATES)


def _order(correlation: Correlation, order: OrderSeen) -> Iterator[Sentence]:
    order_id = order.order_id
    if not order.lines and not order.tenders:
        yield say(SentenceCode.ORDER_HAS_NO_CERTIFICATES, order=order_id)
    elif order.status is OrderStatus.CREATED:
        yield say(SentenceCode.ORDER_NOT_CONFIRMED, order=order_id)
    if order.status in UNDONE:
        yield say(SentenceCode.ORDER_UNDONE, order=order_id, status=order.status.value)
    if correlation.other_order_id is not None:
        other_id = correlation.other_order_id
        yield say(SentenceCode.TWO_ORDERS, order=order_id, other=other_id)


def _money(
    overview: Overview, order: OrderSeen, amounts: Amounts, called_for: frozenset[str]
) -> Iterator[Sentence]:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=order.currency)

    total, refunded = money(amounts.total_minor), money(amounts.refunded_minor)
    short_to_issue, short_to_activate = _shortages(overview, order, amounts)
    if short_to_issue:
        covered = money(amounts.covered_minor)
        short = money(short_to_issue)
        yield say(SentenceCode.SHORT_TO_ISSUE, short=short, covered=covered, total=total)
    if short_to_activate:
        captured = money(amounts.captured_minor)
        short = money(short_to_activate)
        yield say(SentenceCode.SHORT_TO_ACTIVATE, short=short, captured=captured, total=total)
    if (short_to_issue or short_to_activate) and amounts.refunded_minor:
        yield say(SentenceCode.MONEY_GIVEN_BACK, refunded=refunded)
    if "alert/OVERPAID" in called_for:
        overpaid = money(amounts.overpaid_minor)
        if amounts.refunded_minor < amounts.overpaid_minor:
            yield say(SentenceCode.OVERPAID, overpaid=overpaid)
        else:
            yield say(SentenceCode.OVERPAID_AND_REFUNDED, overpaid=overpaid, refunded=refunded)
    if "alert/CERTIFICATE_FOR_CERTIFICATE" in called_for:
        asked, goods = money(amounts.certificate_minor), money(amounts.goods_minor)
        yield say(SentenceCode.CERTIFICATE_FOR_CERTIFICATE, asked=asked, goods=goods)


def _shortages(overview: Overview, order: OrderSeen, amounts: Amounts) -> tuple[int, int]:
    """What certificates really wait for: those not issued yet, and those issued but not active."""
    if order.status not in BINDING:
        return 0, 0
    lines = frozenset(line.line_id for line in order.lines)
    issued = overview.lines_asked(Step.ISSUE)
    unissued = lines - issued
    inactive = (lines & issued) - overview.lines_asked(Step.ACTIVATE)
    return (
        (amounts.short_to_issue_minor or 0) if unissued else 0,
        (amounts.short_to_activate_minor or 0) if inactive else 0,
    )


def _numbers(order: OrderSeen, called_for: frozenset[str]) -> Iterator[Sentence]:
    if order.status not in BINDING:
        return
    for line in order.lines:
        if line.certificate_id is not None:
            continue
        paid = f"alert/NUMBER_MISSING/{line.line_id}" in called_for
        code = SentenceCode.NUMBER_MISSING if paid else SentenceCode.NUMBER_AWAITED
        yield say(code, line=line.line_id)


def _waiting(waiting: Waiting) -> Iterator[Sentence]:
    if waiting.alerted_at_ms is not None:
        yield say(_OVERDUE[waiting.half], at=Moment(at_ms=waiting.alerted_at_ms))
    elif waiting.since_ms is not None and waiting.alert_at_ms is not None:
        since, due = Moment(at_ms=waiting.since_ms), Moment(at_ms=waiting.alert_at_ms)
        yield say(_AWAITED[waiting.half], since=since, due=due)


_AWAITED: Final = {
    Half.ORDER: SentenceCode.ORDER_AWAITED,
    Half.PAYMENT: SentenceCode.PAYMENT_AWAITED,
}
_OVERDUE: Final = {
    Half.ORDER: SentenceCode.ORDER_OVERDUE,
    Half.PAYMENT: SentenceCode.PAYMENT_OVERDUE,
}


def _told(asked: Asked) -> Sentence:
    """What was sent, in words."""
    at = Moment(at_ms=asked.at_ms)
    if asked.alert is not None:
        return say(SentenceCode.ALERT_RAISED, alert=asked.alert, at=at)
    codes = _OF_PAYMENTS if asked.line_id is None else _OF_LINES
    subject = {
        name: value
        for name, value in (
            ("line", asked.line_id),
            ("payment", asked.payment_id),
            ("certificate", asked.certificate_id),
        )
        if value is not None
    }
    return say(codes[asked.step], **subject, at=at)


_OF_LINES: Final = {
    Step.ISSUE: SentenceCode.ISSUE_ASKED,
    Step.ACTIVATE: SentenceCode.ACTIVATE_ASKED,
    Step.RELEASE: SentenceCode.RELEASE_ASKED,
    Step.UNDO: SentenceCode.UNDO_ASKED,
    Step.REFUND_PENDING: SentenceCode.PURCHASE_REFUND_PENDING_ASKED,
    Step.REFUND_DETAILS: SentenceCode.PURCHASE_REFUND_DETAILS_ASKED,
}
_OF_PAYMENTS: Final = {
    Step.REDEEM: SentenceCode.REDEEM_ASKED,
    Step.REFUND: SentenceCode.REFUND_ASKED,
    Step.REFUND_PENDING: SentenceCode.CERTIFICATE_REFUND_PENDING_ASKED,
    Step.REFUND_DETAILS: SentenceCode.CERTIFICATE_REFUND_DETAILS_ASKED,
}
