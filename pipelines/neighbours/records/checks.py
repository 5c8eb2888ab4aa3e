"""What is checked of every record of the kit before it can be one: ids, times, numbers, amounts.

Owns these checks and their words. The bounds themselves are the contracts': what passes here is
what the service takes in.
"""

import re
from functools import lru_cache
from typing import Final

from pipelines.contracts.amounts import minor_to_amount
from pipelines.contracts.fields import LAST_INSTANT_MS, MAX_ID_LENGTH, MAX_TEXT_LENGTH
from pipelines.neighbours.records.record import ImpossibleRecord
from state.certificate.numbers import fault_of

LARGEST_LONG: Final = 2**63 - 1

_MAIL_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_PHONE_NUMBER: Final = re.compile(r"(?<![\w-])\+?\(?\d(?:[\s().-]*\d){8,14}(?![\w-])")
"""Nine to fifteen digits, as people write them; the longest phone number has fifteen."""


def checked_id(name: str, value: str, longest: int = MAX_ID_LENGTH) -> str:
    """An id: some printable text of sane length."""
    if not value:
        raise ImpossibleRecord(f"{name} is empty: give the id it has in your system")
    if len(value) > longest:
        raise ImpossibleRecord(f"{name} has more than {longest} characters: give a shorter id")
    if not value.isprintable():
        raise ImpossibleRecord(f"{name} has control characters: take them out")
    return value


def optional_id(name: str, value: str | None) -> str | None:
    """An id that may be absent; an empty text is not absence."""
    return None if value is None else checked_id(name, value)


def checked_number(name: str, number: str) -> str:
    """A certificate number."""
    fault = fault_of(number)
    if fault is not None:
        raise ImpossibleRecord(
            f"{name} {fault}: give the number as the service answered it or as the card shows it"
        )
    return number


def checked_instant(name: str, at_ms: int) -> int:
    """A time in epoch milliseconds."""
    if not 0 <= at_ms <= LAST_INSTANT_MS:
        raise ImpossibleRecord(
            f"{name} is not between 1970 and the year 9999: give UTC milliseconds since 1970"
        )
    return at_ms


def checked_count(name: str, count: int) -> int:
    """A whole number that is not negative."""
    if not 0 <= count <= LARGEST_LONG:
        raise ImpossibleRecord(f"{name} is negative or beyond 64 bits: give a whole number from 0")
    return count


def checked_text(name: str, text: str | None) -> str | None:
    """A text for people, without an address: it goes where everybody reads."""
    if text is None:
        return None
    if len(text) > MAX_TEXT_LENGTH:
        raise ImpossibleRecord(f"{name} has more than {MAX_TEXT_LENGTH} characters: shorten it")
    if has_address(text):
        raise ImpossibleRecord(f"{name} holds an address: write it through `without_addresses`")
    return text


def has_address(text: str) -> bool:
    """Whether a text holds a mail address or what looks like a phone number."""
    return _MAIL_ADDRESS.search(text) is not None or _PHONE_NUMBER.search(text) is not None


def without_addresses(text: str) -> str:
    """A text of somebody else's (a gateway's refusal, say) with addresses taken out, and cut."""
    masked = _PHONE_NUMBER.sub("***", _MAIL_ADDRESS.sub("***", text))
    return masked[:MAX_TEXT_LENGTH]


def amount_of(name: str, amount_minor: int, currency: str, *, positive: bool = False) -> bytes:
    """The decimal's bytes of an amount in minor units of the currency."""
    if positive and amount_minor == 0:
        raise ImpossibleRecord(f"{name} is zero: leave out what costs or pays nothing")
    try:
        return _amount(amount_minor, currency)
    except ValueError as fault:
        raise ImpossibleRecord(
            f"{name}: {fault}; give whole minor units (kopecks, cents) from 0, and an ISO 4217 code"
        ) from fault


@lru_cache(maxsize=20_000)
def _amount(amount_minor: int, currency: str) -> bytes:
    """The same few thousand prices make up a million lines."""
    return minor_to_amount(amount_minor, currency)
