"""Money as integer minor units with its currency.

Owns the one value type for money inside the service. Conversion from and to decimal text or
Avro bytes needs the currency's exponent, which comes from a library and therefore lives with
the contracts, not here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in minor units (kopecks, cents) of an ISO 4217 currency; never negative here."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        assert self.amount_minor >= 0, "money in a command is never negative"
        assert len(self.currency) == 3, "currency is an ISO 4217 code"
