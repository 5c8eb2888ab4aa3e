"""What a process of the crew does in a rebuild: fold partitions and put down what they fold into.

Owns the tasks and where their files are. Certificates are held against the stream on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from pipelines.rebuild.folding import Fold, Workshop, fold_partitions
from pipelines.rebuild.partition_work import FoldResult, Part, result_of
from pipelines.rebuild.spool import write_spool, write_store
from pipelines.rebuild.stream_word import disagreements, states_of, told_by_the_stream
from pipelines.stores import StoreName, store_named


class Target(StrEnum):
    """Where folded records go."""

    SPOOL = "spool"
    STORE = "store"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolTask:
    """Some partitions of one store, and the folder to put them down in.

    `whole`: the stream must tell of no more than they fold into, for nobody is at work.
    """

    store: StoreName
    parts: tuple[Part, ...]
    stream_ends: Mapping[int, int]
    folder: Path
    target: Target
    whole: bool


def spool_path(folder: Path, store: StoreName, partition: int) -> Path:
    """Where one partition is put down."""
    return folder / store.value / str(partition)


def fold_and_spool(shop: Workshop, task: SpoolTask) -> list[FoldResult]:
    """Perform one task."""
    ends = {part.partition: part.end for part in task.parts}
    folds = fold_partitions(shop, store_named(task.store), ends)
    found = _against_the_stream(shop, task, folds)
    (task.folder / task.store.value).mkdir(parents=True, exist_ok=True)
    results = []
    for part in task.parts:
        fold, path = folds[part.partition], spool_path(task.folder, task.store, part.partition)
        put = write_spool if task.target is Target.SPOOL else write_store
        put(fold.folded.records, path)
        result = result_of(task.store, part, fold)
        results.append(replace(result, disagreements=found.get(part.partition, ())))
    return results


def _against_the_stream(
    shop: Workshop, task: SpoolTask, folds: Mapping[int, Fold]
) -> dict[int, tuple[str, ...]]:
    """Of each partition of certificates, what is not as the stream tells it."""
    if task.store is not StoreName.CERTIFICATES:
        return {}
    states = {partition: states_of(fold.folded.records) for partition, fold in folds.items()}
    words = told_by_the_stream(shop, task.stream_ends, states, whole=task.whole)
    return {
        partition: tuple(disagreements(each, words[partition]))
        for partition, each in states.items()
    }
