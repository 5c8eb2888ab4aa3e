"""What a check can find, and how much it looked at.

Owns the closed list of laws and the collecting; finds nothing itself. A certificate is shown by the
last four characters of its number.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Law(StrEnum):
    """Every law that a run is held to, by a short name."""

    NUMBERS = "numbers"
    ACKNOWLEDGED = "acknowledged"
    ONCE = "once"
    SAME_ANSWER = "same-answer"
    ORDER = "order"
    REFUSALS = "refusals"
    READS = "reads"
    EVENTS = "events"
    LIVE_READER = "live-reader"
    OUTPUTS = "outputs"
    REPLIES = "replies"
    STORES = "stores"
    SOURCES = "sources"
    DEAD_LETTERS = "dead-letters"
    AUDIT = "audit"
    SERVING = "serving"
    EVIDENCE = "evidence"


MEANINGS = {
    Law.NUMBERS: "no number is with two requests at a time, and none is issued twice",
    Law.ACKNOWLEDGED: "what a caller was told happened is in the log, just as it was told",
    Law.ONCE: "a request has its effect once, and one that nobody heard of again at most once",
    Law.SAME_ANSWER: "a repeated request is told the same",
    Law.ORDER: "of two calls about a certificate, one of which ended before the other began, the "
    "log has the earlier one first",
    Law.REFUSALS: "what was refused had to be, in the state in which the log has it",
    Law.READS: "what a reader was told was so at that time, and no older than what it asked for",
    Law.EVENTS: "no event is there twice, and a certificate's sequence has no gap",
    Law.LIVE_READER: "a read_committed reader that was there all the time saw what one sees who "
    "comes later",
    Law.OUTPUTS: "every record that was performed left its outputs once, and no others are there",
    Law.REPLIES: "each decision was answered once, and a repeat as it was the first time",
    Law.STORES: "the stores are what the topics fold into, byte for byte",
    Law.SOURCES: "every order, payment and delivery led to what it should, once",
    Law.DEAD_LETTERS: "nothing went to the dead letter queue",
    Law.AUDIT: "the audit's own laws of money and numbers hold, in the stream and the live stores",
    Law.SERVING: "the service comes back after every fault, and no worker meets a bug",
    Law.EVIDENCE: "the run had something of everything to look at: who sees nothing proves nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One law broken once."""

    law: Law
    text: str

    def __str__(self) -> str:
        return f"{self.law.value}: {self.text}"


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the checks found, and how many of what they looked at."""

    breaches: list[Breach] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)

    def breach(self, law: Law, text: str) -> None:
        self.breaches.append(Breach(law=law, text=text))

    def looked_at(self, what: str, count: int = 1) -> None:
        self.checked[what] += count


def last4(number: str | None) -> str:
    """A number as it may be shown."""
    return "…" if number is None else f"…{number[-4:]}"
