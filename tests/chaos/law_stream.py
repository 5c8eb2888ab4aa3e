"""The stream itself: each event once, without a gap, and the same for whoever reads it when.

Owns also the law of numbers: what the events say of who has which.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from tests.chaos.breaches import Findings, Law, last4
from tests.chaos.evidence import Event, Evidence
from tests.chaos.live_reader import Seen


def judge_stream(evidence: Evidence, findings: Findings) -> None:
    """No event twice, and sequences without gaps."""
    findings.looked_at("events", len(evidence.events))
    for event_id, times in Counter(event.event_id for event in evidence.events).items():
        if times > 1:
            findings.breach(Law.EVENTS, f"event {event_id} is there {times} times")
    for key, events in evidence.by_key.items():
        findings.looked_at("sequences")
        if len({event.partition for event in events}) > 1:
            findings.breach(Law.EVENTS, f"{last4(key)} is in two partitions")
        numbers = [event.sequence for event in events]
        if numbers != list(range(1, len(numbers) + 1)):
            findings.breach(Law.EVENTS, f"{last4(key)} has the sequence {_gaps(numbers)}")


def _gaps(numbers: Sequence[int]) -> str:
    """Where a sequence goes wrong first."""
    for place, number in enumerate(numbers, start=1):
        if place != number:
            return f"… {number} in place {place}"
    return "of no numbers"


def judge_numbers(evidence: Evidence, findings: Findings) -> None:
    """A number is with one request at a time, a request has one number, none is sold twice."""
    taken: dict[str, set[str]] = defaultdict(set)
    for key, events in evidence.by_key.items():
        findings.looked_at("numbers")
        holder: str | None = None
        issued = 0
        for event in events:
            match event.type:
                case "reserve":
                    if holder is not None or issued:
                        text = f"{last4(key)} was given to {event.cause} and is {holder or 'sold'}"
                        findings.breach(Law.NUMBERS, text)
                    holder = event.cause
                    taken[event.cause].add(key)
                case "release":
                    holder = None
                case "issue":
                    issued += 1
                    if issued > 1:
                        findings.breach(Law.NUMBERS, f"{last4(key)} was issued {issued} times")
                    holder = None
    for request, numbers in taken.items():
        if len(numbers) > 1:
            shown = ", ".join(sorted(map(last4, numbers)))
            findings.breach(Law.NUMBERS, f"request {request} was given {shown}")


def judge_live_reader(seen: Sequence[Seen], evidence: Evidence, findings: Findings) -> None:
    """What was read live is what lies there, each record once and in its order."""
    findings.looked_at("events seen by the live reader", len(seen))
    latest: dict[int, int] = {}
    for each in seen:
        if each.offset <= latest.get(each.partition, -1):
            where = f"{each.partition}/{each.offset}"
            findings.breach(Law.LIVE_READER, f"{where} came again or out of order")
        latest[each.partition] = max(each.offset, latest.get(each.partition, -1))
    live = {(each.partition, each.offset) for each in seen}
    later: dict[tuple[int, int], Event] = {
        (event.partition, event.offset): event for event in evidence.events
    }
    for what, places in (
        ("was never seen live", later.keys() - live),
        ("was seen live and is not there", live - later.keys()),
    ):
        if places:
            partition, offset = min(places)
            text = f"{partition}/{offset} {what}, and {len(places) - 1} more"
            findings.breach(Law.LIVE_READER, text)
    for each in seen:
        event = later.get((each.partition, each.offset))
        if event is not None and (each.key or b"").decode() != event.key:
            where = f"{each.partition}/{each.offset}"
            findings.breach(Law.LIVE_READER, f"{where} was another record then")
