"""What happens in the demo, one step after the other, as plain data.

Owns the vocabulary between the schedule, which decides, and the driver, which acts. A certificate
is known here by its slot (0, 1, 2 … in the order of sale): its number is only known once it is
reserved.
"""

from dataclasses import dataclass
from enum import StrEnum

from pipelines.demo.baskets import Basket

Slot = int


class Shop(StrEnum):
    """Where a basket was bought, in the words of the contracts."""

    ONLINE_STORE = "ONLINE_STORE"
    POS = "POS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How the other systems tell of one step: never quite in order, and not always once.

    A record is held back until that many more baskets have been bought. `payment_version` is the
    schema version of its payments.
    """

    payment_version: int = 2
    order_held: int = 0
    payment_held: int = 0
    order_repeated: bool = False
    payment_repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """A certificate that must have published this many events before the step can happen.

    It is what a shop waits for: it cannot take a certificate before it sees it active, nor spend
    a balance before it sees what the last purchase left.
    """

    slot: Slot
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary:
    """A basket that has nothing to do with certificates."""

    basket: Basket
    shop: Shop
    telling: Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A basket that sells a certificate with each gift card line, in the order of the lines."""

    basket: Basket
    shop: Shop
    telling: Telling
    slots: tuple[Slot, ...]
    capture_held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """How much one certificate pays, in cents."""

    slot: Slot
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """A basket paid with certificates; what they do not cover is paid by card."""

    basket: Basket
    shop: Shop
    telling: Telling
    spent: tuple[Spending, ...]
    awaited: tuple[Awaited, ...]

    @property
    def card_minor(self) -> int:
        return self.basket.total_minor - sum(spending.amount_minor for spending in self.spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRedemption:
    """Support locks the certificate, a till takes it all the same, and support unlocks it.

    The certificate refuses with an `error` and keeps its money; how the till settles the basket is
    between it and its customer.
    """

    attempt: Redemption

    @property
    def slot(self) -> Slot:
        return self.attempt.spent[0].slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Goods come back, and what certificates paid for them returns onto the certificates.

    When it `fails`, the payment system cannot give the money back, and says so.
    """

    redemption: Redemption
    at_ms: int
    telling: Telling
    fails: bool
    awaited: tuple[Awaited, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """The purchase of certificates is called off; the card gets its money back."""

    purchase: Purchase
    at_ms: int
    telling: Telling
    awaited: tuple[Awaited, ...]


Step = Ordinary | Purchase | Redemption | LockedRedemption | Return | Undoing
