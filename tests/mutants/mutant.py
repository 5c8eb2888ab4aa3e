"""What a mutant is: one deliberate defect, and who has to notice it.

Owns the words of the tables and the putting of a defect into a copied tree. It runs nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.chaos.breaches import MEANINGS


class Catcher(StrEnum):
    """The checkers that are checked."""

    SIMULATION = "simulation"
    CHAOS = "chaos"


class Area(StrEnum):
    """The part of the service that a defect is in."""

    CERTIFICATE = "certificate"
    CORRELATION = "correlation"
    POOL = "pool"
    STAGES = "stages"
    STORES = "stores"
    CONTRACTS = "contracts"
    TIMERS = "timers"
    EDGE = "edge"
    RUNTIME = "runtime"


_LAWS_OF_THE_SIMULATION: Final[Mapping[str, str]] = {
    "1": "a number is reserved by one request at a time and issued once",
    "2": "the money of a certificate adds up; held is what is open, and never more than remains",
    "3": "every event agrees with its ledger entry; sequences have no gap and ids no double",
    "4": "folding the topics from offset 0 gives the stores, byte for byte",
    "5": "every command comes to what the reference model says, once",
    "6": "one request id never has two outcomes",
    "intents": "what was bought, spent and given back is on the certificates, once",
    "alerts": "people are told of what waits too long, once and in time",
    "facts": "ingest hands on every order and payment as it was said",
    "forgotten": "ordinary orders leave nothing behind",
    "dead-letters": "what cannot be performed is in the DLQ, once, and nothing else is",
    "pool": "the queue of a pool is what is free, in the order in which it came in",
    "deadlines": "the deadlines in the stores are those of open reservations, holds and waits",
    "history": "the history of a certificate is what the stream told of it",
    "index": "the index finds what the stream told of",
    "acknowledged": "what a caller was told is in the log, in the very amounts",
    "repeat": "a key that comes again gets its answer again, or is refused with another content",
    "codes": "the code revealed last opens, and no other does",
    "reads": "a caller reads what it wrote",
    "secrets": "no code, key or address is in a topic or store",
    "settles": "everything comes to rest",
    "assert": "stopped by the code's own assertion",
}

LAWS: Final[Mapping[Catcher, Mapping[str, str]]] = {
    Catcher.SIMULATION: _LAWS_OF_THE_SIMULATION,
    Catcher.CHAOS: {law.value: meaning for law, meaning in MEANINGS.items()},
}
"""What each checker reports breaches of."""


class NotApplied(Exception):
    """A defect that could not be put in: its text does not stand exactly once in its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A text of one file and what stands there instead. Line breaks around both do not count."""

    file: str
    before: str
    after: str

    def applied_to(self, source: str) -> str:
        """The source with the defect in it. NotApplied when there is not exactly one place."""
        before, after = self.before.strip("\n"), self.after.strip("\n")
        found = source.count(before)
        if found != 1:
            raise NotApplied(f"{self.file}: the text before stands there {found} times")
        return source.replace(before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One deliberate, realistic defect.

    `says` is what is wrong, in a sentence. `laws` are the ones of which a breach proves that the
    defect itself was noticed, and not something else. `also` is for a defect that one place alone
    cannot show. `faults` are the kinds of fault that show it, where the chaos run's own mixture
    does so too seldom. `notes` say why it is caught where it is.
    """

    name: str
    says: str
    area: Area
    edit: Edit
    laws: frozenset[str]
    catcher: Catcher = Catcher.SIMULATION
    also: tuple[Edit, ...] = ()
    faults: str = ""
    notes: str = ""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All that is changed."""
        return (self.edit, *self.also)

    @property
    def fingerprint(self) -> str:
        """What tells that a result is of this very defect: it changes with its texts."""
        texts = [text for each in self.edits for text in (each.file, each.before, each.after)]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]

    def put_into(self, tree: Path) -> None:
        """Change the files of a tree. NotApplied when a text is not where it has to be."""
        for each in self.edits:
            path = tree / each.file
            changed = each.applied_to(path.read_text(encoding="utf-8"))
            path.write_text(changed, encoding="utf-8")
