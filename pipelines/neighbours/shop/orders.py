"""An order of the store or the till, from its first step to its return: pure data and its changes.

Owns what an order is and which of its states may follow which. Knows no clock, no service and no
topic: times, numbers and answers come in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from pipelines.neighbours.records.orders import Channel
from pipelines.neighbours.records.payments import Tender
from pipelines.neighbours.records.record import SourceRecord
from pipelines.neighbours.shop.story import Seen
from pipelines.neighbours.shop.trouble import Trouble

CERTIFICATE_SKU: Final = "GIFT-CERTIFICATE"
TILL_GOODS_SKU: Final = "GOODS"
"""What a till knows of the goods it sells: their sum."""

MAX_HOLDS: Final = 5
FIRST_ATTEMPT: Final = 1


class Place(StrEnum):
    """Which of the two an order belongs to. The value begins its id."""

    STORE = "W"
    TILL = "T"

    @property
    def channel(self) -> Channel:
        """The same in the words of the contracts."""
        return Channel.ONLINE_STORE if self is Place.STORE else Channel.POS


class State(StrEnum):
    """How far an order is."""

    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: goods, or, where `sells_certificate`, one certificate of that nominal."""

    sku: str
    amount_minor: int
    quantity: int = 1
    sells_certificate: bool = False
    certificate_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Money of a certificate that pays for an order.

    `left_minor` is what can still be spent from the certificate beside it. An order that was read
    again from its topic knows the number and the amount only.
    """

    certificate_id: str
    amount_minor: int
    authorization_id: str | None = None
    expires_at_ms: int | None = None
    left_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What was decided and must be on the topics: written again, unchanged, until it is."""

    records: tuple[SourceRecord, ...] = field(repr=False)
    version: int
    then: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as it now stands. Amounts are minor units of `currency`.

    `version` is the last one on the topic, 0 when none is. `attempt` counts the requests that the
    service has settled: it is part of their keys. `tried_number` did not pay: its code may have
    been wrong, and nobody wants to scan it again. `rest_tender` is None where only the payments'
    topic knows it: of a receipt from before a restart. `refused_before` is what the stream had
    refused when the last decision was made, which is no answer to it.
    """

    order_id: str
    place: Place
    owner: str | None
    currency: str
    lines: tuple[Line, ...]
    created_at_ms: int
    changed_at_ms: int
    state: State = State.OPEN
    holds: tuple[Hold, ...] = ()
    rest_tender: Tender | None = Tender.CARD
    address_token: str | None = field(default=None, repr=False)
    reserved_until_ms: int | None = None
    version: int = 0
    attempt: int = FIRST_ATTEMPT
    trouble: Trouble | None = None
    tried_number: str | None = None
    telling: Telling | None = None
    refused_before: Seen | None = None

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    @property
    def held_minor(self) -> int:
        """What certificates pay."""
        return sum(hold.amount_minor for hold in self.holds)

    @property
    def rest_minor(self) -> int:
        """What is left to be paid by card or in cash."""
        return self.total_minor - self.held_minor

    @property
    def is_cancelled(self) -> bool:
        """Whether nothing was bought after all, be it on the topic yet or not."""
        then = self.state if self.telling is None else self.telling.then
        return then is State.CANCELLED

    @property
    def certificate_line(self) -> Line | None:
        """The line that sells a certificate; an order of goods has none."""
        return next((line for line in self.lines if line.sells_certificate), None)

    @property
    def sold_number(self) -> str | None:
        """The number of the certificate that it sells, once one is reserved."""
        line = self.certificate_line
        return None if line is None else line.certificate_id

    def with_number(self, number: str, reserved_until_ms: int) -> "Order":
        """The certificate it sells has got a number."""
        lines = tuple(
            replace(line, certificate_id=number) if line.sells_certificate else line
            for line in self.lines
        )
        return self.settled(lines=lines, reserved_until_ms=reserved_until_ms)

    def without_number(self) -> "Order":
        """The reservation is over: another number has to be got."""
        lines = tuple(replace(line, certificate_id=None) for line in self.lines)
        return replace(self, lines=lines, reserved_until_ms=None)

    def with_hold(self, hold: Hold) -> "Order":
        """One more certificate pays."""
        return self.settled(holds=(*self.holds, hold))

    def without_hold(self, authorization_id: str) -> "Order":
        """A certificate does not pay after all."""
        left = tuple(hold for hold in self.holds if hold.authorization_id != authorization_id)
        return self.settled(holds=left)

    def without_late_holds(self, at_ms: int) -> "Order":
        """Only what will still be set aside at that time."""
        left = tuple(
            hold for hold in self.holds if hold.expires_at_ms is None or hold.expires_at_ms > at_ms
        )
        return replace(self, holds=left)

    def settled(
        self,
        *,
        lines: Sequence[Line] | None = None,
        holds: Sequence[Hold] | None = None,
        reserved_until_ms: int | None = None,
    ) -> "Order":
        """A request was answered well; the next one is another."""
        return replace(
            self,
            lines=self.lines if lines is None else tuple(lines),
            holds=self.holds if holds is None else tuple(holds),
            reserved_until_ms=reserved_until_ms or self.reserved_until_ms,
            attempt=self.attempt + 1,
            trouble=None,
            tried_number=None,
        )

    def troubled(self, trouble: Trouble, *, tried_number: str | None = None) -> "Order":
        """Something went wrong. Only what is settled makes the next request another one."""
        attempt = self.attempt + 1 if trouble.settled else self.attempt
        return replace(self, trouble=trouble, attempt=attempt, tried_number=tried_number)

    def deciding(self, telling: Telling, at_ms: int, refused_before: Seen | None = None) -> "Order":
        """From here on only the topics have to learn it."""
        return replace(
            self,
            telling=telling,
            changed_at_ms=at_ms,
            trouble=None,
            refused_before=refused_before,
        )

    def told(self) -> "Order":
        """The topics have it."""
        assert self.telling is not None, "only what was decided can be told"
        return replace(
            self,
            state=self.telling.then,
            version=self.telling.version,
            attempt=self.attempt + 1,
            telling=None,
            trouble=None,
        )
