"""What a certificate number and a pool's name may look like; no text is both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.certificate.numbers import fault_of, pool_fault_of


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("GC0001", None),
        ("123456", None),
        ("A-1-" * 8, None),
        ("", "is empty"),
        ("gc0001", "holds something else than A-Z, 0-9 and -"),
        ("GC0001\n", "holds something else than A-Z, 0-9 and -"),
        ("GC\u0661\u0662\u0663\u0664", "holds something else than A-Z, 0-9 and -"),
        ("GC001", "has 5 characters, not 6 to 32"),
        ("1" * 33, "has 33 characters, not 6 to 32"),
        ("ABC-DEF", "has no digit"),
    ],
)
def test_number_of_a_certificate_is_judged_by_its_form(number: str, fault: str | None) -> None:
    assert fault_of(number) == fault


@pytest.mark.parametrize(
    ("pool", "fault"),
    [
        ("ELECTRONIC", None),
        ("PHYSICAL_CARD", None),
        ("", "is empty"),
        ("X", "is not 2 to 32 of A-Z and _, beginning with a letter"),
        ("_POOL", "is not 2 to 32 of A-Z and _, beginning with a letter"),
        ("POOL1", "is not 2 to 32 of A-Z and _, beginning with a letter"),
    ],
)
def test_name_of_a_pool_is_judged_by_its_form(pool: str, fault: str | None) -> None:
    assert pool_fault_of(pool) == fault


@given(st.text(alphabet="AZ09-_", max_size=34))
def test_no_text_is_both_a_number_and_the_name_of_a_pool(text: str) -> None:
    """Both are keys of one topic."""
    assert fault_of(text) is not None or pool_fault_of(text) is not None
