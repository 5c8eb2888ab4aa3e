"""The recovery of a worker's stores, in the place of the stream library's own.

Owns the recoveries under way, and the loop that reads their changelogs while the worker keeps its
place in the group. What the library's does one record at a time, with a poll that must time out
before it is over, is done in batches here and ends with the last record.
"""

import gc
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog

from pipelines.recovery.catch_up import CatchUp
from pipelines.recovery.changelog_reader import BATCH_RECORDS, Batch, ChangelogReader
from pipelines.recovery.judgement import LogSays, judge
from pipelines.recovery.log_places import Place
from pipelines.recovery.store_faults import ChangelogLost
from pipelines.runtime_store import KeptPartition, KeptStore
from pipelines.settings import Settings
from pipelines.topics import Role, group_name

with warnings.catch_warnings(record=True):
    from quixstreams.kafka.consumer import raise_for_msg_error
    from quixstreams.state.recovery import RecoveryManager

_TELL_S: Final = 10.0
_OPENED_AT_ONCE: Final = 8

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedStore:
    """A partition of a stage's store, its changelog, and what Kafka says of that."""

    store: KeptStore
    input_topic: str
    changelog: str
    partition: int
    log: LogSays


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryProgress:
    """How far a worker's recovery is. `left` is by full name of the topic that a store folds.

    It is in offsets, of which markers of transactions and deleted records have some too.
    `seconds` is how long the latest one took; 0 before the first.
    """

    stores: int
    left: Mapping[str, int]
    applied: int
    seconds: float


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Python looks for garbage that refers to itself only where more than records pile up.

    A batch of records goes with its last use. Left alone, the collector looked through each of them
    many times over, which took as long as their way into the store.
    """
    before = gc.get_threshold()
    gc.set_threshold(10 * BATCH_RECORDS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Recoveries(RecoveryManager):
    """The library asks it whether there is something to recover, and to do so."""

    def __init__(
        self,
        settings: Settings,
        role: Role,
        consumer: Any,
        topic_manager: Any,
        broker_availability_s: float,
    ) -> None:
        super().__init__(consumer, topic_manager, broker_availability_s)
        self._settings = settings
        self._group = group_name(role, settings)
        self._exactly_once = settings.quix_guarantee() == "exactly-once"
        self._under_way: dict[Place, CatchUp] = {}
        self._changed = False
        self._folded: dict[str, str] = {}
        self._applied = 0
        self._took_s = 0.0

    def progress(self) -> RecoveryProgress:
        """How far it is, for any thread."""
        # In this order: whatever is under way was folded into something before.
        under_way = list(self._under_way.values())
        left = dict.fromkeys(list(self._folded.values()), 0)
        for each in under_way:
            left[self._folded[each.changelog]] += max(each.last + 1 - each.next_offset, 0)
        return RecoveryProgress(
            stores=len(under_way), left=left, applied=self._applied, seconds=self._took_s
        )

    @property
    def has_assignments(self) -> bool:
        """Whether a store is not whole yet."""
        return bool(self._under_way)

    def begin(self, assigned: list[AssignedStore]) -> None:
        """Open the stores of the partitions that came, and see what each of them lacks.

        StoreFault, or ChangelogLost when one cannot be recovered from what there is.
        """
        now_ms = time.time_ns() // 1_000_000
        self._folded |= {each.changelog: each.input_topic for each in assigned}
        # Opening waits for the disk, several times: together it takes little longer than for one.
        with ThreadPoolExecutor(_OPENED_AT_ONCE) as threads:
            opened = list(threads.map(lambda each: self._begin(each, now_ms), assigned))
        self._under_way = {
            (each.changelog, each.partition): each for each in opened if each is not None
        }
        self._changed = True

    def _begin(self, assigned: AssignedStore, now_ms: int) -> CatchUp | None:
        log = assigned.log
        opened = assigned.store.assign_partition(assigned.partition)
        assert isinstance(opened, KeptPartition), opened
        verdict = judge(opened.says(), log, now_ms)
        if verdict.kind == "throw-away":
            opened = assigned.store.renew_partition(assigned.partition, verdict.why)
            verdict = judge(opened.says(), log, now_ms)
        if verdict.kind != "keep":
            raise ChangelogLost(assigned.changelog, assigned.partition, verdict.why)
        if opened.says().log is None:
            opened.begin_log(log.log, now_ms)
        if verdict.read_from is None:
            return None
        committed = {} if log.committed is None else {assigned.input_topic: log.committed}
        return CatchUp(
            store=opened,
            changelog=assigned.changelog,
            partition=assigned.partition,
            committed=committed,
            next_offset=verdict.read_from,
            last=log.last,
            assigned_ms=now_ms,
            exactly_once=self._exactly_once,
        )

    def do_recovery(self) -> None:
        """Recover what lacks something, until it is whole, taken away, or the worker stops."""
        self._running = True
        self._recovery_rewound_data_tps.clear()
        started_s = told_s = time.monotonic()
        applied = 0
        with _seldom_collected(), ChangelogReader(self._settings, self._group) as reader:
            while self.recovering:
                if self._changed:
                    self._changed = False
                    reader.read_from(
                        {place: each.next_offset for place, each in self._under_way.items()}
                    )
                applied += self._take(reader.batch())
                self._keep_place()
                if time.monotonic() - told_s > _TELL_S:
                    told_s = time.monotonic()
                    self._tell()
        if not self._running:
            return
        self._running = False
        self._took_s = time.monotonic() - started_s
        _log.info("stores recovered", records=applied, seconds=round(self._took_s, 2))
        inputs = self._topic_manager.non_changelog_topics
        self._consumer.resume(
            [each for each in self._consumer.assignment() if each.topic in inputs]
        )

    def _take(self, batch: Batch) -> int:
        """Apply what came; how many records."""
        applied = 0
        for place, records in batch.records.items():
            under_way = self._under_way.get(place)
            if under_way is not None:
                before = under_way.applied
                under_way.take(records)
                applied += under_way.applied - before
                self._applied += under_way.applied - before
        for place, end in batch.ends.items():
            if place in self._under_way:
                self._under_way[place].reach(end)
        for place in [place for place, each in self._under_way.items() if each.done]:
            self._under_way.pop(place).finish()
        return applied

    def _keep_place(self) -> None:
        """Let the worker's own consumer hear of a rebalance; its partitions are paused."""
        message = self._consumer.poll(0)
        if message is not None:
            self._rewind_data_partition(raise_for_msg_error(message))
        if self._broker_availability_timeout:
            self._consumer.raise_if_broker_unavailable(self._broker_availability_timeout)

    def _tell(self) -> None:
        for (changelog, partition), each in self._under_way.items():
            # Standing still it waits for a dead worker's transaction, which Kafka ends in time.
            _log.info(
                "a store is being recovered",
                changelog=changelog,
                partition=partition,
                next=each.next_offset,
                last=each.last,
            )

    def revoke_partition(self, partition_num: int) -> None:
        """Forget the recoveries of that partition's stores: another worker has them now."""
        gone = [place for place in self._under_way if place[1] == partition_num]
        for place in gone:
            del self._under_way[place]
        self._changed = self._changed or bool(gone)
