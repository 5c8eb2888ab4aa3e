"""Replay: derive facts and commands again with today's code, and compare with the topics.

Owns the order of the passes. Without being told to apply it changes nothing.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from pipelines.audit.alerts import BREACH_ID_PREFIX
from pipelines.committed_reader import CommittedReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing, framing_for
from pipelines.dlq.desk import read_queue
from pipelines.faults import OperatorError
from pipelines.progress import Advance, untold
from pipelines.rebuild.dead_letters import DeadLetters, dead_letters_in
from pipelines.rebuild.derived import (
    DerivedRecords,
    command_of,
    correlate_again,
    derive,
    fact_of,
)
from pipelines.rebuild.findings import COMMAND, DELIVERY, FACT, Compared
from pipelines.rebuild.kafka_places import GroupPlaces, Span, topic_places
from pipelines.rebuild.log_writer import LogTransaction
from pipelines.rebuild.repairs import aged_of, append, repairs_of
from pipelines.rebuild.replay_report import ReplayOptions, ReplayReport
from pipelines.rebuild.unread import (
    LETTERS_KEPT_MS,
    UnreadTally,
    clock_ms,
    fault_of_unread,
    settled,
)
from pipelines.replay import read_to
from pipelines.settings import Settings
from pipelines.stages.ingest import ClientsIngest, IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.record import Incoming, StatelessStage
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    FACTS,
    SOURCES,
    Role,
    Topic,
    topic_name,
)
from pipelines.topology import WRITES, policy_of
from state.certificate.commands import Command, Origin
from state.correlation.facts import DeadlineReached, Fact

_DELIVERY_ID: Final = "delivery/"


@dataclass(slots=True, kw_only=True)
class _Pass:
    """What all passes work with."""

    settings: Settings
    framing: Framing
    options: ReplayOptions
    advance: Advance
    dead: DeadLetters
    total: int = 0
    done: int = 0
    unreadable: int = 0
    unread: UnreadTally = field(default_factory=UnreadTally)
    underivable: int = 0
    spans: dict[Topic, dict[int, Span]] = field(default_factory=dict)

    def read(self, topic: Topic, ends: Mapping[int, int]) -> Iterator[Incoming]:
        """The records of a topic, counted."""
        with CommittedReader(self.settings, topic) as reader:
            for incoming in read_to(reader, ends):
                self.done += 1
                if self.done % 1_000 == 0:
                    self.advance(min(self.done, self.total), self.total)
                yield incoming

    def note_broken(self, incoming: Incoming) -> None:
        """Learn that a record could not be read."""
        if (incoming.topic, incoming.partition, incoming.offset) in self.dead.places:
            self.unreadable += 1
        else:
            self.unread.add(incoming)


class ReplayRefused(OperatorError):
    """Appending now could do what was never to be done."""


def run_replay(
    settings: Settings, options: ReplayOptions, *, advance: Advance = untold
) -> ReplayReport:
    """Derive again everything that the correlators have taken in, and compare.

    An OperatorError when Kafka or a topic is not fit for it; differences are no error.
    ReplayRefused: it was to append, and some records could not be read.
    """
    if not options.apply:
        return _replayed(settings, options, advance, None)
    # Begun before anything is read: an earlier run ends here, and what it appended is read.
    with LogTransaction(settings, f"{settings.correlator_group}-replay") as transaction:
        return _replayed(settings, options, advance, transaction)


def _replayed(
    settings: Settings,
    options: ReplayOptions,
    advance: Advance,
    transaction: LogTransaction | None,
) -> ReplayReport:
    """One replay, which appends into the transaction where there is one."""
    started_s = time.monotonic()
    dead = dead_letters_in(read_queue(settings, under_way=options.apply))
    with _framing(settings) as framing:
        work = _Pass(
            settings=settings, framing=framing, options=options, advance=advance, dead=dead
        )
        ends = _ends(work)
        facts, deliveries = _facts_again(work, ends)
        commands = _commands_again(work, ends, facts, deliveries)
        findings = (*facts.findings(), *deliveries.findings(), *commands.findings())
        compared: dict[str, Compared[Fact] | Compared[Command]] = {
            FACT: facts,
            DELIVERY: deliveries,
            COMMAND: commands,
        }
        since_ms = clock_ms() - LETTERS_KEPT_MS
        aged = aged_of(facts, findings, since_ms) if not options.correlations else frozenset()
        repairs = repairs_of(findings, aged)
        unread = settled(settings, [work.unread.done()])
        fault = fault_of_unread(unread, options.unreadable, clock_ms())
        if transaction is not None:
            if fault:
                raise ReplayRefused(f"{fault}; nothing was appended")
            append(transaction, settings, compared, repairs)
    return ReplayReport(
        findings=findings,
        repairable=repairs,
        equal={kind: each.equal for kind, each in compared.items()},
        underivable=work.underivable,
        unreadable=work.unreadable,
        discarded=sum(place[0] in _source_names(settings) for place in dead.discarded),
        unread=unread,
        unread_fault=fault,
        aged=aged,
        gone=tuple(
            topic_name(topic, settings)
            for topic in SOURCES
            if any(span.start for span in work.spans[topic].values())
        ),
        applied=options.apply,
        seconds=time.monotonic() - started_s,
        records=work.done,
    )


def _source_names(settings: Settings) -> frozenset[str]:
    return frozenset(topic_name(topic, settings) for topic in SOURCES)


@contextmanager
def _framing(settings: Settings) -> Iterator[Framing]:
    framing = framing_for(settings, WRITES[Role.CORRELATOR])
    try:
        yield framing
    finally:
        framing.close()


def _ends(work: _Pass) -> dict[Topic, dict[int, int]]:
    """Up to where the correlators have taken in each topic, and where the commands end now.

    What they have not taken in yet is not missing. All they wrote came with what they committed.
    """
    groups = GroupPlaces(work.settings)
    committed = groups.committed(Role.CORRELATOR)
    topics = (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS, FACTS, COMMANDS)
    with topic_places(work.settings) as places:
        work.spans = {topic: places.spans(topic) for topic in topics}
    if work.options.apply:
        # A worker's open transaction hides what an earlier run appended behind it: it is awaited.
        for topic in (FACTS, COMMANDS):
            written, spans = groups.written(topic), work.spans[topic]
            work.spans[topic] = {
                partition: replace(span, end=max(span.end, written[partition]))
                for partition, span in spans.items()
            }
    ends = {}
    for topic, spans in work.spans.items():
        name = topic_name(topic, work.settings)
        ends[topic] = {
            partition: span.end
            if topic is COMMANDS or not committed
            else committed.get((name, partition), 0)
            for partition, span in spans.items()
        }
    facts = sum(span.end for span in work.spans[FACTS].values())
    work.total = facts + sum(
        end - work.spans[topic][partition].start
        for topic, parts in ends.items()
        if topic is not FACTS
        for partition, end in parts.items()
    )
    return ends


def _facts_again(
    work: _Pass, ends: Mapping[Topic, Mapping[int, int]]
) -> tuple[Compared[Fact], Compared[Command]]:
    """Facts and deliveries as today's ingest makes them of what is left of the sources."""
    framing, settings = work.framing, work.settings
    rules = IngestRules(
        policy=policy_of(settings), accept_unmarked_payments=settings.accept_unmarked_payments
    )
    into = {FACTS: DerivedRecords(), COMMANDS: DerivedRecords()}
    sources: tuple[tuple[Topic, StatelessStage], ...] = (
        (ALL_SALES_ORDER, OrdersIngest(framing, rules)),
        (ALL_PAYMENTS, PaymentsIngest(framing, rules)),
        (ALL_CLIENTS, ClientsIngest(framing)),
    )
    for topic, ingest in sources:
        only = work.options.correlations
        derive(
            work.read(topic, ends[topic]),
            ingest,
            framing,
            into,
            discarded=work.dead.discarded,
            only=only,
            note_broken=work.note_broken,
        )
    return (
        Compared(FACT, into[FACTS], lambda value: fact_of(framing, value)),
        Compared(DELIVERY, into[COMMANDS], lambda value: command_of(framing, value)),
    )


def _commands_again(
    work: _Pass,
    ends: Mapping[Topic, Mapping[int, int]],
    facts: Compared[Fact],
    deliveries: Compared[Command],
) -> Compared[Command]:
    """The commands of today's correlation, compared; the facts are compared on the way."""
    only = work.options.correlations
    derived = correlate_again(
        _shown_facts(work, ends[FACTS], facts),
        work.framing,
        work.settings.partitions,
        dead=work.dead.places,
        only=only,
        note_broken=work.note_broken,
    )
    commands = Compared(COMMAND, derived, lambda value: command_of(work.framing, value))
    for incoming in work.read(COMMANDS, ends[COMMANDS]):
        try:
            command = command_of(work.framing, incoming.value)
        except BrokenRecord:
            work.note_broken(incoming)
            continue
        if command.origin is not Origin.FACT or (only and command.correlation_id not in only):
            continue
        assert incoming.value is not None, "it was read"
        shown = deliveries if command.command_id.startswith(_DELIVERY_ID) else commands
        known = shown.show(command.command_id, command, incoming.value)
        if not known and command.command_id.startswith(BREACH_ID_PREFIX):
            continue  # The auditor's, which is told of as what correlation sees.
        if not known and shown is commands:
            about = command.correlation_id or command.certificate_id
            commands.note_extra(command.command_id, about, command)
        elif not known:
            work.underivable += 1
    return commands


def _shown_facts(work: _Pass, ends: Mapping[int, int], facts: Compared[Fact]) -> Iterator[Incoming]:
    """The facts on the topic, compared as they pass; those that the correlators have performed."""
    whole = not any(
        span.start
        for topic in (ALL_SALES_ORDER, ALL_PAYMENTS)
        for span in work.spans[topic].values()
    )
    only = work.options.correlations
    for incoming in work.read(FACTS, {part: span.end for part, span in work.spans[FACTS].items()}):
        try:
            fact = fact_of(work.framing, incoming.value)
        except BrokenRecord:
            work.note_broken(incoming)
            continue
        chosen = not only or fact.correlation_id in only
        if chosen and not isinstance(fact.happening, DeadlineReached):
            assert incoming.value is not None, "it was read"
            known = facts.show(fact.fact_id, fact, incoming.value)
            if not known and whole:
                facts.note_extra(fact.fact_id, fact.correlation_id, fact)
            elif not known:
                work.underivable += 1
        if incoming.offset < ends[incoming.partition]:
            yield incoming
