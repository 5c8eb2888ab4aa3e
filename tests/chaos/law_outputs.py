"""Exactly once, seen from outside: each performed record's outputs are there, once, and no others.

Owns folding every input topic from its beginning through the stages, as far as its group has
committed, and comparing what that gives with what is there: the outputs, and the stores.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient
from rocksdict import AccessType, Options, Rdict

from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.index import IndexStage
from pipelines.stages.ingest import ClientsIngest, IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import (
    Incoming,
    Outgoing,
    StatefulStage,
    StatelessStage,
    dead_letter,
)
from pipelines.topics import (
    ALL_CLIENTS,
    ALL_PAYMENTS,
    ALL_SALES_ORDER,
    COMMANDS,
    DLQ,
    FACTS,
    INDEX,
    POOL,
    REPLIES,
    STREAM,
    Role,
    Topic,
    group_name,
    topic_name,
)
from pipelines.topology import policy_of
from state.stores.layout import DEADLINES, DeadlineEntry, deadline_key, stored_key
from tests.chaos.breaches import Findings, Law
from tests.chaos.evidence import Evidence

_OURS_ALONE: Final = (STREAM, INDEX, REPLIES, DLQ)
"""Topics that only the stages write: whatever is on them is an output."""
_DEADLINE: Final = b"\x01"
_OF_A_REPLY: Final = frozenset({"replyTo", "position", "at"})
"""What is of one reply, not of the outcome: an empty pool tells the time of each repeat."""

Output = tuple[int, bytes | None, bytes | None]
"""Where a record lies, and its bytes: partition, key, value."""
Store = dict[bytes, bytes]
Place = tuple[str, int]
"""A store: topic without prefix, and partition."""


@dataclass(slots=True, kw_only=True)
class Folded:
    """What the topics give: the stores, and every output by its topic."""

    stores: dict[Place, Store] = field(default_factory=dict)
    outputs: dict[str, Counter[Output]] = field(default_factory=dict)
    records: int = 0


class _Records:
    """The records of one message key in a store being folded."""

    def __init__(self, store: Store, key: bytes) -> None:
        self._store = store
        self._key = key

    def get_bytes(self, key: bytes) -> bytes | None:
        return self._store.get(stored_key(self._key, key))

    def set_bytes(self, key: bytes, value: bytes) -> None:
        self._store[stored_key(self._key, key)] = value

    def delete(self, key: bytes) -> None:
        self._store.pop(stored_key(self._key, key), None)


class _DeadlineRecords:
    """The deadlines of a store being folded."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, entry: DeadlineEntry) -> None:
        self._store[stored_key(DEADLINES, deadline_key(entry))] = _DEADLINE

    def remove(self, entry: DeadlineEntry) -> None:
        self._store.pop(stored_key(DEADLINES, deadline_key(entry)), None)


Perform = Callable[[Incoming, Store], list[Outgoing]]


def folded(evidence: Evidence) -> Folded:
    """Every input, folded as far as it was performed."""
    found = Folded()
    settings = evidence.settings
    for topic, perform in stages(settings, evidence.framing).items():
        records = sorted(
            evidence.records[topic.name], key=lambda record: (record.partition, record.offset)
        )
        for record in records:
            if record.offset >= evidence.performed.get((record.topic, record.partition), 0):
                continue
            found.records += 1
            store = found.stores.setdefault((topic.name, record.partition), {})
            try:
                outputs = perform(record, store)
            except BrokenRecord as error:
                outputs = [dead_letter(record, error)]
            for output in outputs:
                partition = output.partition
                if partition is None and output.key is not None:
                    partition = partition_of(output.key, settings.partitions)
                counted = found.outputs.setdefault(output.topic.name, Counter())
                counted[-1 if partition is None else partition, output.key, output.value] += 1
    return found


def stages(settings: Settings, framing: Framing) -> dict[Topic, Perform]:
    """What performs the records of each input topic on a store."""
    rules = IngestRules(
        policy=policy_of(settings), accept_unmarked_payments=settings.accept_unmarked_payments
    )
    return {
        ALL_SALES_ORDER: _stateless(OrdersIngest(framing, rules)),
        ALL_PAYMENTS: _stateless(PaymentsIngest(framing, rules)),
        ALL_CLIENTS: _stateless(ClientsIngest(framing)),
        FACTS: _stateful(CorrelateStage(framing, settings.partitions)),
        COMMANDS: _stateful(CertificatesStage(framing, settings.partitions)),
        POOL: _stateful(PoolStage(framing, settings.partitions)),
        INDEX: _stateful(IndexStage(framing, settings.partitions)),
    }


def _stateless(stage: StatelessStage) -> Perform:
    def perform(record: Incoming, _store: Store) -> list[Outgoing]:
        return stage(record)

    return perform


def _stateful(stage: StatefulStage) -> Perform:
    def perform(record: Incoming, store: Store) -> list[Outgoing]:
        return stage(record, _Records(store, record.key or b""), _DeadlineRecords(store))

    return perform


def judge_outputs(evidence: Evidence, fold: Folded, findings: Findings) -> None:
    """Each expected output is there just as often as it is expected; on our topics nothing else."""
    findings.looked_at("records performed", fold.records)
    for topic in (FACTS, COMMANDS, POOL, *_OURS_ALONE):
        expected = fold.outputs.get(topic.name, Counter())
        there: Counter[Output] = Counter(
            (record.partition, record.key, record.value) for record in evidence.records[topic.name]
        )
        if topic is DLQ:
            # A dead letter without a key may lie in any partition.
            findings.looked_at("dead letters", there.total())
            if there.total():
                findings.breach(Law.DEAD_LETTERS, f"{there.total()} records are on {topic.name}")
            continue
        findings.looked_at("outputs", expected.total())
        lost = [
            (each, count - there[each]) for each, count in expected.items() if count > there[each]
        ]
        more = [
            (each, there[each] - count) for each, count in expected.items() if count < there[each]
        ]
        if topic in _OURS_ALONE:
            more += [(each, count) for each, count in there.items() if each not in expected]
        _note(topic, "lacks", lost, findings)
        _note(topic, "has too often", more, findings)


def _note(topic: Topic, what: str, found: Sequence[tuple[Output, int]], findings: Findings) -> None:
    if found:
        (partition, key, _), _ = found[0]
        shown = (key or b"")[-4:].decode(errors="replace")
        total = sum(count for _, count in found)
        text = f"{topic.name} {what} {total} records, one in partition {partition} about …{shown}"
        findings.breach(Law.OUTPUTS, text)


def judge_replies(evidence: Evidence, findings: Findings) -> None:
    """One reply to each decision, and the same to each repeat of a request."""
    findings.looked_at("replies", len(evidence.replies))
    answered = Counter((each.request_id, each.place) for each in evidence.replies)
    for (request, place), times in answered.items():
        if times > 1:
            text = f"{request} was answered {times} times for the record at {place[1]}/{place[2]}"
            findings.breach(Law.REPLIES, text)
    outcomes: dict[str, set[str]] = {}
    for reply in evidence.replies:
        told = {name: value for name, value in reply.fields.items() if name not in _OF_A_REPLY}
        outcomes.setdefault(f"{reply.request_id} {reply.place[0]}", set()).add(repr(told))
    for request, different in outcomes.items():
        if len(different) > 1:
            findings.breach(Law.REPLIES, f"{request} has {len(different)} outcomes")


# Stores


def keepers(settings: Settings) -> dict[Place, str]:
    """The worker that keeps each store now, by the groups' own word: each names its worker."""
    admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
    kept: dict[Place, str] = {}
    for role, topics in STATEFUL.items():
        group = group_name(role, settings)
        names = {topic_name(topic, settings): topic.name for topic in topics}
        described = admin.describe_consumer_groups([group])[group].result()
        for member in described.members:
            for held in member.assignment.topic_partitions:
                if held.topic in names:
                    kept[names[held.topic], held.partition] = member.client_id.partition("@")[0]
    return kept


STATEFUL: Final[Mapping[Role, tuple[Topic, ...]]] = {
    Role.CORRELATOR: (FACTS,),
    Role.PROCESSOR: (COMMANDS, POOL, INDEX),
}


def store_path(directory: Path, settings: Settings, place: Place) -> Path:
    """Where a worker keeps one store below its state directory."""
    name, partition = place
    role, topic = next(
        (role, topic) for role, topics in STATEFUL.items() for topic in topics if topic.name == name
    )
    group = group_name(role, settings)
    return directory / group / "default" / topic_name(topic, settings) / str(partition)


def judge_stores(
    kept: Mapping[Place, Path], fold: Folded, partitions: int, findings: Findings
) -> None:
    """Every store on disk is what its topic folds into. `kept` says where each is."""
    for topics in STATEFUL.values():
        for topic in topics:
            for partition in range(partitions):
                place = (topic.name, partition)
                if place not in kept:
                    findings.breach(Law.STORES, f"nobody keeps {topic.name}[{partition}]")
                    continue
                stored = _content(kept[place])
                wanted = fold.stores.get(place, {})
                findings.looked_at("stores")
                findings.looked_at("records in stores", len(wanted))
                if stored != wanted:
                    findings.breach(Law.STORES, _difference(place, stored, wanted))


def _difference(place: Place, stored: Store, wanted: Store) -> str:
    lacking = wanted.keys() - stored.keys()
    invented = stored.keys() - wanted.keys()
    other = [key for key in wanted.keys() & stored.keys() if wanted[key] != stored[key]]
    return (
        f"{place[0]}[{place[1]}] lacks {len(lacking)} records, has {len(invented)} too many, and "
        f"{len(other)} are different"
    )


def _content(path: Path) -> Store:
    database = Rdict(str(path), options=Options(raw_mode=True), access_type=AccessType.read_only())
    try:
        return {
            key: value
            for key, value in database.items()
            if isinstance(key, bytes) and isinstance(value, bytes)
        }
    finally:
        database.close()
