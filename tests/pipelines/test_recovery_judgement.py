"""What becomes of a store that a partition brings: kept, caught up, or thrown away first."""

import pytest

from pipelines.recovery.changelog_note import UNKNOWN, ChangelogNote
from pipelines.recovery.judgement import AHEAD_MS, OLDEST_MS, LogSays, StoreSays, Verdict, judge
from pipelines.topics import DELETIONS_KEPT_MS

NOW_MS = 1_800_000_000_000
HERE = "cluster/topic"
LOST = "changelog-lost"
AWAY = "throw-away"
EMPTY = StoreSays(log=None, offset=None, written_at_ms=None)


def store(
    offset: int | None = 99, *, log: str | None = HERE, age_ms: int | None = 1_000
) -> StoreSays:
    """A store that holds records up to 99 unless it is said otherwise."""
    return StoreSays(
        log=log, offset=offset, written_at_ms=None if age_ms is None else NOW_MS - age_ms
    )


def noted(offset: int, topic_id: str = "topic") -> ChangelogNote:
    return ChangelogNote(topic_id=topic_id, offset=offset)


def log(
    *,
    start: int = 0,
    end: int = 201,
    committed: int | None = 50,
    note: ChangelogNote | None = None,
    topic_id: str = "topic",
) -> LogSays:
    """A changelog of 200 records and a transaction's mark behind them."""
    return LogSays(
        log=f"cluster/{topic_id}",
        topic_id=topic_id,
        start=start,
        end=end,
        committed=committed,
        note=note,
    )


def keep(read_from: int | None) -> Verdict:
    return Verdict(kind="keep", read_from=read_from)


@pytest.mark.parametrize(
    ("held", "kafka", "verdict"),
    [
        pytest.param(EMPTY, log(note=noted(199)), keep(0), id="empty volume"),
        pytest.param(EMPTY, log(), keep(0), id="empty volume, committed without a note"),
        pytest.param(EMPTY, log(end=0, committed=None), keep(None), id="a new service"),
        pytest.param(EMPTY, log(end=4, note=noted(-1)), keep(None), id="only aborted records yet"),
        pytest.param(EMPTY, log(end=4, committed=None), keep(0), id="never committed, to be seen"),
        pytest.param(store(199), log(note=noted(199)), keep(None), id="nothing missed"),
        pytest.param(store(200), log(note=noted(199)), keep(None), id="ahead of a note, not of it"),
        pytest.param(store(), log(note=noted(199)), keep(100), id="a little behind"),
        pytest.param(store(), log(), keep(100), id="a little behind, without a note"),
        pytest.param(store(199), log(end=200), keep(None), id="at the end, without a note"),
        pytest.param(
            store(199, age_ms=OLDEST_MS * 100),
            log(note=noted(199)),
            keep(None),
            id="very old, and nothing was written since",
        ),
        pytest.param(store(age_ms=OLDEST_MS), log(note=noted(199)), keep(100), id="just young"),
        pytest.param(store(age_ms=-AHEAD_MS), log(note=noted(199)), keep(100), id="clock ahead"),
        pytest.param(
            store(log=f"cluster/{UNKNOWN}"),
            log(note=noted(199, UNKNOWN), topic_id=UNKNOWN),
            keep(100),
            id="a broker without topic ids",
        ),
    ],
)
def test_judging_a_store_that_may_be_used_says_what_it_lacks(
    held: StoreSays, kafka: LogSays, verdict: Verdict
) -> None:
    assert judge(held, kafka, NOW_MS) == verdict


@pytest.mark.parametrize(
    ("held", "kafka", "kind", "why"),
    [
        (store(age_ms=OLDEST_MS + 1), log(note=noted(199)), AWAY, "72 hours ago"),
        (store(age_ms=None), log(note=noted(199)), AWAY, "nobody knows when"),
        (store(age_ms=-AHEAD_MS - 1), log(note=noted(199)), AWAY, "a clock is wrong"),
        (store(log="cluster/earlier"), log(note=noted(199)), AWAY, "of another log"),
        (store(log="other/topic"), log(note=noted(199)), AWAY, "of another log"),
        (store(199, log="other/topic"), log(note=noted(199)), AWAY, "of another log"),
        (store(None, log="other/topic"), log(note=noted(199)), AWAY, "of another log"),
        (store(log=None), log(note=noted(199)), AWAY, "does not say which log"),
        (store(), log(note=noted(199, "earlier")), LOST, "made anew"),
        (EMPTY, log(note=noted(199, "earlier")), LOST, "made anew"),
        (EMPTY, log(end=199, note=noted(199)), LOST, "ends before record 199"),
        (store(199), log(end=199), LOST, "this worker's store holds already"),
        (store(), log(committed=None), LOST, "offsets are gone"),
        (EMPTY, log(start=1, note=noted(199)), LOST, "before offset 1 were deleted"),
        # What cannot be had again is not thrown away either.
        (store(), log(start=101, note=noted(199)), LOST, "before offset 101 were deleted"),
        (store(age_ms=None), log(start=1, note=noted(199)), LOST, "before offset 1 were deleted"),
        (store(log="other/topic"), log(start=1, note=noted(199)), LOST, "before offset 1"),
    ],
)
def test_judging_what_may_not_be_trusted_says_why(
    held: StoreSays, kafka: LogSays, kind: str, why: str
) -> None:
    verdict = judge(held, kafka, NOW_MS)
    assert verdict.kind == kind
    assert why in verdict.why


def test_store_behind_a_deleted_beginning_that_follows_it_without_a_gap_is_caught_up() -> None:
    assert judge(store(), log(start=100, note=noted(199)), NOW_MS) == keep(100)


def test_oldest_store_is_well_within_what_a_changelog_keeps() -> None:
    """Days are left for clocks: the broker counts from when it first cleaned, we from writing."""
    assert DELETIONS_KEPT_MS - OLDEST_MS >= 4 * 24 * 60 * 60 * 1000


@pytest.mark.parametrize("metadata", [None, "", "somebody else's", "giftcert/2 topic 5"])
def test_reading_a_note_from_a_commit_without_one_gives_none(metadata: str | None) -> None:
    assert ChangelogNote.read(metadata) is None


def test_note_reads_back_as_it_was_written() -> None:
    note = noted(-1, "Yk3f_-9")
    assert str(note) == "giftcert/1 Yk3f_-9 -1"
    assert ChangelogNote.read(str(note)) == note
