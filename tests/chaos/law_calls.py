"""What callers were told against what the log has: outcomes, repeats, refusals, order.

Judges the history by the topics alone. The log's total order is that of a certificate's commands:
an operation stands where the first record of its request stands.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from tests.chaos.breaches import Findings, Law, last4
from tests.chaos.evidence import Decision, Event, Evidence, minor_of_text, standing
from tests.chaos.history import History, Operation
from tests.chaos.journal import Answered

EFFECTS: Final[Mapping[str, tuple[frozenset[str], ...]]] = {
    "takeNext": (frozenset({"reserve"}),),
    "reserveNumber": (frozenset({"reserve"}),),
    "authorize": (frozenset({"authorize"}),),
    "capture": (frozenset({"capture"}), frozenset({"redeem.partial", "redeem.full"})),
    "voidAuthorization": (frozenset({"void"}),),
    "lock": (frozenset({"lock"}),),
    "unlock": (frozenset({"unlock"}),),
    "annul": (frozenset({"annul"}),),
    "notify": (frozenset({"notification.requested"}),),
    "revealCode": (frozenset({"cvc.revealed"}),),
}
"""The events of each call that is granted, in order."""

_OF_A_WRONG_CODE: Final = frozenset({"error", "lock", "alert"})
"""A wrong code is told of, and the fifth in a row locks."""


def judge_calls(history: History, evidence: Evidence, findings: Findings) -> None:
    """Every law about a single operation."""
    for operation in history.operations.values():
        findings.looked_at("operations")
        decided = evidence.by_request.get(operation.request_id, [])
        _judge_answers(operation, findings)
        _judge_effects(operation, decided, findings)
        if operation.ok:
            findings.looked_at("acknowledged changes")
            _judge_acknowledged(operation, decided, findings)
        elif operation.outcome is None:
            findings.looked_at("operations whose caller was never told")


def _named(operation: Operation) -> str:
    return f"{operation.operation} {operation.key} about {last4(operation.number)}"


def _judge_answers(operation: Operation, findings: Findings) -> None:
    outcomes = operation.outcomes
    findings.looked_at("repeated answers", max(0, len(outcomes) - 1))
    told = {(each.status, each.problem, repr(each.content)) for each in outcomes}
    if len(told) > 1:
        findings.breach(Law.SAME_ANSWER, f"{_named(operation)} was told {sorted(map(str, told))}")


def _judge_effects(operation: Operation, decided: list[Decision], findings: Findings) -> None:
    """At most one record of a request has an effect, and it is the whole one of a granted call."""
    effective = [each for each in decided if each.events]
    if len(effective) > 1:
        places = [f"{each.partition}/{each.offset}" for each in effective]
        findings.breach(Law.ONCE, f"{_named(operation)} had effects at {', '.join(places)}")
    wanted = EFFECTS[operation.operation]
    for each in effective:
        types = [event.type for event in each.events]
        if operation.operation == "authorize" and _OF_A_WRONG_CODE.issuperset(types):
            continue
        if operation.outcome is not None and not operation.ok:
            text = f"{_named(operation)} was refused and gave {types}"
            findings.breach(Law.ACKNOWLEDGED, text)
        elif not _fits(types, wanted):
            findings.breach(Law.ONCE, f"{_named(operation)} gave {types}")


def _fits(types: list[str], wanted: tuple[frozenset[str], ...]) -> bool:
    return len(types) == len(wanted) and all(
        each in allowed for each, allowed in zip(types, wanted, strict=True)
    )


def _judge_acknowledged(operation: Operation, decided: list[Decision], findings: Findings) -> None:
    effective = [each for each in decided if each.events]
    if not effective or not _fits(
        [event.type for event in effective[0].events], EFFECTS[operation.operation]
    ):
        findings.breach(Law.ACKNOWLEDGED, f"{_named(operation)} was granted and is not in the log")
        return
    told, decision = operation.outcome, effective[0]
    assert told is not None, "a granted call has an outcome"
    if decision.number != operation.number:
        text = f"{_named(operation)} is in the log about {last4(decision.number)}"
        findings.breach(Law.ACKNOWLEDGED, text)
        return
    places = {f"{each.partition}.{each.offset}" for each in decided}
    if told.position is not None and told.position not in places:
        text = f"{_named(operation)} tells position {told.position}, the log has {sorted(places)}"
        findings.breach(Law.ACKNOWLEDGED, text)
    for what, here, there in _differences(told, decision.events[-1]):
        text = f"{_named(operation)} was told {what} {here}, the log has {there}"
        findings.breach(Law.ACKNOWLEDGED, text)


def _differences(told: Answered, event: Event) -> Iterator[tuple[str, object, object]]:
    """In what an answer and the event it tells of differ, as far as the answer goes."""
    content, after = told.content, standing(event)
    payload = event.payload
    assert payload is not None, "an event of a certificate shows it"
    log: dict[str, Any] = {
        "certificateId": event.key,
        "version": after.sequence,
        "remainingBalance": after.remaining_minor,
        "held": after.held_minor,
        "available": after.available_minor,
        "status": payload["status"],
    }
    if event.type == "reserve":
        log["reservedUntil"] = payload["reservedUntil"]
    if event.type in ("redeem.partial", "redeem.full"):
        log["amount"] = -(event.spent_minor or 0)
    for name in log.keys() & content.keys():
        here = _comparable(name, content[name])
        if here is not None and here != log[name]:
            yield name, here, log[name]


def _comparable(name: str, value: Any) -> Any:
    if name in ("remainingBalance", "held", "available", "amount"):
        return None if value is None else minor_of_text(value)
    if name == "reservedUntil":
        return round(datetime.fromisoformat(value).timestamp() * 1_000)
    return value


def judge_once(evidence: Evidence, findings: Findings) -> None:
    """No command at all has effects twice, whoever sent it."""
    effects: dict[tuple[str, str, str], int] = defaultdict(int)
    for decision in evidence.decisions:
        findings.looked_at("commands performed")
        if decision.events:
            effects[decision.origin, decision.command_id, decision.number] += 1
    for (origin, command_id, number), times in effects.items():
        if times > 1:
            text = f"{origin} {command_id} about {last4(number)} had effects {times} times"
            findings.breach(Law.ONCE, text)


def judge_order(history: History, evidence: Evidence, findings: Findings) -> None:
    """What ended before something else began stands before it in the log."""
    placed: dict[str, list[tuple[int, Operation]]] = defaultdict(list)
    for operation in history.operations.values():
        decided = evidence.by_request.get(operation.request_id)
        number = operation.number
        if decided and number is not None:
            placed[number].append((decided[0].offset, operation))
    for number, operations in placed.items():
        operations.sort(key=lambda each: each[0])
        findings.looked_at("operations put in order", len(operations))
        earliest: Operation | None = None
        # From the end: the earliest end of all that the log has later must not be before a begin.
        for _, operation in reversed(operations):
            if earliest is not None and (earliest.told_ns or 0) < operation.began_ns:
                text = f"{_named(earliest)} ended before {_named(operation)} began"
                findings.breach(Law.ORDER, f"…{number[-4:]}: {text}, and the log has it later")
                break
            if operation.told_ns is not None and (
                earliest is None or operation.told_ns < (earliest.told_ns or 0)
            ):
                earliest = operation
