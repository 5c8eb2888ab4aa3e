"""Folds partitions of a retained topic through its real stage, up to the very offsets asked for.

Owns the stages by their store and the one pass over the records. Writes nothing anywhere.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pipelines.committed_reader import CommittedReader
from pipelines.contracts.framing import Framing
from pipelines.rebuild.dead_letters import Place
from pipelines.rebuild.unread import Unread, UnreadTally
from pipelines.replay import FoldedPartition, fold_one, read_to
from pipelines.settings import Settings
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.index import IndexStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import Incoming, StatefulStage
from pipelines.stores import FoldedStore, StoreName
from state.stores.image import image_hash, image_rows

_TOLD_EVERY: Final = 2_000

Told = Callable[[int], None]
"""Told how many more records were folded."""

_STAGES: Final[Mapping[StoreName, Callable[[Framing, int], StatefulStage]]] = {
    StoreName.CERTIFICATES: CertificatesStage,
    StoreName.POOLS: PoolStage,
    StoreName.INDEX: IndexStage,
    StoreName.CORRELATIONS: CorrelateStage,
}


def stage_of(store: StoreName, framing: Framing, partitions: int) -> StatefulStage:
    """The stage whose state a store is."""
    return _STAGES[store](framing, partitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every fold works with. `dead` are the records that the workers passed over."""

    settings: Settings
    framing: Framing
    dead: frozenset[Place]
    told: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One partition, folded. `hashes`: what its image's hash was at each mark on the way.

    `unread`: what could not be read though no dead letter names it.
    """

    folded: FoldedPartition
    performed: int
    hashes: Mapping[int, str]
    unread: Unread


def fold_partitions(
    shop: Workshop,
    store: FoldedStore,
    ends: Mapping[int, int],
    marks: Mapping[int, Collection[int]] = MappingProxyType({}),
) -> dict[int, Fold]:
    """Fold every record of each partition before its end; its marks beyond that have no hash."""
    folders = {
        partition: _Folder([each for each in marks.get(partition, ()) if each <= end])
        for partition, end in ends.items()
    }
    stage = stage_of(store.name, shop.framing, shop.settings.partitions)
    with CommittedReader(shop.settings, store.topic, partitions=ends.keys()) as reader:
        untold = 0
        for incoming in read_to(reader, ends):
            folder = folders[incoming.partition]
            folder.pass_marks(incoming.offset)
            folder.perform(incoming, stage, shop.dead)
            untold += 1
            if untold == _TOLD_EVERY:
                shop.told(untold)
                untold = 0
    shop.told(untold)
    return {partition: folder.done() for partition, folder in folders.items()}


class _Folder:
    """One partition on its way."""

    def __init__(self, marks: Collection[int]) -> None:
        self._folded = FoldedPartition()
        self._marks = sorted(marks)
        self._hashes: dict[int, str] = {}
        self._performed = 0
        self._unread = UnreadTally()

    def pass_marks(self, offset: int) -> None:
        """Note the hash at each mark that comes before, or is, this offset."""
        while self._marks and offset >= self._marks[0]:
            self._hashes[self._marks.pop(0)] = image_hash(image_rows(self._folded.records))

    def perform(self, incoming: Incoming, stage: StatefulStage, dead: Collection[Place]) -> None:
        self._performed += 1
        if dead and (incoming.topic, incoming.partition, incoming.offset) in dead:
            self._folded.broken += 1
            return
        broken = self._folded.broken
        fold_one(self._folded, incoming, stage)
        if self._folded.broken > broken:
            self._unread.add(incoming)

    def done(self) -> Fold:
        """All was performed: what is marked still is marked at the end."""
        if self._marks:
            self.pass_marks(self._marks[-1])
        return Fold(
            folded=self._folded,
            performed=self._performed,
            hashes=self._hashes,
            unread=self._unread.done(),
        )
