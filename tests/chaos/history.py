"""The history of every call: what was asked when, and what was told when, by which process.

Owns putting the lines of the journals together. An operation is all attempts under one key of one
client; it is open from its first attempt to the first answer that counts, or for ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from http_edge.asking.asking import request_id_of
from tests.chaos.journal import (
    Answered,
    Invoked,
    LifeEnded,
    Line,
    Started,
    Telling,
    Told,
    Unanswered,
)

OUTCOMES: Final = frozenset({200, 201, 402, 409, 422, 423})
"""The statuses that say what the log decided; 403 does so with `wrong-cvc`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call as it was sent. Without `ended_ns` its process was killed; `answer` may not come."""

    asked: Invoked
    ended_ns: int | None = None
    answer: Answered | None = None
    unsent: bool = False

    @property
    def decided(self) -> Answered | None:
        """The answer, where it tells an outcome."""
        answer = self.answer
        if answer is None:
            return None
        tells = answer.status in OUTCOMES or answer.problem == "wrong-cvc"
        return answer if tells else None


@dataclass(slots=True, kw_only=True)
class Operation:
    """Everything that was sent under one key."""

    key: str
    client: str
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def request_id(self) -> str:
        """The id by which the log knows it."""
        return request_id_of(self.client, self.key)

    @property
    def asked(self) -> Invoked:
        return self.attempts[0].asked

    @property
    def operation(self) -> str:
        return self.asked.operation

    @property
    def number(self) -> str | None:
        """The certificate it is about; of one that takes the next number, the one it got."""
        told = self.outcome
        if self.asked.number is None and told is not None:
            return told.content.get("certificateId")
        return self.asked.number

    @property
    def began_ns(self) -> int:
        return self.asked.at_ns

    @property
    def outcomes(self) -> list[Answered]:
        """Every answer that told an outcome."""
        return [told for each in self.attempts if (told := each.decided) is not None]

    @property
    def outcome(self) -> Answered | None:
        return next(iter(self.outcomes), None)

    @property
    def told_ns(self) -> int | None:
        """When the outcome was told first."""
        return min((told.at_ns for told in self.outcomes), default=None)

    @property
    def ok(self) -> bool:
        return self.outcome is not None and self.outcome.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """An order, payment or delivery that a caller wrote. `told_ns` None: nobody knows whether."""

    life: str
    event: str
    kind: str
    fields: Mapping[str, Any]
    began_ns: int
    told_ns: int | None


@dataclass(slots=True, kw_only=True)
class History:
    """What all callers did and were told."""

    operations: dict[str, Operation] = field(default_factory=dict)
    reads: list[Attempt] = field(default_factory=list)
    sources: list[SourceRecord] = field(default_factory=list)
    lives: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    processes: int = 0


def history_of(journals: Iterable[Sequence[Line]]) -> History:
    """The history in the journals, one of each caller."""
    history = History()
    for lines in journals:
        _add(history, lines)
    return history


def _add(history: History, lines: Sequence[Line]) -> None:
    asked: dict[int, Invoked] = {}
    ended: dict[int, Answered | Unanswered] = {}
    telling: dict[str, Telling] = {}
    told: dict[str, int] = {}
    for line in lines:
        match line:
            case Started():
                history.processes += 1
            case Invoked():
                asked[line.call] = line
            case Answered() | Unanswered():
                ended[line.call] = line
            case Telling():
                telling.setdefault(line.event, line)
            case Told():
                told.setdefault(line.event, line.at_ns)
            case LifeEnded():
                history.lives[line.life] = line.how
    history.calls += len(asked)
    for call, invoked in asked.items():
        attempt = _attempt(invoked, ended.get(call))
        if invoked.key is None:
            history.reads.append(attempt)
            continue
        known = history.operations.setdefault(
            f"{invoked.client}\n{invoked.key}", Operation(key=invoked.key, client=invoked.client)
        )
        known.attempts.append(attempt)
    history.sources.extend(
        SourceRecord(
            life=line.life,
            event=line.event,
            kind=line.kind,
            fields=line.fields,
            began_ns=line.at_ns,
            told_ns=told.get(line.event),
        )
        for line in telling.values()
    )


def _attempt(asked: Invoked, ended: Answered | Unanswered | None) -> Attempt:
    match ended:
        case Answered():
            return Attempt(asked=asked, ended_ns=ended.at_ns, answer=ended)
        case Unanswered():
            return Attempt(asked=asked, ended_ns=ended.at_ns, unsent=not ended.sent)
        case None:
            return Attempt(asked=asked)
