"""Bar codes of receipts: Code 128, code set B, so that a return begins with one scan.

Owns the patterns and the check symbol (ISO/IEC 15417). Pure: gives bars, draws nothing.
"""

from dataclasses import dataclass
from typing import Final

_START_B: Final = 104
_WIDTHS: Final = 6
_CHECK_MODULUS: Final = 103
_FIRST: Final = 32
_LAST: Final = 126

# Widths of bar, space, bar, space, bar, space: six digits for each symbol, one symbol after the
# other. The stop symbol has one bar more.
_PATTERNS: Final = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132"
    "122231113222123122123221223211221132221231213212223112312131311222321122321221312212"
    "322112322211212123212321232121111323131123131321112313132113132311211313231113231311"
    "112133112331132131113123113321133121313121211331231131213113213311213131311123311321"
    "331121312113312311332111314111221411431111111224111422121124121421141122141221112214"
    "112412122114122411142112142211241211221114413111241112134111111242121142121241114212"
    "124112124211411212421112421211212141214121412121111143111341131141114113114311411113"
    "411311113141114131311141411131211412211214211232"
)
_STOP: Final = "2331112"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One black bar, in modules from the left."""

    left: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Barcode:
    """The bars of a text, and how wide they are in all."""

    bars: tuple[Bar, ...]
    width: int


def barcode_of(text: str) -> Barcode:
    """The bar code of some printable ASCII. ValueError: of any other."""
    values = [ord(letter) - _FIRST for letter in text]
    if not text or not all(0 <= value <= _LAST - _FIRST for value in values):
        raise ValueError("only printable ASCII has a bar code")
    weighted = sum(position * value for position, value in enumerate(values, start=1))
    check = (_START_B + weighted) % _CHECK_MODULUS
    widths = "".join(_pattern(value) for value in (_START_B, *values, check)) + _STOP
    bars, left = [], 0
    for position, width in enumerate(map(int, widths)):
        if position % 2 == 0:
            bars.append(Bar(left=left, width=width))
        left += width
    return Barcode(bars=tuple(bars), width=left)


def _pattern(value: int) -> str:
    return _PATTERNS[value * _WIDTHS : (value + 1) * _WIDTHS]
