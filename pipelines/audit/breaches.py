"""What an audit can find: the closed list of breaches, each with the law it breaks.

Owns the words only; finds nothing itself. A certificate is shown by the last four characters of its
number, and by the coordinates of the event on the stream, which lead to the whole of it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class BreachKind(StrEnum):
    """Every way in which the laws can be broken."""

    # Law 1: a number is reserved by at most one request at a time and issued at most once, ever.
    LOADED_TWICE = "LOADED_TWICE"
    NOT_LOADED = "NOT_LOADED"
    RESERVED_TWICE = "RESERVED_TWICE"
    RESERVED_AFTER_SALE = "RESERVED_AFTER_SALE"
    RELEASED_UNRESERVED = "RELEASED_UNRESERVED"
    ISSUED_TWICE = "ISSUED_TWICE"
    ISSUED_UNRESERVED = "ISSUED_UNRESERVED"
    STOCK_DISAGREES = "STOCK_DISAGREES"
    # Law 2: nominal + refunds - redemptions - annulments = remaining >= 0; held = open holds.
    LEDGER_DISAGREES = "LEDGER_DISAGREES"
    NEGATIVE_BALANCE = "NEGATIVE_BALANCE"
    HELD_ABOVE_BALANCE = "HELD_ABOVE_BALANCE"
    HOLDS_DISAGREE = "HOLDS_DISAGREE"
    CAPTURE_UNSPENT = "CAPTURE_UNSPENT"
    REFUNDED_TOO_MUCH = "REFUNDED_TOO_MUCH"
    ENDED_WITH_MONEY = "ENDED_WITH_MONEY"
    # Law 3: every event's entry agrees; the sequence has no gap; and what follows from both.
    UNREADABLE = "UNREADABLE"
    EVENT_ID_REPEATED = "EVENT_ID_REPEATED"
    SEQUENCE_REPEATED = "SEQUENCE_REPEATED"
    SEQUENCE_GAP = "SEQUENCE_GAP"
    TWO_PARTITIONS = "TWO_PARTITIONS"
    WRONG_KEY = "WRONG_KEY"
    SNAPSHOT_MISSING = "SNAPSHOT_MISSING"
    ENTRY_MISFIT = "ENTRY_MISFIT"
    ENTRY_DISAGREES = "ENTRY_DISAGREES"
    BALANCE_WITHOUT_ENTRY = "BALANCE_WITHOUT_ENTRY"
    NOMINAL_CHANGED = "NOMINAL_CHANGED"
    CURRENCY_CHANGED = "CURRENCY_CHANGED"
    POOL_CHANGED = "POOL_CHANGED"
    VERSION_DISAGREES = "VERSION_DISAGREES"
    STORE_DISAGREES = "STORE_DISAGREES"
    STORE_LACKS = "STORE_LACKS"
    STORE_INVENTS = "STORE_INVENTS"
    STORE_BEHIND = "STORE_BEHIND"


_LAW_1: Final = frozenset(
    {
        BreachKind.LOADED_TWICE,
        BreachKind.NOT_LOADED,
        BreachKind.RESERVED_TWICE,
        BreachKind.RESERVED_AFTER_SALE,
        BreachKind.RELEASED_UNRESERVED,
        BreachKind.ISSUED_TWICE,
        BreachKind.ISSUED_UNRESERVED,
        BreachKind.STOCK_DISAGREES,
    }
)
_LAW_2: Final = frozenset(
    {
        BreachKind.LEDGER_DISAGREES,
        BreachKind.NEGATIVE_BALANCE,
        BreachKind.HELD_ABOVE_BALANCE,
        BreachKind.HOLDS_DISAGREE,
        BreachKind.CAPTURE_UNSPENT,
        BreachKind.REFUNDED_TOO_MUCH,
        BreachKind.ENDED_WITH_MONEY,
    }
)

LAWS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "a number is reserved by one request at a time and issued at most once",
        2: "on each certificate the ledger gives the balance, and holds fit into it",
        3: "entries, sequences and stores agree with one another, and so do all sums",
    }
)


def law_of(kind: BreachKind) -> int:
    """The number of the law that a breach of this kind breaks."""
    if kind in _LAW_1:
        return 1
    return 2 if kind in _LAW_2 else 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One law broken once. `partition` and `offset` say where on the stream it shows; -1: not.

    `key` is the whole key of its event, for who must name the certificate to the service; it is
    never shown.
    """

    kind: BreachKind
    last4: str
    partition: int
    offset: int
    text: str
    key: str = field(default="", repr=False, compare=False)

    @property
    def law(self) -> int:
        return law_of(self.kind)

    def __str__(self) -> str:
        place = f"at partition {self.partition} offset {self.offset}"
        where = f"…{self.last4} {place if self.partition >= 0 else 'not on the stream'}"
        return f"law {self.law} {self.kind.value} {where}: {self.text}"


class BreachList:
    """What was found: the first `kept_max` breaches whole, and how many there are of each kind."""

    def __init__(self, kept_max: int = 1_000) -> None:
        self._kept_max = kept_max
        self.kept: list[Breach] = []
        self.counts: Counter[BreachKind] = Counter()

    def add(self, breach: Breach) -> None:
        """Note a breach."""
        self.counts[breach.kind] += 1
        if len(self.kept) < self._kept_max:
            self.kept.append(breach)

    @property
    def total(self) -> int:
        """How many there are, kept or not."""
        return self.counts.total()
