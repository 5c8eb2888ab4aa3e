"""Which breaches the world is told of on the stream, and the commands that have it told.

Only a processor writes to the stream, so a breach becomes a command to raise an alert. Its id
follows from the breach alone: an auditor that starts again, and a second one, ask for the same
alert, and the processor raises it once. Owns what is asked for and what has been told; sends
nothing and knows no clock.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from pipelines.audit.breaches import Breach, BreachKind
from pipelines.audit.stream_event import StreamEvent
from state.certificate.commands import Command, Origin, RaiseAlert
from state.certificate.numbers import fault_of
from state.correlation.intentions import CORRELATION_SUBJECT

ALERT_CODE: Final = "LAW_BREACH"
ACTOR: Final = "auditor"
NO_CERTIFICATE: Final = f"{CORRELATION_SUBJECT}law-breach"
"""What an alert is filed under when the key of the broken event is no certificate's number."""

AT_ONCE: Final = 20
"""How many alerts are asked for at a time: a fault that breaks every certificate must not bury
the processor, which has customers waiting, under alerts about it."""

BREACH_ID_PREFIX: Final = "law-breach/"
_DIGEST_LENGTH: Final = 32


class Alerts:
    """The alerts of one auditor: wanted, asked for, told."""

    def __init__(self) -> None:
        self._shown: dict[str, set[BreachKind]] = {}
        self._awaited: dict[str, RaiseAlert] = {}
        self._subjects: dict[str, str] = {}
        self._unasked: deque[str] = deque()
        self._told: set[str] = set()

    @property
    def awaited(self) -> int:
        """How many alerts are wanted and not on the stream yet."""
        return len(self._awaited)

    def note_event(self, event: StreamEvent, breaches: Sequence[Breach]) -> None:
        """Learn what an event tells, and what is broken there.

        An alert about a breach asks for no other one, whatever is wrong with it: after a forged
        event it stands at a number that is taken, and so would the alert about that.
        """
        if is_told_breach(event):
            self._told.add(event.causation_id)
            self._awaited.pop(event.causation_id, None)
        elif breaches:
            self._want(breaches, f"{event.key}\0{event.sequence}")

    def note_record(self, breach: Breach) -> None:
        """Learn that a record of the stream is no event."""
        self._want([breach], f"{breach.key}\0record\0{breach.partition}/{breach.offset}")

    def note_end(self, breach: Breach, sequence: int) -> None:
        """Learn of what the stream lacks behind a certificate's event with that sequence."""
        self._want([breach], f"{breach.key}\0{breach.kind.value}\0{sequence}")

    def note_state(self, breach: Breach) -> None:
        """Learn of a breach beside the stream, which has no place there.

        Found again it is the same one: its certificate goes on, and already the alert is an event.
        """
        self._want([breach], f"{breach.key}\0{breach.kind.value}")

    def due(self, at_ms: int) -> Iterator[Command]:
        """The commands to send now, a few at a time; those that follow come with the next call."""
        sent = 0
        while self._unasked and sent < AT_ONCE:
            command_id = self._unasked.popleft()
            action = self._awaited.get(command_id)
            if action is None:
                continue
            sent += 1
            yield Command(
                command_id=command_id,
                at_ms=at_ms,
                certificate_id=self._subjects[command_id],
                # As what correlation sees: kept for ever under its id, and nobody waits for it.
                origin=Origin.FACT,
                action=action,
                actor=ACTOR,
            )

    def ask_again(self, command_id: str) -> None:
        """Learn that a command did not reach Kafka."""
        self._unasked.append(command_id)

    def _want(self, breaches: Sequence[Breach], identity: str) -> None:
        """One alert for all that is broken at one place, if the certificate has new kinds of it.

        After a forged event with a number far ahead each true one repeats a number: the first says
        so, and the others would only bury it.
        """
        key = breaches[0].key
        shown = self._shown.setdefault(key, set())
        kinds = {breach.kind for breach in breaches}
        if kinds <= shown:
            return
        shown |= kinds
        law = min(breach.law for breach in breaches)
        digest = hashlib.sha256(identity.encode()).hexdigest()[:_DIGEST_LENGTH]
        command_id = f"{BREACH_ID_PREFIX}{law}/{digest}"
        if command_id in self._told or command_id in self._awaited:
            return
        self._awaited[command_id] = RaiseAlert(code=ALERT_CODE, text=_text(breaches))
        self._subjects[command_id] = key if fault_of(key) is None else NO_CERTIFICATE
        self._unasked.append(command_id)


def is_told_breach(event: StreamEvent) -> bool:
    """Whether an event is the alert that tells of a breach."""
    return event.event_type == "alert" and event.causation_id.startswith(BREACH_ID_PREFIX)


def _text(breaches: Sequence[Breach]) -> str:
    """What is broken and where, for people. No more of a number than its last four characters."""
    first = breaches[0]
    where = f"at partition {first.partition} offset {first.offset} of the stream"
    if first.partition < 0:
        where = "not on the stream"
    found = "; ".join(f"law {breach.law} {breach.kind.value}: {breach.text}" for breach in breaches)
    return f"…{first.last4} {where}: {found}"
