"""Bar codes of receipts are Code 128: a reader of our own finds the text again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.neighbours.shop import barcode
from pipelines.neighbours.shop.barcode import Barcode, barcode_of

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)


def widths_of(code: Barcode) -> str:
    """Bars and the spaces between them, from the left."""
    widths, right = [], 0
    for bar in code.bars:
        if bar.left > right:
            widths.append(bar.left - right)
        widths.append(bar.width)
        right = bar.left + bar.width
    return "".join(map(str, widths))


def read(code: Barcode) -> str:
    """The text of a bar code; an assertion where a scanner would not beep."""
    widths = widths_of(code)
    symbols = [widths[start : start + 6] for start in range(0, len(widths) - 7, 6)]
    table = {barcode._PATTERNS[value * 6 : value * 6 + 6]: value for value in range(106)}
    start, *values, check = [table[symbol] for symbol in symbols]
    assert widths[-7:] == "2331112"
    assert start == 104
    weighted = sum(position * value for position, value in enumerate(values, start=1))
    assert (start + weighted) % 103 == check
    return "".join(chr(value + 32) for value in values)


@given(PRINTABLE)
def test_bar_code_is_read_as_the_text_it_was_made_of(text: str) -> None:
    code = barcode_of(text)
    assert read(code) == text
    assert code.width == 11 * (len(text) + 2) + 13


def test_every_symbol_is_eleven_modules_wide_and_unlike_any_other() -> None:
    """A slip in the table would be one of these."""
    symbols = [barcode._PATTERNS[value * 6 : value * 6 + 6] for value in range(106)]
    assert {sum(map(int, symbol)) for symbol in symbols} == {11}
    assert len(set(symbols)) == 106
    # Bars have an even number of modules in all: the standard's own check.
    assert {sum(map(int, symbol[::2])) % 2 for symbol in symbols} == {0}


@pytest.mark.parametrize("text", ["", "чек", "a\n"])
def test_text_without_a_bar_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        barcode_of(text)
