"""Amounts, counts and times as people read them.

Owns the wording. An amount is minor units with its currency's exponent; nothing is a float.
"""

from datetime import date, datetime
from typing import Final

NOTHING: Final = "–"  # noqa: RUF001 - an en dash is what stands for nothing


def decimal_text(amount_minor: int, exponent: int) -> str:
    """Decimal text with all the digits of the currency, for programs: `-1500.00`."""
    sign = "-" if amount_minor < 0 else ""
    whole, fraction = divmod(abs(amount_minor), 10**exponent)
    return f"{sign}{whole}.{fraction:0{exponent}d}" if exponent else f"{sign}{whole}"


def money_text(amount_minor: int, exponent: int) -> str:
    """The same for people: `1,500.00`, and a real minus sign."""
    whole, fraction = divmod(abs(amount_minor), 10**exponent)
    sign = "\N{MINUS SIGN}" if amount_minor < 0 else ""
    return f"{sign}{whole:,}.{fraction:0{exponent}d}" if exponent else f"{sign}{whole:,}"


def time_text(at: datetime | None) -> str:
    """A moment, to the second, UTC."""
    return NOTHING if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def day_text(day: date | None) -> str:
    """A day."""
    return NOTHING if day is None else day.isoformat()


def count_text(count: int | None) -> str:
    """A count."""
    return NOTHING if count is None else f"{count:,}"
