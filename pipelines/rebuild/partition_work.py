"""What a process of the crew does with partitions: fold them, and say how they compare.

Owns the tasks and their results, which travel between processes; nothing in them is a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pipelines.rebuild.differences import NOTHING_DIFFERS, Compared, compare
from pipelines.rebuild.folding import Fold, Workshop, fold_partitions
from pipelines.rebuild.unread import NOTHING_UNREAD, Unread
from pipelines.stores import StoreName, store_named
from state.stores.image import StoreImage, image_hash, image_rows

_BUNDLE: Final = 20_000
"""Offsets that are folded together at most, unless one partition has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Fold one partition up to `end`, note the hash at each mark, and compare with `live`."""

    partition: int
    end: int
    marks: tuple[int, ...] = ()
    live: StoreImage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTask:
    """Some partitions of one store: to begin to read costs as much as some thousand records."""

    store: StoreName
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """What came of it. `live_hash` None: there was no live image; `hashes` are by mark.

    `broken` could not be read; of these no dead letter names those that are `unread`.
    `disagreements`: in what certificates are not what the stream tells, where it was asked.
    """

    store: StoreName
    partition: int
    end: int
    performed: int
    broken: int
    records: int
    hash: str
    hashes: Mapping[int, str] = field(default_factory=dict)
    live_hash: str | None = None
    live_records: int = 0
    compared: Compared = NOTHING_DIFFERS
    disagreements: tuple[str, ...] = ()
    unread: Unread = NOTHING_UNREAD

    @property
    def equal(self) -> bool | None:
        """Whether the live store is the fold, key by key; None where it was not asked."""
        return None if self.live_hash is None else self.compared.count == 0


def fold_and_compare(shop: Workshop, task: FoldTask) -> list[FoldResult]:
    """Perform one task."""
    ends = {part.partition: part.end for part in task.parts}
    marks = {part.partition: part.marks for part in task.parts}
    folds = fold_partitions(shop, store_named(task.store), ends, marks)
    return [result_of(task.store, part, folds[part.partition]) for part in task.parts]


def result_of(store: StoreName, part: Part, fold: Fold) -> FoldResult:
    """What one fold is worth."""
    rows, live = image_rows(fold.folded.records), part.live
    return FoldResult(
        store=store,
        partition=part.partition,
        end=part.end,
        performed=fold.performed,
        broken=fold.folded.broken,
        records=len(fold.folded.records),
        hash=image_hash(rows),
        hashes=fold.hashes,
        live_hash=None if live is None else image_hash(live.rows),
        live_records=0 if live is None else live.records,
        compared=NOTHING_DIFFERS if live is None else compare(store, rows, live.rows),
        unread=fold.unread,
    )


def bundles(ends: Mapping[StoreName, Mapping[int, int]]) -> list[tuple[StoreName, list[int]]]:
    """Every partition once, large ones alone and small ones together, most work first.

    What is to be folded is judged by the offsets up to which.
    """
    found: list[tuple[int, StoreName, list[int]]] = []
    for store, parts in ends.items():
        size, bundle = 0, list[int]()
        for partition, end in sorted(parts.items(), key=lambda item: -item[1]):
            if bundle and size + end > _BUNDLE:
                found.append((size, store, bundle))
                size, bundle = 0, []
            size, bundle = size + end, [*bundle, partition]
        if bundle:
            found.append((size, store, bundle))
    found.sort(key=lambda each: -each[0])
    return [(store, bundle) for _, store, bundle in found]
