"""What people type is read forgivingly, and never as something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.neighbours.shop.entries import amount_of, code_of, number_of, order_id_of, phone_of
from pipelines.neighbours.shop.trouble import OwnTrouble, Trouble, own
from pipelines.neighbours.shop.words import Language, words_in

RU, EN = Language.RUSSIAN, Language.ENGLISH
WRONG = own(OwnTrouble.AMOUNT_WRONG)


@pytest.mark.parametrize(
    ("typed", "currency", "language", "read"),
    [
        ("1500", "RUB", RU, 150_000),
        ("1 500,50", "RUB", RU, 150_050),
        ("1\u00a0500,50 ₽", "RUB", RU, 150_050),
        ("1500.5", "RUB", RU, 150_050),
        ("1.500,50", "RUB", RU, 150_050),
        ("1,500.50", "RUB", EN, 150_050),
        ("1,500", "RUB", EN, 150_000),
        ("1,50", "RUB", EN, 150),
        ("12,345,678", "RUB", EN, 1_234_567_800),
        ("1500", "JPY", EN, 1_500),
        ("1,500", "RUB", RU, WRONG),
        ("1500.5", "JPY", EN, WRONG),
        ("1,50,0.5", "RUB", EN, WRONG),
        ("1.500.50", "RUB", RU, WRONG),
        ("-5", "RUB", RU, WRONG),
        ("0", "RUB", RU, WRONG),
        ("", "RUB", RU, WRONG),
        ("1e3", "RUB", RU, WRONG),
        ("٣٠٠", "RUB", RU, WRONG),
        ("9" * 400, "RUB", RU, WRONG),
    ],
)
def test_amount_as_people_type_it_is_read_in_minor_units(
    typed: str, currency: str, language: Language, read: int | Trouble
) -> None:
    assert amount_of(typed, currency, language) == read


@given(st.integers(1, 10**13), st.sampled_from(["RUB", "JPY", "KWD"]), st.sampled_from(Language))
def test_amount_shown_on_a_page_is_read_back_as_the_same(
    amount_minor: int, currency: str, language: Language
) -> None:
    """What one sees can be typed; the name of the currency is left out."""
    shown = words_in(language).money(amount_minor, currency)
    digits = "".join(letter for letter in shown if letter.isdigit() or letter in " .,\u00a0\u202f")
    assert amount_of(digits.strip(), currency, language) == amount_minor
    typed = words_in(language).typed(amount_minor, currency)
    assert amount_of(typed, currency, language) == amount_minor


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("GC-00000042", "GC-00000042"),
        (" gc-0000 0042\r\n", "GC-00000042"),
        ("пс-00000042", "GC-00000042"),
        ("12345", own(OwnTrouble.NUMBER_WRONG)),
        ("GC_00000042", own(OwnTrouble.NUMBER_WRONG)),
        ("../../internal", own(OwnTrouble.NUMBER_WRONG)),
        ("A" * 33, own(OwnTrouble.NUMBER_WRONG)),
    ],
)
def test_number_as_a_scanner_gives_it_is_the_certificate_s(typed: str, read: object) -> None:
    assert number_of(typed) == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("492039", "492039"),
        (" 492 039 ", "492039"),
        ("492-039", "492039"),
        ("49203", own(OwnTrouble.CODE_WRONG_FORM)),
        ("49203x", own(OwnTrouble.CODE_WRONG_FORM)),
        ("٤٩٢٠٣٩", own(OwnTrouble.CODE_WRONG_FORM)),
        ("", own(OwnTrouble.CODE_WRONG_FORM)),
    ],
)
def test_code_as_a_customer_reads_it_is_digits(typed: str, read: object) -> None:
    assert code_of(typed) == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("+7 900 123-45-67", "+79001234567"),
        ("8 (900) 123-45-67", "+79001234567"),
        ("900 123 45 67", "+79001234567"),
        ("+44 20 7946 0958", "+442079460958"),
        ("12345", own(OwnTrouble.PHONE_WRONG)),
        ("anna@example.test", own(OwnTrouble.PHONE_WRONG)),
        ("", own(OwnTrouble.PHONE_WRONG)),
    ],
)
def test_phone_as_people_write_it_is_international(typed: str, read: object) -> None:
    assert phone_of(typed) == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("T-03PT1EVF4A", "T-03PT1EVF4A"),
        (" t-o3pt1evf4a ", "T-03PT1EVF4A"),
        # The same keys on a Russian keyboard.
        ("\u0435-03\u0437\u04351\u0443\u043c\u04304\u0444", "T-03PT1EVF4A"),
    ],
)
def test_order_of_a_receipt_is_found_however_it_was_copied(typed: str, read: str) -> None:
    assert order_id_of(typed) == read


@given(st.text(max_size=300))
def test_anything_typed_is_read_or_refused_and_never_breaks(typed: str) -> None:
    for read in (number_of, code_of, phone_of):
        found = read(typed)
        assert isinstance(found, str) or found.certificate is None
    amount = amount_of(typed, "RUB", RU)
    assert isinstance(amount, Trouble) or amount > 0
    assert isinstance(order_id_of(typed), str)
