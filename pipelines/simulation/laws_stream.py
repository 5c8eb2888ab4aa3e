"""Laws 1 to 3 over the stream alone: what every reader of it may rely on, knowing nothing else.

Owns a ledger made of entries only. It looks at neither commands, stores nor the reference.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from pipelines.simulation.actors import Breach
from pipelines.simulation.laws_log import Findings, Line, ReadLog
from pipelines.simulation.reference_words import parts
from pipelines.topics import STREAM

_ISSUED: Final = frozenset({"ISSUED", "ACTIVE", "PARTIALLY_REDEEMED", "REDEEMED"})
_LEDGER: Final = {
    "ISSUE": "nominal",
    "REFUND": "refunds",
    "REDEEM": "redemptions",
    "PURCHASE_UNDONE": "annulments",
    "ANNUL": "annulments",
}
_CLOSING: Final = frozenset({"CAPTURE", "VOID", "HOLD_EXPIRED"})


@dataclass(slots=True)
class _Story:
    """One key of the stream as its events so far tell it. Amounts are signed ten-thousandths."""

    sequence: int = 0
    reserved_by: str | None = None
    issued: bool = False
    currency: str | None = None
    moved: Counter[str] = field(default_factory=Counter)
    holds: Counter[int] = field(default_factory=Counter)
    remaining: int = 0
    held: int = 0


def judge_stream(log: ReadLog) -> list[Breach]:
    """The breaches of laws 1, 2 and 3 that a reader of the stream can see."""
    judge = _Judge()
    for line in log.lines(STREAM):
        judge.take(line)
    judge.finish()
    return judge.law1.breaches + judge.law2.breaches + judge.law3.breaches


class _Judge:
    def __init__(self) -> None:
        self.law1, self.law2, self.law3 = Findings("1"), Findings("2"), Findings("3")
        self._stories: defaultdict[str, _Story] = defaultdict(_Story)
        self._ids: set[str] = set()

    def take(self, line: Line) -> None:
        """One more event of its key."""
        fields, story = line.fields, self._stories[line.key]
        if fields["sequence"] != story.sequence + 1:
            gap = f"sequence {fields['sequence']} follows {story.sequence}"
            self.law3.add(f"{line.key}: {gap}")
        story.sequence = fields["sequence"]
        if fields["eventId"] in self._ids:
            self.law3.add(f"{line.key}: the event id of {fields['eventType']} is used twice")
        self._ids.add(fields["eventId"])
        if fields["payload"] is not None:
            self._stock(line.key, story, line)
            self._money(line.key, story, line)
        elif fields["entry"] is not None:
            self.law3.add(f"{line.key}: an entry without a certificate")

    def _stock(self, key: str, story: _Story, line: Line) -> None:
        fields, kind = line.fields, line.fields["eventType"]
        if kind == "reserve":
            if story.reserved_by is not None or story.issued:
                self.law1.add(f"{key}: reserved while it was reserved or sold")
            story.reserved_by = fields["causationId"]
        elif kind == "issue":
            if story.issued or story.reserved_by is None:
                self.law1.add(f"{key}: issued twice, or without having been reserved")
            story.issued, story.reserved_by = True, None
        elif kind in ("release", "annul"):
            story.reserved_by = None
        lifecycle = fields["payload"]["lifecycle"]
        if (lifecycle == "RESERVED") != (story.reserved_by is not None):
            self.law1.add(f"{key}: {kind} shows {lifecycle} of what its events reserved otherwise")
        if lifecycle in _ISSUED and not story.issued:
            self.law1.add(f"{key}: {kind} shows {lifecycle} of a number that was never issued")

    def _money(self, key: str, story: _Story, line: Line) -> None:
        entry, payload = line.fields["entry"], line.fields["payload"]
        if entry is not None:
            self._entry(key, story, entry)
        shown = (parts(payload["remainingBalance"]), parts(payload["held"]))
        self.law3.compare(f"{key}: balance and held shown", shown, (story.remaining, story.held))
        self.law3.compare(f"{key}: version shown", payload["version"], line.fields["sequence"])
        if story.issued and story.currency is None:
            story.currency = payload["currency"]
        if payload["currency"] != story.currency:
            self.law3.add(f"{key}: the currency of an issued certificate changed")
        self.law2.compare(f"{key}: nominal", parts(payload["nominal"]), story.moved["nominal"])
        if not 0 <= story.held <= story.remaining:
            self.law2.add(f"{key}: {story.held} held of {story.remaining}")

    def _entry(self, key: str, story: _Story, entry: dict[str, bytes]) -> None:
        kind, amount = str(entry["kind"]), parts(entry["amount"])
        story.remaining += amount
        story.moved[_LEDGER.get(kind, "nothing")] += amount
        self.law2.compare(f"{key}: what moved in holds only", story.moved["nothing"], 0)
        changed = parts(entry["held"]) - story.held
        if kind == "AUTHORIZE" and changed > 0:
            story.holds[changed] += 1
        elif kind in _CLOSING and story.holds[-changed] > 0:
            story.holds[-changed] -= 1
        elif changed or kind in _CLOSING or kind == "AUTHORIZE":
            self.law2.add(f"{key}: {kind} changed what is held by {changed}")
        story.held += changed
        told = (parts(entry["remainingBalance"]), parts(entry["held"]))
        expected = (story.remaining, sum(held * count for held, count in story.holds.items()))
        self.law2.compare(f"{key}: balance and held after {kind}", told, expected)
        if kind in ("ANNUL", "PURCHASE_UNDONE") and story.remaining != 0:
            self.law2.add(f"{key}: ended with {story.remaining} on it")

    def finish(self) -> None:
        """Law 3 over all: in each currency, what came and went is what remains."""
        moved: Counter[str | None] = Counter()
        remaining: Counter[str | None] = Counter()
        for story in self._stories.values():
            moved[story.currency] += story.moved.total()
            remaining[story.currency] += story.remaining
        for currency, total in remaining.items():
            self.law3.compare(f"all of {currency}", moved[currency], total)
