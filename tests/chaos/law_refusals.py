"""Why callers were refused: each "no" must have been right where the log has it.

Owns what each refusal needs of the certificate's state. Shares no rule with the service.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Final

from tests.chaos.breaches import Findings, Law, last4
from tests.chaos.evidence import Decision, Evidence, Standing, minor_of_text, standing
from tests.chaos.history import History, Operation

_ENDS_OF_A_HOLD: Final = frozenset({"capture", "void", "hold.expired", "annul"})
_SPENDABLE: Final = frozenset({"ACTIVE", "PARTIALLY_REDEEMED"})

_Explains = Callable[[Standing, Operation], bool]

_STATES: Final[Mapping[str, _Explains]] = {
    "insufficient-balance": lambda state, call: (
        state.available_minor < minor_of_text(call.asked.body["amount"])
        or state.lifecycle not in _SPENDABLE
    ),
    "locked": lambda state, _: state.locked,
    "not-locked": lambda state, _: not state.locked,
    "annulled": lambda state, _: state.lifecycle == "ANNULLED",
    "not-active": lambda state, _: state.lifecycle not in _SPENDABLE,
    "open-holds": lambda state, _: state.held_minor > 0,
    "not-available": lambda state, _: state.lifecycle != "AVAILABLE" or state.locked,
}
"""The refusals that the state alone explains."""


def judge_refusals(history: History, evidence: Evidence, findings: Findings) -> None:
    """Every operation that was refused."""
    placed = _placed(evidence)
    blocked = {
        event.cause
        for _, events in evidence.pool_events
        for event in events
        if event.type == "issue.blocked"
    }
    holds = _holds(history)
    for operation in history.operations.values():
        told = operation.outcome
        if told is None or operation.ok:
            continue
        findings.looked_at("refusals")
        problem = told.problem or ""
        if problem == "pool-empty":
            right = operation.request_id in blocked
        elif problem == "wrong-cvc":
            right = operation.asked.wrong_code
        else:
            right = _explained(operation, problem, evidence, placed, holds)
        if not right:
            text = f"{operation.operation} {operation.key} about {last4(operation.number)}"
            findings.breach(Law.REFUSALS, f"{text} was told {problem}, which nothing explains")
    _judge_codes(history, findings)


def _judge_codes(history: History, findings: Findings) -> None:
    for operation in history.operations.values():
        if operation.asked.wrong_code and operation.ok:
            text = f"{operation.key} about {last4(operation.number)} was granted with a wrong code"
            findings.breach(Law.REFUSALS, text)


def _explained(
    operation: Operation,
    problem: str,
    evidence: Evidence,
    placed: Mapping[str, list[tuple[int, Decision]]],
    holds: Mapping[str, Operation],
) -> bool:
    number = operation.number
    decided = evidence.by_request.get(operation.request_id, [])
    if number is None:
        return False
    if not decided:
        # Decided from the store, before anything was asked: only of a number that is not there.
        return problem in ("not-available", "not-found")
    earlier = placed.get(number, [])
    before = earlier[: bisect_left(earlier, decided[0].offset, key=lambda each: each[0])]
    if problem == "authorization-not-open":
        return _hold_is_over(operation, before, holds)
    if problem == "hold-exceeded":
        return _hold_is_smaller(operation, holds)
    explains = _STATES.get(problem)
    if explains is None or not before:
        return problem in ("not-available", "not-found") and not before
    return explains(standing(before[-1][1].events[-1]), operation)


def _hold_is_over(
    operation: Operation,
    before: list[tuple[int, Decision]],
    holds: Mapping[str, Operation],
) -> bool:
    """Whether something that ends a hold came after the hold was made."""
    made = holds.get(operation.key.rpartition("-")[0])
    if made is None:
        return False
    seen = False
    for _, decision in before:
        if decision.command_id == made.request_id:
            seen = True
        elif seen and any(event.type in _ENDS_OF_A_HOLD for event in decision.events):
            return True
    return False


def _hold_is_smaller(operation: Operation, holds: Mapping[str, Operation]) -> bool:
    """Whether more was to be captured than was set aside: perhaps less than had been asked for."""
    made = holds.get(operation.key.rpartition("-")[0])
    if made is None or made.outcome is None or "amount" not in operation.asked.body:
        return False
    held_minor = minor_of_text(made.outcome.content["amount"])
    return minor_of_text(operation.asked.body["amount"]) > held_minor


def _holds(history: History) -> dict[str, Operation]:
    """The call that made a hold, by what it and the calls about the hold have in common."""
    return {
        operation.key.removesuffix("-authorize"): operation
        for operation in history.operations.values()
        if operation.operation == "authorize" and operation.ok
    }


def _placed(evidence: Evidence) -> dict[str, list[tuple[int, Decision]]]:
    """The decisions with effects on each certificate, with their offsets, in order."""
    found: dict[str, list[tuple[int, Decision]]] = {}
    for decision in evidence.decisions:
        if decision.events and decision.events[-1].payload is not None:
            found.setdefault(decision.number, []).append((decision.offset, decision))
    return found
