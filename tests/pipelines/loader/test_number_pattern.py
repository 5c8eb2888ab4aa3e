"""A pattern says which numbers there are: each at one place, each with its check digits."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_11_2, mod_11_10, mod_37_36, mod_97_10

from pipelines.loader.check_digits import CheckMethod, digits_only, width_of
from pipelines.loader.number_pattern import DIGITS, LETTERS, GenerateFault, NumberPattern
from state.certificate.numbers import fault_of

VALID = {
    CheckMethod.LUHN: luhn.is_valid,
    CheckMethod.MOD_11_2: mod_11_2.is_valid,
    CheckMethod.MOD_11_10: mod_11_10.is_valid,
    CheckMethod.MOD_37_36: mod_37_36.is_valid,
    CheckMethod.MOD_97_10: mod_97_10.is_valid,
}
_MADE = {"#": f"[{DIGITS}]", "@": f"[{LETTERS}]", "*": f"[{DIGITS}{LETTERS}]", "=": "[0-9A-Z]"}


def shape_of(pattern: str) -> re.Pattern[str]:
    """The same as a regular expression: another way to say what a pattern means."""
    return re.compile("".join(_MADE.get(each, re.escape(each)) for each in pattern))


def is_checked(number: str, method: CheckMethod) -> bool:
    """What the standard's own check says; the hyphens, and letters it passes over, taken out."""
    return VALID[method](
        "".join(
            each
            for place, each in enumerate(number)
            if each.isdigit()
            or (each.isalpha() and not digits_only(method))
            # The X of Mod 11,2 is a digit that has no other sign.
            or (each == "X" and place == len(number) - 1)
        )
    )


@st.composite
def patterns(draw: st.DrawFn) -> NumberPattern:
    """Patterns that make sense, of every method and none."""
    method = draw(st.sampled_from([None, *CheckMethod]))
    made = "#" if method is not None and digits_only(method) else "#@*"
    body = draw(st.text(f"{made}A7O-", min_size=6, max_size=20))
    tail = "" if method is None else "=" * width_of(method)
    text = f"{draw(st.sampled_from(['', 'GC-', '29']))}#{body}{tail}"
    return NumberPattern.parsed(text, method or CheckMethod.LUHN)


@given(patterns(), st.data())
def test_number_at_any_place_has_the_form_and_check_digits_that_the_pattern_says(
    pattern: NumberPattern, data: st.DataObject
) -> None:
    number = pattern.number_at(data.draw(st.integers(0, pattern.space - 1)))
    assert fault_of(number) is None
    assert shape_of(pattern.text).fullmatch(number)
    assert pattern.matches(number)
    if pattern.method is not None:
        assert is_checked(number, pattern.method)


@given(patterns(), st.data())
def test_numbers_at_two_places_are_two_numbers(pattern: NumberPattern, data: st.DataObject) -> None:
    places = st.integers(0, pattern.space - 1)
    first, second = data.draw(places), data.draw(places)
    assert (pattern.number_at(first) == pattern.number_at(second)) == (first == second)


def test_space_of_a_pattern_counts_every_number_once() -> None:
    pattern = NumberPattern.parsed("AB-1#@=", CheckMethod.MOD_37_36)
    numbers = {pattern.number_at(place) for place in range(pattern.space)}
    assert len(numbers) == pattern.space == 10 * 24


@pytest.mark.parametrize(
    ("number", "matches"),
    [
        ("GC-79927-398-713", True),
        ("GC-79927-398-714", False),
        ("GC-79927-398-71", False),
        ("GC-79927-398-7133", False),
        ("GX-79927-398-713", False),
        ("GC-7992A-398-713", False),
        ("", False),
    ],
)
def test_number_matches_only_with_its_form_and_its_check_digit(number: str, matches: bool) -> None:
    pattern = NumberPattern.parsed("GC-#####-###-##=", CheckMethod.LUHN)
    assert pattern.matches(number) is matches


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("GC-########", None),
        ("GC-#######=", CheckMethod.LUHN),
        ("GC-#####@#=", CheckMethod.MOD_37_36),
        ("GC-*****==", CheckMethod.MOD_97_10),
        ("GC-####-=-=", CheckMethod.MOD_97_10),
    ],
)
def test_pattern_without_a_method_gets_one_that_suits_it(
    text: str, method: CheckMethod | None
) -> None:
    assert NumberPattern.parsed(text).method is method


REFUSED = [
    ("GC-###", "GC_#####", CheckMethod.LUHN, "holds '_'"),
    ("lower case", "gc-#####", CheckMethod.LUHN, "holds 'c g'"),
    ("another alphabet", "\u0413\u0421-#####", CheckMethod.LUHN, "holds"),
    ("empty", "", CheckMethod.LUHN, "0 characters"),
    ("too short", "#####", CheckMethod.LUHN, "5 characters"),
    ("too long", "#" * 33, CheckMethod.LUHN, "33 characters"),
    ("nothing to make", "GC-00001", CheckMethod.LUHN, "one number alone"),
    ("only check digits to make", "GC-0000=", CheckMethod.LUHN, "one number alone"),
    ("check digits first", "=######", CheckMethod.LUHN, "= before its end"),
    ("check digits in the middle", "###=###=", CheckMethod.LUHN, "= before its end"),
    ("too many of them", "######==", CheckMethod.LUHN, "2 of =, and luhn makes 1"),
    ("too few of them", "######=", CheckMethod.MOD_97_10, "1 of =, and mod-97-10 makes 2"),
    ("letters unchecked", "GC-@@@@##=", CheckMethod.LUHN, "mod-37-36 or mod-97-10"),
    ("either unchecked", "GC-****##=", CheckMethod.MOD_11_10, "mod-37-36 or mod-97-10"),
    ("no digit", "GC-@@@@@", CheckMethod.LUHN, "without a digit"),
    ("no digit for sure", "GC-****", CheckMethod.LUHN, "without a digit"),
    ("no digit but perhaps the last", "GC-@@@@=", CheckMethod.MOD_37_36, "without a digit"),
]


@pytest.mark.parametrize(
    ("text", "method", "said"),
    [pytest.param(text, method, said, id=name) for name, text, method, said in REFUSED],
)
def test_pattern_that_makes_no_good_numbers_is_refused_in_one_line(
    text: str, method: CheckMethod, said: str
) -> None:
    with pytest.raises(GenerateFault) as refused:
        NumberPattern.parsed(text, method)
    assert said in str(refused.value)
