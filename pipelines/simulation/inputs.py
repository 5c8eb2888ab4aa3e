"""The inputs that a process has: where it reads on, and the store where their stage keeps one.

Owns the positions, the recovery of the stores and what a checkpoint will write into them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipelines.simulation.group import Place
from pipelines.simulation.log import Log, LogPartition, StoreChange
from pipelines.simulation.store import Changes, Disk, StorePartition
from pipelines.simulation.work import Work
from pipelines.stages.record import Incoming


@dataclass(slots=True, kw_only=True)
class OpenInput:
    """One partition of an input. `changelog_end` is where its changes end in the changelog."""

    name: str
    partition: int
    log: LogPartition[Incoming]
    position: int
    store: StorePartition | None = None
    changelog: LogPartition[StoreChange] | None = None
    changes: Changes = field(default_factory=dict)
    changelog_end: int = 0

    @property
    def lags(self) -> bool:
        """Whether there is a record to perform; markers and aborted records are passed by."""
        entries, end = self.log.entries, self.log.visible_end
        while self.position < end and entries[self.position] is None:
            self.position += 1
        return self.position < end


class Inputs:
    """All inputs of one assignment."""

    def __init__(
        self, work: Work, log: Log, disk: Disk, held: Iterable[Place], committed: dict[Place, int]
    ) -> None:
        self._opened: dict[Place, OpenInput] = {}
        for place in held:
            name, partition = place
            opened = OpenInput(
                name=name,
                partition=partition,
                log=log.partition(name, partition),
                position=committed.get(place, 0),
            )
            changelog = work.changelogs.get(name)
            if changelog is not None:
                opened.store = disk.open(changelog, partition)
                opened.changelog = log.changelog(changelog, partition)
            self._opened[place] = opened
        self._recovering = [each for each in self._opened.values() if each.store is not None]

    def recover(self) -> None:
        """Read the changelogs; one in which a transaction is open must wait for its end."""
        waiting = []
        for opened in self._recovering:
            assert opened.store is not None, "it keeps state"
            assert opened.changelog is not None, "and the changelog of it"
            if opened.changelog.is_blocked:
                waiting.append(opened)
            else:
                opened.store.recover(opened.changelog)
        self._recovering = waiting

    @property
    def recovering(self) -> bool:
        """Whether a store is not yet what its changelog says."""
        return bool(self._recovering)

    def lagging(self) -> list[OpenInput]:
        """Those with something to perform."""
        return [opened for opened in self._opened.values() if opened.lags]

    def changed(self) -> list[OpenInput]:
        """Those whose stores the checkpoint will write."""
        return [opened for opened in self._opened.values() if opened.changes]

    def offsets(self) -> dict[Place, int]:
        """How far each was read."""
        return {place: opened.position for place, opened in self._opened.items()}

    def stores(self, name: str) -> Iterator[tuple[int, StorePartition]]:
        """The open stores of one input, by partition."""
        for opened in self._opened.values():
            if opened.store is not None and opened.name == name:
                yield opened.partition, opened.store
