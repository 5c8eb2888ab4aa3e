"""The loop: catch up, stay in step, wait for a database that is away, and end only when told."""

from collections.abc import Callable, Mapping, Sequence

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipelines.last_turn import LastTurn
from pipelines.neighbours.bi.calendar import utc
from pipelines.neighbours.bi.keeper import Keeper
from pipelines.neighbours.bi.mart import Mart
from pipelines.neighbours.bi.metrics import BiMetrics
from pipelines.neighbours.bi.rows import GapRow
from pipelines.neighbours.bi.target import MartAway, MartTaken
from pipelines.neighbours.bi.topic_record import Partition, TopicRecord
from pipelines.topics import STREAM
from tests.neighbours.bi.mart_in_memory import MartUnderTest, MemoryTarget, filled
from tests.neighbours.bi.told_topics import NOON_MS, sold
from tests.pipelines.metrics.shown_metrics import samples
from tests.pipelines.told_time import ToldTime


class ScriptedTopics:
    """Topics that give their records a few at a time."""

    def __init__(self, records: Sequence[TopicRecord], starts: Mapping[Partition, int]) -> None:
        self._waiting = [
            record
            for record in records
            if record.offset >= starts.get((record.topic, record.partition), 0)
        ]
        self.passed = {
            (record.topic, record.partition): starts.get((record.topic, record.partition), 0)
            for record in records
        }
        self.targets: dict[Partition, int] = {}
        self.gaps: list[GapRow] = []
        self.add([])

    def add(self, records: Sequence[TopicRecord]) -> None:
        self._waiting += records
        for record in self._waiting:
            self.targets[record.topic, record.partition] = record.offset + 1

    def batch(self, records_max: int, wait_s: float) -> list[TopicRecord]:
        taken, self._waiting = self._waiting[:records_max], self._waiting[records_max:]
        for record in taken:
            self.passed[record.topic, record.partition] = record.offset + 1
        return taken

    def ends(self) -> Mapping[Partition, int]:
        return self.targets


def kept(
    mart: MartUnderTest,
    topics: ScriptedTopics,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    pauses: list[float] | None = None,
    of: Mart | None = None,
    metrics: BiMetrics | None = None,
    last_turn: LastTurn | None = None,
    pause: Callable[[float], None] | None = None,
) -> Keeper:
    return Keeper(
        topics,
        mart.readings,
        mart.mart if of is None else of,
        last_turn or LastTurn(hangs_after_s=60.0),
        batch_records=3,
        batch_s=0.0,
        metrics=metrics,
        clock=clock,
        wall_clock=lambda: NOON_MS / 1_000,
        pause=pause or ([] if pauses is None else pauses).append,
    )


def test_catch_up_takes_in_all_that_is_there_and_tells_how_far_it_is() -> None:
    told = sold()
    mart = MartUnderTest()
    topics = ScriptedTopics(told.records, mart.mart.begin(NOON_MS))
    said: list[tuple[int, int]] = []
    keeper = kept(mart, topics)
    keeper.catch_up(lambda done, total: said.append((done, total)))
    assert said == [(3, 7), (6, 7), (7, 7)]
    assert keeper.records == 7
    assert mart.tables() == filled(told.records).tables()
    assert mart.report().caught_up
    assert isinstance(mart.target, MemoryTarget)
    assert mart.target.learnt == 1


def test_catch_up_over_a_mart_that_is_half_full_reads_the_other_half() -> None:
    told = sold()
    mart = MartUnderTest().begin().feed(told.records[:4])
    starts = mart.mart.begin(NOON_MS)
    keeper = kept(mart, ScriptedTopics(told.records, starts))
    keeper.catch_up()
    assert keeper.records == 3
    assert mart.tables() == filled(told.records).tables()


def test_every_write_is_noted_for_the_figures() -> None:
    told = sold()
    mart = MartUnderTest()
    topics = ScriptedTopics(told.records, mart.mart.begin(NOON_MS))
    metrics = BiMetrics()
    kept(mart, topics, metrics=metrics).catch_up()
    registry = CollectorRegistry()
    registry.register(metrics)
    shown = samples(generate_latest(registry).decode())
    assert (shown["bi_records_total"], shown["bi_caught_up"]) == (7, 1)
    assert {value for name, value in shown.items() if name.startswith("bi_lag_records/")} == {0}


def test_catch_up_over_empty_topics_ends_at_once() -> None:
    mart = MartUnderTest()
    kept(mart, ScriptedTopics([], mart.mart.begin(NOON_MS))).catch_up()
    assert mart.report().freshness == []


def test_catch_up_behind_a_gap_writes_the_gap_down() -> None:
    told = sold()
    mart = MartUnderTest()
    topics = ScriptedTopics(told.records, mart.mart.begin(NOON_MS))
    topics.gaps.append(GapRow(topic=STREAM.name, partition_no=9, from_offset=0, to_offset=5))
    kept(mart, topics).catch_up()
    assert mart.rows("SELECT * FROM mart_gap") == [(STREAM.name, 9, 0, 5)]


def test_turn_behind_a_gap_in_a_partition_that_was_added_later_writes_the_gap_down() -> None:
    told = sold()
    mart = MartUnderTest()
    topics = ScriptedTopics(told.records, mart.mart.begin(NOON_MS))
    keeper = kept(mart, topics)
    keeper.catch_up()
    topics.gaps.append(GapRow(topic=STREAM.name, partition_no=9, from_offset=0, to_offset=5))
    topics.passed[STREAM.name, 9] = 5
    assert keeper.turn()
    assert mart.rows("SELECT * FROM mart_gap") == [(STREAM.name, 9, 0, 5)]
    assert topics.gaps == []


def test_turn_of_quiet_topics_marks_the_mart_now_and_then() -> None:
    """Else nobody could tell a mart in step from one that nobody keeps."""
    mart = MartUnderTest()
    topics = ScriptedTopics([], mart.mart.begin(0))
    now = [100.0]
    keeper = kept(mart, topics, clock=lambda: now[0])
    marks = []
    for now[0] in (100.0, 101.0, 104.9, 105.0, 106.0):
        mart.rows("UPDATE mart_run SET written_at = TIMESTAMP '2000-01-01'")
        assert not keeper.turn()
        marks.append(mart.rows("SELECT written_at FROM mart_run") == [(utc(NOON_MS),)])
    assert marks == [True, False, False, True, False]


class AwayMart(Mart):
    """A mart whose database is away for the first writes."""

    away = 3

    def write(self, *args: object, **kwargs: object) -> None:
        if self.away:
            self.away -= 1
            raise MartAway("somebody has it open")
        super().write(*args, **kwargs)  # type: ignore[arg-type]  # handed on as it came


def test_turn_while_the_database_is_away_waits_with_the_batch_in_hand() -> None:
    told = sold()
    mart = MartUnderTest().begin()
    away = AwayMart(mart.target, mart.terms, writer=mart.writer)
    pauses: list[float] = []
    kept(mart, ScriptedTopics(told.records, {}), pauses=pauses, of=away).catch_up()
    assert pauses == [0.5, 1.0, 2.0]
    assert mart.tables() == filled(told.records).tables()


def test_database_that_is_away_for_long_is_no_loop_that_hangs() -> None:
    time = ToldTime()
    last_turn = LastTurn(hangs_after_s=60.0, clock=time)
    mart = MartUnderTest().begin()
    away = AwayMart(mart.target, mart.terms, writer=mart.writer)
    away.away = 20
    alive: list[bool] = []

    def pause(_seconds: float) -> None:
        """As long as a try for the file may take, too."""
        time.now_s += 45.0
        alive.append(last_turn.alive)

    kept(mart, ScriptedTopics(sold().records, {}), of=away, last_turn=last_turn, pause=pause).turn()
    assert (len(alive), all(alive)) == (20, True)
    time.now_s += 61.0
    assert not last_turn.alive


def test_filling_a_mart_for_long_is_no_loop_that_hangs() -> None:
    time = ToldTime()
    last_turn = LastTurn(hangs_after_s=60.0, clock=time)
    told = sold()
    mart = MartUnderTest()
    alive: list[bool] = []

    class SlowTopics(ScriptedTopics):
        def batch(self, records_max: int, wait_s: float) -> list[TopicRecord]:
            time.now_s += 45.0
            alive.append(last_turn.alive)
            return super().batch(1, wait_s)

    topics = SlowTopics(told.records, mart.mart.begin(NOON_MS))
    kept(mart, topics, last_turn=last_turn).catch_up()
    assert (len(alive), all(alive)) == (7, True)


def test_run_tells_of_each_turn_whether_something_came_in() -> None:
    told = sold()
    mart = MartUnderTest().begin()
    keeper = kept(mart, ScriptedTopics(told.records, {}))
    turns: list[bool] = []

    def turned(came: bool) -> None:
        turns.append(came)
        if len(turns) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keeper.run(turned)
    assert turns == [True, True, True, False, False]


def test_turn_after_another_run_took_the_mart_over_ends() -> None:
    mart = MartUnderTest().begin()
    keeper = kept(mart, ScriptedTopics(sold().records, {}))
    MartUnderTest(target=mart.target, writer="run-2").begin()
    with pytest.raises(MartTaken):
        keeper.turn()
