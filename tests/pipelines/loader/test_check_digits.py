"""Check digits are those of the standards, and find what people mistype."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_11_2, mod_11_10, mod_37_36, mod_97_10

from pipelines.loader.check_digits import CheckMethod, check_digits, width_of

# Examples of the standards' own, and of cards and accounts that everybody has.
KNOWN = [
    (CheckMethod.LUHN, "7992739871", "3"),
    (CheckMethod.LUHN, "4539-1488-0343-646", "7"),
    (CheckMethod.MOD_11_2, "079", "X"),
    (CheckMethod.MOD_11_10, "00200667308", "5"),
    (CheckMethod.MOD_37_36, "A12425GABC1234002", "M"),
    (CheckMethod.MOD_97_10, "WEST12345698765432GB", "82"),
]


@pytest.mark.parametrize(("method", "before", "digits"), KNOWN)
def test_check_digits_of_a_known_number_are_the_known_ones(
    method: CheckMethod, before: str, digits: str
) -> None:
    assert check_digits(method, before) == digits
    assert len(digits) == width_of(method)


VALID = {
    CheckMethod.LUHN: luhn.is_valid,
    CheckMethod.MOD_11_2: mod_11_2.is_valid,
    CheckMethod.MOD_11_10: mod_11_10.is_valid,
    CheckMethod.MOD_37_36: mod_37_36.is_valid,
    CheckMethod.MOD_97_10: mod_97_10.is_valid,
}


@pytest.mark.parametrize("method", CheckMethod)
@given(st.data())
def test_one_mistyped_digit_is_always_found(method: CheckMethod, data: st.DataObject) -> None:
    before = data.draw(st.text("0123456789", min_size=4, max_size=20))
    number = before + check_digits(method, before)
    assert VALID[method](number)
    place = data.draw(st.integers(0, len(before) - 1))
    other = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != before[place]))
    assert not VALID[method](number[:place] + other + number[place + 1 :])
