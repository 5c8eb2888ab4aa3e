"""Reading the fields of a decoded record: the checks every contract shares.

Each function returns a typed value or raises BrokenRecord with code CONTRACT. Texts name the field,
never its content: a broken record may hold anything.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from pipelines.contracts.amounts import amount_to_minor
from pipelines.contracts.broken import BrokenCode, BrokenRecord

Fields = Mapping[str, Any]
"""A decoded record: what the Avro codec gives."""

Symbol = TypeVar("Symbol", bound=StrEnum)

MAX_ID_LENGTH = 200


def broken(text: str) -> BrokenRecord:
    """A record that is well-formed and says what the contract does not allow."""
    return BrokenRecord(BrokenCode.CONTRACT, text)


def identifier(fields: Fields, name: str) -> str:
    """A required id: some printable text of sane length, since it becomes a key."""
    value = optional_identifier(fields, name)
    if value is None:
        raise broken(f"{name} is missing")
    return value


def optional_identifier(fields: Fields, name: str) -> str | None:
    """An id that may be absent."""
    value = fields[name]
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH:
        raise broken(f"{name} is empty or longer than {MAX_ID_LENGTH} characters")
    if not value.isprintable():
        raise broken(f"{name} has control characters")
    return value


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
    """A required number that is not negative: a version, a time."""
    value = fields[name]
    if not isinstance(value, int) or value < 0:
        raise broken(f"{name} is negative or missing")
    return value
