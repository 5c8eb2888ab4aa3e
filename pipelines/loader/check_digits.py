"""Check digits at the end of a number, which find a mistyped one without asking anybody.

Owns the choice of methods and over which characters each is taken. The arithmetic is the
library's. A hyphen never counts. They are no secret: whoever makes up a number can make them up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stdnum import luhn
from stdnum.iso7064 import mod_11_2, mod_11_10, mod_37_36, mod_97_10


class CheckMethod(StrEnum):
    """How check digits are made."""

    LUHN = "luhn"
    """One digit, over the digits. What bank cards have and every till knows."""
    MOD_11_2 = "mod-11-2"
    """ISO 7064: one digit or X, over the digits. Finds every swap of neighbours too."""
    MOD_11_10 = "mod-11-10"
    """ISO 7064: one digit, over the digits."""
    MOD_37_36 = "mod-37-36"
    """ISO 7064: one digit or letter, over digits and letters."""
    MOD_97_10 = "mod-97-10"
    """ISO 7064: two digits, over digits and letters. What IBANs have; finds the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Method:
    """`width` characters, taken over digits and, unless `digits_only`, letters."""

    width: int
    digits_only: bool
    gives_digits: bool
    made: Callable[[str], str]


_METHODS: Final = {
    CheckMethod.LUHN: _Method(
        width=1, digits_only=True, gives_digits=True, made=luhn.calc_check_digit
    ),
    CheckMethod.MOD_11_2: _Method(
        width=1, digits_only=True, gives_digits=False, made=mod_11_2.calc_check_digit
    ),
    CheckMethod.MOD_11_10: _Method(
        width=1, digits_only=True, gives_digits=True, made=mod_11_10.calc_check_digit
    ),
    CheckMethod.MOD_37_36: _Method(
        width=1, digits_only=False, gives_digits=False, made=mod_37_36.calc_check_digit
    ),
    CheckMethod.MOD_97_10: _Method(
        width=2, digits_only=False, gives_digits=True, made=mod_97_10.calc_check_digits
    ),
}


def width_of(method: CheckMethod) -> int:
    """How many characters the method adds."""
    return _METHODS[method].width


def digits_only(method: CheckMethod) -> bool:
    """Whether the method passes over letters."""
    return _METHODS[method].digits_only


def gives_digits(method: CheckMethod) -> bool:
    """Whether what the method adds is always a decimal digit."""
    return _METHODS[method].gives_digits


def check_digits(method: CheckMethod, before: str) -> str:
    """What stands after `before`, of A-Z, 0-9 and -, to make the number a good one."""
    row = _METHODS[method]
    wanted = str.isdigit if row.digits_only else str.isalnum
    return row.made("".join(filter(wanted, before)))
