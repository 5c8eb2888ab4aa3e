"""What can go wrong while somebody is served, as a value: its name, and whether it is settled.

Owns the names that are the shop's own. What the service refuses keeps the service's name, the last
part of a problem's `type`; what the stream tells keeps its reason's code, written the same way.
The sentences for people are in `words/`.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class OwnTrouble(StrEnum):
    """What only the shop itself can say."""

    UNREACHABLE = "unreachable"  # The service gave no answer at all.
    NOT_UNDERSTOOD = "not-understood"  # It answered something that is no answer.
    NO_TOKEN = "no-token"  # noqa: S105 - the name of a trouble, no secret
    NOT_RECORDED = "not-recorded"  # Kafka did not take the order; it is told until it does.
    CARD_DECLINED = "card-declined"
    HOLD_EXPIRED = "hold-expired"  # Money was set aside for too long.
    APPLIED_ALREADY = "applied-already"  # The same certificate twice on one order.
    TOO_MANY_CERTIFICATES = "too-many-certificates"
    NOTHING_LEFT_TO_PAY = "nothing-left-to-pay"
    AMOUNT_WRONG = "amount-wrong"
    AMOUNT_OUT_OF_RANGE = "amount-out-of-range"
    NUMBER_WRONG = "number-wrong"
    CODE_WRONG_FORM = "code-wrong-form"
    PHONE_WRONG = "phone-wrong"
    NOTHING_CHOSEN = "nothing-chosen"
    ORDER_UNKNOWN = "order-unknown"
    STILL_READING = "still-reading"  # The shop has just begun: the order may be on the topic.
    ORDER_NOT_PAID = "order-not-paid"
    FORM_TOO_OLD = "form-too-old"
    PAGE_UNKNOWN = "page-unknown"
    REPORT_NOT_WRITTEN = "report-not-written"  # By the BI mart, which does it now and then.
    FORM_TOO_LARGE = "form-too-large"
    BROKEN = "broken"  # A bug of ours.


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that went wrong. `certificate` is the number's last four, where it is about one.

    `settled`: the service has decided, so the next try is a new request. Else the answer is not
    known, and the same request must be made again.
    """

    name: str
    settled: bool = True
    certificate: str | None = None
    status: int | None = field(default=None, compare=False)


def own(name: OwnTrouble, *, certificate: str | None = None) -> Trouble:
    """A trouble of the shop's own."""
    return Trouble(name=name.value, certificate=certificate)


def name_of_code(code: str) -> str:
    """How a reason's code on the stream is named here: `POOL_EMPTY` is `pool-empty`."""
    return code.lower().replace("_", "-")


def last_four(number: str) -> str:
    """All that is shown of a certificate's number."""
    return number[-4:]
