"""The fields of an explanation: amounts, tenders, payments, what was asked and is awaited."""

from dataclasses import replace

import pytest

from state.correlation.explanation import explain
from state.correlation.facts import (
    Happening,
    OrderStatus,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.overview import Amounts, Asked, Half, Overview, Step, overview_of
from tests.state.correlation.story import (
    AUTHORIZED,
    CAPTURED,
    HOUR_MS,
    KEY,
    POLICY,
    PURCHASE,
    REDEMPTION,
    RETURNED,
    START_MS,
    A,
    B,
    Story,
    given_back,
    order,
    ordinary,
    payment,
    spent,
    told,
)

CAPTURE, AUTHORIZATION, REFUND = (
    PaymentType.CAPTURE,
    PaymentType.AUTHORIZATION,
    PaymentType.REFUND,
)
UNPAID = Amounts(
    total_minor=100,
    certificates_minor=100,
    goods_minor=0,
    authorized_minor=0,
    captured_minor=0,
    covered_minor=0,
    refunded_minor=0,
    certificate_minor=0,
    short_to_issue_minor=100,
    short_to_activate_minor=100,
    overpaid_minor=0,
)


def overview(*facts: Happening) -> Overview:
    return overview_of(told(facts).kept)


@pytest.mark.parametrize(
    ("facts", "amounts"),
    [
        ([PURCHASE], UNPAID),
        (
            [PURCHASE, payment(CAPTURE, 60)],
            replace(
                UNPAID,
                captured_minor=60,
                covered_minor=60,
                short_to_issue_minor=40,
                short_to_activate_minor=40,
            ),
        ),
        (
            [PURCHASE, AUTHORIZED, payment(CAPTURE, 60, "auth-1")],
            replace(
                UNPAID,
                authorized_minor=40,
                captured_minor=60,
                covered_minor=100,
                short_to_issue_minor=0,
                short_to_activate_minor=40,
            ),
        ),
        (
            [PURCHASE, payment(CAPTURE, 120)],
            replace(
                UNPAID,
                captured_minor=120,
                covered_minor=120,
                short_to_issue_minor=0,
                short_to_activate_minor=0,
                overpaid_minor=20,
            ),
        ),
        (
            [PURCHASE, payment(AUTHORIZATION, 120, "auth-1")],
            replace(UNPAID, authorized_minor=120, covered_minor=120, short_to_issue_minor=0),
        ),
        (
            [CAPTURED, payment(REFUND, 30, "r"), PURCHASE],
            replace(
                UNPAID,
                captured_minor=100,
                covered_minor=100,
                refunded_minor=30,
                short_to_issue_minor=30,
                short_to_activate_minor=30,
            ),
        ),
        (
            [order(total=150, sells={A: 100}, spends={B: 80}), spent(80, certificate=B)],
            replace(
                UNPAID,
                total_minor=150,
                goods_minor=50,
                captured_minor=50,
                covered_minor=50,
                certificate_minor=80,
                short_to_issue_minor=100,
                short_to_activate_minor=100,
            ),
        ),
        (
            [REDEMPTION, spent()],
            replace(
                UNPAID,
                certificates_minor=0,
                goods_minor=100,
                captured_minor=50,
                covered_minor=50,
                certificate_minor=50,
                short_to_issue_minor=None,
                short_to_activate_minor=None,
            ),
        ),
    ],
    ids=[
        "unpaid",
        "half",
        "authorized",
        "overpaid",
        "promised_too_much",
        "refunded",
        "by_certificate",
        "redemption",
    ],
)
def test_amounts_say_what_is_paid_and_how_much_is_short(
    facts: list[Happening], amounts: Amounts
) -> None:
    assert overview(*facts).amounts == amounts


def test_amounts_of_payments_without_their_order_are_not_told() -> None:
    shown = overview(spent())
    assert (shown.order, shown.amounts, shown.tenders) == (None, None, ())
    assert [each.payment for each in shown.payments] == [spent()]


def test_tenders_say_which_payment_agrees_with_each() -> None:
    both = order(spends={A: 50, B: 50})
    paid = overview(both, spent(certificate=None), spent(49, "wrong"), spent(60, "too-much"))
    assert [(each.certificate_id, each.payment_id) for each in paid.tenders] == [
        (A, "spend-1"),
        (B, None),
    ]


def test_tenders_that_are_equal_are_paid_one_after_the_other() -> None:
    twice = replace(REDEMPTION, tenders=REDEMPTION.tenders * 2)
    paid = overview(twice, spent(), spent(payment_id="spend-2"))
    assert [each.payment_id for each in paid.tenders] == ["spend-1", "spend-2"]


def test_payments_say_which_certificate_they_are_taken_to_be_about() -> None:
    returned = order(OrderStatus.RETURNED, 2, spends={A: 50})
    paid = overview(
        REDEMPTION,
        spent(certificate=None),
        returned,
        given_back(certificate=None),
        payment(CAPTURE, 10, "card"),
    )
    assert [(each.payment.payment_id, each.certificate_id) for each in paid.payments] == [
        ("spend-1", A),
        ("back-1", A),
        ("card", None),
    ]


def test_everything_asked_names_its_line_payment_or_certificate() -> None:
    story = Story()
    story.tell(order(total=150, sells={A: 100}, spends={B: 50}), at_ms=1_000)
    story.tell(spent(certificate=B), payment(CAPTURE, 100), at_ms=2_000)
    returned = order(OrderStatus.RETURNED, 2, total=150, sells={A: 100}, spends={B: 50})
    story.tell(returned, at_ms=3_000)
    failed = payment(REFUND, 100, "r/1", status=PaymentStatus.FAILED)
    story.tell(failed, given_back(certificate=B), spent(1, "odd"), at_ms=4_000)
    assert overview_of(story.kept).asked == (
        Asked(step=Step.REDEEM, at_ms=2_000, payment_id="spend-1"),
        Asked(step=Step.ISSUE, at_ms=2_000, line_id="L1"),
        Asked(step=Step.ACTIVATE, at_ms=2_000, line_id="L1"),
        Asked(step=Step.REFUND_PENDING, at_ms=3_000, line_id="L1"),
        Asked(step=Step.REFUND_PENDING, at_ms=3_000, certificate_id=B),
        Asked(step=Step.REFUND_DETAILS, at_ms=4_000, payment_id="r/1", line_id="L1"),
        Asked(step=Step.REFUND, at_ms=4_000, payment_id="back-1"),
    )


def test_alerts_asked_name_the_payment_the_line_or_neither() -> None:
    second = replace(order(sells={B: 100}), order_id="order-2")
    odd = order(sells={"": 100}, spends={A: 50}, total=100)
    story = told([odd, spent(49), CAPTURED, second])
    alerts = {(each.alert, each.payment_id, each.line_id) for each in overview_of(story.kept).asked}
    assert alerts == {
        ("REDEMPTION_MISMATCH", "spend-1", None),
        ("NUMBER_MISSING", None, "L1"),
        ("TWO_ORDERS", None, None),
    }


def test_line_released_and_undone_is_asked_so() -> None:
    released = overview(PURCHASE, RETURNED)
    assert released.lines_asked(Step.RELEASE) == {"L1"}
    undone = overview(PURCHASE, CAPTURED, RETURNED, payment(REFUND, payment_id="r"))
    assert undone.lines_asked(Step.UNDO) == {"L1"}


@pytest.mark.parametrize(
    ("fact", "half"),
    [(PURCHASE, Half.PAYMENT), (REDEMPTION, Half.PAYMENT), (spent(), Half.ORDER)],
    ids=["purchase", "redemption", "payment"],
)
def test_waiting_says_since_when_and_until_when_an_alert(fact: Happening, half: Half) -> None:
    waiting = overview(fact).waiting
    assert waiting is not None
    assert (waiting.half, waiting.since_ms) == (half, START_MS + HOUR_MS)
    assert waiting.alert_at_ms == START_MS + HOUR_MS + POLICY.missing_after_ms
    assert waiting.alerted_at_ms is None


def test_ordinary_traffic_says_when_it_is_forgotten_and_nothing_else() -> None:
    explanation = explain(told([ordinary()]).kept)
    assert explanation.correlation_id == KEY
    assert explanation.forgotten_at_ms == START_MS + HOUR_MS + POLICY.forget_after_ms
    assert explanation.overview.waiting is None
    certificates = explain(told([PURCHASE]).kept)
    assert certificates.forgotten_at_ms is None


def test_second_order_under_one_key_is_named_beside_the_first() -> None:
    second = replace(order(sells={B: 100}), order_id="order-2")
    explanation = explain(told([PURCHASE, second]).kept)
    assert explanation.other_order_id == "order-2"
    assert explanation.overview.order == PURCHASE


def test_certificate_tender_only_authorized_is_no_payment_of_it() -> None:
    held = payment(AUTHORIZATION, 50, tender=Tender.GIFT_CERTIFICATE, certificate=A)
    (tender,) = overview(REDEMPTION, held).tenders
    assert tender.payment_id is None
