"""One process of a role while it lives: its part in the group, its checkpoint, its open stores.

Owns the order of a commit and every place at which a life may end in it: records are performed
into a transaction, the changelog is written, Kafka commits, each store is written. Everything that
happens between is another step's. The stages, and how they are read from beside, are the real ones.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from random import Random
from threading import RLock

from pipelines.contracts.broken import BrokenRecord
from pipelines.simulation.group import Group, Place
from pipelines.simulation.inputs import Inputs, OpenInput
from pipelines.simulation.log import Log, Refusal, StoreChange, Transaction
from pipelines.simulation.store import DeadlinesView, Disk, RecordsView, StorePartition
from pipelines.simulation.work import Work
from pipelines.stages.record import Incoming, Outgoing, dead_letter
from pipelines.store_positions import StorePositions
from pipelines.topics import Topic


class Phase(StrEnum):
    """How far a checkpoint is."""

    EMPTY = "nothing performed"
    OPEN = "performed, not committed"
    FLUSHED = "changelog written, not committed"
    UNWRITTEN = "committed, not in its stores"


class Process:
    """A life of a worker. It can be given where a `pipelines.runtime.Worker` is read from."""

    def __init__(
        self,
        *,
        name: str,
        life: str,
        url: str,
        work: Work,
        log: Log,
        group: Group,
        disk: Disk,
        counters: Counter[str],
    ) -> None:
        self.name = name
        self.life = life
        self.url = url
        self.role = work.role
        self.work = work
        self.alive = True
        self.paused = False
        self.doubtful = False
        """It woke from a sleep and has not heard yet whether its partitions are still its own."""
        self.stores_lock = RLock()
        self.phase = Phase.EMPTY
        self.heard = 0
        """The first offset of its edge's partition of the replies that was not handed on."""
        self._log = log
        self._group = group
        self.disk = disk
        self._counters = counters
        self._uncommitted: Counter[str] = Counter()
        self._epoch = log.register(name)
        self._transaction: Transaction | None = None
        self._generation = -1
        self._inputs = self._opened(())
        self._positions = StorePositions()

    # What others may ask

    @property
    def serving(self) -> bool:
        """Whether the stores may be read."""
        ready = self.is_assigned and not self._inputs.recovering
        return ready and self.alive and not self.paused and not self.doubtful

    def reached(self, topic: Topic, partition: int) -> int:
        """The first offset of an input that readers of the stores do not see the effect of yet."""
        return self._positions.reached(self._names(topic), partition)

    def performed(self, topic: Topic, partition: int) -> int:
        """The first offset of an input that was not performed."""
        return self._positions.performed(self._names(topic), partition)

    def partitions_of(self, topic: Topic) -> dict[int, StorePartition]:
        """The open partitions of a stage's store, by number."""
        name = self._names(topic)
        return dict(self._inputs.stores(name))

    @property
    def is_assigned(self) -> bool:
        """Whether it believes that it has a part in the group, however small."""
        return self._generation >= 0

    @property
    def is_member(self) -> bool:
        """Whether the group is of the same belief."""
        known = self._group.members.get(self.name)
        in_group = known is not None and known.life == self.life
        return in_group and self._generation == self._group.generation

    @property
    def is_behind(self) -> bool:
        """Whether there is something that it could perform."""
        return bool(self._inputs.lagging())

    def _names(self, topic: Topic) -> str:
        for name, each in self.work.topics.items():
            if each is topic:
                return name
        raise AssertionError(f"{topic.name} is no input of a {self.role}")

    # The group

    def assign(self, held: list[Place], generation: int) -> None:
        """Take partitions over: open their stores as the disk has them, and begin to recover."""
        assert self.phase is Phase.EMPTY, "what was performed is committed or dropped by now"
        self._generation = generation
        self.doubtful = False
        self._inputs = self._opened(held)
        self._positions.note_assigned(
            (*place, offset) for place, offset in self._inputs.offsets().items()
        )
        self._inputs.recover()

    def _opened(self, held: Iterable[Place]) -> Inputs:
        return Inputs(self.work, self._log, self.disk, held, self._group.committed)

    def recover(self) -> None:
        """Go on recovering the stores, where one had to wait."""
        if self._inputs.recovering:
            self._inputs.recover()

    @property
    def is_fenced(self) -> bool:
        """Whether a later life of this name has registered, which this one may not know."""
        return not self._log.is_latest(self.name, self._epoch)

    def leave_partitions(self) -> None:
        """The partitions are no longer its own, and what was not committed neither."""
        self.drop()
        self._inputs = self._opened(())
        self._generation = -1

    # Performing

    def perform(self, count: int, random: Random) -> int:
        """Perform up to so many records, in runs from one input after another. ProducerFenced."""
        if self._inputs.recovering:
            return 0
        performed = 0
        while performed < count:
            lagging = self._inputs.lagging()
            if not lagging:
                break
            opened = lagging[0] if len(lagging) == 1 else random.choice(lagging)
            performed += self._perform_run(opened, random.randint(1, count - performed))
        return performed

    def _perform_run(self, opened: OpenInput, count: int) -> int:
        end = opened.log.visible_end
        performed = 0
        while opened.position < end and performed < count:
            incoming = opened.log.entries[opened.position]
            opened.position += 1
            if incoming is not None:
                self._perform_one(opened, incoming)
                performed += 1
        self._uncommitted[opened.name] += performed
        self._positions.note_performed(opened.name, opened.partition, opened.position - 1)
        return performed

    def _perform_one(self, opened: OpenInput, incoming: Incoming) -> None:
        if self._transaction is None:
            self._transaction = self._log.begin(self.name, self._epoch)
            self.phase = Phase.OPEN
        try:
            outputs = self._outputs(opened, incoming)
        except BrokenRecord as error:
            outputs = [dead_letter(incoming, error)]
        for output in outputs:
            self._log.write(output, transaction=self._transaction)

    def _outputs(self, opened: OpenInput, incoming: Incoming) -> list[Outgoing]:
        if opened.store is None:
            return self.work.feeds[opened.name](incoming)
        key, records = incoming.key or b"", opened.store.records
        rewrite = self.work.rewrites.get(opened.name)
        view = RecordsView(key, opened.changes, records, rewrite)
        return self.work.folds[opened.name](incoming, view, DeadlinesView(opened.changes))

    # Committing

    def flush(self) -> None:
        """Write the changelog of what was performed. ProducerFenced."""
        assert self.phase is Phase.OPEN, "flushed once, and only what was performed"
        assert self._transaction is not None, "something was performed"
        for opened in self._inputs.changed():
            assert opened.changelog is not None, "what changed is a store's"
            changes = [StoreChange(key, value) for key, value in opened.changes.items()]
            opened.changelog.append(changes, self._transaction)
            opened.changelog_end = len(opened.changelog.entries)
        self.phase = Phase.FLUSHED

    def commit(self) -> Refusal | None:
        """Have the log commit what was flushed; or drop it, and say why."""
        assert self.phase is Phase.FLUSHED, "committed after its changelog"
        assert self._transaction is not None, "something was performed"
        refusal = self._log.commit(
            self._transaction,
            self._group,
            member=self.name,
            life=self.life,
            generation=self._generation,
            offsets=self._inputs.offsets(),
        )
        if refusal is None:
            self.phase = Phase.UNWRITTEN
            self._transaction = None
            for topic, performed in self._uncommitted.items():
                self._counters[f"performed {topic}"] += performed
            self._uncommitted.clear()
        else:
            self.leave_partitions()
        return refusal

    def write(self, stores: int | None = None) -> None:
        """Write the stores, one after another; `stores`: so many only, and then it must end."""
        assert self.phase is Phase.UNWRITTEN, "written after it was committed"
        for opened in self._inputs.changed()[:stores]:
            assert opened.store is not None, "what changed is a store's"
            opened.store.write(opened.changes, opened.changelog_end)
            opened.changes = {}
        if stores is None:
            self._positions.note_committed()
            self.phase = Phase.EMPTY

    def drop(self) -> None:
        """Forget what was performed and not committed; the log never shows it to anyone."""
        assert self.phase is not Phase.UNWRITTEN, "what is committed belongs into the stores"
        if self._transaction is not None:
            self._log.abort(self._transaction)
            self._transaction = None
        for opened in self._inputs.changed():
            opened.changes = {}
        self._uncommitted.clear()
        self._positions.note_dropped()
        self.phase = Phase.EMPTY

    def die(self) -> None:
        """The life ends here and now; its transaction stays open, as in Kafka."""
        self.alive = False
        self._inputs = self._opened(())
