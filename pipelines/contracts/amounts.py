"""Amounts: between Avro's decimal bytes, decimal text and integer minor units.

Owns the three forms and their bounds. On the wire an amount is `decimal(18,4)`: ten-thousandths of
the currency's unit, as a two's complement integer, most significant byte first, in as few bytes as
hold it. Inside, it is an integer count of minor units, as many to the unit as ISO 4217 gives the
currency. Nothing here is ever a float, and nothing is ever rounded: what does not fit is refused.

An amount that came in on a topic and is wrong makes its record broken (BrokenRecord, CONTRACT); any
other misfit is a ValueError for the caller to answer.
"""

import re
from collections.abc import Mapping
from typing import Final

from iso4217 import Currency

from pipelines.contracts.broken import BrokenCode, BrokenRecord

SCALE: Final = 4
"""Digits after the point in Avro."""

PRECISION: Final = 18
"""Digits in all in Avro."""

_LIMIT: Final = 10**PRECISION
_TEXT: Final = re.compile(r"(?P<sign>-?)(?P<whole>0|[1-9][0-9]{0,17})(?:\.(?P<fraction>[0-9]+))?")

# Metals, funds and test codes have no minor unit in ISO 4217: no certificate is sold in them.
_EXPONENTS: Final[Mapping[str, int]] = {
    currency.code: currency.exponent for currency in Currency if currency.exponent is not None
}
# How many of Avro's ten-thousandths make one minor unit.
_PARTS: Final[Mapping[str, int]] = {
    code: int(10 ** (SCALE - digits)) for code, digits in _EXPONENTS.items()
}


def exponent(currency: str) -> int:
    """Digits after the point that a currency has: 2 for RUB, 0 for JPY. ValueError: it has none."""
    digits = _EXPONENTS.get(currency)
    if digits is None:
        raise ValueError("the currency is not an ISO 4217 code with a minor unit")
    return digits


def amount_to_minor(raw: bytes, currency: str, *, negative: bool = False) -> int:
    """Minor units from Avro's bytes. BrokenRecord when the contract does not allow the amount."""
    if not raw:
        raise BrokenRecord(BrokenCode.CONTRACT, "an amount has no bytes")
    parts = _PARTS.get(currency)
    if parts is None:
        raise BrokenRecord(
            BrokenCode.CONTRACT, "the currency is not an ISO 4217 code with a minor unit"
        )
    unscaled = int.from_bytes(raw, "big", signed=True)
    if not -_LIMIT < unscaled < _LIMIT:
        raise BrokenRecord(BrokenCode.CONTRACT, f"an amount has more than {PRECISION} digits")
    if unscaled < 0 and not negative:
        raise BrokenRecord(BrokenCode.CONTRACT, "an amount is negative")
    amount_minor, rest = divmod(unscaled, parts)
    if rest:
        raise BrokenRecord(
            BrokenCode.CONTRACT,
            f"an amount has more decimals than the {exponent(currency)} of {currency}",
        )
    return amount_minor


def minor_to_amount(amount_minor: int, currency: str, *, negative: bool = False) -> bytes:
    """Avro's bytes from minor units. ValueError when the amount does not fit."""
    parts = _PARTS.get(currency)
    if parts is None:
        raise ValueError("the currency is not an ISO 4217 code with a minor unit")
    if amount_minor < 0 and not negative:
        raise ValueError("the amount is negative")
    unscaled = amount_minor * parts
    if not -_LIMIT < unscaled < _LIMIT:
        raise ValueError(f"the amount has more than {PRECISION} digits")
    # One bit more than the magnitude needs, for the sign; -1 has the magnitude of 0.
    magnitude = unscaled if unscaled >= 0 else ~unscaled
    return unscaled.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)


def minor_to_text(amount_minor: int, currency: str) -> str:
    """Decimal text with all the digits of the currency: `1500.00` RUB, `1500` JPY."""
    digits = exponent(currency)
    sign = "-" if amount_minor < 0 else ""
    whole, fraction = divmod(abs(amount_minor), 10**digits)
    return f"{sign}{whole}.{fraction:0{digits}d}" if digits else f"{sign}{whole}"


def text_to_minor(text: str, currency: str, *, negative: bool = False) -> int:
    """Minor units from decimal text; `1500`, `1500.5` and `1500.50` are the same. ValueError."""
    digits = exponent(currency)
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError("the amount is not decimal text like 1500.00")
    fraction = match["fraction"] or ""
    if len(fraction) > digits:
        raise ValueError(f"the amount has more decimals than the {digits} of {currency}")
    amount_minor = int(match["sign"] + match["whole"] + fraction.ljust(digits, "0"))
    minor_to_amount(amount_minor, currency, negative=negative)
    return amount_minor
