"""What the pages say, in Russian and in English, and how amounts and times are written there.

Owns the choice of a language and the reading of `words/*.toml`, where the sentences are. A sentence
that is missing is a bug, and a test looks for it. Must not build markup: what is said is text.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Final

from babel.dates import format_date, format_time
from babel.numbers import format_currency

from pipelines.contracts.amounts import exponent, minor_to_text

_FOLDER: Final = files("pipelines.neighbours.shop") / "words"

_SAME_AS: Final[Mapping[str, str]] = {
    # The service is there and cannot just now.
    "moving": "busy",
    "overloaded": "busy",
    "stopping": "busy",
    "not-there-yet": "busy",
    "too-many-requests": "busy",
    "keys-unavailable": "busy",
    "unreachable": "busy",
    # Nobody knows what came of it.
    "no-answer": "no-outcome",
    "internal-error": "no-outcome",
    "request-timeout": "no-outcome",
    "not-understood": "no-outcome",
    # The till or the store is not let in.
    "token-missing": "not-let-in",
    "token-invalid": "not-let-in",
    "client-unknown": "not-let-in",
    "scope-missing": "not-let-in",
    "channel-forbidden": "not-let-in",
    "no-token": "not-let-in",
    # The till or the store asked wrongly.
    "malformed-request": "asked-wrongly",
    "idempotency-key-missing": "asked-wrongly",
    "no-such-path": "asked-wrongly",
    "method-not-allowed": "asked-wrongly",
    "too-large": "asked-wrongly",
    "target-too-long": "asked-wrongly",
    "media-type": "asked-wrongly",
    "head-too-large": "asked-wrongly",
    "invalid-request": "asked-wrongly",
    "request-reused": "asked-wrongly",
    # Only people can say what is to be done.
    "order-mismatch": "other-order",
    "number-gone": "other-order",
    "already-issued": "other-order",
    "two-orders": "other-order",
    "number-missing": "other-order",
    "redemption-mismatch": "amounts-differ",
    "overpaid": "amounts-differ",
    "hold-exceeded": "amounts-differ",
    "refund-exceeds-redemption": "amounts-differ",
    "certificate-for-certificate": "amounts-differ",
    "order-missing": "half-missing",
    "payment-missing": "half-missing",
    "not-reserved": "hold-expired",
    "authorization-not-open": "hold-expired",
}
"""Troubles that are one and the same to a person, by the name whose sentence they share."""


class Language(StrEnum):
    """A language of the pages; the value is its code."""

    RUSSIAN = "ru"
    ENGLISH = "en"

    @property
    def other(self) -> "Language":
        """The one that a visitor may change to."""
        return Language.ENGLISH if self is Language.RUSSIAN else Language.RUSSIAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """What is said of a trouble: what happened, and what to do about it."""

    what: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Everything that is said in one language, with times in one zone (None: the machine's)."""

    language: Language
    zone: tzinfo | None = None
    texts: Mapping[str, str] = field(repr=False)

    def __call__(self, name: str, **values: str | int) -> str:
        """A text by its name, with its places filled. KeyError: there is none."""
        return self.texts[name].format(**values)

    def standing(self, lifecycle: str) -> str:
        """What a certificate's lifecycle means to a person; a new one means nothing yet."""
        return self.texts.get(f"standing.{lifecycle}") or self("standing.unknown")

    def money(self, amount_minor: int, currency: str) -> str:
        """An amount with all the digits of its currency."""
        amount = Decimal(minor_to_text(amount_minor, currency))
        # Not rounded to what people use: some currencies' small coins are in no purse any more.
        return str(
            format_currency(
                amount, currency, locale=self.language.value, decimal_quantization=False
            )
        )

    def price(self, amount_minor: int, currency: str) -> str:
        """An amount as a price tag says it: whole ones without digits after the point."""
        if amount_minor % 10 ** exponent(currency):
            return self.money(amount_minor, currency)
        amount = Decimal(minor_to_text(amount_minor, currency))
        return str(
            format_currency(
                amount, currency, "#,##0\u00a0¤", locale=self.language.value, currency_digits=False
            )
        )

    def typed(self, amount_minor: int, currency: str) -> str:
        """An amount as a person types it into a field: digits alone."""
        text = minor_to_text(amount_minor, currency)
        whole, _, fraction = text.partition(".")
        if not fraction.strip("0"):
            return whole
        return text.replace(".", ",") if self.language is Language.RUSSIAN else text

    def day(self, at_ms: int) -> str:
        """A date."""
        return str(format_date(self._moment(at_ms), "short", locale=self.language.value))

    def clock(self, at_ms: int, *, seconds: bool = False) -> str:
        """A time of day, of twenty-four hours in both languages: a receipt is read by machines."""
        pattern = "HH:mm:ss" if seconds else "HH:mm"
        moment = self._moment(at_ms)
        return str(format_time(moment, pattern, moment.tzinfo, locale=self.language.value))

    def trouble(self, name: str, place: str, certificate: str | None = None) -> Sentences:
        """What a person is told of a trouble. `place` is `till` or `store`."""
        known = _SAME_AS.get(name, name)
        if f"trouble.{known}.what" not in self.texts:
            known = "unknown"
        shown = f"…\u2060{certificate}" if certificate else ""
        what = self(f"trouble.{known}.what", certificate=shown)
        advice = self(f"trouble.{known}.{place}", certificate=shown)
        return Sentences(what=_closed_up(what), advice=_closed_up(advice))

    def _moment(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(self.zone)


def _closed_up(text: str) -> str:
    """Without the gap that a certificate leaves which is not named."""
    return re.sub(r" ([.,:])", r"\1", " ".join(text.split()))


@lru_cache(maxsize=len(Language))
def texts_of(language: Language) -> Mapping[str, str]:
    """All texts of a language, by their dotted names."""
    raw = (_FOLDER / f"{language.value}.toml").read_text(encoding="utf-8")
    # No line ends between the dots and the last four of a number.
    raw = raw.replace("…{", "…\u2060{")
    return dict(_flattened(tomllib.loads(raw), ""))


def _flattened(table: Mapping[str, object], before: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            found += _flattened(value, f"{before}{name}.")
        else:
            found.append((f"{before}{name}", str(value)))
    return found


def words_in(language: Language, zone: tzinfo | None = None) -> Words:
    """Everything that is said in a language."""
    return Words(language=language, zone=zone, texts=texts_of(language))


def preferred_language(accepted: str, default: Language) -> Language:
    """The first of our languages in an `Accept-Language` header; `default` where there is none."""
    for part in accepted.lower().split(","):
        code = part.partition(";")[0].strip().partition("-")[0]
        if code in tuple(Language):
            return Language(code)
    return default
