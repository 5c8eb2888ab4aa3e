"""Explaining a told story: the sentences as codes and as text, with times and amounts as literals.

Owns how the tests write money and moments; it expects nothing.
"""

from collections.abc import Iterable
from typing import Final

from state.certificate.money import Money
from state.correlation.explanation import Explanation, explain
from state.correlation.facts import Happening
from state.correlation.sentences import (
    Moment,
    Sentence,
    SentenceCode,
    shown_values,
    text_of,
)
from tests.state.correlation.story import Story, told

HISTORY: Final = frozenset(
    {
        SentenceCode.ISSUE_ASKED,
        SentenceCode.ACTIVATE_ASKED,
        SentenceCode.RELEASE_ASKED,
        SentenceCode.UNDO_ASKED,
        SentenceCode.REDEEM_ASKED,
        SentenceCode.REFUND_ASKED,
        SentenceCode.PURCHASE_REFUND_PENDING_ASKED,
        SentenceCode.PURCHASE_REFUND_DETAILS_ASKED,
        SentenceCode.CERTIFICATE_REFUND_PENDING_ASKED,
        SentenceCode.CERTIFICATE_REFUND_DETAILS_ASKED,
        SentenceCode.ALERT_RAISED,
    }
)
"""What tells the past: it says nothing of why something does not happen."""


def explained(story: Story | Iterable[Happening]) -> Explanation:
    told_story = story if isinstance(story, Story) else told(story)
    return explain(told_story.kept)


def codes(explanation: Explanation) -> list[str]:
    """The sentences that are not about the past, in order."""
    return [each.code.value for each in explanation.sentences if each.code not in HISTORY]


def past(explanation: Explanation) -> list[str]:
    """The sentences about the past, as text."""
    return [text(each) for each in explanation.sentences if each.code in HISTORY]


def text(sentence: Sentence) -> str:
    shown = shown_values(sentence, _money, _moment)
    return text_of(sentence.code, shown)


def text_with(explanation: Explanation, code: SentenceCode) -> str:
    """The one sentence of that code."""
    (found,) = (each for each in explanation.sentences if each.code is code)
    return text(found)


def _money(money: Money) -> str:
    return f"{money.amount_minor} {money.currency}"


def _moment(moment: Moment) -> str:
    return f"t{moment.at_ms}"
