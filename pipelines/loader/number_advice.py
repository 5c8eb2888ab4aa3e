"""What probably happened to a number that has not the form of one, and what to do about it.

Owns the guesses. Says nothing of a number but the place and the name of a character in it.
"""

import re
import unicodedata
from typing import Final

_ROUNDED: Final = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_FRACTION: Final = re.compile(r"[0-9]+[.,]0+")


def advice_on(number: str) -> str:
    """The advice, to be read after what is wrong; empty: none comes to mind."""
    if _ROUNDED.fullmatch(number):
        return "a spreadsheet has rounded it, so export again with the column formatted as text"
    if _FRACTION.fullmatch(number):
        return "a spreadsheet took it for an amount, so export again with the column as text"
    if number.startswith(("'", "=")):
        return "take away what the spreadsheet wrote before it"
    for place, character in enumerate(number, start=1):
        if not character.isascii():
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            return f"character {place} is {name}, so type it in plain Latin letters"
        if character.isspace():
            return f"character {place} is a space, so take it away"
    if number != number.upper():
        return "it has lower-case letters, so write capitals"
    return ""
