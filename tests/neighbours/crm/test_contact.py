"""Addresses: what a gateway can take, and nothing else goes to one."""

from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.neighbours.crm.contact import Contact, address_for, language_of
from pipelines.neighbours.records.clients import NotificationChannel

SMS, EMAIL = NotificationChannel.SMS, NotificationChannel.EMAIL


@pytest.mark.parametrize(
    ("channel", "text", "address"),
    [
        (SMS, "+79001234567", "+79001234567"),
        (SMS, " +7 (900) 123-45-67 ", "+79001234567"),
        (SMS, "89001234567", "89001234567"),
        (SMS, "900", None),
        (SMS, "+7900123456789012", None),
        (SMS, "anna@shop.example", None),
        (SMS, "+7900123456\uff17", None),
        (SMS, "", None),
        (EMAIL, "anna@shop.example", "anna@shop.example"),
        (EMAIL, " anna+gifts@shop.example ", "anna+gifts@shop.example"),
        (EMAIL, "анна@shop.example", None),
        (EMAIL, "anna@почта.рф", "anna@xn--80a1acny.xn--p1ai"),
        (EMAIL, "anna@shop.example\r\nBcc: all@shop.example", None),
        (EMAIL, "anna@shop.example, bob@shop.example", None),
        (EMAIL, "Anna <anna@shop.example>", None),
        (EMAIL, "anna@", None),
        (EMAIL, "@shop.example", None),
        (EMAIL, "anna@-shop.example", None),
        (EMAIL, ".anna@shop.example", None),
        (EMAIL, "an..na@shop.example", None),
        (EMAIL, "=?utf-8?q?anna?=@shop.example", None),
        (EMAIL, "a" * 65 + "@shop.example", None),
        (EMAIL, "+79001234567", None),
        (EMAIL, "a@" + "b" * 60 + ".b" * 120, None),
    ],
)
def test_address_for_a_channel_is_what_its_gateway_takes(
    channel: NotificationChannel, text: str, address: str | None
) -> None:
    assert address_for(channel, text) == address


@given(st.sampled_from(NotificationChannel), st.text(max_size=60))
def test_address_of_any_text_is_plain_and_stays_itself(
    channel: NotificationChannel, text: str
) -> None:
    address = address_for(channel, text)
    if address is not None:
        assert address.isascii()
        assert address.isprintable()
        assert " " not in address
        assert address_for(channel, address) == address


@given(st.text(alphabet="an.=?_+'-@", max_size=20))
def test_mail_address_that_is_taken_can_be_written_into_a_letter(text: str) -> None:
    """The buyer chooses it: one that the mail's own rules refuse must not stop everybody's mail."""
    address = address_for(EMAIL, f"{text}@shop.example")
    if address is not None:
        assert Address(addr_spec=address).addr_spec == address


@pytest.mark.parametrize(
    ("word", "language"), [("ru", "ru"), ("en", "en"), ("de", None), (7, None)]
)
def test_language_is_one_that_we_write(word: object, language: str | None) -> None:
    assert language_of(word) == language


def test_contact_shows_no_address() -> None:
    assert "7900" not in repr(Contact(address="+79001234567"))
