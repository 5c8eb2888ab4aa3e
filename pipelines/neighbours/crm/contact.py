"""Where a message goes: an address of one of the two forms, and the language to write in.

Owns what an address must look like before anything is sent to it. Keeps none.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from pipelines.neighbours.crm.letters import LANGUAGES, Language
from pipelines.neighbours.records.clients import NotificationChannel

_BETWEEN: Final = re.compile(r"[\s().-]")
_NUMBER: Final = re.compile(r"\+?[0-9]{5,15}")
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAILBOX: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LONGEST_MAILBOX: Final = 64
_ENCODED_WORD: Final = "=?"
"""Letters have another meaning for it."""

_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LONGEST: Final = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a directory knows. The repr shows no address."""

    address: str = field(repr=False)
    language: Language | None = None


def address_for(channel: NotificationChannel, text: str) -> str | None:
    """The address as a gateway takes it; None when it is none for that channel."""
    match channel:
        case NotificationChannel.SMS:
            number = _BETWEEN.sub("", text)
            return number if _NUMBER.fullmatch(number) is not None else None
        case NotificationChannel.EMAIL:
            return _mail_address(text.strip())


def language_of(word: object) -> Language | None:
    """A language that we write; None for any other."""
    return next((each for each in LANGUAGES if each == word), None)


def _mail_address(text: str) -> str | None:
    mailbox, at, domain = text.rpartition("@")
    try:
        named = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    if not at or len(text) > _LONGEST or len(mailbox) > _LONGEST_MAILBOX:
        return None
    if _MAILBOX.fullmatch(mailbox) is None or _ENCODED_WORD in mailbox:
        return None
    if not all(_LABEL.fullmatch(label) for label in named.split(".")):
        return None
    return f"{mailbox}@{named}"
