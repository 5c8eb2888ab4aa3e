"""Whoever has a broken number is told what probably happened to it, and never the number."""

import pytest

from pipelines.loader.number_advice import advice_on

ADVICE = [
    ("1.23457E+15", "a spreadsheet has rounded it"),
    ("1,23457E+15", "a spreadsheet has rounded it"),
    ("1e+15", "a spreadsheet has rounded it"),
    ("1234567.0", "took it for an amount"),
    ("'1234567", "what the spreadsheet wrote before it"),
    ("=1234567", "what the spreadsheet wrote before it"),
    ("G\u0421-0001", "character 2 is CYRILLIC CAPITAL LETTER ES"),
    ("GC\u20130001", "character 3 is EN DASH"),
    ("GC\u00a00001", "character 3 is NO-BREAK SPACE"),
    ("GC-0001\u200b", "character 8 is ZERO WIDTH SPACE"),
    ("GC 0001", "character 3 is a space"),
    ("GC\t0001", "character 3 is a space"),
    ("gc-0001", "write capitals"),
]


@pytest.mark.parametrize(("number", "said"), ADVICE)
def test_advice_on_a_broken_number_names_what_happened_and_not_the_number(
    number: str, said: str
) -> None:
    advice = advice_on(number)
    assert said in advice
    assert number not in advice


@pytest.mark.parametrize("number", ["", "GC-0", "GC_0001", "GC-0001"])
def test_advice_on_a_number_that_tells_nothing_is_none(number: str) -> None:
    assert advice_on(number) == ""
