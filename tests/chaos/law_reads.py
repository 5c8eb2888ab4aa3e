"""What readers were told: a state that the certificate had, and none that was too old by then.

A read that sends a position shows at least what was decided there. One that sends none may be a
moment behind; how far that was is measured, and more than `LAG_NS` is a breach.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from tests.chaos.breaches import Findings, Law, last4
from tests.chaos.evidence import Evidence, Standing, minor_of_text
from tests.chaos.history import Attempt, History, Operation

LAG_NS: Final = 6_000_000_000
"""A session: no processor may show anything for longer after others could have taken over."""


def judge_reads(history: History, evidence: Evidence, findings: Findings) -> None:
    """Every read that was answered."""
    acknowledged = _acknowledged(history, evidence)
    causes = {each.request_id: each.began_ns for each in history.operations.values()}
    for read in history.reads:
        number = read.asked.number
        if read.answer is None or number is None or read.answer.status not in (200, 404):
            continue
        if read.asked.operation == "searchCertificates":
            continue
        findings.looked_at("reads")
        _judge_read(read, number, acknowledged.get(number, []), evidence, causes, findings)


class _Told:
    """A change that a caller was told of: where it stands, when that was, and as which version."""

    def __init__(self, operation: Operation, offset: int, sequence: int) -> None:
        assert operation.told_ns is not None, "it was told"
        self.told_ns = operation.told_ns
        self.offset = offset
        self.sequence = sequence


def _acknowledged(history: History, evidence: Evidence) -> dict[str, list[_Told]]:
    found: dict[str, list[_Told]] = defaultdict(list)
    for operation in history.operations.values():
        if not operation.ok:
            continue
        for decision in evidence.by_request.get(operation.request_id, []):
            if decision.events:
                told = _Told(operation, decision.offset, decision.events[-1].sequence)
                found[decision.number].append(told)
    return found


def _judge_read(
    read: Attempt,
    number: str,
    told: list[_Told],
    evidence: Evidence,
    causes: Mapping[str, int],
    findings: Findings,
) -> None:
    assert read.answer is not None, "only answered reads are judged"
    standings = evidence.standings.get(number, [])
    position = read.asked.position
    at_least = max((each.sequence for each in told if _must_be_seen(each, read)), default=0)
    named = f"{read.asked.operation} of {last4(number)} in {read.asked.life}"
    if read.answer.status == 404:
        sold = [each.sequence for each in standings if each.lifecycle != "AVAILABLE"]
        if sold and min(sold) <= at_least:
            findings.breach(Law.READS, f"{named} was told that there is none")
        return
    seen = _versions(read, standings, evidence, number)
    if not seen:
        findings.breach(Law.READS, f"{named} was told what the certificate never was")
        return
    if max(seen) < at_least:
        after = "its position" if position is not None else "a change told long before"
        text = f"{named} was told version {max(seen)}, and {after} is version {at_least}"
        findings.breach(Law.READS, text)
        return
    _measure(read, told, max(seen), findings)
    possible = [each for each in seen if _had_begun(each, evidence, number, causes, read)]
    if not possible:
        findings.breach(Law.READS, f"{named} was told what nobody had asked for yet")


def _must_be_seen(told: _Told, read: Attempt) -> bool:
    """Whether a change has to be in what a read shows."""
    if read.asked.position is not None:
        _, _, offset = read.asked.position.partition(".")
        if told.offset <= int(offset):
            return True
    return told.told_ns + LAG_NS < read.asked.at_ns


def _measure(read: Attempt, told: list[_Told], seen: int, findings: Findings) -> None:
    """Count how often a read without position was behind what somebody had been told by then."""
    if read.asked.position is not None:
        findings.looked_at("reads that ask for their own writes")
        return
    missed = [
        read.asked.at_ns - each.told_ns
        for each in told
        if each.sequence > seen and each.told_ns < read.asked.at_ns
    ]
    if missed:
        findings.looked_at("reads without position that were behind")
        most_ms = max(missed) // 1_000_000
        findings.checked["most that one was behind, in ms"] = max(
            findings.checked["most that one was behind, in ms"], most_ms
        )


def _had_begun(
    sequence: int, evidence: Evidence, number: str, causes: Mapping[str, int], read: Attempt
) -> bool:
    """Whether what made this version had been asked for when the read ended."""
    events = evidence.by_key[number]
    place = bisect_right(events, sequence, key=lambda event: event.sequence) - 1
    begun_ns = causes.get(events[place].cause)
    return begun_ns is None or read.ended_ns is None or begun_ns <= read.ended_ns


def _versions(
    read: Attempt, standings: list[Standing], evidence: Evidence, number: str
) -> list[int]:
    """Which of the certificate's states the answer may show."""
    assert read.answer is not None, "only answered reads are judged"
    content = read.answer.content
    match read.asked.operation:
        case "readBalance":
            return [each.sequence for each in standings if _shows_balance(content, each)]
        case "readCertificate":
            version = read.answer.version
            return [
                each.sequence
                for each in standings
                if each.sequence == version and _shows_certificate(content, each)
            ]
        case _:
            return _history_shown(content["items"], evidence, number)


def _shows_balance(content: Mapping[str, Any], state: Standing) -> bool:
    return (
        content["lifecycle"] == state.lifecycle
        and content["status"] == state.status
        and content["locked"] == state.locked
        and _shows_money(content, state)
    )


def _shows_certificate(content: Mapping[str, Any], state: Standing) -> bool:
    return (
        content["lifecycle"] == state.lifecycle
        and content["status"] == state.status
        and (content["lock"] is not None) == state.locked
        and _shows_money(content, state)
    )


def _shows_money(content: Mapping[str, Any], state: Standing) -> bool:
    told = (content["remainingBalance"], content["held"], content["available"])
    if told == (None, None, None):
        return (state.remaining_minor, state.held_minor) == (0, 0)
    known = (state.remaining_minor, state.held_minor, state.available_minor)
    return tuple(map(minor_of_text, told)) == known


def _history_shown(items: list[Any], evidence: Evidence, number: str) -> list[int]:
    """The version a history ends with, where it is just the beginning of what the log has."""
    told = [(each["sequence"], each["eventType"]) for each in items]
    events = evidence.by_key.get(number, [])[: len(told)]
    known = [(event.sequence, event.type) for event in events]
    return [told[-1][0]] if told and told == known else []
