"""Certificates, their pool and the messages between them, in memory, beside the reference.

Performs what the stages perform: one command at a time on one record, outcomes kept by origin and
id, and what the pool and the certificates tell each other queued in order. Compares every step with
the reference, and every number's events with its record.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from state.certificate.commands import Command, Origin, Reserve
from state.certificate.decision import AskPoolAgain, ForgetInPool
from state.certificate.events import EntryKind, Issued, Reserved
from state.certificate.headline import ledger_entry
from state.certificate.machine import evolve
from state.certificate.record import CertificateState, Lifecycle
from state.certificate.transition import Outcome, Published, Transition, transition
from state.pool.commands import Add, Forget, PoolAction, PoolCommand, TakeNext
from state.pool.queue import Blocked, Offered, apply
from tests.state.certificate.reference import Account
from tests.state.pool.dict_store import DictStore

Key = tuple[str, Origin, str]


@dataclass(slots=True)
class World:
    """Everything that is remembered, and the logs that made it."""

    states: dict[str, CertificateState] = field(default_factory=dict)
    outcomes: dict[Key, Outcome] = field(default_factory=dict)
    published: dict[str, list[Published]] = field(default_factory=lambda: defaultdict(list))
    pool: DictStore = field(default_factory=DictStore)
    pool_inbox: deque[PoolCommand] = field(default_factory=deque)
    inboxes: dict[str, deque[Command]] = field(default_factory=lambda: defaultdict(deque))
    commands: list[Command] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    blocked: Counter[str] = field(default_factory=Counter)

    def state(self, number: str) -> CertificateState:
        return self.states.get(number, CertificateState())

    def perform(self, command: Command) -> Transition:
        """One command, judged by the service and by the reference."""
        self.commands.append(command)
        number = command.certificate_id
        key = (number, command.origin, command.command_id)
        known = self.outcomes.get(key)
        before = self.state(number)
        step = transition(before, known, command)
        self._book(step, key, command)
        if known is None:
            self._compare(step, command)
        else:
            assert step.state == before
            assert not step.published
            # A number that was passed on stays so for this request, free again or not.
            assert (step.pool is not None) == (known.passed_on and step.outcome == known)
        return step

    def _book(self, step: Transition, key: Key, command: Command) -> None:
        number = command.certificate_id
        self.states[number] = step.state
        self.published[number].extend(step.published)
        if step.outcome is not None and not step.repeated:
            assert key not in self.outcomes, "a request has one outcome"
            self.outcomes[key] = step.outcome
        if step.pool is not None:
            action = self._told_to_pool(step, command)
            self.pool_inbox.append(
                PoolCommand(pool=step.pool.pool, at_ms=command.at_ms, action=action)
            )

    def _told_to_pool(self, step: Transition, command: Command) -> PoolAction:
        if isinstance(step.pool, AskPoolAgain):
            assert isinstance(command.action, Reserve)
            assert step.outcome is not None
            assert step.outcome.passed_on
            return take_next(command.command_id, command.action, instead_of=command.certificate_id)
        if isinstance(step.pool, ForgetInPool):
            return Forget(certificate_id=command.certificate_id)
        return Add(certificate_id=command.certificate_id)

    def _compare(self, step: Transition, command: Command) -> None:
        account = self.accounts[command.certificate_id]
        granted = account.grant(command)
        if isinstance(step.pool, AskPoolAgain):
            assert not granted
        elif command.origin is Origin.TIMER:
            assert step.outcome is None
            assert bool(step.published) == granted
        else:
            assert step.outcome is not None
            assert (step.outcome.rejection is None) == granted, step.outcome.rejection
        certificate = step.state.certificate
        assert (certificate is not None) == account.known
        if certificate is not None:
            assert certificate.remaining_minor == account.balance
            assert certificate.held_minor == account.held
            assert (certificate.lock is not None) == account.locked
            assert (certificate.lifecycle is Lifecycle.AVAILABLE) == account.free

    def deliver_to_pool(self) -> None:
        """The pool takes its next message, and asks a certificate where one is offered."""
        command = self.pool_inbox.popleft()
        for result in apply(self.pool, command):
            take = command.action
            assert isinstance(take, TakeNext)
            if isinstance(result, Offered):
                self.inboxes[result.certificate_id].append(offer(command, take, result))
            elif isinstance(result, Blocked) and result.sequence is not None:
                self.blocked[take.request_id] += 1

    def deliver_to(self, number: str) -> None:
        """A certificate takes the next message from the pool."""
        self.perform(self.inboxes[number].popleft())

    def reserved_by(self, request_id: str) -> list[str]:
        """The numbers that one request for the next number was ever given."""
        return [
            number
            for number, events in self.published.items()
            for each in events
            if isinstance(each.event, Reserved)
            and each.event.reservation.reservation_id == request_id
        ]

    def check_numbers(self) -> None:
        """Laws of every number: one reservation at a time, one issue, events give the record."""
        for number, events in self.published.items():
            assert [each.sequence for each in events] == list(range(1, len(events) + 1))
            assert sum(isinstance(each.event, Issued) for each in events) <= 1
            self._check_reservations(number)
            certificate = None
            for each in events:
                certificate = evolve(certificate, number, each.event)
                assert certificate == each.certificate
            assert self.states[number] == CertificateState(
                sequence=len(events), certificate=certificate
            )

    def _check_reservations(self, number: str) -> None:
        before = Lifecycle.AVAILABLE
        for each in self.published[number]:
            if isinstance(each.event, Reserved):
                assert before is Lifecycle.AVAILABLE, "a reserved number was reserved again"
            if each.certificate is not None:
                before = each.certificate.lifecycle

    def entries(self) -> Iterator[tuple[str, EntryKind, int]]:
        """Currency, kind and amount of every entry of the stream; each agrees with the balance."""
        for number, events in self.published.items():
            balance_minor = 0
            for each in events:
                entry = ledger_entry(each.event, each.certificate)
                if entry is None:
                    continue
                balance_minor += entry.amount_minor
                assert each.certificate is not None
                assert entry.remaining_minor == balance_minor, number
                assert 0 <= entry.held_minor <= entry.remaining_minor
                yield each.certificate.currency or "", entry.kind, entry.amount_minor


def take_next(
    request_id: str, reserve: Reserve, *, instead_of: str | None = None, low_mark: int = 1
) -> TakeNext:
    return TakeNext(
        request_id=request_id,
        body_digest=None,
        channel=reserve.channel,
        order_id=reserve.order_id,
        reserved_until_ms=reserve.until_ms,
        low_mark=low_mark,
        reply_to=None,
        actor=None,
        instead_of=instead_of,
    )


def offer(command: PoolCommand, take: TakeNext, offered: Offered) -> Command:
    return Command(
        command_id=take.request_id,
        at_ms=command.at_ms,
        certificate_id=offered.certificate_id,
        origin=Origin.HTTP,
        action=Reserve(
            pool=command.pool,
            channel=take.channel,
            order_id=take.order_id,
            until_ms=take.reserved_until_ms,
        ),
        body_digest=take.body_digest,
    )
