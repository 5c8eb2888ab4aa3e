"""Messages: both languages and ways, amounts as people write them, and texts of one's own."""

from pathlib import Path

import pytest

from pipelines.faults import SettingsError
from pipelines.neighbours.crm.filled_text import Unfillable
from pipelines.neighbours.crm.letters import LANGUAGES, Language, Letters, amount_text
from pipelines.neighbours.crm.request import Balance
from pipelines.neighbours.records.clients import NotificationChannel
from tests.neighbours.crm.asked_messages import NUMBER, request

SMS, EMAIL = NotificationChannel.SMS, NotificationChannel.EMAIL
GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", list(NotificationChannel))
def test_our_messages_hold_code_amount_and_last_four_and_not_the_number(
    channel: NotificationChannel, language: Language
) -> None:
    """Number and code together are the money: they go different ways."""
    letter = Letters().write(request(), "492039", channel=channel, language=language)
    assert "492039" in letter.text
    assert "0042" in letter.text
    assert NUMBER not in letter.text
    assert amount_text(request().balance, language) in letter.text
    assert bool(letter.subject) is (channel is EMAIL)
    assert "492039" not in letter.subject
    assert "492039" not in repr(letter)


def test_short_messages_of_a_usual_amount_fit_into_one_part() -> None:
    """Seventy letters of any alphabet, or a hundred and sixty of the old one."""
    for_5000 = request(balance=Balance(amount_minor=5_000_00, currency="RUB"))
    russian = Letters().write(for_5000, "492039", channel=SMS, language="ru").text
    english = Letters().write(for_5000, "49203911", channel=SMS, language="en").text
    assert len(russian) <= 70
    assert len(english) <= 160
    assert set(english) <= GSM_7


@pytest.mark.parametrize(
    ("balance", "russian", "english"),
    [
        (Balance(amount_minor=1_500_00, currency="RUB"), "1 500,00 ₽", "RUB1,500.00"),
        (Balance(amount_minor=12_50, currency="USD"), "12,50 $", "$12.50"),
        (Balance(amount_minor=1_500, currency="JPY"), "1 500 ¥", "¥1,500"),
        (Balance(amount_minor=1_234, currency="KWD"), "1,234 KWD", "KWD1.234"),
        (Balance(amount_minor=0, currency="RUB"), "0,00 ₽", "RUB0.00"),
        # People leave these out where there are none; money that is there is never rounded away.
        (Balance(amount_minor=1_500_75, currency="RSD"), "1 500,75 RSD", "RSD1,500.75"),
        (Balance(amount_minor=1_500_00, currency="RSD"), "1 500 RSD", "RSD1,500"),
    ],
)
def test_amounts_are_written_as_people_of_the_language_do(
    balance: Balance, russian: str, english: str
) -> None:
    found = [amount_text(balance, language).replace("\xa0", " ") for language in LANGUAGES]
    assert found == [russian, english]


def test_text_of_ones_own_takes_the_place_of_ours_and_the_others_stay(tmp_path: Path) -> None:
    own = "Subject: {{ last4 }}\r\n\r\nКлюч {{ code }}, {{ number }}\r\n"  # noqa: RUF001 - a word in Russian
    (tmp_path / "email.ru.txt").write_text(own, encoding="utf-8")
    letters = Letters(tmp_path)
    found = letters.write(request(), "492039", channel=EMAIL, language="ru")
    assert (found.subject, found.text) == ("0042", f"Ключ 492039, {NUMBER}")
    kept = letters.write(request(), "492039", channel=EMAIL, language="en")
    assert kept == Letters().write(request(), "492039", channel=EMAIL, language="en")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{{ address }}", "'address' is undefined"),
        ("{% if %}", "it is no template"),
        ("{{ code.__class__.__mro__ }}", "it is no template"),
        ("Subject: only this", "it is empty"),
        ("   ", "it is empty"),
        ("x" * 100_000, "too large"),
    ],
)
def test_template_that_cannot_be_used_is_told_at_the_start(
    tmp_path: Path, text: str, fault: str
) -> None:
    (tmp_path / "sms.en.txt").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=fault):
        Letters(tmp_path)


def test_directory_of_templates_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="GIFTCERT_CRM_TEMPLATES_DIR"):
        Letters(tmp_path / "none")


def test_template_that_fails_on_what_it_gets_does_not_tell_it(tmp_path: Path) -> None:
    template = "{{ 1 / (code | int) if code != '000000' else 1 }}{{ number[:2] | int + 1 }}"
    (tmp_path / "sms.en.txt").write_text(template + "{{ [1][code | int] }}", encoding="utf-8")
    with pytest.raises(Unfillable) as caught:
        Letters(tmp_path).write(request(), "492039", channel=SMS, language="en")
    assert "492039" not in str(caught.value)
