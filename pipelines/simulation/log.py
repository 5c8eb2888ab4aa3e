"""A log as Kafka's, in memory: partitions, transactions, and what a read_committed reader sees.

Owns offsets, fencing of producers and the group's committed offsets. Knows neither clocks nor
chance: who writes when is the universe's. Records keep the offsets they would have in Kafka, the
markers of transactions and aborted records among them.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

from pipelines.partitioning import partition_of
from pipelines.simulation.group import Group, Place
from pipelines.stages.record import Incoming, Outgoing

Entry = TypeVar("Entry")


class StoreChange(NamedTuple):
    """One record of a changelog; no value: the key was deleted."""

    key: bytes
    value: bytes | None


class Refusal(StrEnum):
    """Why the log takes no commit."""

    FENCED = "fenced"
    """Another life writes under this producer's name, or its transaction was given up."""
    PUT_OUT = "put out"
    """The group went on without this member."""


class ProducerFenced(Exception):
    """The log takes nothing from this producer any more: its process has to end."""


class _Written(Protocol):
    """A partition as a transaction knows it."""

    def close(self, transaction: "Transaction", *, aborted: bool) -> None: ...


class Transaction:
    """What a producer wrote and has not committed."""

    __slots__ = ("is_open", "producer", "written")

    def __init__(self, producer: str) -> None:
        self.producer = producer
        self.is_open = True
        self.written: list[_Written] = []


class LogPartition(Generic[Entry]):
    """One partition. An entry that is none: a transaction's marker, or an aborted record."""

    __slots__ = ("_open", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry | None] = []
        self._open: dict[Transaction, list[tuple[int, int]]] = {}

    def append(self, entries: Sequence[Entry], transaction: Transaction | None = None) -> None:
        """Records, of a transaction or for all to see at once. ProducerFenced."""
        if transaction is not None:
            if not transaction.is_open:
                raise ProducerFenced
            runs = self._open.get(transaction)
            if runs is None:
                runs = self._open[transaction] = []
                transaction.written.append(self)
            runs.append((len(self.entries), len(entries)))
        self.entries.extend(entries)

    def close(self, transaction: Transaction, *, aborted: bool) -> None:
        """The marker that ends a transaction here, once, however many records it has."""
        for first, count in self._open.pop(transaction):
            if aborted:
                self.entries[first : first + count] = [None] * count
        self.entries.append(None)

    @property
    def visible_end(self) -> int:
        """The last stable offset: behind it nobody may read yet."""
        if not self._open:
            return len(self.entries)
        return min(runs[0][0] for runs in self._open.values())

    @property
    def is_blocked(self) -> bool:
        """Whether readers wait behind an open transaction."""
        return bool(self._open)

    def visible(self, start: int = 0) -> Iterator[Entry]:
        """What a read_committed reader sees from an offset on."""
        for entry in self.entries[start : self.visible_end]:
            if entry is not None:
                yield entry


class Log:
    """All partitions of all topics, the producers, and the groups.

    `is_late` says of each marker of a commit whether it comes later: a commit is decided at once
    and for good, but Kafka tells one partition after another. All are told before the same
    producer's next transaction begins.
    """

    def __init__(self, partitions: int, is_late: Callable[[], bool] = lambda: False) -> None:
        self.now_ms = 0
        self._partitions = partitions
        self._partition_of_key: dict[bytes, int] = {}
        self.topics: dict[Place, LogPartition[Incoming]] = {}
        self.changelogs: dict[Place, LogPartition[StoreChange]] = {}
        self.groups: dict[str, Group] = {}
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}
        self._is_late = is_late
        self._late: dict[str, list[tuple[_Written, Transaction]]] = {}

    def partition(self, name: str, partition: int) -> LogPartition[Incoming]:
        """A partition of a topic; it is made when it is first asked for."""
        place = (name, partition)
        found = self.topics.get(place)
        if found is None:
            found = self.topics[place] = LogPartition()
        return found

    def changelog(self, name: str, partition: int) -> LogPartition[StoreChange]:
        """A partition of a changelog."""
        return self.changelogs.setdefault((name, partition), LogPartition())

    def write(
        self,
        output: Outgoing,
        *,
        transaction: Transaction | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Write one record, in a transaction or at once for all to see. ProducerFenced."""
        name, key, partition = output.topic.name, output.key or b"", output.partition
        if partition is None:
            partition = self._partition_of_key.get(key)
        if partition is None:
            partition = self._partition_of_key[key] = partition_of(key, self._partitions)
        where = self.partition(name, partition)
        record = Incoming(
            topic=name,
            partition=partition,
            offset=len(where.entries),
            key=output.key,
            value=output.value,
            headers=tuple(output.headers),
            timestamp_ms=self.now_ms if timestamp_ms is None else timestamp_ms,
        )
        where.append((record,), transaction)

    # Transactions

    def register(self, producer: str) -> int:
        """Begin a producer's new life: its number. The earlier one is fenced and aborted."""
        self.write_markers(producer)
        left = self._open.get(producer)
        if left is not None:
            self.abort(left)
        epoch = self._epochs.get(producer, 0) + 1
        self._epochs[producer] = epoch
        return epoch

    def is_latest(self, producer: str, epoch: int) -> bool:
        """Whether no later life of the producer has registered."""
        return self._epochs[producer] == epoch

    def begin(self, producer: str, epoch: int) -> Transaction:
        """Open a transaction. ProducerFenced when a later life has registered."""
        if not self.is_latest(producer, epoch):
            raise ProducerFenced
        assert producer not in self._open, "a producer has one transaction at a time"
        self.write_markers(producer)
        transaction = self._open[producer] = Transaction(producer)
        return transaction

    def commit(
        self,
        transaction: Transaction,
        group: Group,
        *,
        member: str,
        life: str,
        generation: int,
        offsets: dict[Place, int],
    ) -> Refusal | None:
        """Make all of a transaction visible, with how far its inputs were read; or say why not."""
        if not transaction.is_open:
            return Refusal.FENCED
        known = group.members.get(member)
        if known is not None and known.life != life:
            return Refusal.FENCED
        if known is None or generation != group.generation:
            return Refusal.PUT_OUT
        group.committed.update(offsets)
        self._close(transaction, aborted=False)
        return None

    def abort(self, transaction: Transaction) -> None:
        """Nobody will ever see what it wrote."""
        if transaction.is_open:
            self._close(transaction, aborted=True)

    def give_up(self, producer: str) -> bool:
        """The transaction's time is over: abort it and fence its producer. False: it has none."""
        transaction = self._open.get(producer)
        if transaction is None:
            return False
        self.abort(transaction)
        self._epochs[producer] += 1
        return True

    def write_markers(self, producer: str | None = None) -> int:
        """Tell the partitions that were not told yet of a commit, of one producer or of all."""
        producers = list(self._late) if producer is None else [producer]
        told = [each for name in producers for each in self._late.pop(name, ())]
        for where, transaction in told:
            where.close(transaction, aborted=False)
        return len(told)

    @property
    def is_quiet(self) -> bool:
        """Whether no transaction is open, and of every one all are told."""
        return not self._open and not self._late

    def _close(self, transaction: Transaction, *, aborted: bool) -> None:
        transaction.is_open = False
        del self._open[transaction.producer]
        for where in transaction.written:
            if not aborted and self._is_late():
                self._late.setdefault(transaction.producer, []).append((where, transaction))
            else:
                where.close(transaction, aborted=aborted)
