"""What an audit found, as one value and as JSON.

Owns the result's shape. Prints nothing.
"""

from dataclasses import asdict, dataclass
from typing import Any

from pipelines.audit.breaches import LAWS, Breach, BreachKind, law_of
from pipelines.audit.figures import MoneyFigures, StockFigures
from pipelines.contracts.amounts import minor_to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFigures:
    """What the live stores showed."""

    processors: int
    partitions: int
    certificates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """One audit. `breaches` are the first of them whole, `breach_counts` all of them by kind.

    `live` is None when only the stream was read.
    """

    events: int
    certificates: int
    money: tuple[MoneyFigures, ...]
    stock: tuple[StockFigures, ...]
    breaches: tuple[Breach, ...]
    breach_counts: dict[BreachKind, int]
    live: LiveFigures | None
    seconds: float

    @property
    def breach_total(self) -> int:
        """How many breaches there are, kept or not."""
        return sum(self.breach_counts.values())

    @property
    def holds(self) -> bool:
        """Whether every law holds."""
        return self.breach_total == 0

    def broken(self, law: int) -> int:
        """How often one law is broken."""
        return sum(count for kind, count in self.breach_counts.items() if law_of(kind) == law)

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for a JSON encoder. Amounts are decimal text in their currency."""
        return {
            "laws": "hold" if self.holds else "broken",
            "broken": {str(law): self.broken(law) for law in LAWS},
            "events": self.events,
            "certificates": self.certificates,
            "live": None if self.live is None else asdict(self.live),
            "money": [_money(row) for row in self.money],
            "stock": [asdict(row) for row in self.stock],
            "breachTotal": self.breach_total,
            "breaches": [
                {
                    "law": breach.law,
                    "kind": breach.kind.value,
                    "last4": breach.last4,
                    "partition": breach.partition,
                    "offset": breach.offset,
                    "text": breach.text,
                }
                for breach in self.breaches
            ],
            "seconds": round(self.seconds, 3),
        }


def _money(row: MoneyFigures) -> dict[str, Any]:
    amounts = {
        "nominal": row.nominal_minor,
        "refunded": row.refunded_minor,
        "redeemed": row.redeemed_minor,
        "annulled": row.annulled_minor,
        "remaining": row.remaining_minor,
        "held": row.held_minor,
        "unexplained": row.unexplained_minor,
    }
    return {
        "currency": row.currency,
        "pool": row.pool,
        "certificates": row.certificates,
        **{name: minor_to_text(minor, row.currency) for name, minor in amounts.items()},
    }
