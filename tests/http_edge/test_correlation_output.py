"""An explanation in the words of the API: amounts, times, and texts made of the fields."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from http_edge.api.correlation_examples import CORRELATION
from http_edge.api.correlation_models import CorrelationExplanation
from http_edge.handlers.correlation_output import correlation_explanation
from state.correlation.explanation import explain
from state.correlation.facts import Happening, OrderStatus, PaymentType
from state.correlation.sentences import SentenceCode, text_of
from tests.state.correlation.story import (
    AUTHORIZED,
    PURCHASE,
    REDEMPTION,
    A,
    B,
    given_back,
    order,
    payment,
    spent,
    told,
)
from tests.state.correlation.test_explanation_laws import histories, states


def shown(*facts: Happening) -> dict[str, Any]:
    """What a caller reads, from the bytes of the answer."""
    answer = correlation_explanation(explain(told(facts).kept))
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answer))
    return read


def test_order_half_paid_is_shown_with_amounts_of_its_currency() -> None:
    answer = shown(PURCHASE, payment(PaymentType.CAPTURE, 60))
    assert answer["amounts"]["currency"] == "RUB"
    assert answer["amounts"]["shortToIssue"] == answer["amounts"]["shortToActivate"] == "0.40"
    assert answer["order"]["lines"] == [{"lineId": "L1", "certificateId": A, "amount": "1.00"}]
    assert answer["payments"][0]["amount"] == "0.60"
    assert answer["settled"] is False


def test_currency_without_decimals_is_shown_without_a_point() -> None:
    answer = shown(order(sells={A: 100}, currency="JPY"))
    assert answer["amounts"]["total"] == "100"
    assert answer["sentences"][0]["values"]["short"] == "100 JPY"


def test_payment_is_shown_in_its_own_currency() -> None:
    answer = shown(PURCHASE, payment(PaymentType.CAPTURE, 100, currency="JPY"))
    assert (answer["payments"][0]["amount"], answer["payments"][0]["currency"]) == ("100", "JPY")


def test_times_are_shown_as_iso_8601_in_utc() -> None:
    answer = shown(PURCHASE)
    assert answer["since"] == "1970-01-01T01:16:40.000Z"
    assert answer["waiting"] == {
        "half": "PAYMENT",
        "since": "1970-01-01T01:16:40.000Z",
        "alertAt": "1970-01-02T01:16:40.000Z",
        "alertedAt": None,
    }


def test_what_was_asked_is_shown_with_what_it_is_about() -> None:
    answer = shown(PURCHASE, AUTHORIZED)
    assert answer["asked"] == [
        {
            "step": "ISSUE",
            "at": "1970-01-01T02:16:40.000Z",
            "lineId": "L1",
            "paymentId": None,
            "certificateId": None,
            "alert": None,
        }
    ]


def test_tenders_are_shown_with_the_payment_that_agrees() -> None:
    answer = shown(order(spends={A: 50, B: 30}), spent())
    assert answer["order"]["tenders"] == [
        {"certificateId": A, "amount": "0.50", "paymentId": "spend-1"},
        {"certificateId": B, "amount": "0.30", "paymentId": None},
    ]


def test_mismatch_is_shown_in_words_with_its_values() -> None:
    answer = shown(REDEMPTION, spent(47))
    assert answer["sentences"][0] == {
        "code": "REDEMPTION_OF_OTHER_AMOUNT",
        "tone": "WRONG",
        "text": "Payment spend-1 takes 0.47 RUB, and the order says that certificate GC-000A pays "
        "0.50 RUB: they differ by 0.03 RUB, and nothing is spent until they agree.",
        "values": {
            "payment": "spend-1",
            "amount": "0.47 RUB",
            "certificate": A,
            "expected": "0.50 RUB",
            "difference": "0.03 RUB",
        },
    }


def test_payments_without_their_order_are_shown_alone() -> None:
    answer = shown(given_back())
    assert (answer["order"], answer["amounts"]) == (None, None)
    assert [each["paymentId"] for each in answer["payments"]] == ["back-1"]


def test_settled_correlation_says_so_in_a_field_and_first_in_words() -> None:
    answer = shown(order(OrderStatus.CANCELLED, sells={A: 100}))
    assert answer["settled"] is True
    assert answer["sentences"][0]["text"] == "Nothing is short, awaited or wrong."


@given(histories)
def test_any_history_is_shown_as_the_described_shape(facts: list[Happening]) -> None:
    """Read back by its own description, and every text made of the values beside it."""
    for state in states(facts):
        content = msgspec.json.encode(correlation_explanation(explain(state)))
        answer = msgspec.json.decode(content, type=CorrelationExplanation)
        for sentence in answer.sentences:
            assert sentence.text == text_of(sentence.code, sentence.values)


@pytest.mark.parametrize("part", ["order", "amounts", "payments", "waiting", "sentences"])
def test_example_of_the_description_shows_every_part(part: str) -> None:
    assert getattr(CORRELATION, part)
    assert CORRELATION.sentences[0].code is SentenceCode.SHORT_TO_ISSUE
