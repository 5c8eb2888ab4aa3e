"""What the topics tell after a run: every event, every decision and every reply, in their order.

Owns reading and decoding. It takes no worker's word for which record caused which event: that
follows from the event's id, which is made from the record's place.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from pipelines.contracts.framing import Framing, framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.replay import read_topic
from pipelines.settings import Settings
from pipelines.stages.record import Incoming
from pipelines.topics import COMMANDS, POOL, REPLIES, STREAM, TOPICS
from tests.chaos.rest import Places, committed

MONEY: Final = "RUB"
_MINOR: Final = 100
"""Amounts on the topics count ten-thousandths; a kopeck is a hundred of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the stream; `fields` is the decoded record."""

    partition: int
    offset: int
    key: str
    fields: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        return str(self.fields["eventId"])

    @property
    def type(self) -> str:
        return str(self.fields["eventType"])

    @property
    def sequence(self) -> int:
        return int(self.fields["sequence"])

    @property
    def cause(self) -> str:
        return str(self.fields["causationId"])

    @property
    def correlation(self) -> str | None:
        found = self.fields["correlationId"]
        return None if found is None else str(found)

    @property
    def reason(self) -> str | None:
        reason = self.fields["reason"]
        return None if reason is None else str(reason["code"])

    @property
    def payload(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.fields["payload"]
        return found

    @property
    def spent_minor(self) -> int | None:
        """The signed change of money in the event's entry; None where it changes none."""
        entry = self.fields["entry"]
        return None if entry is None else minor(entry["amount"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A certificate between two events, as far as readers and rules look."""

    sequence: int
    lifecycle: str
    status: str
    locked: bool
    remaining_minor: int
    held_minor: int

    @property
    def available_minor(self) -> int:
        return self.remaining_minor - self.held_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One record of the topic of commands, and the events it caused, in order."""

    partition: int
    offset: int
    command_id: str
    number: str
    kind: str
    origin: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """One reply."""

    request_id: str
    rejection: str | None
    place: tuple[str, int, int]
    fields: Mapping[str, Any]


@dataclass(kw_only=True)
class Evidence:
    """All records of all topics, by the topic's name without prefix; and what was performed."""

    settings: Settings
    records: Mapping[str, list[Incoming]]
    performed: Places
    decode_with: Framing | None = field(default=None)

    @property
    def framing(self) -> Framing:
        return self.decode_with or framing_for(self.settings)

    @cached_property
    def events(self) -> list[Event]:
        """The stream, partition by partition in the order of offsets."""
        framing = self.framing
        return [
            Event(
                partition=record.partition,
                offset=record.offset,
                key=(record.key or b"").decode(),
                fields=framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, record.value),
            )
            for record in _ordered(self.records[STREAM.name])
        ]

    @cached_property
    def by_key(self) -> dict[str, list[Event]]:
        """The events of each certificate or pool."""
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            found[event.key].append(event)
        return dict(found)

    @cached_property
    def decisions(self) -> list[Decision]:
        """Every record of the topic of commands that was performed."""
        framing, ids = self.framing, {event.event_id: event for event in self.events}
        found = []
        for record in _ordered(self.records[COMMANDS.name]):
            if record.offset >= self.performed.get((record.topic, record.partition), 0):
                continue
            fields = framing.decode(RecordName.COMMAND, record.value)
            found.append(
                Decision(
                    partition=record.partition,
                    offset=record.offset,
                    command_id=fields["commandId"],
                    number=fields["certificateId"],
                    kind=fields["type"],
                    origin=fields["origin"],
                    events=_caused(record, ids),
                )
            )
        return found

    @cached_property
    def pool_events(self) -> list[tuple[Incoming, tuple[Event, ...]]]:
        """Every record of the pool's topic that caused events of the stream, and those."""
        ids = {event.event_id: event for event in self.events}
        found = [(record, _caused(record, ids)) for record in _ordered(self.records[POOL.name])]
        return [(record, events) for record, events in found if events]

    @cached_property
    def by_request(self) -> dict[str, list[Decision]]:
        """The decisions of each command id, in the order of the log where that is one."""
        found: dict[str, list[Decision]] = defaultdict(list)
        for decision in self.decisions:
            found[decision.command_id].append(decision)
        return dict(found)

    @cached_property
    def replies(self) -> list[Replied]:
        """Every reply."""
        framing = self.framing
        found = []
        for record in self.records[REPLIES.name]:
            fields = framing.decode(RecordName.REPLY, record.value)
            place, rejection = fields["position"], fields["rejection"]
            found.append(
                Replied(
                    request_id=fields["requestId"],
                    rejection=None if rejection is None else rejection["code"],
                    place=(place["topic"], place["partition"], place["offset"]),
                    fields=fields,
                )
            )
        return found

    @cached_property
    def standings(self) -> dict[str, list[Standing]]:
        """Each certificate's states in order; the first is after its first event."""
        return {
            key: found
            for key, events in self.by_key.items()
            if (found := [standing(event) for event in events if event.payload is not None])
        }


def gathered(settings: Settings) -> Evidence:
    """Everything there is on the topics now. Workers should have ended."""
    return Evidence(
        settings=settings,
        records={topic.name: list(read_topic(settings, topic)) for topic in TOPICS},
        performed=committed(settings),
    )


def standing(event: Event) -> Standing:
    """The certificate as an event leaves it."""
    payload = event.payload
    assert payload is not None, "an event of a certificate shows it"
    return Standing(
        sequence=event.sequence,
        lifecycle=payload["lifecycle"],
        status=payload["status"],
        locked=payload["lock"] is not None,
        remaining_minor=minor(payload["remainingBalance"]),
        held_minor=minor(payload["held"]),
    )


def minor(raw: bytes) -> int:
    """An amount on a topic, in kopecks. Read here anew: the service's own reading is judged."""
    return int.from_bytes(raw, "big", signed=True) // _MINOR


def minor_of_text(text: str) -> int:
    """An amount of an answer, in kopecks."""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0")[:2])


def _ordered(records: list[Incoming]) -> list[Incoming]:
    return sorted(records, key=lambda record: (record.partition, record.offset))


def _caused(record: Incoming, ids: Mapping[str, Event]) -> tuple[Event, ...]:
    found: list[Event] = []
    while (event := ids.get(record.event_id(len(found)))) is not None:
        found.append(event)
    return tuple(found)
