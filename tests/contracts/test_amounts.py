"""Amounts go between wire, text and minor units exactly, or not at all."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from iso4217 import Currency

from pipelines.contracts.amounts import (
    PRECISION,
    SCALE,
    amount_to_minor,
    exponent,
    minor_to_amount,
    minor_to_text,
    text_to_minor,
)
from pipelines.contracts.broken import BrokenCode, BrokenRecord

LIMIT = 10**PRECISION
CURRENCIES = [currency.code for currency in Currency if currency.exponent is not None]

currencies = st.sampled_from(CURRENCIES)


@st.composite
def amounts(draw: st.DrawFn) -> tuple[int, str]:
    """Any amount that fits, of either sign, with its currency."""
    currency = draw(currencies)
    limit = (LIMIT - 1) // 10 ** (SCALE - exponent(currency))
    return draw(st.integers(min_value=-limit, max_value=limit)), currency


@given(amounts())
def test_minor_units_through_the_wire_and_back_are_the_same(amount: tuple[int, str]) -> None:
    """Every amount that fits survives, and its bytes are as few as two's complement allows."""
    amount_minor, currency = amount
    raw = minor_to_amount(amount_minor, currency, negative=True)
    assert amount_to_minor(raw, currency, negative=True) == amount_minor
    if len(raw) > 1:
        shorter = raw[1:]
        assert int.from_bytes(shorter, "big", signed=True) != int.from_bytes(
            raw, "big", signed=True
        )


@given(amounts())
def test_minor_units_through_text_and_back_are_the_same(amount: tuple[int, str]) -> None:
    amount_minor, currency = amount
    text = minor_to_text(amount_minor, currency)
    assert text_to_minor(text, currency, negative=True) == amount_minor
    assert Decimal(text).scaleb(exponent(currency)) == amount_minor


@given(raw=st.binary(max_size=12), currency=currencies)
@example(raw=b"\x00" * 12, currency="RUB")
def test_amount_from_any_bytes_is_exact_or_broken(raw: bytes, currency: str) -> None:
    """Whatever comes in: never rounded, and refused in only one way."""
    try:
        amount_minor = amount_to_minor(raw, currency, negative=True)
    except BrokenRecord as broken:
        assert broken.code is BrokenCode.CONTRACT  # noqa: PT017 - either outcome is right
    else:
        on_the_wire = Decimal(int.from_bytes(raw, "big", signed=True)).scaleb(-SCALE)
        assert Decimal(amount_minor).scaleb(-exponent(currency)) == on_the_wire


@given(st.text(max_size=24), currencies)
def test_amount_from_any_text_is_exact_or_a_value_error(text: str, currency: str) -> None:
    try:
        amount_minor = text_to_minor(text, currency, negative=True)
    except ValueError:
        return
    assert Decimal(text).scaleb(exponent(currency)) == amount_minor


@pytest.mark.parametrize(
    ("amount_minor", "currency", "raw", "text"),
    [
        (0, "RUB", "00", "0.00"),
        (1, "RUB", "64", "0.01"),
        (150_000, "RUB", "00e4e1c0", "1500.00"),
        (-50_000, "RUB", "b3b4c0", "-500.00"),
        (1_500, "JPY", "00e4e1c0", "1500"),
        (1_500_000, "KWD", "00e4e1c0", "1500.000"),
        (15_000_000, "CLF", "00e4e1c0", "1500.0000"),
        (127, "CLF", "7f", "0.0127"),
        (128, "CLF", "0080", "0.0128"),
        (-128, "CLF", "80", "-0.0128"),
        (-129, "CLF", "ff7f", "-0.0129"),
        (LIMIT - 1, "CLF", "0de0b6b3a763ffff", "99999999999999.9999"),
    ],
)
def test_amount_of_a_known_value_has_the_bytes_and_text_of_the_contract(
    amount_minor: int, currency: str, raw: str, text: str
) -> None:
    assert minor_to_amount(amount_minor, currency, negative=True).hex() == raw
    assert amount_to_minor(bytes.fromhex(raw), currency, negative=True) == amount_minor
    assert minor_to_text(amount_minor, currency) == text
    assert text_to_minor(text, currency, negative=True) == amount_minor


@pytest.mark.parametrize(
    ("raw", "currency", "text"),
    [
        pytest.param("", "RUB", "no bytes", id="nothing"),
        pytest.param("00", "RUR", "ISO 4217", id="a currency of the past"),
        pytest.param("00", "XAU", "ISO 4217", id="a metal"),
        pytest.param("00", "rub", "ISO 4217", id="small letters"),
        pytest.param("0de0b6b3a7640000", "CLF", "more than 18 digits", id="19 digits"),
        pytest.param("7f" + "00" * 1_000_000, "RUB", "more than 18 digits", id="a megabyte"),
        pytest.param("9c", "RUB", "negative", id="below zero"),
        pytest.param("01", "RUB", "more decimals than the 2 of RUB", id="a hundredth of a kopeck"),
        pytest.param("1388", "JPY", "more decimals than the 0 of JPY", id="half a yen"),
    ],
)
def test_amount_from_bytes_outside_the_contract_is_broken(
    raw: str, currency: str, text: str
) -> None:
    with pytest.raises(BrokenRecord, match=text) as caught:
        amount_to_minor(bytes.fromhex(raw), currency)
    assert caught.value.code is BrokenCode.CONTRACT


@pytest.mark.parametrize(
    ("text", "currency", "complaint"),
    [
        pytest.param("1500", "XXX", "ISO 4217", id="no currency"),
        pytest.param("", "RUB", "not decimal text", id="nothing"),
        pytest.param("1,500.00", "RUB", "not decimal text", id="thousands"),
        pytest.param("1500.", "RUB", "not decimal text", id="bare point"),
        pytest.param(".5", "RUB", "not decimal text", id="no whole part"),
        pytest.param("01", "RUB", "not decimal text", id="leading zero"),
        pytest.param("+1", "RUB", "not decimal text", id="plus"),
        pytest.param("1e3", "RUB", "not decimal text", id="exponent"),
        pytest.param(" 1", "RUB", "not decimal text", id="blank before"),
        pytest.param("1\n", "RUB", "not decimal text", id="line break after"),
        pytest.param("١٢", "RUB", "not decimal text", id="other digits"),
        pytest.param("1.005", "RUB", "more decimals than the 2 of RUB", id="too exact"),
        pytest.param("1.000", "RUB", "more decimals than the 2 of RUB", id="needless zero"),
        pytest.param("-1.00", "RUB", "negative", id="below zero"),
        pytest.param("100000000000000", "RUB", "more than 18 digits", id="too large"),
    ],
)
def test_amount_from_other_text_is_a_value_error(text: str, currency: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        text_to_minor(text, currency)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "complaint"),
    [
        pytest.param(-1, "RUB", "negative", id="below zero"),
        pytest.param(10**16, "RUB", "more than 18 digits", id="too large"),
        pytest.param(1, "XTS", "ISO 4217", id="a test currency"),
    ],
)
def test_amount_for_the_wire_that_does_not_fit_is_a_value_error(
    amount_minor: int, currency: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        minor_to_amount(amount_minor, currency)


def test_no_currency_has_more_decimals_than_an_amount_on_the_wire() -> None:
    """Were there ever one, its amounts could not be written."""
    assert max(exponent(currency) for currency in CURRENCIES) <= SCALE
