"""Keeps the mart in step with the topics, batch by batch, for as long as it runs.

Owns the loop: read, write, tell. What a record means is `readings`', what a transaction does is
`mart`'s. A database that is away for a while is waited for, with the batch in hand.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from pipelines.last_turn import LastTurn
from pipelines.neighbours.bi.batch import Read
from pipelines.neighbours.bi.mart import Mart, Moment
from pipelines.neighbours.bi.metrics import BiMetrics
from pipelines.neighbours.bi.readings import Readings
from pipelines.neighbours.bi.rows import GapRow
from pipelines.neighbours.bi.target import MartAway
from pipelines.neighbours.bi.topic_record import Partition, TopicRecord
from pipelines.progress import Advance, untold

_SEEN_TO_S: Final = 5.0
"""How often a mart that has nothing to take in is marked as being in step."""

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 15.0

_log = structlog.get_logger(__name__)


class FollowedTopics(Protocol):
    """The topics, open: what a reader of the mart gives."""

    passed: dict[Partition, int]
    targets: dict[Partition, int]
    gaps: list[GapRow]

    def batch(self, records_max: int, wait_s: float) -> list[TopicRecord]: ...

    def ends(self) -> Mapping[Partition, int]: ...


class Keeper:
    """One mart, kept over topics that are open."""

    def __init__(
        self,
        reader: FollowedTopics,
        readings: Readings,
        mart: Mart,
        last_turn: LastTurn,
        *,
        batch_records: int,
        batch_s: float,
        metrics: BiMetrics | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reader = reader
        self._readings = readings
        self._mart = mart
        self._last_turn = last_turn
        self._batch_records = batch_records
        self._batch_s = batch_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._pause = pause
        self._metrics = metrics
        self._seen_to_s = float("-inf")
        self._written: dict[Partition, int] = {}
        self.records = 0
        """Records that were taken in by this run."""

    @property
    def caught_up(self) -> bool:
        """Whether all was read that the topics held when they were opened."""
        return _owed(self._reader.passed, self._reader.targets) == 0

    def catch_up(self, advance: Advance = untold) -> None:
        """Take in what the topics hold by now. `advance` is told offsets."""
        began = dict(self._reader.passed)
        total = _owed(began, self._reader.targets)
        while not self.caught_up or self._written != self._reader.passed:
            self.turn()
            advance(total - _owed(self._reader.passed, self._reader.targets), total)
        if self.records:
            self._patiently(self._mart.learn)

    def run(self, turned: Callable[[bool], None]) -> None:
        """Go on until interrupted. `turned` is told of each turn whether something came in."""
        while True:
            turned(self.turn())

    def turn(self) -> bool:
        """Take in what is there by now, or mark the mart as being in step; whether any came."""
        self._last_turn.note()
        records = self._reader.batch(self._batch_records, self._batch_s)
        # Read before the mart is asked for: its file is locked for as short a time as can be.
        read = [(record, self._readings.read(record)) for record in records]
        moved = self._reader.passed != self._written
        now_s = self._clock()
        if not moved and now_s - self._seen_to_s < _SEEN_TO_S:
            return False
        self._note_gaps()
        self._write(read)
        if self._metrics is not None:
            ends, caught_up = self._reader.ends(), self.caught_up
            self._metrics.wrote(records, self._written, ends, caught_up=caught_up)
        self._seen_to_s = now_s
        self.records += len(records)
        return moved

    def _write(self, read: list[Read]) -> None:
        passed = dict(self._reader.passed)
        self._patiently(lambda: self._mart.write(read, self._moment(), passed))
        self._written = passed

    def _note_gaps(self) -> None:
        gaps = self._reader.gaps
        if gaps:
            for gap in gaps:
                _log.warning(
                    "records were deleted before they were read",
                    topic=gap.topic,
                    partition=gap.partition_no,
                    missing=gap.to_offset - gap.from_offset,
                )
            self._patiently(lambda: self._mart.note_gaps(gaps, self._moment()))
            gaps.clear()

    def _moment(self) -> Moment:
        return Moment(
            at_ms=int(self._wall_clock() * 1_000),
            caught_up=self.caught_up,
            ends=self._reader.ends(),
        )

    def _patiently(self, write: Callable[[], None]) -> None:
        """Do it, again and again while the database is away; nothing else can be done meanwhile."""
        pause_s = _FIRST_PAUSE_S
        while True:
            self._last_turn.note()
            try:
                write()
            except MartAway as fault:
                _log.warning("the mart is away and is waited for", fault=str(fault))
                self._pause(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                self._last_turn.note()
                return


def _owed(begun: Mapping[Partition, int], reached: Mapping[Partition, int]) -> int:
    return sum(max(0, end - begun.get(partition, 0)) for partition, end in reached.items())
