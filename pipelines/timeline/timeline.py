"""The story of one certificate, folded from its events: each with its money, and how it stands.

Owns what is told and how it is masked: a number is never here but by its last four, whatever text
it stands in. Decides nothing, and reads no topic. Amounts are minor units of the certificate's
currency.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipelines.contracts.amounts import amount_to_minor
from pipelines.contracts.broken import BrokenRecord

_ALERT: Final = "alert"
_OPENS: Final = "AUTHORIZE"
_CLOSES: Final = frozenset({"CAPTURE", "VOID", "HOLD_EXPIRED"})
_SHOWN: Final = 4
_LONGEST: Final = 300
_MAIL: Final = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_DIGITS: Final = re.compile(r"(?<![\w-])\+?\d[\d ()-]{8,}\d(?![\w-])")
_CODE: Final = re.compile(r"(?<![\w.,\N{HORIZONTAL ELLIPSIS}-])\d{4,8}(?![\w.,-])")
_HIDDEN: Final = "(not shown)"
_OUR_WORDS: Final = frozenset(
    {"alert", "error", "capture", "refund", "refund.pendingDetails", "release"}
)
"""Events whose text the service itself writes. It names orders and amounts, and no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where on the stream a record stands."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A record under the certificate's key: its fields, or why it could not be read."""

    place: Place
    fields: Mapping[str, Any] | None
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What an entry moved, by its kind."""

    kind: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event. Balance and held are those after it; absent before there was money."""

    place: Place
    sequence: int
    at_ms: int
    event: str
    status: str
    cause: str
    actor: str | None
    correlation: str | None
    code: str | None
    text: str | None
    money: Money | None
    currency: str | None
    balance_minor: int | None
    held_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """Money set aside and neither taken nor given back. `cause` is the id of its authorization.

    `certain` is false where holds of the same amount were open together and one of them was closed:
    an event says how much was freed, not of which.
    """

    amount_minor: int
    since_ms: int
    cause: str
    certain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record of the certificate that is no event."""

    place: Place
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The whole story. `standing` is the certificate after the latest event, as the event says.

    `loaded` is false while no event shows a certificate: somebody asked for a number that nobody
    ever loaded. `gaps` are sequences that are missing before the one named.
    """

    last_four: str
    lines: tuple[Line, ...]
    holds: tuple[OpenHold, ...]
    standing: Mapping[str, Any] | None
    unreadable: tuple[Unreadable, ...]
    gaps: tuple[int, ...]

    @property
    def loaded(self) -> bool:
        return self.standing is not None

    @property
    def alerts(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.event == _ALERT)


def last_four(number: str) -> str:
    """A number as people may see it."""
    return f"\N{HORIZONTAL ELLIPSIS}{number[-_SHOWN:]}"


def timeline_of(number: str, records: Iterable[Read], *, from_start: bool = True) -> Timeline:
    """Fold the records under a certificate's key, in their order.

    Read from later than the start, a first event of a higher sequence is no gap.
    """
    before = 0 if from_start else None
    folding = _Folding(number=number, sequence=before, held_minor=before)
    for record in records:
        folding.take(record)
    return Timeline(
        last_four=last_four(number),
        lines=tuple(folding.lines),
        holds=tuple(folding.holds),
        standing=folding.standing,
        unreadable=tuple(folding.unreadable),
        gaps=tuple(folding.gaps),
    )


@dataclass(slots=True, kw_only=True)
class _Folding:
    number: str
    sequence: int | None
    held_minor: int | None
    lines: list[Line] = field(default_factory=list)
    holds: list[OpenHold] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    standing: dict[str, Any] | None = None

    def take(self, record: Read) -> None:
        if record.fields is None:
            self._refuse(record.place, record.fault)
            return
        try:
            line = self._line(record.place, record.fields)
            standing = self._standing(record.fields["payload"])
        except BrokenRecord as broken:
            self._refuse(record.place, broken.text)
            return
        if self.sequence is not None and line.sequence != self.sequence + 1:
            self.gaps.append(line.sequence)
        self.sequence = line.sequence
        self.lines.append(line)
        self.standing = standing or self.standing
        self._note_hold(line)

    def _refuse(self, place: Place, fault: str) -> None:
        self.unreadable.append(Unreadable(place=place, fault=self._plain(fault)))

    def _line(self, place: Place, fields: Mapping[str, Any]) -> Line:
        payload, entry, reason = fields["payload"], fields["entry"], fields["reason"]
        currency = None if payload is None else payload["currency"]
        money = None
        if entry is not None and currency is not None:
            money = Money(kind=entry["kind"], amount_minor=_minor(entry["amount"], currency))
        after = entry or payload
        balance_minor = held_minor = None
        if after is not None and currency is not None:
            balance_minor = _minor(after["remainingBalance"], currency)
            held_minor = _minor(after["held"], currency)
        return Line(
            place=place,
            sequence=fields["sequence"],
            at_ms=fields["occurredAt"],
            event=self._plain(fields["eventType"]),
            status=fields["status"],
            cause=self._plain(fields["causationId"]),
            actor=self._optional(fields["actor"]),
            correlation=self._optional(fields["correlationId"]),
            code=None if reason is None else self._plain(reason["code"]),
            text=None if reason is None else self._reason(fields["eventType"], reason["text"]),
            money=money,
            currency=currency,
            balance_minor=balance_minor,
            held_minor=held_minor,
        )

    def _standing(self, payload: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if payload is None:
            return None
        currency, lock, notification = payload["currency"], payload["lock"], payload["notification"]
        amounts = {
            name: None if currency is None else _minor(payload[name], currency)
            for name in ("nominal", "remainingBalance", "held")
        }
        return {
            **{name: payload[name] for name in _PLAIN},
            **{name: self._optional(payload[name]) for name in _TEXTS},
            **amounts,
            "notification": None if notification is None else notification["status"],
            "lock": None
            if lock is None
            else {
                "reason": self._free(lock["reason"]),
                "by": self._plain(lock["by"]),
                "at": lock["at"],
            },
        }

    def _note_hold(self, line: Line) -> None:
        """An event tells what is held after it: what came is a hold, what went closes one."""
        if line.held_minor is None:
            return
        before_minor, self.held_minor = self.held_minor, line.held_minor
        if before_minor is None:
            return
        change_minor = line.held_minor - before_minor
        kind = None if line.money is None else line.money.kind
        if kind == _OPENS and change_minor > 0:
            opened = OpenHold(
                amount_minor=change_minor, since_ms=line.at_ms, cause=line.cause, certain=True
            )
            self.holds.append(opened)
        elif kind in _CLOSES:
            self._close(-change_minor)
        if self.held_minor == 0:
            self.holds.clear()

    def _close(self, amount_minor: int) -> None:
        alike = [hold for hold in self.holds if hold.amount_minor == amount_minor]
        if not alike:
            return
        self.holds.remove(alike[0])
        for hold in alike[1:]:
            place = self.holds.index(hold)
            self.holds[place] = OpenHold(
                amount_minor=hold.amount_minor,
                since_ms=hold.since_ms,
                cause=hold.cause,
                certain=False,
            )

    def _plain(self, text: str) -> str:
        """A text without this number in it, fit for a terminal."""
        # Masked before it is cut: a cut through the number would leave the beginning of it.
        shown = text.replace(self.number, last_four(self.number))
        if len(shown) > _LONGEST:
            shown = f"{shown[:_LONGEST]}\N{HORIZONTAL ELLIPSIS}"
        return "".join(each if each.isprintable() else "\ufffd" for each in shown)

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self._plain(text)

    def _reason(self, event: str, text: str) -> str:
        return self._plain(text) if event in _OUR_WORDS else self._free(text)

    def _free(self, text: str) -> str:
        """What a person or another system wrote: whatever may be an address or a code is hidden."""
        shown = self._plain(text)
        for each in (_MAIL, _DIGITS, _CODE):
            shown = each.sub(_HIDDEN, shown)
        return shown


_PLAIN: Final = (
    "pool",
    "status",
    "lifecycle",
    "channel",
    "currency",
    "reservedUntil",
    "issuedAt",
    "activatedAt",
    "expiresAt",
    "version",
)
_TEXTS: Final = ("orderId", "clientId")


def _minor(raw: bytes, currency: str) -> int:
    return amount_to_minor(raw, currency, negative=True)
