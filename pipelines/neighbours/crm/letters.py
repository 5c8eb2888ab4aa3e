"""The texts of messages: by way and language, from our templates or a file in their place.

Owns what a template may fill in, and how an amount is written. Keeps no message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, TypeAlias

from babel.numbers import format_currency
from jinja2 import Template

from pipelines.contracts.amounts import minor_to_text
from pipelines.faults import SettingsError
from pipelines.neighbours.crm.filled_text import filled, filled_text
from pipelines.neighbours.crm.request import Balance, Request
from pipelines.neighbours.records.clients import NotificationChannel

Language: TypeAlias = Literal["ru", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ru", "en")
_OURS: Final = Path(__file__).resolve().parent / "templates"
_SUBJECT: Final = "Subject:"
_LARGEST: Final = 64 * 1024
SAMPLE: Final[Mapping[str, str]] = {
    "code": "000000",
    "last4": "0042",
    "number": "GC-00000042",
    "balance": "1 500,00 ₽",
}
"""What a template may fill in, and what it is tried with when the CRM starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A text with its code in it. The repr shows neither."""

    subject: str = field(repr=False)
    text: str = field(repr=False)


class Letters:
    """Every template, read once. SettingsError when one cannot be used."""

    def __init__(self, replaced_by: Path | None = None) -> None:
        if replaced_by is not None and not replaced_by.is_dir():
            raise SettingsError(f"GIFTCERT_CRM_TEMPLATES_DIR: there is no directory {replaced_by}")
        self._templates = {
            (channel, language): _template(replaced_by, channel, language)
            for channel in NotificationChannel
            for language in LANGUAGES
        }

    def write(
        self, request: Request, code: str, *, channel: NotificationChannel, language: Language
    ) -> Letter:
        """The message of one delivery. Unfillable when a template of yours cannot write it."""
        fields = {
            "code": code,
            "last4": request.certificate_id[-4:],
            "number": request.certificate_id,
            "balance": amount_text(request.balance, language),
        }
        return _letter(filled(self._templates[channel, language], fields))


def amount_text(balance: Balance, language: Language) -> str:
    """An amount as people of that language write it, with all the digits of its currency."""
    exact = Decimal(minor_to_text(balance.amount_minor, balance.currency))
    # Unrounded: people leave out the small coins of some currencies, but not when there are any.
    return format_currency(exact, balance.currency, locale=language, decimal_quantization=False)


def _template(
    replaced_by: Path | None, channel: NotificationChannel, language: Language
) -> Template:
    name = f"{channel.value.lower()}.{language}.txt"
    folders = (_OURS,) if replaced_by is None else (replaced_by, _OURS)
    path = next(folder / name for folder in folders if (folder / name).is_file())
    try:
        text = path.read_text(encoding="utf-8")
        if len(text) > _LARGEST:
            raise ValueError("it is no text of a message: it is too large")
        template = filled_text(text, SAMPLE)
        if not _letter(template.render(SAMPLE)).text:
            raise ValueError("it is empty")
    except OSError as error:
        raise SettingsError(f"the template {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"the template {path}: {error}") from None
    return template


def _letter(written: str) -> Letter:
    """What a template gave, in its parts: a first line may say the subject of an e-mail."""
    first, _, rest = written.partition("\n")
    if first.startswith(_SUBJECT):
        return Letter(subject=first.removeprefix(_SUBJECT).strip(), text=rest.strip())
    return Letter(subject="", text=written.strip())
