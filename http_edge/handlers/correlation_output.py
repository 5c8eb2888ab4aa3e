"""An explanation in the words of the API: amounts as decimal text, times as ISO 8601."""

from http_edge.api.correlation_models import (
    AskedStep,
    CorrelationExplanation,
    ExplainedAmounts,
    ExplainedLine,
    ExplainedOrder,
    ExplainedPayment,
    ExplainedSentence,
    ExplainedTender,
    ExplainedWaiting,
)
from http_edge.handlers.outputs import timestamp
from pipelines.contracts.amounts import minor_to_text
from state.certificate.money import Money
from state.correlation.explanation import Explanation
from state.correlation.facts import OrderSeen
from state.correlation.overview import (
    Amounts,
    Asked,
    PaymentOverview,
    TenderOverview,
    Waiting,
)
from state.correlation.sentences import Moment, Sentence, shown_values, text_of


def correlation_explanation(explanation: Explanation) -> CorrelationExplanation:
    """The answer to a call for an explanation."""
    shown = explanation.overview
    order, amounts, waiting = shown.order, shown.amounts, shown.waiting
    return CorrelationExplanation(
        correlation_id=explanation.correlation_id,
        since=timestamp(explanation.since_ms),
        settled=explanation.settled,
        sentences=[_sentence(each) for each in explanation.sentences],
        order=None if order is None else _order(order, shown.tenders),
        other_order_id=explanation.other_order_id,
        amounts=None if order is None or amounts is None else _amounts(amounts, order.currency),
        payments=[_payment(each) for each in shown.payments],
        asked=[_asked(each) for each in shown.asked],
        waiting=None if waiting is None else _waiting(waiting),
        forgotten_at=_timestamp(explanation.forgotten_at_ms),
    )


def _timestamp(at_ms: int | None) -> str | None:
    return None if at_ms is None else timestamp(at_ms)


def _sentence(sentence: Sentence) -> ExplainedSentence:
    values = shown_values(sentence, _shown_money, _shown_moment)
    return ExplainedSentence(
        code=sentence.code,
        tone=sentence.tone,
        text=text_of(sentence.code, values),
        values=values,
    )


def _shown_money(money: Money) -> str:
    return f"{minor_to_text(money.amount_minor, money.currency)} {money.currency}"


def _shown_moment(moment: Moment) -> str:
    return timestamp(moment.at_ms)


def _order(order: OrderSeen, tenders: tuple[TenderOverview, ...]) -> ExplainedOrder:
    currency = order.currency
    return ExplainedOrder(
        order_id=order.order_id,
        version=order.version,
        status=order.status,
        channel=order.channel,
        currency=currency,
        total=minor_to_text(order.total_minor, currency),
        lines=[
            ExplainedLine(
                line_id=line.line_id,
                certificate_id=line.certificate_id,
                amount=minor_to_text(line.amount_minor, currency),
            )
            for line in order.lines
        ],
        tenders=[
            ExplainedTender(
                certificate_id=tender.certificate_id,
                amount=minor_to_text(tender.amount_minor, currency),
                payment_id=tender.payment_id,
            )
            for tender in tenders
        ],
    )


def _amounts(amounts: Amounts, currency: str) -> ExplainedAmounts:
    def text(amount_minor: int) -> str:
        return minor_to_text(amount_minor, currency)

    def optional(amount_minor: int | None) -> str | None:
        return None if amount_minor is None else text(amount_minor)

    return ExplainedAmounts(
        currency=currency,
        total=text(amounts.total_minor),
        certificates=text(amounts.certificates_minor),
        goods=text(amounts.goods_minor),
        authorized=text(amounts.authorized_minor),
        captured=text(amounts.captured_minor),
        covered=text(amounts.covered_minor),
        refunded=text(amounts.refunded_minor),
        from_certificates=text(amounts.certificate_minor),
        short_to_issue=optional(amounts.short_to_issue_minor),
        short_to_activate=optional(amounts.short_to_activate_minor),
        overpaid=text(amounts.overpaid_minor),
    )


def _payment(shown: PaymentOverview) -> ExplainedPayment:
    payment = shown.payment
    return ExplainedPayment(
        payment_id=payment.payment_id,
        type=payment.type,
        status=payment.status,
        amount=minor_to_text(payment.amount_minor, payment.currency),
        currency=payment.currency,
        tender=payment.tender,
        certificate_id=shown.certificate_id,
        operation=payment.operation,
        authorization_id=payment.authorization_id,
        original_payment_id=payment.original_payment_id,
        failure_reason=payment.failure_reason,
    )


def _asked(asked: Asked) -> AskedStep:
    return AskedStep(
        step=asked.step,
        at=timestamp(asked.at_ms),
        line_id=asked.line_id,
        payment_id=asked.payment_id,
        certificate_id=asked.certificate_id,
        alert=asked.alert,
    )


def _waiting(waiting: Waiting) -> ExplainedWaiting:
    return ExplainedWaiting(
        half=waiting.half,
        since=_timestamp(waiting.since_ms),
        alert_at=_timestamp(waiting.alert_at_ms),
        alerted_at=_timestamp(waiting.alerted_at_ms),
    )
