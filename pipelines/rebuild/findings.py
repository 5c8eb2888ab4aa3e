"""In what derived records and those on a topic differ, told so that no number is told.

Owns the comparison by id and content, the closed list of what can be found, and its words.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from pipelines.rebuild.derived import DerivedRecords, Written
from state.certificate.commands import Command
from state.correlation.facts import Fact

FACT: Final = "fact"
DELIVERY: Final = "delivery"
COMMAND: Final = "command"

_SECRETIVE: Final = frozenset({"certificate_id", "client_id"})
_LONGEST: Final = 60

Content = TypeVar("Content", Fact, Command)


class Verdict(StrEnum):
    """How one id compares."""

    MISSING = "missing"
    """Today's code makes it, and it is not on the topic."""
    DIFFERENT = "different"
    """It is on the topic with another content."""
    EXTRA = "extra"
    """It is on the topic, and today's code does not make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One id that does not compare as equal. `about`: its correlation, or certificate."""

    kind: str
    verdict: Verdict
    record_id: str
    about: str
    text: str
    numbers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.shown_id}: {self.verdict}{self.text and f', {self.text}'}"

    @property
    def shown_id(self) -> str:
        """The id, with every number in it masked."""
        return _without(self.record_id, self.numbers)


class Compared(Generic[Content]):
    """Derived records against a topic that is shown record by record.

    Every content that is derived for an id must be on the topic under it. The topic may have more:
    a source tells some things twice, and does not keep everything.
    """

    def __init__(
        self, kind: str, derived: DerivedRecords, content_of: Callable[[bytes | None], Content]
    ) -> None:
        self._kind = kind
        self._derived = derived
        self._content_of: Callable[[bytes | None], Content] = content_of
        self._open = {
            record_id: [each.value for each in written]
            for record_id, written in derived.by_id.items()
        }
        self._seen: dict[str, bytes] = {}
        self.equal = 0
        self.extra: list[Finding] = []

    def show(self, record_id: str, content: Content, value: bytes) -> bool:
        """Show one record of the topic; whether today's code makes its id at all."""
        waiting = self._open.get(record_id)
        if waiting is None:
            return record_id in self._derived.by_id
        matched = value if value in waiting else None
        if matched is None:
            matched = next((each for each in waiting if self._content_of(each) == content), None)
        if matched is None:
            self._seen[record_id] = value
            return True
        waiting.remove(matched)
        if not waiting:
            del self._open[record_id]
            self._seen.pop(record_id, None)
            self.equal += 1
        return True

    def note_extra(self, record_id: str, about: str, content: Content) -> None:
        """Note an id that today's code does not make."""
        self.extra.append(
            Finding(
                kind=self._kind,
                verdict=Verdict.EXTRA,
                record_id=record_id,
                about=about,
                text=_kind_of(content),
                numbers=_numbers_in(content),
            )
        )

    def findings(self) -> Iterator[Finding]:
        """What is missing or different, in the order of derivation, then what is extra."""
        for record_id, waiting in self._open.items():
            wanted = self._content_of(waiting[0])
            there = self._seen.get(record_id)
            found = None if there is None else self._content_of(there)
            yield Finding(
                kind=self._kind,
                verdict=Verdict.MISSING if found is None else Verdict.DIFFERENT,
                record_id=record_id,
                about=self._derived.by_id[record_id][0].about,
                text=_kind_of(wanted) if found is None else "; ".join(changes(found, wanted)),
                numbers=_numbers_in(wanted),
            )
        yield from self.extra

    def written(self, record_id: str) -> Sequence[Written]:
        """What today's code would write under an id."""
        return self._derived.by_id[record_id]


def changes(there: object, today: object) -> Iterator[str]:
    """Every field that differs, by its path; numbers by their last four."""
    before, after = dict(_leaves("", there)), dict(_leaves("", today))
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old != new:
            yield f"{path} {_shown(path, old)} on the topic, {_shown(path, new)} today"


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    if is_dataclass(value):
        for each in fields(value):
            inner = f"{path}.{each.name}" if path else each.name
            yield from _leaves(inner, getattr(value, each.name))
        if path:
            yield path, type(value).__name__
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _leaves(f"{path}[{place}]", item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{path}[{key}]", item)
    else:
        yield path, value


def _shown(path: str, value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    if path.rpartition(".")[2] in _SECRETIVE:
        return f"…{text[-4:]}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _numbers_in(content: object) -> tuple[str, ...]:
    """Every certificate's number that a record names."""
    return tuple(
        {
            str(value)
            for path, value in _leaves("", content)
            if path.rpartition(".")[2] == "certificate_id" and value is not None
        }
    )


def _kind_of(content: Any) -> str:
    what = content.happening if isinstance(content, Fact) else content.action
    return type(what).__name__


def _without(text: str, numbers: Sequence[str]) -> str:
    for number in numbers:
        text = text.replace(number, f"…{number[-4:]}")
    return text
