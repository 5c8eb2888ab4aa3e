"""The figures of an audit: money by pool and currency, and numbers by pool.

Owns the adding up, from the accounts as they stand at the end. Judges nothing: what is unexplained
is shown beside the sums, and the breaches say why.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.audit.account import ENDED, Account


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyFigures:
    """All money of one currency in one pool (`pool` None: in all of them), in minor units."""

    currency: str
    pool: str | None
    certificates: int = 0
    nominal_minor: int = 0
    refunded_minor: int = 0
    redeemed_minor: int = 0
    annulled_minor: int = 0
    remaining_minor: int = 0
    held_minor: int = 0

    @property
    def unexplained_minor(self) -> int:
        """By how much the balances differ from the ledgers: zero, by laws 2 and 3."""
        earned_minor = self.nominal_minor + self.refunded_minor
        return self.remaining_minor - (earned_minor - self.redeemed_minor - self.annulled_minor)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFigures:
    """All numbers of one pool, each counted once beside `loaded`."""

    pool: str
    loaded: int = 0
    available: int = 0
    reserved: int = 0
    sold: int = 0
    ended: int = 0


_MONEY = (
    "nominal_minor",
    "refunded_minor",
    "redeemed_minor",
    "annulled_minor",
    "remaining_minor",
    "held_minor",
)


def money_figures(accounts: Iterable[Account]) -> tuple[MoneyFigures, ...]:
    """A row for each currency and pool, and after them one for each currency over all pools."""
    sums: dict[tuple[str, str | None], list[int]] = {}
    for account in accounts:
        if account.currency is None:
            continue
        amounts = (
            1,
            account.nominal_minor,
            account.refunded_minor,
            account.redeemed_minor,
            account.annulled_minor,
            account.remaining_minor,
            account.held_minor,
        )
        for pool in (account.pool, None):
            row = sums.setdefault((account.currency, pool), [0] * len(amounts))
            for place, amount in enumerate(amounts):
                row[place] += amount
    return tuple(
        MoneyFigures(
            currency=currency,
            pool=pool,
            certificates=row[0],
            **dict(zip(_MONEY, row[1:], strict=True)),
        )
        for (currency, pool), row in sorted(sums.items(), key=_by_currency)
    )


def _by_currency(item: tuple[tuple[str, str | None], list[int]]) -> tuple[str, bool, str]:
    (currency, pool), _ = item
    return currency, pool is None, pool or ""


def stock_figures(accounts: Iterable[Account]) -> tuple[StockFigures, ...]:
    """A row for each pool."""
    counts: dict[str, dict[str, int]] = {}
    for account in accounts:
        if account.pool is None:
            continue
        row = counts.setdefault(account.pool, {"loaded": 0})
        place = _place(account)
        row["loaded"] += 1
        row[place] = row.get(place, 0) + 1
    return tuple(StockFigures(pool=pool, **row) for pool, row in sorted(counts.items()))


def _place(account: Account) -> str:
    if account.lifecycle == ENDED:
        return "ended"
    if account.issued:
        return "sold"
    return "available" if account.reserved_by is None else "reserved"
