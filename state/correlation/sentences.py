"""What an explanation can say, in plain English.

Owns the closed list of sentences: the code, how much it matters, and the wording of each. It does
not find out which of them are true: `reasons` does. How amounts and times are written is the
caller's, who knows currencies and calendars.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from state.certificate.money import Money


class Tone(StrEnum):
    """How much a sentence matters, the most first."""

    WRONG = "WRONG"  # a person should look: this does not mend itself
    OPEN = "OPEN"  # something is short or awaited
    NOTE = "NOTE"  # good to know


class SentenceCode(StrEnum):
    """Every sentence there is. A code keeps its meaning and its values for ever."""

    SETTLED = "SETTLED"
    NOT_ABOUT_CERTIFICATES = "NOT_ABOUT_CERTIFICATES"
    ORDER_HAS_NO_CERTIFICATES = "ORDER_HAS_NO_CERTIFICATES"
    ORDER_UNDONE = "ORDER_UNDONE"
    ORDER_NOT_SEEN = "ORDER_NOT_SEEN"
    ORDER_NOT_CONFIRMED = "ORDER_NOT_CONFIRMED"
    TWO_ORDERS = "TWO_ORDERS"

    SHORT_TO_ISSUE = "SHORT_TO_ISSUE"
    SHORT_TO_ACTIVATE = "SHORT_TO_ACTIVATE"
    MONEY_GIVEN_BACK = "MONEY_GIVEN_BACK"
    OVERPAID = "OVERPAID"
    OVERPAID_AND_REFUNDED = "OVERPAID_AND_REFUNDED"
    CERTIFICATE_FOR_CERTIFICATE = "CERTIFICATE_FOR_CERTIFICATE"
    NUMBER_AWAITED = "NUMBER_AWAITED"
    NUMBER_MISSING = "NUMBER_MISSING"

    PAYMENT_NOT_ENDED = "PAYMENT_NOT_ENDED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    PAYMENT_IN_OTHER_CURRENCY = "PAYMENT_IN_OTHER_CURRENCY"
    CERTIFICATE_ONLY_AUTHORIZED = "CERTIFICATE_ONLY_AUTHORIZED"

    TENDER_NOT_PAID = "TENDER_NOT_PAID"
    REDEMPTION_UNEXPECTED = "REDEMPTION_UNEXPECTED"
    REDEMPTION_IN_OTHER_CURRENCY = "REDEMPTION_IN_OTHER_CURRENCY"
    REDEMPTION_OF_OTHER_CERTIFICATE = "REDEMPTION_OF_OTHER_CERTIFICATE"
    REDEMPTION_OF_OTHER_AMOUNT = "REDEMPTION_OF_OTHER_AMOUNT"
    REDEMPTION_TWICE = "REDEMPTION_TWICE"
    REDEMPTION_NO_LONGER_ORDERED = "REDEMPTION_NO_LONGER_ORDERED"

    PURCHASE_REFUND_AWAITED = "PURCHASE_REFUND_AWAITED"
    PURCHASE_REFUND_BEGUN = "PURCHASE_REFUND_BEGUN"
    CERTIFICATE_REFUND_AWAITED = "CERTIFICATE_REFUND_AWAITED"
    CERTIFICATE_REFUND_BEGUN = "CERTIFICATE_REFUND_BEGUN"
    CERTIFICATE_REFUND_NOT_ENDED = "CERTIFICATE_REFUND_NOT_ENDED"
    REFUND_WITHOUT_REDEMPTION = "REFUND_WITHOUT_REDEMPTION"
    REFUND_FAILED = "REFUND_FAILED"

    ORDER_AWAITED = "ORDER_AWAITED"
    PAYMENT_AWAITED = "PAYMENT_AWAITED"
    ORDER_OVERDUE = "ORDER_OVERDUE"
    PAYMENT_OVERDUE = "PAYMENT_OVERDUE"

    ISSUE_ASKED = "ISSUE_ASKED"
    ACTIVATE_ASKED = "ACTIVATE_ASKED"
    RELEASE_ASKED = "RELEASE_ASKED"
    UNDO_ASKED = "UNDO_ASKED"
    REDEEM_ASKED = "REDEEM_ASKED"
    REFUND_ASKED = "REFUND_ASKED"
    PURCHASE_REFUND_PENDING_ASKED = "PURCHASE_REFUND_PENDING_ASKED"
    PURCHASE_REFUND_DETAILS_ASKED = "PURCHASE_REFUND_DETAILS_ASKED"
    CERTIFICATE_REFUND_PENDING_ASKED = "CERTIFICATE_REFUND_PENDING_ASKED"
    CERTIFICATE_REFUND_DETAILS_ASKED = "CERTIFICATE_REFUND_DETAILS_ASKED"
    ALERT_RAISED = "ALERT_RAISED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time inside a sentence, UTC epoch milliseconds."""

    at_ms: int


Value = str | Money | Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One thing that is true of a correlation, with all that its wording names."""

    code: SentenceCode
    values: Mapping[str, Value]

    @property
    def tone(self) -> Tone:
        """How much it matters."""
        return _TONES[self.code]


def say(code: SentenceCode, **values: Value) -> Sentence:
    """A sentence."""
    return Sentence(code=code, values=values)


def wording_of(code: SentenceCode) -> str:
    """The English of a sentence, with its values in braces: what a translation translates."""
    return _WORDINGS[code]


def shown_values(
    sentence: Sentence,
    show_money: Callable[[Money], str],
    show_moment: Callable[[Moment], str],
) -> dict[str, str]:
    """The values as they stand in the text."""
    shown: dict[str, str] = {}
    for name, value in sentence.values.items():
        match value:
            case Money():
                shown[name] = show_money(value)
            case Moment():
                shown[name] = show_moment(value)
            case str():
                shown[name] = value
    return shown


def text_of(code: SentenceCode, shown: Mapping[str, str]) -> str:
    """The sentence for people, with values from `shown_values`."""
    return wording_of(code).format_map(shown)


_WRONG: Final[Mapping[SentenceCode, str]] = {
    SentenceCode.TWO_ORDERS: (
        "Order {other} has the same correlation id as order {order}; nothing is done for {other}."
    ),
    SentenceCode.OVERPAID: "{overpaid} more was captured than the order costs.",
    SentenceCode.CERTIFICATE_FOR_CERTIFICATE: (
        "Certificates were to pay {asked}, and the goods cost {goods}: a certificate never pays"
        " for a certificate, so the rest does not count."
    ),
    SentenceCode.NUMBER_MISSING: (
        "Line {line} is paid but has no certificate number: it is not issued until a version "
        "of the order says it."
    ),
    SentenceCode.PAYMENT_IN_OTHER_CURRENCY: (
        "{type} {payment} is over {amount}, and the order is in {currency}: it is not counted."
    ),
    SentenceCode.REDEMPTION_UNEXPECTED: (
        "Payment {payment} takes {amount} from a certificate, and the order names none that "
        "pays: nothing is spent."
    ),
    SentenceCode.REDEMPTION_IN_OTHER_CURRENCY: (
        "Payment {payment} takes {amount} from a certificate, and the order is in {currency}: "
        "nothing is spent."
    ),
    SentenceCode.REDEMPTION_OF_OTHER_CERTIFICATE: (
        "Payment {payment} takes {amount} from certificate {certificate}, which is none of "
        "those the order names: nothing is spent."
    ),
    SentenceCode.REDEMPTION_OF_OTHER_AMOUNT: (
        "Payment {payment} takes {amount}, and the order says that certificate {certificate} "
        "pays {expected}: they differ by {difference}, and nothing is spent until they agree."
    ),
    SentenceCode.REDEMPTION_TWICE: (
        "Payment {payment} takes {amount} once more for what another payment has paid already: "
        "nothing is spent a second time."
    ),
    SentenceCode.REDEMPTION_NO_LONGER_ORDERED: (
        "Payment {payment} took {amount} from certificate {certificate} as an earlier version "
        "of the order said; the newest version does not say so."
    ),
    SentenceCode.REFUND_FAILED: (
        "Refund {payment} of {amount} failed ({reason}): somebody has to look after it."
    ),
}
_OPEN: Final[Mapping[SentenceCode, str]] = {
    SentenceCode.ORDER_NOT_SEEN: (
        "A payment concerns a certificate, but no order that sells or spends one was seen."
    ),
    SentenceCode.ORDER_NOT_CONFIRMED: (
        "Order {order} is only created: nothing happens until it is confirmed or completed."
    ),
    SentenceCode.SHORT_TO_ISSUE: (
        "{short} more must be authorized or captured before a certificate is issued: {covered} "
        "is, and the order costs {total}."
    ),
    SentenceCode.SHORT_TO_ACTIVATE: (
        "{short} more must be captured before what was issued can be spent: {captured} is, and "
        "the order costs {total}."
    ),
    SentenceCode.NUMBER_AWAITED: (
        "Line {line} sells a certificate, and no version of the order says its number yet."
    ),
    SentenceCode.TENDER_NOT_PAID: (
        "The order says that certificate {certificate} pays {amount}; no captured payment "
        "agrees with that yet."
    ),
    SentenceCode.PURCHASE_REFUND_AWAITED: (
        "The order is undone: certificate {certificate} of line {line} ends once its money was "
        "given back."
    ),
    SentenceCode.PURCHASE_REFUND_BEGUN: (
        "Money for certificate {certificate} of line {line} is coming back: it ends once the "
        "order is cancelled or returned."
    ),
    SentenceCode.CERTIFICATE_REFUND_AWAITED: (
        "The order is undone: a refund onto certificate {certificate} is awaited."
    ),
    SentenceCode.CERTIFICATE_REFUND_BEGUN: (
        "Refund {payment} of {amount} goes onto certificate {certificate} once the order is "
        "cancelled or returned."
    ),
    SentenceCode.CERTIFICATE_REFUND_NOT_ENDED: (
        "Refund {payment} of {amount} goes onto certificate {certificate} once it succeeds."
    ),
    SentenceCode.REFUND_WITHOUT_REDEMPTION: (
        "Refund {payment} of {amount} gives back nothing that this order is known to have spent."
    ),
    SentenceCode.ORDER_AWAITED: (
        "The order is awaited since {since}; the alert ORDER_MISSING is raised at {due}."
    ),
    SentenceCode.PAYMENT_AWAITED: (
        "This is open since {since}; the alert PAYMENT_MISSING is raised at {due}."
    ),
    SentenceCode.ORDER_OVERDUE: (
        "The order is still awaited; the alert ORDER_MISSING was raised at {at}."
    ),
    SentenceCode.PAYMENT_OVERDUE: (
        "This is still open; the alert PAYMENT_MISSING was raised at {at}."
    ),
}
_NOTE: Final[Mapping[SentenceCode, str]] = {
    SentenceCode.SETTLED: "Nothing is short, awaited or wrong.",
    SentenceCode.NOT_ABOUT_CERTIFICATES: (
        "Nothing seen so far concerns a gift certificate; it will be forgotten."
    ),
    SentenceCode.ORDER_HAS_NO_CERTIFICATES: (
        "The newest version of order {order} neither sells nor spends a certificate."
    ),
    SentenceCode.ORDER_UNDONE: "Order {order} is {status}.",
    SentenceCode.MONEY_GIVEN_BACK: (
        "{refunded} was given back and pays for no certificate any more."
    ),
    SentenceCode.OVERPAID_AND_REFUNDED: (
        "{overpaid} more was captured than the order costs, and {refunded} was given back."
    ),
    SentenceCode.PAYMENT_NOT_ENDED: "{type} {payment} over {amount} has not ended yet.",
    SentenceCode.PAYMENT_FAILED: (
        "{type} {payment} over {amount} failed ({reason}) and counts for nothing."
    ),
    SentenceCode.CERTIFICATE_ONLY_AUTHORIZED: (
        "Payment {payment} only authorizes {amount} on a certificate: it is spent when captured."
    ),
    SentenceCode.ISSUE_ASKED: "The certificate of line {line} was told at {at} to be issued.",
    SentenceCode.ACTIVATE_ASKED: (
        "The certificate of line {line} was told at {at} to become spendable."
    ),
    SentenceCode.RELEASE_ASKED: (
        "The number of line {line} was told at {at} to go back to its pool."
    ),
    SentenceCode.UNDO_ASKED: (
        "The certificate of line {line} was told at {at} that its purchase is undone."
    ),
    SentenceCode.REDEEM_ASKED: "The certificate of payment {payment} was told at {at} to be spent.",
    SentenceCode.REFUND_ASKED: (
        "The certificate of refund {payment} was told at {at} to take the money back."
    ),
    SentenceCode.PURCHASE_REFUND_PENDING_ASKED: (
        "The certificate of line {line} was told at {at} that its money is coming back."
    ),
    SentenceCode.PURCHASE_REFUND_DETAILS_ASKED: (
        "The certificate of line {line} was told at {at} that refund {payment} failed."
    ),
    SentenceCode.CERTIFICATE_REFUND_PENDING_ASKED: (
        "Certificate {certificate} was told at {at} that a refund onto it is pending."
    ),
    SentenceCode.CERTIFICATE_REFUND_DETAILS_ASKED: (
        "The certificate of refund {payment} was told at {at} that it failed."
    ),
    SentenceCode.ALERT_RAISED: "The alert {alert} was raised at {at}.",
}
_BY_TONE: Final = {Tone.WRONG: _WRONG, Tone.OPEN: _OPEN, Tone.NOTE: _NOTE}
_TONES: Final = {code: tone for tone, wordings in _BY_TONE.items() for code in wordings}
_WORDINGS: Final = {**_WRONG, **_OPEN, **_NOTE}
