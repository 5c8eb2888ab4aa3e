"""Sums over all certificates, kept up to date while the stream is read.

Owns the adding up as accounts change, so that nobody has to look at a million of them to say how
much there is. Judges nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipelines.audit.account import Account

PARTS: Final = (
    "issued",
    "redeemed",
    "refunded",
    "annulled",
    "remaining",
    "held",
    "unexplained",
)
"""Of what the money of a currency is told, in this order; `unexplained` is zero by laws 2 and 3."""

Standing = tuple[str | None, str | None, tuple[int, ...]]
"""Currency, lifecycle, and the amounts of `PARTS`, of one account at one moment."""

NOBODY: Final[Standing] = (None, None, ())
"""What an account that is not there counts for."""


def standing_of(account: Account | None) -> Standing:
    """What an account adds to the sums."""
    if account is None or not account.loaded:
        return NOBODY
    return (
        account.currency,
        account.lifecycle,
        (
            account.nominal_minor,
            account.redeemed_minor,
            account.refunded_minor,
            account.annulled_minor,
            account.remaining_minor,
            account.held_minor,
            account.unexplained_minor,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sums at one moment: minor units by currency and part, certificates by lifecycle."""

    money_minor: Mapping[str, Mapping[str, int]]
    certificates: Mapping[str, int]


class Totals:
    """The sums so far."""

    def __init__(self) -> None:
        self._money: dict[str, list[int]] = {}
        self._lifecycles: Counter[str] = Counter()

    def move(self, before: Standing, after: Standing) -> None:
        """Take an account's earlier standing out and its present one in."""
        if before != after:
            self._add(before, -1)
            self._add(after, 1)

    def sums(self) -> Sums:
        """A copy that stays as it is."""
        return Sums(
            money_minor={
                currency: dict(zip(PARTS, amounts, strict=True))
                for currency, amounts in sorted(self._money.items())
            },
            certificates=dict(sorted(self._lifecycles.items())),
        )

    def _add(self, standing: Standing, sign: int) -> None:
        currency, lifecycle, amounts = standing
        if lifecycle is not None:
            self._lifecycles[lifecycle] += sign
        if currency is not None:
            sums = self._money.setdefault(currency, [0] * len(PARTS))
            for place, amount_minor in enumerate(amounts):
                sums[place] += sign * amount_minor
