"""Laws 5 and 6: every command comes to exactly what the reference says, and to nothing else.

Owns the comparison of the log with the reference: events, replies, what pool and index must hear,
and whom the pool offered. The reference is fed with the very order of the log, so nothing here
depends on what was killed when.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from pipelines.simulation.actors import Breach
from pipelines.simulation.laws_log import Fields, Findings, Line, ReadLog
from pipelines.simulation.reference import Reference
from pipelines.simulation.reference_pool import Pool, Served
from pipelines.simulation.reference_words import Answer, Told, Verdict, parts
from pipelines.topics import COMMANDS, INDEX, POOL, REPLIES, STREAM

_EVENT_IDS: Final = UUID("6f1d1c0e-6a53-5c0b-9a2f-0d6b7b1f8a11")
"""Written down a second time: event ids must never change, or a replay would be news."""

_PASSING: Final = frozenset({"position", "replyTo", "bodyDigest"})
"""What a repeated reply may say otherwise: where it was decided again, and for whom."""

Place = tuple[str, int, int]
"""Topic, partition and offset of the record that something follows from."""


class _Event(NamedTuple):
    """Of an event, what the command decides that the reference has no part in."""

    event_id: str
    causation_id: str
    at: int
    told: Told | tuple[int, str]


@dataclass(slots=True)
class Outcomes:
    """All that must follow from the commands and the pools' commands of a run."""

    reference: Reference = field(default_factory=Reference)
    pools: dict[str, Pool] = field(default_factory=dict)
    verdicts: dict[tuple[int, int], Verdict] = field(default_factory=dict)
    events: defaultdict[str, list[_Event]] = field(default_factory=lambda: defaultdict(list))
    replies: dict[Place, tuple[Fields, str, Answer]] = field(default_factory=dict)
    pool_words: defaultdict[tuple[str, str], list[tuple[str, str | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    offers: defaultdict[tuple[str, str], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    entries: Counter[tuple[str, str]] = field(default_factory=Counter)


def expected_outcomes(log: ReadLog) -> Outcomes:
    """Everything the reference says of the log."""
    outcomes = Outcomes()
    for line in log.lines(COMMANDS):
        verdict = outcomes.reference.perform(line.fields)
        outcomes.verdicts[line.place] = verdict
        _expect_of_command(outcomes, line, verdict)
    for line in log.lines(POOL):
        pool = outcomes.pools.setdefault(line.key, Pool())
        _expect_of_pool(outcomes, line, pool.perform(line.fields))
    return outcomes


def _expect_of_command(outcomes: Outcomes, line: Line, verdict: Verdict) -> None:
    fields, number = line.fields, line.fields["certificateId"]
    for position, told in enumerate(verdict.events):
        event_id = _event_id(line, position)
        event = _Event(event_id, fields["commandId"], fields["at"], told)
        outcomes.events[number].append(event)
    if verdict.answer is not None and fields["replyTo"] is not None:
        outcomes.replies[_place(line)] = (fields, number, verdict.answer)
    if verdict.pool is not None:
        word, pool = verdict.pool
        request = fields["commandId"] if word == "TAKE_NEXT" else None
        outcomes.pool_words[pool, number].append((word, request))
    for entry in verdict.found_under:
        outcomes.entries[entry, number] += 1


def _expect_of_pool(outcomes: Outcomes, line: Line, served: Served) -> None:
    fields = line.fields
    if served.number is not None:
        outcomes.offers[line.key, served.number].append(fields["requestId"])
    # A warning stands after the offer that it came with.
    before = 0 if served.number is None else 1
    for position, event in enumerate(served.events, before):
        event_id = _event_id(line, position)
        outcomes.events[line.key].append(_Event(event_id, fields["requestId"], fields["at"], event))
    if served.code is not None and fields["replyTo"] is not None:
        asked = {**fields, "commandId": fields["requestId"]}
        outcomes.replies[_place(line)] = (asked, "", Answer(served.code, 0))


def _place(line: Line) -> Place:
    return line.record.topic, line.record.partition, line.record.offset


def _event_id(line: Line, position: int) -> str:
    topic, partition, offset = _place(line)
    return str(uuid5(_EVENT_IDS, f"{topic}/{partition}/{offset}/{position}"))


def judge_outcomes(log: ReadLog, outcomes: Outcomes) -> list[Breach]:
    """Where stream, replies, pool, index and offers are not what the reference says."""
    law5, law6, pool, index = Findings("5"), Findings("6"), Findings("pool"), Findings("index")
    _judge_events(log, outcomes, law5)
    _judge_replies(log, outcomes, law5, law6)
    _judge_pool_words(log, outcomes, law5)
    _judge_offers(log, outcomes, pool)
    entries = Counter(
        (line.fields["entry"], line.fields["certificateId"]) for line in log.lines(INDEX)
    )
    _judge_same(index, "times in the index", entries, outcomes.entries)
    return law5.breaches + law6.breaches + pool.breaches + index.breaches


def _judge_events(log: ReadLog, outcomes: Outcomes, law: Findings) -> None:
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for line in log.lines(STREAM):
        found[line.key].append(line)
    for key in sorted(found.keys() | outcomes.events.keys()):
        expected, lines = outcomes.events[key], found[key]
        for event, line in zip(expected, lines, strict=False):
            shown = _shown(line, certificate=isinstance(event.told, Told))
            subject = f"{key}: event {line.fields['sequence']} ({line.fields['eventType']})"
            if shown.told != event.told:
                law.compare(subject, shown.told, event.told)
                break
            if not law.compare(subject, shown, event):
                break
        else:
            law.compare(f"{key}: how many events", len(lines), len(expected))


def _shown(line: Line, *, certificate: bool) -> _Event:
    fields = line.fields
    told: Told | tuple[int, str] = (fields["sequence"], fields["eventType"])
    if certificate:
        told = _told(fields)
    return _Event(fields["eventId"], fields["causationId"], fields["occurredAt"], told)


def _told(fields: Fields) -> Told:
    entry, payload = fields["entry"], fields["payload"]
    told = Told(
        fields["sequence"],
        fields["eventType"],
        fields["status"],
        fields["channel"],
        fields["correlationId"],
        None
        if entry is None
        else (parts(entry["amount"]), parts(entry["remainingBalance"]), parts(entry["held"])),
    )
    if payload is None:
        return told
    return told._replace(
        lifecycle=payload["lifecycle"],
        headline=payload["status"],
        nominal=parts(payload["nominal"]),
        remaining=parts(payload["remainingBalance"]),
        held=parts(payload["held"]),
        currency=payload["currency"],
        reserved_until=payload["reservedUntil"],
        locked=payload["lock"] is not None,
    )


def _judge_replies(log: ReadLog, outcomes: Outcomes, law5: Findings, law6: Findings) -> None:
    expected, answered = outcomes.replies, set()
    first: dict[tuple[str, str, str | None], Fields] = {}
    for line in log.lines(REPLIES):
        fields = line.fields
        position = fields["position"]
        place = (position["topic"], position["partition"], position["offset"])
        subject = f"the reply to {fields['requestId']} on {fields['certificateId']}"
        if place not in expected or place in answered:
            law5.add(f"{subject}: nothing asks for it, or it was given twice")
            continue
        answered.add(place)
        asked, number, answer = expected[place]
        whom = (asked["commandId"], asked["bodyDigest"], asked["replyTo"], number or None)
        told = (fields["requestId"], fields["bodyDigest"], fields["replyTo"])
        law5.compare(subject, (*told, fields["certificateId"]), whom)
        law5.compare(subject, _answer(fields), answer)
        same = (number, fields["requestId"], asked["bodyDigest"])
        if number and answer.code != "REQUEST_REUSED":
            lasting = {k: v for k, v in fields.items() if k not in _PASSING}
            law6.compare(f"{subject}, repeated", lasting, first.setdefault(same, lasting))
    for place, (asked, number, _) in expected.items():
        if place not in answered:
            law5.add(f"{asked['commandId']} on {number}: no reply, though somebody waits")


def _answer(fields: Fields) -> Answer:
    rejection = fields["rejection"]
    if rejection is not None:
        return Answer(rejection["code"], fields["sequence"])

    def amount(name: str) -> int | None:
        return None if fields[name] is None else parts(fields[name])

    return Answer(
        code=None,
        sequence=fields["sequence"],
        status=fields["status"],
        currency=fields["currency"],
        remaining=amount("remainingBalance"),
        held=amount("held"),
        amount=amount("amount"),
        reservation_id=fields["reservationId"],
        reserved_until=fields["reservedUntil"],
        authorization_id=fields["authorizationId"],
        hold_expires_at=fields["holdExpiresAt"],
        notification_id=fields["notificationId"],
        cvc_version=fields["cvcVersion"],
    )


def _judge_pool_words(log: ReadLog, outcomes: Outcomes, law: Findings) -> None:
    """What certificates tell the pool, each number's words in their order."""
    found: defaultdict[tuple[str, str], list[tuple[str, str | None]]] = defaultdict(list)
    for line in log.lines(POOL):
        fields = line.fields
        number = fields["insteadOf"] or fields["certificateId"]
        if number is not None:
            found[line.key, number].append((fields["type"], fields["requestId"]))
    _judge_same(law, "to the pool", found, outcomes.pool_words)


def _judge_offers(log: ReadLog, outcomes: Outcomes, law: Findings) -> None:
    """Whom the pool offered, each number's requests in their order."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for line in log.lines(COMMANDS):
        if line.fields["type"] == "RESERVE":
            number = line.fields["certificateId"]
            found[line.fields["pool"], number].append(line.fields["commandId"])
    _judge_same(law, "offered", found, outcomes.offers)


def _judge_same(
    law: Findings,
    what: str,
    found: Mapping[tuple[str, str], object],
    expected: Mapping[tuple[str, str], object],
) -> None:
    for key in sorted(found.keys() | expected.keys()):
        law.compare(f"{key} {what}", found.get(key), expected.get(key))
