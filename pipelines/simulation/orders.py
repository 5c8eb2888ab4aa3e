"""Orders and payments as the shops and the payment system have them in their own books.

Owns what was meant and what was told, so that what came of it can be judged. Knows nothing of how
it is told, or of what the service makes of it.
"""

from dataclasses import dataclass, field
from typing import Final

ADDRESS: Final = "token-of-an-address-"
"""What every address of a customer begins with: it must be found nowhere."""


@dataclass(slots=True, kw_only=True)
class SoldLine:
    """A line that sells a certificate; the number may still be missing. Minor units."""

    line_id: str
    amount: int
    number: str | None


@dataclass(slots=True, kw_only=True)
class PaymentTold:
    """One payment operation. `about` is the payment it captures, voids or gives back, in truth.

    A record of version 1 cannot say so; `named` is whether this one does.
    """

    payment_id: str
    type: str
    status: str
    amount: int
    currency: str
    tender: str
    about: str | None = None
    certificate_id: str | None = None
    operation: str | None = None
    authorization_id: str | None = None
    failure_reason: str | None = None
    version: int = 2
    named: bool = True


@dataclass(slots=True, kw_only=True)
class Order:
    """One order, as it is now. Amounts are minor units of `currency`.

    `wanted` is how many numbers it still waits for; `at_once`: it is told and paid with the last.
    """

    order_id: str
    correlation_id: str | None
    channel: str
    currency: str
    client_id: str | None
    goods: int = 0
    wanted: int = 0
    at_once: bool = False
    lines: list[SoldLine] = field(default_factory=list)
    tenders: list[tuple[str, int]] = field(default_factory=list)
    payments: list[PaymentTold] = field(default_factory=list)
    holds: list[tuple[str, str, int]] = field(default_factory=list)
    """Certificate, authorization id and amount of what was set aside for it over HTTP."""
    closed: list[tuple[str, str, int]] = field(default_factory=list)
    """The same, of what was captured or voided since."""
    notification: str | None = None
    lines_ever: int = 0
    refused: bool = False
    """A certificate would not pay for it."""
    version: int = 0
    status: str | None = None

    @property
    def total(self) -> int:
        return self.goods + sum(line.amount for line in self.lines)

    @property
    def ended(self) -> bool:
        return self.status in ("CANCELLED", "RETURNED")

    def new_line_id(self) -> str:
        """A name that no line of the order has had."""
        self.lines_ever += 1
        return f"line-{self.lines_ever}"

    def captured(self) -> int:
        """What was captured of it in money, in truth."""
        voided = {payment.about for payment in self.payments if payment.type == "VOID"}
        return sum(
            payment.amount
            for payment in self.payments
            if payment.type == "CAPTURE"
            and payment.status == "SUCCEEDED"
            and payment.tender != "GIFT_CERTIFICATE"
            and payment.currency == self.currency
            and payment.payment_id not in voided
        )

    def authorizations(self) -> list[PaymentTold]:
        """Those neither captured nor voided."""
        closed = {each.about for each in self.payments if each.type in ("CAPTURE", "VOID")}
        return [
            payment
            for payment in self.payments
            if payment.type == "AUTHORIZATION"
            and payment.status == "SUCCEEDED"
            and payment.payment_id not in closed
        ]
