"""Replay: derive facts and commands again with today's code, and compare with the topics.

Owns the order of the passes. Without being told to apply it changes nothing.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from pipelines.committed_reader import CommittedReader
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing, framing_for
from pipelines.progress import Advance, untold
from pipelines.rebuild.dead_letters import dead_letter_places
from pipelines.rebuild.derived import (
    DerivedRecords,
    command_of,
    correlate_again,
    derive,
    fact_of,
)
from pipelines.rebuild.findings import COMMAND, DELIVERY, FACT, Compared, Finding, Verdict
from pipelines.rebuild.kafka_places import Committed, GroupPlaces, Span, topic_places
from pipelines.rebuild.repairs import append, repairs_of
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
    Role,
    Topic,
    topic_name,
)
from pipelines.topology import WRITES, policy_of
from state.certificate.commands import Command, Origin
from state.correlation.facts import DeadlineReached, Fact

_DELIVERY_ID: Final = "delivery/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What to replay. `correlations`: only these, where any is named. `apply`: append it."""

    correlations: frozenset[str] = frozenset()
    apply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What was found. `repairable`: by kind the ids that appending puts right, or has put right.

    `equal` are counts by kind; `underivable` is on the topics and can not be made from what is left
    of the sources, the beginning of which is `gone` from these topics.
    """

    findings: tuple[Finding, ...]
    repairable: Mapping[str, tuple[str, ...]]
    equal: Mapping[str, int]
    underivable: int
    unreadable: int
    gone: tuple[str, ...]
    applied: bool
    seconds: float
    records: int

    def repairs(self, finding: Finding) -> bool:
        """Whether appending puts this one right."""
        return finding.verdict is Verdict.MISSING and finding.record_id in self.repairable.get(
            finding.kind, ()
        )

    @property
    def left(self) -> tuple[Finding, ...]:
        """What is not put right, or not yet."""
        return tuple(each for each in self.findings if not (self.applied and self.repairs(each)))

    def counts(self) -> Counter[tuple[str, Verdict]]:
        """How many findings of each kind and verdict."""
        return Counter((each.kind, each.verdict) for each in self.findings)


@dataclass(slots=True, kw_only=True)
class _Pass:
    """What all passes work with."""

    settings: Settings
    framing: Framing
    options: ReplayOptions
    advance: Advance
    total: int = 0
    done: int = 0
    unreadable: int = 0
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


def run_replay(
    settings: Settings, options: ReplayOptions, *, advance: Advance = untold
) -> ReplayReport:
    """Derive again everything that the correlators have taken in, and compare.

    An OperatorError when Kafka or a topic is not fit for it; differences are no error.
    """
    started_s = time.monotonic()
    with _framing(settings) as framing:
        committed = GroupPlaces(settings).committed(Role.CORRELATOR)
        work = _Pass(settings=settings, framing=framing, options=options, advance=advance)
        ends = _ends(work, committed)
        facts, deliveries = _facts_again(work, ends)
        commands = _commands_again(work, ends, facts, deliveries)
        findings = (*facts.findings(), *deliveries.findings(), *commands.findings())
        repairs = repairs_of(findings)
        if options.apply:
            append(settings, {FACT: facts, DELIVERY: deliveries, COMMAND: commands}, repairs)
    return ReplayReport(
        findings=findings,
        repairable=repairs,
        equal={FACT: facts.equal, DELIVERY: deliveries.equal, COMMAND: commands.equal},
        underivable=work.underivable,
        unreadable=work.unreadable,
        gone=tuple(
            topic_name(topic, settings)
            for topic in (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS)
            if any(span.start for span in work.spans[topic].values())
        ),
        applied=options.apply,
        seconds=time.monotonic() - started_s,
        records=work.done,
    )


@contextmanager
def _framing(settings: Settings) -> Iterator[Framing]:
    framing = framing_for(settings, WRITES[Role.CORRELATOR])
    try:
        yield framing
    finally:
        framing.close()


def _ends(work: _Pass, committed: Committed) -> dict[Topic, dict[int, int]]:
    """Up to where the correlators have taken in each topic, and where the commands end now.

    What they have not taken in yet is not missing. All they wrote came with what they committed.
    """
    topics = (ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS, FACTS, COMMANDS)
    with topic_places(work.settings) as places:
        work.spans = {topic: places.spans(topic) for topic in topics}
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
        derive(work.read(topic, ends[topic]), ingest, framing, into, only=only)
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
        dead=dead_letter_places(work.settings),
        only=only,
    )
    commands = Compared(COMMAND, derived, lambda value: command_of(work.framing, value))
    for incoming in work.read(COMMANDS, ends[COMMANDS]):
        try:
            command = command_of(work.framing, incoming.value)
        except BrokenRecord:
            continue  # Whatever it was, it is in the dead letters, and did nothing.
        if command.origin is not Origin.FACT or (only and command.correlation_id not in only):
            continue
        assert incoming.value is not None, "it was read"
        shown = deliveries if command.command_id.startswith(_DELIVERY_ID) else commands
        known = shown.show(command.command_id, command, incoming.value)
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
            work.unreadable += 1
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
