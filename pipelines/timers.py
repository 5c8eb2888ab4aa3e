"""Timers: watch the deadlines of this process's partitions and ask when they have come.

Owns no rule and no state that matters: it reads what the stages wrote down and sends a command or
fact with the time; the fold judges it. Asking twice, late or never more than late changes nothing.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.local_stores import WorkerStore
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS, FACTS
from state.certificate.commands import Action, Command, ExpireHold, ExpireReservation, Origin
from state.certificate.record import HOLD_DEADLINE
from state.correlation.facts import DeadlineReached, Fact, Policy
from state.stores.layout import DeadlineEntry
from state.stores.reader import StoreClosed

ASK_AGAIN_AFTER_MS: Final = 30_000
"""A deadline that still stands this long after it was asked about is asked about again."""

BATCH: Final = 1_000

Ask = Callable[[DeadlineEntry, int], Outgoing]


class Send(Protocol):
    """How a timer writes, outside any transaction: a repeat is harmless, so acks suffice."""

    def __call__(self, output: Outgoing) -> None: ...


def expiry_command(framing: Framing) -> Ask:
    """How the processor asks: a command to the certificate whose reservation or hold is due."""

    def ask(entry: DeadlineEntry, now_ms: int) -> Outgoing:
        action: Action = (
            ExpireHold(authorization_id=entry.subject)
            if entry.kind == HOLD_DEADLINE
            else ExpireReservation(reservation_id=entry.subject)
        )
        command = Command(
            command_id=f"expire/{entry.kind}/{entry.at_ms}/{entry.subject}"[:200],
            at_ms=now_ms,
            certificate_id=entry.message_key,
            origin=Origin.TIMER,
            action=action,
            actor="timer",
        )
        value = framing.encode(RecordName.COMMAND, command_to_record(command))
        return Outgoing(topic=COMMANDS, key=entry.message_key.encode(), value=value)

    return ask


def deadline_fact(framing: Framing, policy: Policy) -> Ask:
    """How the correlator asks: a fact that a correlation's deadline has come."""

    def ask(entry: DeadlineEntry, now_ms: int) -> Outgoing:
        fact = Fact(
            fact_id=f"timeout/{entry.at_ms}/{entry.message_key}"[:200],
            correlation_id=entry.message_key,
            at_ms=now_ms,
            policy=policy,
            happening=DeadlineReached(),
        )
        value = framing.encode(RecordName.FACT, fact_to_record(fact))
        return Outgoing(topic=FACTS, key=entry.message_key.encode(), value=value)

    return ask


def _untold(_kind: str) -> None:
    """Nobody counts."""


class TimerLoop:
    """Looks for due deadlines at an interval, in a thread of its own.

    `asked` is told the kind of each deadline that was asked about.
    """

    def __init__(
        self,
        store: WorkerStore,
        ask: Ask,
        send: Send,
        interval_ms: int,
        asked: Callable[[str], None] = _untold,
    ) -> None:
        self._store = store
        self._ask = ask
        self._send = send
        self._tell_asked = asked
        self._interval_s = interval_ms / 1000
        self._asked: dict[DeadlineEntry, int] = {}
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopped.wait(self._interval_s):
            self.look(time.time_ns() // 1_000_000)

    def stop(self) -> None:
        """End `run` at its next turn."""
        self._stopped.set()

    def look(self, now_ms: int) -> None:
        """Ask about every deadline that has come and was not asked about lately."""
        self._asked = {
            entry: at_ms
            for entry, at_ms in self._asked.items()
            if now_ms - at_ms < ASK_AGAIN_AFTER_MS
        }
        try:
            # The oldest of each partition, asked or not: no more than these are ever on their way,
            # so a backlog of deadlines comes out as fast as it is judged and floods nothing.
            due = self._store.due(now_ms, BATCH)
        except StoreClosed:
            return
        for entry in due:
            if entry not in self._asked:
                try:
                    self._send(self._ask(entry, now_ms))
                except BufferError:
                    # Kafka takes nothing for the moment: the deadlines stand at the next look too.
                    return
                self._asked[entry] = now_ms
                self._tell_asked(entry.kind)
