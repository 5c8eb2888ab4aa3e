"""Laws of explanations, attacked with anything that other systems may say.

An explanation never fails, tells all that was asked, and calls settled only what the rules that act
find settled too; these are asked here on their own, not through the explanation.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from state.certificate.commands import RaiseAlert, RefundPending, RefundPendingDetails
from state.correlation.explanation import Explanation, explain
from state.correlation.facts import (
    BINDING,
    Happening,
    OrderStatus,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.fold import awaited
from state.correlation.intentions import intentions
from state.correlation.matching import certificate_refunds, redemption_payments
from state.correlation.overview import Step
from state.correlation.record import Correlation
from state.correlation.sentences import SentenceCode, Tone
from state.stores.codec import CORRELATION
from tests.state.correlation.story import Story
from tests.state.correlation.test_fold_laws import happenings, orders
from tests.state.correlation.told_explanation import text

second_orders = st.builds(replace, orders, order_id=st.just("order-2"))
histories: st.SearchStrategy[list[Happening]] = st.lists(
    st.one_of(happenings, happenings, happenings, second_orders), max_size=14
)

ALERT_SENTENCES = {
    "OVERPAID": {SentenceCode.OVERPAID, SentenceCode.OVERPAID_AND_REFUNDED},
    "TWO_ORDERS": {SentenceCode.TWO_ORDERS},
    "CERTIFICATE_FOR_CERTIFICATE": {SentenceCode.CERTIFICATE_FOR_CERTIFICATE},
    "NUMBER_MISSING": {SentenceCode.NUMBER_MISSING},
    "REDEMPTION_MISMATCH": {
        SentenceCode.REDEMPTION_UNEXPECTED,
        SentenceCode.REDEMPTION_IN_OTHER_CURRENCY,
        SentenceCode.REDEMPTION_OF_OTHER_CERTIFICATE,
        SentenceCode.REDEMPTION_OF_OTHER_AMOUNT,
        SentenceCode.REDEMPTION_TWICE,
    },
}


def states(facts: list[Happening]) -> Iterator[Correlation]:
    """What is kept after each fact; a deadline comes when it is due or long past."""
    story = Story()
    for happening in facts:
        story.tell(happening)
        if story.state is not None:
            yield story.state


@given(histories)
def test_any_history_is_explained_in_words(facts: list[Happening]) -> None:
    for state in states(facts):
        explanation = explain(state)
        assert explanation.sentences, "something can always be said"
        for sentence in explanation.sentences:
            assert text(sentence)


@given(histories)
def test_any_history_read_back_from_its_store_is_explained_alike(facts: list[Happening]) -> None:
    for state in states(facts):
        assert explain(CORRELATION.decode(CORRELATION.encode(state))) == explain(state)


@given(histories)
def test_any_history_tells_every_command_that_was_sent_once(facts: list[Happening]) -> None:
    for state in states(facts):
        asked = explain(state).overview.asked
        assert [each.at_ms for each in asked] == list(state.done.values())
        verbs = Counter(identity.partition("/")[0] for identity in state.done)
        steps = Counter(each.step for each in asked)
        assert steps[Step.ISSUE] == verbs["issue"]
        assert steps[Step.ALERT] == verbs["alert"]
        assert steps.total() == verbs.total()
        assert {i.identity for i in intentions(state)} <= state.done.keys()


@given(histories)
def test_any_history_is_short_exactly_when_nothing_is_issued_or_activated(
    facts: list[Happening],
) -> None:
    for state in states(facts):
        order, amounts = state.order, explain(state).overview.amounts
        if order is None or order.status not in BINDING:
            continue
        assert amounts is not None
        called_for = {each.identity for each in intentions(state)}
        for line in order.lines:
            if line.certificate_id is None:
                continue
            issued = f"issue/{line.line_id}" in called_for
            assert issued == (amounts.short_to_issue_minor == 0)
            activated = f"activate/{line.line_id}" in called_for
            may_be = f"issue/{line.line_id}" in state.done
            assert activated == (may_be and amounts.short_to_activate_minor == 0)


@given(histories)
def test_any_history_tells_of_every_alert_that_is_called_for(facts: list[Happening]) -> None:
    for state in states(facts):
        told = Counter(sentence.code for sentence in explain(state).sentences)
        called_for = Counter(
            each.action.code for each in intentions(state) if isinstance(each.action, RaiseAlert)
        )
        for alert, count in called_for.items():
            assert sum(told[code] for code in ALERT_SENTENCES[alert]) == count


@given(histories)
def test_any_history_called_settled_waits_for_nothing_and_alerts_of_nothing(
    facts: list[Happening],
) -> None:
    for state in states(facts):
        explanation = explain(state)
        if explanation.settled:
            assert awaited(state) is None
            assert not list(_certain_troubles(state, explanation))


@given(histories)
def test_any_history_not_called_settled_has_something_to_look_at(facts: list[Happening]) -> None:
    for state in states(facts):
        explanation = explain(state)
        if not explanation.settled:
            troubles = [*_certain_troubles(state, explanation), *_possible_troubles(state)]
            assert awaited(state) is not None or troubles


@given(histories)
def test_any_history_says_settled_alone_or_what_is_not(facts: list[Happening]) -> None:
    for state in states(facts):
        sentences = explain(state).sentences
        tones = {sentence.tone for sentence in sentences}
        codes = {sentence.code for sentence in sentences}
        assert (SentenceCode.SETTLED in codes) == (tones == {Tone.NOTE})


def _certain_troubles(state: Correlation, explanation: Explanation) -> Iterator[str]:
    """What nobody may call settled, as the rules that act see it."""
    order = state.order
    if order is None:
        return
    amounts = explanation.overview.amounts
    assert amounts is not None
    given_back = amounts.refunded_minor >= amounts.overpaid_minor
    for each in intentions(state):
        match each.action:
            case RaiseAlert(code=code) if code != "OVERPAID" or not given_back:
                yield each.identity
            case RefundPending() if f"undo/{each.identity[8:]}" not in state.done:
                # Of a line; of a certificate that paid, one that landed may be told again.
                if any(f"pending/{line.line_id}" == each.identity for line in order.lines):
                    yield each.identity
            case _:
                pass
    if order.status is OrderStatus.CREATED and (order.lines or order.tenders):
        yield "created"
    if order.status in BINDING:
        yield from (
            f"not active: {line.line_id}"
            for line in order.lines
            if f"activate/{line.line_id}" not in state.done
        )
        yield from (
            f"not redeemed: {payment.payment_id}"
            for payment in redemption_payments(state)
            if f"redeem/{payment.payment_id}" not in state.done
        )
    yield from (
        f"not given back: {refund.payment_id}"
        for refund in certificate_refunds(state)
        if refund.status is PaymentStatus.SUCCEEDED
        and f"refund/{refund.payment_id}" not in state.done
    )


def _possible_troubles(state: Correlation) -> Iterator[str]:
    """What may, beside the certain ones, be a reason not to call a correlation settled."""
    order = state.order
    if order is None:
        return
    yield from (
        each.identity
        for each in intentions(state)
        if isinstance(each.action, RefundPendingDetails | RefundPending)
    )
    for payment in state.payments.values():
        refund = payment.type is PaymentType.REFUND
        if payment.currency != order.currency and payment.status is PaymentStatus.SUCCEEDED:
            yield f"other currency: {payment.payment_id}"
        if refund and payment.status is not PaymentStatus.SUCCEEDED:
            yield f"refund not done: {payment.payment_id}"
        if payment.tender is Tender.GIFT_CERTIFICATE and payment.payment_id not in state.redeemed:
            yield f"takes part in nothing: {payment.payment_id}"
    tenders = {(tender.certificate_id, tender.amount_minor) for tender in order.tenders}
    for payment in redemption_payments(state):
        taken_from = state.redeemed.get(payment.payment_id)
        if taken_from is not None and (taken_from, payment.amount_minor) not in tenders:
            yield f"no longer ordered: {payment.payment_id}"
