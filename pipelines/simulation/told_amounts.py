"""Amounts as other systems write them: decimal bytes, decimal text, and back.

Owns a second, small way of doing it, so that what the service makes of an amount is compared with
what was meant, not with what the service itself would have written.
"""

from decimal import Decimal
from typing import Final

DIGITS: Final = {"RUB": 2, "USD": 2, "JPY": 0, "KWD": 3}
"""Digits after the point: with two, none and three."""

_PARTS: Final = 10_000


def parts_of(minor: int, currency: str) -> int:
    """Ten-thousandths of a unit: what a decimal's bytes are a count of."""
    return minor * _PARTS // int(10 ** DIGITS[currency])


def amount_bytes(minor: int, currency: str) -> bytes:
    """An amount as Avro has it: a two's complement integer, in whole bytes."""
    unscaled = parts_of(minor, currency)
    length = 1
    while not -(1 << (8 * length - 1)) <= unscaled < 1 << (8 * length - 1):
        length += 1
    return unscaled.to_bytes(length, "big", signed=True)


def amount_text(minor: int, currency: str) -> str:
    """An amount as HTTP has it: `1500.00` RUB, `1500` JPY."""
    return str(Decimal(minor).scaleb(-DIGITS[currency]))


def parts_of_text(text: str | None) -> int | None:
    """Ten-thousandths of a unit from HTTP's text, whatever the currency."""
    return None if text is None else int(Decimal(text).scaleb(4))


def minor_of(raw: bytes, currency: str) -> int:
    """Minor units from a decimal's bytes."""
    return int.from_bytes(raw, "big", signed=True) * int(10 ** DIGITS[currency]) // _PARTS


def minor_of_text(text: str, currency: str) -> int:
    """Minor units from HTTP's text."""
    return int(Decimal(text).scaleb(DIGITS[currency]))
