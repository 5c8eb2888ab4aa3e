"""What an explanation tells of each story: why something does not happen, and what did."""

from dataclasses import replace

import pytest

from state.correlation.explanation import Explanation
from state.correlation.facts import (
    CertificateOperation,
    Happening,
    OrderStatus,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.overview import Half, Waiting
from state.correlation.sentences import Sentence, SentenceCode, Tone, wording_of
from tests.state.correlation.story import (
    AUTHORIZED,
    CANCELLED,
    CAPTURED,
    HOUR_MS,
    POLICY,
    PURCHASE,
    REDEMPTION,
    REFUNDED,
    RETURNED,
    START_MS,
    VOIDED,
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
from tests.state.correlation.told_explanation import codes, explained, past, text, text_with

AUTHORIZATION, CAPTURE, REFUND = (
    PaymentType.AUTHORIZATION,
    PaymentType.CAPTURE,
    PaymentType.REFUND,
)
PENDING, FAILED = PaymentStatus.PENDING, PaymentStatus.FAILED
CREATED = order(OrderStatus.CREATED, 0, sells={A: 100})
MARKED = payment(CAPTURE, certificate=A, operation=CertificateOperation.PURCHASE)
RETURNED_SPEND = order(OrderStatus.RETURNED, 2, spends={A: 50})
FAILED_BACK = given_back(status=FAILED, reason="no route")
DOLLARS_SPENT = payment(CAPTURE, 50, tender=Tender.GIFT_CERTIFICATE, certificate=A, currency="USD")
SECOND_ORDER = replace(order(sells={B: 100}), order_id="order-2")

STORIES: dict[str, tuple[list[Happening], list[str]]] = {
    # Ordinary traffic
    "unmarked_payment": ([payment(CAPTURE)], ["SETTLED", "NOT_ABOUT_CERTIFICATES"]),
    "ordinary_order": (
        [ordinary()],
        ["SETTLED", "ORDER_HAS_NO_CERTIFICATES", "NOT_ABOUT_CERTIFICATES"],
    ),
    "marked_payment_of_an_ordinary_order": (
        [ordinary(), MARKED],
        ["ORDER_NOT_SEEN", "ORDER_AWAITED", "ORDER_HAS_NO_CERTIFICATES"],
    ),
    # Purchases
    "payment_without_order": ([MARKED], ["ORDER_NOT_SEEN", "ORDER_AWAITED"]),
    "order_without_payment": ([PURCHASE], ["SHORT_TO_ISSUE", "PAYMENT_AWAITED"]),
    "order_only_created": ([CREATED, CAPTURED], ["ORDER_NOT_CONFIRMED"]),
    "half_the_payment": (
        [PURCHASE, payment(CAPTURE, 60)],
        ["SHORT_TO_ISSUE", "PAYMENT_AWAITED"],
    ),
    "authorized": ([PURCHASE, AUTHORIZED], ["SHORT_TO_ACTIVATE"]),
    "captured_in_part": (
        [PURCHASE, AUTHORIZED, payment(CAPTURE, 60, "auth-1")],
        ["SHORT_TO_ACTIVATE"],
    ),
    "captured": ([PURCHASE, AUTHORIZED, CAPTURED], ["SETTLED"]),
    "payment_pending": (
        [PURCHASE, payment(AUTHORIZATION, status=PENDING)],
        ["SHORT_TO_ISSUE", "PAYMENT_AWAITED", "PAYMENT_NOT_ENDED"],
    ),
    "payment_failed": (
        [PURCHASE, payment(CAPTURE, status=FAILED)],
        ["SHORT_TO_ISSUE", "PAYMENT_AWAITED", "PAYMENT_FAILED"],
    ),
    "payment_pending_in_other_currency": (
        [PURCHASE, payment(CAPTURE, currency="USD", status=PENDING)],
        ["SHORT_TO_ISSUE", "PAYMENT_AWAITED", "PAYMENT_NOT_ENDED"],
    ),
    "refund_failed_without_an_order": (
        [FAILED_BACK],
        ["ORDER_NOT_SEEN", "ORDER_AWAITED", "PAYMENT_FAILED"],
    ),
    "payment_in_other_currency": (
        [PURCHASE, payment(CAPTURE, currency="USD")],
        ["PAYMENT_IN_OTHER_CURRENCY", "SHORT_TO_ISSUE", "PAYMENT_AWAITED"],
    ),
    "voided_before_issue": (
        [PURCHASE, payment(PaymentType.VOID, 100, "v")],
        ["SHORT_TO_ISSUE", "PAYMENT_AWAITED"],
    ),
    "cancelled_before_issue": ([PURCHASE, CANCELLED], ["SETTLED", "ORDER_UNDONE"]),
    "line_without_number_unpaid": (
        [order(sells={"": 100})],
        ["SHORT_TO_ISSUE", "NUMBER_AWAITED", "PAYMENT_AWAITED"],
    ),
    "line_without_number_paid": (
        [order(sells={"": 100}), CAPTURED],
        ["NUMBER_MISSING", "PAYMENT_AWAITED"],
    ),
    "line_added_after_issue": (
        [PURCHASE, AUTHORIZED, order(version=2, total=130, sells={A: 100, B: 30})],
        ["SHORT_TO_ISSUE", "SHORT_TO_ACTIVATE", "PAYMENT_AWAITED"],
    ),
    "overpaid": ([PURCHASE, payment(CAPTURE, 120)], ["OVERPAID"]),
    "overpaid_and_refunded": (
        [PURCHASE, payment(CAPTURE, 120), payment(REFUND, 20, "refund-1")],
        ["SETTLED", "OVERPAID_AND_REFUNDED"],
    ),
    "two_orders": ([PURCHASE, CAPTURED, SECOND_ORDER], ["TWO_ORDERS"]),
    "money_given_back_first": (
        [CAPTURED, REFUNDED, PURCHASE],
        ["SHORT_TO_ISSUE", "PAYMENT_AWAITED", "MONEY_GIVEN_BACK"],
    ),
    "bought_with_a_certificate": (
        [order(sells={A: 100}, spends={B: 100}), spent(100, certificate=B)],
        ["CERTIFICATE_FOR_CERTIFICATE", "SHORT_TO_ISSUE", "PAYMENT_AWAITED"],
    ),
    # Purchases undone
    "undone_order_first": (
        [PURCHASE, CAPTURED, RETURNED],
        ["PURCHASE_REFUND_AWAITED", "PAYMENT_AWAITED", "ORDER_UNDONE"],
    ),
    "undone_refund_first": ([PURCHASE, CAPTURED, REFUNDED], ["PURCHASE_REFUND_BEGUN"]),
    "undone": ([PURCHASE, CAPTURED, RETURNED, REFUNDED], ["SETTLED", "ORDER_UNDONE"]),
    "voided_after_issue": (
        [PURCHASE, AUTHORIZED, VOIDED],
        ["SHORT_TO_ACTIVATE", "PURCHASE_REFUND_BEGUN"],
    ),
    "purchase_refund_pending": (
        [PURCHASE, CAPTURED, RETURNED, payment(REFUND, status=PENDING)],
        ["PURCHASE_REFUND_AWAITED", "PAYMENT_AWAITED", "ORDER_UNDONE", "PAYMENT_NOT_ENDED"],
    ),
    "purchase_refund_failed": (
        [PURCHASE, CAPTURED, RETURNED, payment(REFUND, status=FAILED)],
        ["REFUND_FAILED", "PURCHASE_REFUND_AWAITED", "PAYMENT_AWAITED", "ORDER_UNDONE"],
    ),
    "purchase_refund_failed_and_done_again": (
        [PURCHASE, CAPTURED, RETURNED, payment(REFUND, status=FAILED), REFUNDED],
        ["SETTLED", "ORDER_UNDONE", "PAYMENT_FAILED"],
    ),
    # Redemptions
    "tender_without_payment": ([REDEMPTION], ["TENDER_NOT_PAID", "PAYMENT_AWAITED"]),
    "redeemed": ([REDEMPTION, spent()], ["SETTLED"]),
    "redemption_only_authorized": (
        [
            REDEMPTION,
            payment(AUTHORIZATION, 50, tender=Tender.GIFT_CERTIFICATE, certificate=A),
        ],
        ["TENDER_NOT_PAID", "PAYMENT_AWAITED", "CERTIFICATE_ONLY_AUTHORIZED"],
    ),
    "redemption_authorized_and_captured": (
        [
            REDEMPTION,
            payment(AUTHORIZATION, 50, "spend-1", tender=Tender.GIFT_CERTIFICATE, certificate=A),
            spent(),
        ],
        ["SETTLED"],
    ),
    "redemption_of_less": (
        [REDEMPTION, spent(49)],
        ["REDEMPTION_OF_OTHER_AMOUNT", "TENDER_NOT_PAID", "PAYMENT_AWAITED"],
    ),
    "redemption_of_other_certificate": (
        [REDEMPTION, spent(certificate=B)],
        ["REDEMPTION_OF_OTHER_CERTIFICATE", "TENDER_NOT_PAID", "PAYMENT_AWAITED"],
    ),
    "redemption_in_other_currency": (
        [REDEMPTION, DOLLARS_SPENT],
        ["REDEMPTION_IN_OTHER_CURRENCY", "TENDER_NOT_PAID", "PAYMENT_AWAITED"],
    ),
    "redemption_unexpected": (
        [order(sells={B: 50}, total=50), payment(CAPTURE, 50), spent(certificate=None)],
        ["REDEMPTION_UNEXPECTED"],
    ),
    "redemption_twice": ([REDEMPTION, spent(), spent(payment_id="again")], ["REDEMPTION_TWICE"]),
    "redemption_mismatch_of_an_order_only_created": (
        [order(OrderStatus.CREATED, spends={A: 50}), spent(49)],
        ["ORDER_NOT_CONFIRMED"],
    ),
    "redeemed_by_an_earlier_version": (
        [REDEMPTION, spent(), order(version=2, spends={B: 50})],
        ["REDEMPTION_NO_LONGER_ORDERED", "TENDER_NOT_PAID"],
    ),
    "order_turned_ordinary_after_redemption": (
        [REDEMPTION, spent(), ordinary(version=2)],
        ["REDEMPTION_NO_LONGER_ORDERED", "ORDER_HAS_NO_CERTIFICATES"],
    ),
    "order_undone_that_no_longer_names_what_was_redeemed": (
        [REDEMPTION, spent(), order(OrderStatus.RETURNED, 2), given_back()],
        ["SETTLED", "ORDER_HAS_NO_CERTIFICATES", "ORDER_UNDONE"],
    ),
    "agreed_by_a_new_version": (
        [REDEMPTION, spent(49), order(version=2, spends={A: 49})],
        ["SETTLED"],
    ),
    # Refunds onto certificates
    "returned_without_refund": (
        [REDEMPTION, spent(), RETURNED_SPEND],
        ["CERTIFICATE_REFUND_AWAITED", "PAYMENT_AWAITED", "ORDER_UNDONE"],
    ),
    "refund_first": ([REDEMPTION, spent(), given_back()], ["CERTIFICATE_REFUND_BEGUN"]),
    "refund_pending": (
        [REDEMPTION, spent(), RETURNED_SPEND, given_back(status=PENDING)],
        ["CERTIFICATE_REFUND_NOT_ENDED", "PAYMENT_AWAITED", "ORDER_UNDONE"],
    ),
    "refunded": ([REDEMPTION, spent(), RETURNED_SPEND, given_back()], ["SETTLED", "ORDER_UNDONE"]),
    "refund_before_everything_else": (
        [given_back(), RETURNED_SPEND],
        ["REFUND_WITHOUT_REDEMPTION", "PAYMENT_AWAITED", "ORDER_UNDONE"],
    ),
    "refund_failed": (
        [REDEMPTION, spent(), RETURNED_SPEND, FAILED_BACK],
        ["REFUND_FAILED", "CERTIFICATE_REFUND_AWAITED", "PAYMENT_AWAITED", "ORDER_UNDONE"],
    ),
    "refund_failed_and_done_again": (
        [REDEMPTION, spent(), RETURNED_SPEND, FAILED_BACK, given_back(payment_id="back-2")],
        ["SETTLED", "ORDER_UNDONE", "PAYMENT_FAILED"],
    ),
    "refund_failed_of_nothing_spent": (
        [order(OrderStatus.RETURNED, spends={A: 50}), FAILED_BACK],
        ["SETTLED", "ORDER_UNDONE", "PAYMENT_FAILED"],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), STORIES.values(), ids=STORIES)
def test_story_explained_says_why_in_codes(facts: list[Happening], expected: list[str]) -> None:
    """The weightiest first; what was asked in the past is left out here."""
    explanation = explained(facts)
    assert codes(explanation) == expected
    assert explanation.settled == ("SETTLED" in expected)


def _overdue(happening: Happening) -> Explanation:
    story = told([happening])
    story.ring()
    return explained(story)


def test_list_of_sentences_is_closed_and_every_one_is_said_by_a_story() -> None:
    """A code that no story reaches would be a promise that nobody keeps."""
    overdue = [_overdue(PURCHASE), _overdue(MARKED)]
    said = {
        sentence.code
        for explanation in [*(explained(facts) for facts, _ in STORIES.values()), *overdue]
        for sentence in explanation.sentences
    }
    assert said == set(SentenceCode)


TEXTS: dict[str, tuple[list[Happening], SentenceCode, str]] = {
    "short_to_issue": (
        [PURCHASE, payment(CAPTURE, 60)],
        SentenceCode.SHORT_TO_ISSUE,
        (
            "40 RUB more must be authorized or captured before a certificate is issued: 60 RUB is, "
            "and the order costs 100 RUB."
        ),
    ),
    "short_to_activate": (
        [PURCHASE, AUTHORIZED, payment(CAPTURE, 60, "auth-1")],
        SentenceCode.SHORT_TO_ACTIVATE,
        (
            "40 RUB more must be captured before what was issued can be spent: 60 RUB is, and the "
            "order costs 100 RUB."
        ),
    ),
    "amounts_differ": (
        [REDEMPTION, spent(47)],
        SentenceCode.REDEMPTION_OF_OTHER_AMOUNT,
        (
            "Payment spend-1 takes 47 RUB, and the order says that certificate GC-000A pays "
            "50 RUB: they differ by 3 RUB, and nothing is spent until they agree."
        ),
    ),
    "amounts_differ_and_the_payment_names_none": (
        [order(spends={A: 50, B: 30}), spent(), spent(31, "spend-2", certificate=None)],
        SentenceCode.REDEMPTION_OF_OTHER_AMOUNT,
        (
            "Payment spend-2 takes 31 RUB, and the order says that certificate GC-000B pays "
            "30 RUB: they differ by 1 RUB, and nothing is spent until they agree."
        ),
    ),
    "currency_differs": (
        [PURCHASE, payment(CAPTURE, currency="USD")],
        SentenceCode.PAYMENT_IN_OTHER_CURRENCY,
        "CAPTURE pay-1 is over 100 USD, and the order is in RUB: it is not counted.",
    ),
    "two_orders": (
        [PURCHASE, SECOND_ORDER],
        SentenceCode.TWO_ORDERS,
        "Order order-2 has the same correlation id as order order-1; nothing is done for order-2.",
    ),
    "reason_of_a_failure": (
        [REDEMPTION, spent(), RETURNED_SPEND, FAILED_BACK],
        SentenceCode.REFUND_FAILED,
        "Refund back-1 of 50 RUB failed (no route): somebody has to look after it.",
    ),
    "failure_without_a_reason": (
        [PURCHASE, payment(CAPTURE, status=FAILED)],
        SentenceCode.PAYMENT_FAILED,
        "CAPTURE pay-1 over 100 RUB failed (no reason was given) and counts for nothing.",
    ),
    "awaited": (
        [PURCHASE],
        SentenceCode.PAYMENT_AWAITED,
        (
            f"This is open since t{START_MS + HOUR_MS}; the alert PAYMENT_MISSING is raised at "
            f"t{START_MS + HOUR_MS + POLICY.missing_after_ms}."
        ),
    ),
}


@pytest.mark.parametrize(("facts", "code", "expected"), TEXTS.values(), ids=TEXTS)
def test_sentence_told_names_the_amounts_and_ids_it_is_about(
    facts: list[Happening], code: SentenceCode, expected: str
) -> None:
    assert text_with(explained(facts), code) == expected


def test_sentence_with_braces_in_an_id_is_told_as_it_is() -> None:
    """What others send never becomes part of the wording."""
    odd = replace(PURCHASE, order_id="{order}", status=OrderStatus.CANCELLED)
    assert text_with(explained([odd]), SentenceCode.ORDER_UNDONE) == "Order {order} is CANCELLED."


def test_past_is_told_in_the_order_in_which_it_was_asked() -> None:
    story = Story()
    story.tell(PURCHASE, AUTHORIZED, at_ms=1_000)
    story.tell(CAPTURED, at_ms=2_000)
    story.tell(RETURNED, payment(REFUND, payment_id="r", status=FAILED), at_ms=3_000)
    story.tell(REFUNDED, at_ms=4_000)
    assert past(explained(story)) == [
        "The certificate of line L1 was told at t1000 to be issued.",
        "The certificate of line L1 was told at t2000 to become spendable.",
        "The certificate of line L1 was told at t3000 that its money is coming back.",
        "The certificate of line L1 was told at t3000 that refund r failed.",
        "The certificate of line L1 was told at t4000 that its purchase is undone.",
    ]


def test_past_of_a_certificate_that_paid_is_told_by_payment() -> None:
    story = Story()
    story.tell(REDEMPTION, spent(49, "wrong"), at_ms=1_000)
    story.tell(spent(), RETURNED_SPEND, FAILED_BACK, at_ms=2_000)
    story.tell(given_back(payment_id="back-2"), at_ms=3_000)
    assert past(explained(story)) == [
        "The alert REDEMPTION_MISMATCH was raised at t1000.",
        "The certificate of payment spend-1 was told at t2000 to be spent.",
        "Certificate GC-000A was told at t2000 that a refund onto it is pending.",
        "The certificate of refund back-1 was told at t2000 that it failed.",
        "The certificate of refund back-2 was told at t3000 to take the money back.",
    ]


def test_half_still_missing_after_its_alert_is_told_as_overdue() -> None:
    story = told([PURCHASE])
    story.ring(at_ms=START_MS + 90 * HOUR_MS)
    waiting = explained(story).overview.waiting
    assert waiting is not None
    assert (waiting.alert_at_ms, waiting.alerted_at_ms) == (None, START_MS + 90 * HOUR_MS)
    assert text_with(explained(story), SentenceCode.PAYMENT_OVERDUE) == (
        f"This is still open; the alert PAYMENT_MISSING was raised at t{START_MS + 90 * HOUR_MS}."
    )


def test_half_missing_again_after_its_alert_is_open_though_nobody_counts_the_time() -> None:
    """The alert was for the payment; the refund is awaited without another."""
    story = told([PURCHASE])
    story.ring()
    story.tell(CAPTURED, RETURNED)
    explanation = explained(story)
    assert explanation.overview.waiting == Waiting(
        half=Half.PAYMENT,
        since_ms=None,
        alert_at_ms=None,
        alerted_at_ms=START_MS + HOUR_MS + POLICY.missing_after_ms,
    )
    assert not explanation.settled


def test_sentences_are_told_the_weightiest_first() -> None:
    explanation = explained([PURCHASE, payment(CAPTURE, 60), SECOND_ORDER, CANCELLED])
    tones = [sentence.tone for sentence in explanation.sentences]
    assert tones == sorted(tones, key=list(Tone).index)
    assert text(explanation.sentences[0]).startswith("Order order-2 has the same")


def test_codes_of_every_table_have_one_tone_and_a_wording() -> None:
    assert all(wording_of(code) for code in SentenceCode)
    assert {Sentence(code=code, values={}).tone for code in SentenceCode} == set(Tone)
