"""Which numbers a pattern describes: how many there are, and which stands at each place.

Owns the language of patterns. Knows no chance: it turns a place among all numbers into the number,
so that whoever chooses places without repeating one gets numbers without repeating one.

    #  a digit          *  a digit or a letter          =  a check digit, at the end
    @  a letter         A-Z 0-9 -  themselves

Letters are made without I and O, which people read as 1 and 0.
"""

from dataclasses import dataclass
from math import prod
from typing import ClassVar, Final, Self

from pipelines.faults import OperatorError
from pipelines.loader.check_digits import (
    CheckMethod,
    check_digits,
    digits_only,
    gives_digits,
    width_of,
)
from state.certificate.numbers import LONGEST, SHORTEST

DIGITS: Final = "0123456789"
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_MADE: Final = {"#": DIGITS, "@": LETTERS, "*": DIGITS + LETTERS}
_CHECK: Final = "="
_ITSELF: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


class GenerateFault(OperatorError):
    """The numbers cannot be made as they were asked for; no file was written."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPattern:
    """A pattern that makes sense. `places` are the characters that may stand at each of them."""

    text: str
    method: CheckMethod | None
    places: tuple[str, ...]

    @classmethod
    def parsed(cls, text: str, method: CheckMethod | None = None) -> Self:
        """A pattern as a person writes it. GenerateFault.

        `method` is for one with check digits; None: what suits it.
        """
        body = text.rstrip(_CHECK + "-")
        checks = text.count(_CHECK)
        method = method or _suitable(body, checks)
        _refuse(text, body, checks, method)
        return cls(
            text=text,
            method=method if checks else None,
            places=tuple(_MADE.get(character, character) for character in text),
        )

    @property
    def space(self) -> int:
        """How many different numbers there are."""
        return prod(map(len, self.places))

    def number_at(self, place: int) -> str:
        """The number at this place among all of them, from 0 to `space` - 1."""
        made = []
        for characters in reversed(self.places):
            place, here = divmod(place, len(characters))
            made.append(characters[here])
        made.reverse()
        return self._checked("".join(made))

    def matches(self, number: str) -> bool:
        """Whether it is one of these numbers, its check digits included."""
        if len(number) != len(self.places):
            return False
        fits = all(
            here in characters or characters == _CHECK
            for here, characters in zip(number, self.places, strict=True)
        )
        return fits and self._checked(number) == number

    def _checked(self, number: str) -> str:
        """The number with the check digits that it must have."""
        if self.method is None:
            return number
        end = len(self.text.rstrip(_CHECK + "-"))
        digits = iter(check_digits(self.method, number[:end]))
        tail = (next(digits) if here == _CHECK else here for here in self.text[end:])
        return number[:end] + "".join(tail)


def _suitable(body: str, checks: int) -> CheckMethod:
    """Of the methods that make so many, the one that takes in all that the pattern makes."""
    if checks == width_of(CheckMethod.MOD_97_10):
        return CheckMethod.MOD_97_10
    return CheckMethod.MOD_37_36 if "@" in body or "*" in body else CheckMethod.LUHN


def _refuse(text: str, body: str, checks: int, method: CheckMethod) -> None:
    """GenerateFault for a pattern that makes no sense, or no good numbers."""
    strange = sorted(set(text) - _ITSELF - set(_MADE) - {_CHECK})
    if strange:
        raise GenerateFault(
            f"the pattern {text!r} holds {' '.join(strange)!r}: it is made of # (a digit), @ (a "
            "letter), * (either), = (a check digit), and A-Z 0-9 - for themselves"
        )
    if not SHORTEST <= len(text) <= LONGEST:
        raise GenerateFault(
            f"the pattern {text!r} has {len(text)} characters: a number has {SHORTEST} to {LONGEST}"
        )
    if not any(character in body for character in _MADE):
        raise GenerateFault(f"the pattern {text!r} describes one number alone: it needs # @ or *")
    if _CHECK in body:
        raise GenerateFault(f"the pattern {text!r} has = before its end: check digits come last")
    if checks and checks != width_of(method):
        raise GenerateFault(
            f"the pattern {text!r} has {checks} of =, and {method.value} makes {width_of(method)}"
        )
    if checks and digits_only(method) and ("@" in body or "*" in body):
        raise GenerateFault(
            f"the pattern {text!r} makes letters, and {method.value} passes over them: take "
            f"{CheckMethod.MOD_37_36.value} or {CheckMethod.MOD_97_10.value}"
        )
    if not (set(body) & {*DIGITS, "#"} or (checks and gives_digits(method))):
        raise GenerateFault(
            f"the pattern {text!r} makes numbers without a digit: write a digit or # in it"
        )
