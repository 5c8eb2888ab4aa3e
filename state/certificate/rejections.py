"""The closed list of business refusals, in the order in which they are judged.

A rejection is a value that travels: it is published as an `error` event when the command came
from a fact, and answered to the caller when it came over HTTP. It is never an exception.
"""

from dataclasses import dataclass
from enum import StrEnum


class RejectionCode(StrEnum):
    """Every business "no". The order of the members is the order of precedence."""

    REQUEST_REUSED = "REQUEST_REUSED"
    POOL_EMPTY = "POOL_EMPTY"
    NOT_FOUND = "NOT_FOUND"
    DUPLICATE_NUMBER = "DUPLICATE_NUMBER"
    ANNULLED = "ANNULLED"
    ALREADY_ISSUED = "ALREADY_ISSUED"
    NUMBER_GONE = "NUMBER_GONE"
    WRONG_CHANNEL = "WRONG_CHANNEL"
    NOT_AVAILABLE = "NOT_AVAILABLE"
    NOT_RESERVED = "NOT_RESERVED"
    NOT_DUE = "NOT_DUE"
    NOT_ISSUED = "NOT_ISSUED"
    ORDER_MISMATCH = "ORDER_MISMATCH"
    ALREADY_ACTIVE = "ALREADY_ACTIVE"
    NOT_ACTIVE = "NOT_ACTIVE"
    NOT_LOCKED = "NOT_LOCKED"
    LOCKED = "LOCKED"
    CVC_ALREADY_REVEALED = "CVC_ALREADY_REVEALED"
    NOTIFICATION_NOT_OPEN = "NOTIFICATION_NOT_OPEN"
    WRONG_CVC = "WRONG_CVC"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    AUTHORIZATION_NOT_OPEN = "AUTHORIZATION_NOT_OPEN"
    HOLD_EXCEEDED = "HOLD_EXCEEDED"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    REFUND_EXCEEDS_REDEMPTION = "REFUND_EXCEEDS_REDEMPTION"
    OPEN_HOLDS = "OPEN_HOLDS"


MEANINGS: dict[RejectionCode, str] = {
    RejectionCode.REQUEST_REUSED: "this request id was used before with another body",
    RejectionCode.POOL_EMPTY: "the pool has no free number",
    RejectionCode.NOT_FOUND: "no certificate has this number",
    RejectionCode.DUPLICATE_NUMBER: "this number was loaded before",
    RejectionCode.ANNULLED: "the certificate has been ended for good",
    RejectionCode.ALREADY_ISSUED: "the certificate was already issued to this order",
    RejectionCode.NUMBER_GONE: "the number was already issued to another order",
    RejectionCode.WRONG_CHANNEL: "the number is reserved by another channel",
    RejectionCode.NOT_AVAILABLE: "the number is not free",
    RejectionCode.NOT_RESERVED: "the number is not under this reservation",
    RejectionCode.NOT_DUE: "the deadline has not been reached",
    RejectionCode.NOT_ISSUED: "the certificate has not been issued",
    RejectionCode.ORDER_MISMATCH: "the certificate belongs to another order",
    RejectionCode.ALREADY_ACTIVE: "the certificate is already active",
    RejectionCode.NOT_ACTIVE: "the certificate is not spendable",
    RejectionCode.NOT_LOCKED: "the certificate is not locked",
    RejectionCode.LOCKED: "the certificate is locked and lets no value out",
    RejectionCode.CVC_ALREADY_REVEALED: "the code was already revealed for this notification",
    RejectionCode.NOTIFICATION_NOT_OPEN: "that notification is not open",
    RejectionCode.WRONG_CVC: "the code is wrong",
    RejectionCode.CURRENCY_MISMATCH: "the certificate is kept in another currency",
    RejectionCode.AUTHORIZATION_NOT_OPEN: "no open hold has this authorization id",
    RejectionCode.HOLD_EXCEEDED: "the amount is larger than the hold",
    RejectionCode.INSUFFICIENT_BALANCE: "the amount is larger than the available balance",
    RejectionCode.REFUND_EXCEEDS_REDEMPTION: "the order redeemed less here than this refund",
    RejectionCode.OPEN_HOLDS: "the certificate has an open hold",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One business "no": its code and, where it helps, the data behind it (never a secret)."""

    code: RejectionCode
    detail: str = ""

    @property
    def text(self) -> str:
        """What a person reads: the meaning of the code, then the detail."""
        meaning = MEANINGS[self.code]
        return f"{meaning}: {self.detail}" if self.detail else meaning


def reject(code: RejectionCode, detail: str = "") -> Rejection:
    """Build a rejection; a name short enough to read well inside the rules."""
    return Rejection(code=code, detail=detail)
