"""What people type: amounts, certificate numbers, codes, phone numbers, ids of orders.

Owns the forgiving reading of each: spaces, case and separators are the machine's to mend. Pure.
What cannot be read is a `Trouble`, which never holds what was typed.
"""

import re
from typing import Final

from pipelines.contracts.amounts import text_to_minor
from pipelines.neighbours.shop.trouble import OwnTrouble, Trouble, own
from pipelines.neighbours.shop.words import Language

_GROUPED: Final = re.compile(r"\d{1,3}([,.]\d{3})+")
_CODE: Final = re.compile(r"[0-9]{6,8}")
_NUMBER: Final = re.compile(r"[A-Z0-9-]{6,32}")
_LONGEST: Final = 100
_PHONE_DIGITS: Final = range(10, 16)

# A scanner types keys, and where the keyboard is Russian these letters come out.
_RUSSIAN_KEYS: Final = str.maketrans(
    "ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬ",
    "QWERTYUIOPASDFGHJKLZXCVBNM",
)
_CONFUSED: Final = str.maketrans("OILU", "011V")
"""In ids of orders, which have none of these letters."""


def amount_of(text: str, currency: str, language: Language) -> int | Trouble:
    """Minor units of what was typed: `1500`, `1 500,50`, `1,500.50`. Never nothing."""
    typed = re.sub(r"[\s'₽$€]", "", text[:_LONGEST])
    decimal = _decimal_text(typed, language)
    try:
        amount_minor = text_to_minor(decimal, currency)
    except ValueError:
        return own(OwnTrouble.AMOUNT_WRONG)
    return amount_minor or own(OwnTrouble.AMOUNT_WRONG)


def _decimal_text(typed: str, language: Language) -> str:
    """The same with a point before the fraction and nothing between thousands."""
    if "," in typed and "." in typed:
        last = max(typed.rfind(","), typed.rfind("."))
        whole, fraction = typed[:last], typed[last + 1 :]
        if not _GROUPED.fullmatch(whole) or typed[last] in whole:
            return typed
        return f"{re.sub('[,.]', '', whole)}.{fraction}"
    if language is Language.ENGLISH and "," in typed and _GROUPED.fullmatch(typed):
        return typed.replace(",", "")
    return typed.replace(",", ".")


def number_of(text: str) -> str | Trouble:
    """A certificate's number, as it is printed: capitals, no spaces."""
    number = re.sub(r"\s", "", text[:_LONGEST]).upper().translate(_RUSSIAN_KEYS)
    return number if _NUMBER.fullmatch(number) else own(OwnTrouble.NUMBER_WRONG)


def code_of(text: str) -> str | Trouble:
    """The one-time code: digits only."""
    code = re.sub(r"[\s-]", "", text[:_LONGEST])
    return code if _CODE.fullmatch(code) else own(OwnTrouble.CODE_WRONG_FORM)


def phone_of(text: str) -> str | Trouble:
    """A phone number as `+79001234567`. A Russian one may begin with 8, or with its code alone."""
    digits = re.sub(r"[\s()+.-]", "", text[:_LONGEST])
    if not re.fullmatch("[0-9]+", digits) or len(digits) not in _PHONE_DIGITS:
        return own(OwnTrouble.PHONE_WRONG)
    if "+" not in text and len(digits) == 11 and digits.startswith("8"):
        digits = f"7{digits[1:]}"
    elif "+" not in text and len(digits) == 10:
        digits = f"7{digits}"
    return f"+{digits}"


def order_id_of(text: str) -> str:
    """An order's id as a person copies it from a receipt, or a scanner reads it."""
    typed = re.sub(r"\s", "", text[:_LONGEST]).upper().translate(_RUSSIAN_KEYS)
    place, dash, rest = typed.partition("-")
    return f"{place}{dash}{rest.translate(_CONFUSED)}"
