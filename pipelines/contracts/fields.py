"""Reading the fields of a decoded record: the checks every contract shares.

Each function returns a typed value or raises BrokenRecord with code CONTRACT. Texts name the field,
never its content: a broken record may hold anything.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from pipelines.contracts.amounts import amount_to_minor
from pipelines.contracts.broken import BrokenCode, BrokenRecord
from state.certificate.numbers import fault_of, pool_fault_of

Fields = Mapping[str, Any]
"""A decoded record: what the Avro codec gives."""

Symbol = TypeVar("Symbol", bound=StrEnum)

MAX_ID_LENGTH: Final = 200
"""Of an id that others give. It becomes a part of keys and of ids of ours."""

MAX_MADE_ID_LENGTH: Final = 1_000
"""Of an id that we make of theirs: `<correlation>/details/<payment>/<line>` has three of them."""

MAX_ENTRY_LENGTH: Final = MAX_MADE_ID_LENGTH + 20
"""Of an entry of the index: an id, and before it the kind of what it is the id of."""

MAX_TEXT_LENGTH: Final = 1_000
"""Of a text for people. What is longer is cut: an event must not outgrow what Kafka takes."""

LAST_INSTANT_MS: Final = 253_402_300_799_999
"""The end of the year 9999. Beyond it is a clock that counts something else than milliseconds."""


def broken(text: str) -> BrokenRecord:
    """A record that is well-formed and says what the contract does not allow."""
    return BrokenRecord(BrokenCode.CONTRACT, text)


def identifier(fields: Fields, name: str, longest: int = MAX_ID_LENGTH) -> str:
    """A required id: some printable text of sane length, since it becomes a key."""
    value = optional_identifier(fields, name, longest)
    if value is None:
        raise broken(f"{name} is missing")
    return value


def optional_identifier(fields: Fields, name: str, longest: int = MAX_ID_LENGTH) -> str | None:
    """An id that may be absent."""
    value = fields[name]
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise broken(f"{name} is empty or longer than {longest} characters")
    if not value.isprintable():
        raise broken(f"{name} has control characters")
    return value


def pool_name(fields: Fields, name: str) -> str:
    """The name of a pool, which no certificate number can be: both are keys of one topic."""
    pool = identifier(fields, name)
    fault = pool_fault_of(pool)
    if fault is not None:
        raise broken(f"{name} {fault}")
    return pool


def readable_text(fields: Fields, name: str) -> str:
    """A required text for people, cut where it is too long."""
    return str(required(fields, name))[:MAX_TEXT_LENGTH]


def certificate_number(fields: Fields, name: str) -> str:
    """A required certificate number: a message key, which must never meet that of a pool."""
    number = identifier(fields, name)
    fault = fault_of(number)
    if fault is not None:
        raise broken(f"{name} {fault}")
    return number


def optional_certificate_number(fields: Fields, name: str) -> str | None:
    """A certificate number that may be absent."""
    return None if fields[name] is None else certificate_number(fields, name)


def required(fields: Fields, name: str) -> Any:
    """A field that this kind of record needs, though the schema lets it be absent."""
    value = fields[name]
    if value is None:
        raise broken(f"{name} is missing")
    return value


def symbol(fields: Fields, name: str, symbols: type[Symbol]) -> Symbol:
    """A required enum symbol. A newer writer's symbol arrives as UNKNOWN and is refused."""
    try:
        return symbols(fields[name])
    except ValueError:
        raise broken(f"{name} is not one of {', '.join(symbols)}") from None


def optional_symbol(fields: Fields, name: str, symbols: type[Symbol]) -> Symbol | None:
    """An enum symbol that may be absent."""
    return None if fields[name] is None else symbol(fields, name, symbols)


def minor_units(fields: Fields, name: str, currency: str, *, positive: bool = False) -> int:
    """A required amount in minor units, not negative; with `positive` not zero either."""
    amount_minor = amount_to_minor(required(fields, name), currency)
    if positive and amount_minor == 0:
        raise broken(f"{name} is zero")
    return amount_minor


def count(fields: Fields, name: str) -> int:
    """A required number that is not negative: a version, a duration."""
    value = fields[name]
    if not isinstance(value, int) or value < 0:
        raise broken(f"{name} is negative or missing")
    return value


def instant(fields: Fields, name: str) -> int:
    """A required time in epoch milliseconds, from 1970 to the end of the year 9999."""
    return checked_instant(count(fields, name), name)


def optional_instant(fields: Fields, name: str) -> int | None:
    """A time that may be absent."""
    return None if fields[name] is None else instant(fields, name)


def checked_instant(at_ms: int, name: str) -> int:
    """`at_ms`, if it is a time as `instant` says; `name` is what a refusal calls it."""
    if not 0 <= at_ms <= LAST_INSTANT_MS:
        raise broken(f"{name} is not in milliseconds from 1970 to the year 9999")
    return at_ms
