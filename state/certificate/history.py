"""What happened to one certificate, event by event, and the certificate as of a time.

Owns the record of one published event with who caused it and when, the fold of such records, and
the line each of them shows: the same words as the event's on the stream. It decides nothing and
keeps nothing; events hold no one-time code and no address, so no history does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from state.certificate.commands import Channel, Command, Origin
from state.certificate.events import Event, EventType, Reason
from state.certificate.evolution import evolve
from state.certificate.headline import LedgerEntry, event_type, headline, ledger_entry, reason_of
from state.certificate.record import Certificate, CertificateState, Status
from state.certificate.transition import Published

UNWRITTEN: Final = CertificateState()
"""The state before the first event."""


class IncompleteHistory(Exception):
    """An event is missing, so what came of it and of all after it cannot be told.

    So it is with a store that was written before histories were kept: its first entry is not the
    first event, or there is none. A fold of its topic from the start has them all.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One published event, and the command that caused it.

    `at_ms` is the command's own time. `correlation_id` is the command's; the stream and `line_of`
    show the certificate's where the command has none.
    """

    sequence: int
    event: Event
    at_ms: int
    origin: Origin
    causation_id: str
    correlation_id: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """An entry as the stream shows its event. `entry` is in minor units of `currency`."""

    sequence: int
    event_type: EventType
    status: Status
    channel: Channel | None
    occurred_at_ms: int
    origin: Origin
    causation_id: str
    correlation_id: str | None
    actor: str | None
    reason: Reason | None
    entry: LedgerEntry | None
    currency: str | None


def entry_of(published: Published, command: Command) -> HistoryEntry:
    """What to keep of an event that this command caused."""
    return HistoryEntry(
        sequence=published.sequence,
        event=published.event,
        at_ms=command.at_ms,
        origin=command.origin,
        causation_id=command.command_id,
        correlation_id=command.correlation_id,
        actor=command.actor,
    )


def replayed(
    certificate_id: str, entries: Iterable[HistoryEntry], since: CertificateState = UNWRITTEN
) -> Iterator[tuple[HistoryEntry, Certificate | None]]:
    """Each entry with the certificate right after it, absent while the number is unknown.

    `since` is the state right before the first of them, for who reads a history in parts.
    IncompleteHistory when an entry is not the one that comes next, and when there is none at all:
    every number that has a record has published something.
    """
    certificate, sequence = since.certificate, since.sequence
    for entry in entries:
        sequence += 1
        if entry.sequence != sequence:
            raise IncompleteHistory(f"event {entry.sequence} stands where event {sequence} belongs")
        certificate = evolve(certificate, certificate_id, entry.event)
        yield entry, certificate
    if sequence == 0:
        raise IncompleteHistory("there is no event 1")


def as_of(certificate_id: str, entries: Iterable[HistoryEntry], at_ms: int) -> CertificateState:
    """The state as of a time: after the longest run of events, from the first on, all by then.

    Events stand in the order in which they were decided. Their times may not: what an order or a
    payment caused carries the time of that source record, and clocks differ. An event of a later
    time therefore ends the run, even where one of an earlier time follows: the answer is a state
    that the certificate really had, holds nothing of after that time, and never loses an event
    when a later time is asked for. The state as of the latest time in the history is that of now.
    """
    state = UNWRITTEN
    for entry, certificate in replayed(certificate_id, entries):
        if entry.at_ms > at_ms:
            break
        state = CertificateState(sequence=entry.sequence, certificate=certificate)
    return state


def line_of(entry: HistoryEntry, certificate: Certificate | None) -> HistoryLine:
    """What the stream says of an entry. `certificate` is the one right after it."""
    event = entry.event
    known_correlation = None if certificate is None else certificate.correlation_id
    return HistoryLine(
        sequence=entry.sequence,
        event_type=event_type(event),
        status=headline(event, certificate),
        channel=None if certificate is None else certificate.channel,
        occurred_at_ms=entry.at_ms,
        origin=entry.origin,
        causation_id=entry.causation_id,
        correlation_id=entry.correlation_id or known_correlation,
        actor=entry.actor,
        reason=reason_of(event),
        entry=ledger_entry(event, certificate),
        currency=None if certificate is None else certificate.currency,
    )
