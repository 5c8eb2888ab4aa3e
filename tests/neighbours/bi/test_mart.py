"""What one transaction does, who may write, and what a mart refuses to be."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from pipelines.neighbours.bi.calendar import utc
from pipelines.neighbours.bi.columns import Column, Table
from pipelines.neighbours.bi.mart import MartTerms, Moment
from pipelines.neighbours.bi.rows import GapRow
from pipelines.neighbours.bi.tables import TABLES
from pipelines.neighbours.bi.target import MartDiffers, MartTaken, Row, Session
from pipelines.topics import ALL_PAYMENTS, STREAM
from tests.neighbours.bi.mart_in_memory import TERMS, MartUnderTest, MemoryTarget, filled
from tests.neighbours.bi.told_topics import DAY_MS, NOON_MS, NUMBER, ToldTopics, sold


def test_begin_of_a_new_mart_makes_it_and_reads_from_the_start() -> None:
    mart = MartUnderTest()
    assert mart.mart.begin(NOON_MS) == {}
    assert dict(mart.rows("SELECT name, value FROM mart_meta")) == {
        "schema_version": "1",
        "time_zone": "UTC",
        "topic_prefix": "",
    }
    assert mart.report().money == []


def test_begin_of_a_mart_that_is_there_reads_on_where_it_ended() -> None:
    told = sold()
    first = filled(told.records)
    again = MartUnderTest(target=first.target, writer="run-2")
    assert again.mart.begin(NOON_MS) == {
        ("All_Payments", 0): 1,
        ("All_SalesOrder", 0): 1,
        ("GiftCertificates.Stream", 0): 5,
    }


def test_write_of_offsets_that_are_passed_keeps_markers_of_transactions_behind() -> None:
    told = sold()
    mart = MartUnderTest().begin()
    mart.feed(told.records, passed={(STREAM.name, 0): 9, (ALL_PAYMENTS.name, 3): 2})
    mart.feed([], ends={(STREAM.name, 0): 20})
    places = mart.rows("SELECT topic, partition_no, next_offset, end_offset FROM mart_position")
    assert sorted(places) == [
        ("All_Payments", 0, 1, 1),
        ("All_Payments", 3, 2, 2),
        ("All_SalesOrder", 0, 1, 1),
        ("GiftCertificates.Stream", 0, 9, 20),
    ]
    assert sum(row["behind"] for row in mart.report().freshness) == 11


def test_write_of_what_was_read_before_takes_none_of_it() -> None:
    told = sold()
    mart = filled(told.records)
    before = mart.tables()
    mart.feed(told.records)
    assert mart.tables() == before
    assert mart.rows("SELECT sum(records), sum(repeats) FROM mart_position") == [(7, 0)]


def test_write_of_an_event_that_its_writer_told_twice_counts_a_repeat() -> None:
    told = ToldTopics().payment(100).payment(100)
    mart = filled(told.records)
    assert mart.rows("SELECT count(*) FROM payment_event") == [(1,)]
    assert mart.rows("SELECT records, repeats FROM mart_position") == [(2, 1)]


def test_write_of_a_stream_event_that_lies_there_twice_counts_a_repeat_and_lists_nothing() -> None:
    told = sold()
    copies = [
        told.add(STREAM, record.value, key=NUMBER.encode())
        for record in list(told.records)
        if record.topic == STREAM.name
    ]
    mart = filled([record for record in told.records if record not in copies])
    events = mart.tables(TABLES)
    mart.feed(copies[:2]).feed(copies[2:])
    assert mart.tables(TABLES) == events
    assert mart.rows("SELECT sum(repeats) FROM mart_position") == [(len(copies),)]
    assert mart.rows("SELECT count(*) FROM broken_record") == [(0,)]


def test_write_of_a_copy_at_a_smaller_place_keeps_that_with_its_parts() -> None:
    told = ToldTopics().selling_order()
    late, (first,) = told.records[0], ToldTopics().selling_order(number=None).records
    mart = MartUnderTest().begin()
    mart.feed([ToldTopics().add("All_SalesOrder", late.value, partition=4)])
    assert mart.rows("SELECT partition_no FROM order_version") == [(4,)]
    mart.feed([first])
    assert mart.rows("SELECT partition_no FROM order_version") == [(0,)]
    assert mart.rows("SELECT certificate_id FROM order_line") == [(None,)], "the copy's own lines"


@pytest.mark.parametrize("marked_first", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_write_of_a_payment_that_is_told_again_marked_keeps_what_it_says_of_the_certificate(
    marked_first: bool, size: int
) -> None:
    """As `giftcert enrich` tells it, or a system that learnt version 2: under the same id."""
    told = ToldTopics()
    marks: list[str | None] = [NUMBER, None] if marked_first else [None, NUMBER]
    for number in (*marks, None):
        told.payment(100, number=number, version_1=number is None)
    mart = MartUnderTest().begin()
    for begin in range(0, len(told.records), size):
        mart.feed(told.records[begin : begin + size])
    assert mart.rows("SELECT certificate_id, certificate_operation FROM payment") == [
        (NUMBER, "PURCHASE")
    ]
    assert mart.rows("SELECT records, repeats FROM mart_position") == [(3, 2)]
    assert mart.tables() == filled(told.records).tables()


def test_write_after_another_run_began_is_refused_and_changes_nothing() -> None:
    told = sold()
    first = MartUnderTest().begin().feed(told.records[:3])
    before = first.tables()
    MartUnderTest(target=first.target, writer="run-2").begin()
    with pytest.raises(MartTaken, match="another `giftcert bi run` began after this one"):
        first.feed(told.records[3:])
    assert first.tables() == before


def test_note_gaps_lists_what_is_missing_and_goes_on_behind_it() -> None:
    mart = MartUnderTest().begin()
    gap = GapRow(topic="All_Payments", partition_no=2, from_offset=0, to_offset=40)
    for _ in range(2):
        mart.mart.note_gaps([gap], Moment(at_ms=NOON_MS, caught_up=False, ends={}))
    assert mart.rows("SELECT * FROM mart_gap") == [("All_Payments", 2, 0, 40)]
    assert mart.mart.begin(NOON_MS) == {("All_Payments", 2): 40}
    assert [row["missing"] for row in mart.report().freshness] == [40]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (
            MartTerms(
                time_zone="Europe/Moscow", topic_prefix="", breakage_days=1, settle_minutes=1
            ),
            "GIFTCERT_BI_TIME_ZONE='UTC', and now it is 'Europe/Moscow'",
        ),
        (
            MartTerms(time_zone="UTC", topic_prefix="other-", breakage_days=1, settle_minutes=1),
            "GIFTCERT_TOPIC_PREFIX='', and now it is 'other-'",
        ),
    ],
)
def test_begin_of_a_mart_that_was_made_otherwise_is_refused(terms: MartTerms, said: str) -> None:
    mart = filled(sold().records)
    with pytest.raises(MartDiffers, match=said):
        MartUnderTest(target=mart.target, terms=terms).begin()


def test_begin_and_report_of_a_mart_of_another_version_say_what_to_do() -> None:
    mart = filled(sold().records)
    mart.rows("UPDATE mart_meta SET value = '77' WHERE name = 'schema_version'")
    for use in (mart.begin, mart.report):
        with pytest.raises(MartDiffers, match="schema version 77, and this program keeps version"):
            use()


def test_begin_in_somebody_elses_database_is_refused() -> None:
    target = MemoryTarget()
    target.connection.execute("CREATE TABLE customers (id INTEGER)")
    with pytest.raises(MartDiffers, match=r"memory holds another database \(customers\)"):
        MartUnderTest(target=target).begin()
    assert target.connection.execute("SELECT count(*) FROM customers").fetchall() == [(0,)]


class _Dies(RuntimeError):
    """The process is killed here."""


class DyingTarget(MemoryTarget):
    """A database whose writer dies at its n-th statement or row set of a session."""

    def __init__(self, whole: MemoryTarget, dies_at: int) -> None:
        self.connection = whole.connection
        self.dies_at = dies_at
        self.done = 0

    @contextmanager
    def session(self, *, writing: bool) -> Iterator[Session]:
        with super().session(writing=writing) as session:
            yield _Counting(session, self)


class _Counting:
    def __init__(self, session: Session, target: DyingTarget) -> None:
        self._session = session
        self._target = target

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        self._count()
        return self._session.rows(sql, parameters)

    def add(self, table: Table, rows: Sequence[Sequence[object]]) -> None:
        self._count()
        self._session.add(table, rows)

    def write_file(self, sql: str, columns: Sequence[Column], path: object, form: str) -> int:
        raise AssertionError("nothing is exported here")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._session.transaction():
            yield
            self._count()

    def _count(self) -> None:
        self._target.done += 1
        if self._target.done == self._target.dies_at:
            raise _Dies


@pytest.mark.parametrize("dies_at", range(1, 30))
def test_write_that_dies_anywhere_leaves_the_mart_as_it_was_and_is_done_again(dies_at: int) -> None:
    told = sold().redeem(100).spending_order(100).payment(100, order_id="basket-1")
    half = len(told.records) // 2
    mart = MartUnderTest().begin().feed(told.records[:half])
    before = mart.tables(TABLES)
    assert isinstance(mart.target, MemoryTarget)
    dying = MartUnderTest(target=DyingTarget(mart.target, dies_at))
    try:
        dying.feed(told.records[half:])
    except _Dies:
        assert mart.tables(TABLES) == before
    mart.feed(told.records[half:])
    assert mart.tables(TABLES) == filled(told.records).tables(TABLES)


def test_breakage_candidates_are_balances_that_did_not_move_for_long() -> None:
    told = sold()
    newer = told.pass_time(100 * DAY_MS).load("GC-0000-9999").reserve("GC-0000-9999")
    newer.issue("GC-0000-9999", minor=700_00)
    mart = filled(told.records, now_ms=NOON_MS + 200 * DAY_MS)
    ((number, minor, days),) = mart.rows(
        "SELECT certificate_id, remaining_minor, idle_days FROM breakage_candidate"
    )
    assert (number, minor, days) == (NUMBER, 5_000_00, 200)
    assert TERMS.breakage_days == 180


def test_pool_forecast_says_when_the_last_number_will_go() -> None:
    told = ToldTopics()
    for place in range(30):
        told.load(f"GC-{place:06d}")
    for place in range(10):
        told.pass_time(DAY_MS // 2).reserve(f"GC-{place:06d}")
    told.blocked()
    mart = filled(told.records)
    ((pool, available, taken, days, left, empty_on),) = mart.rows(
        "SELECT pool, available, taken_7, days_7, days_left, empty_on FROM pool_forecast"
    )
    # Ten went in the six days that the pool is old: twenty go in twelve.
    assert (pool, available, taken, days, left) == ("ELECTRONIC", 20, 10, 6, 12)
    assert empty_on.isoformat() == "2026-01-18"
    assert mart.rows("SELECT sum(blocked) FROM pool_daily") == [(1,)]


def test_certificate_history_says_how_a_certificate_was_at_any_time() -> None:
    told = sold().pass_time(DAY_MS).redeem(1_000_00).pass_time(DAY_MS).refund(500_00)
    mart = filled(told.records)
    spans = mart.rows(
        "SELECT valid_from, valid_to, event_type, remaining_minor FROM certificate_history "
        "WHERE event_type IN ('redeem.partial', 'refund') ORDER BY sequence"
    )
    assert spans == [
        (utc(NOON_MS + DAY_MS), utc(NOON_MS + 2 * DAY_MS), "redeem.partial", 4_000_00),
        (utc(NOON_MS + 2 * DAY_MS), None, "refund", 4_500_00),
    ]
    balances = mart.rows("SELECT day, remaining_minor FROM balance_daily ORDER BY day")
    assert [(day.isoformat(), minor) for day, minor in balances] == [
        ("2026-01-01", 5_000_00),
        ("2026-01-02", 4_000_00),
        ("2026-01-03", 4_500_00),
    ]


def test_client_is_known_by_orders_certificates_and_messages() -> None:
    mart = filled(sold().records)
    assert mart.rows("SELECT client_id, orders, certificates FROM client") == [("client-7", 1, 1)]


def test_dead_letters_are_open_until_the_first_word_on_them() -> None:
    told = ToldTopics()
    for _ in range(3):
        told.add("GiftCertificates.DLQ", b"x", headers=(("errorCode", b"CONTRACT"),))
    for how in (b"DISCARDED", b"RETRIED"):
        headers = (
            ("resolution", how),
            ("letterPartition", b"0"),
            ("letterOffset", b"1"),
        )
        told.add("GiftCertificates.DLQ", None, headers=headers)
    mart = filled(told.records)
    states = mart.rows("SELECT record_offset, state FROM dead_letter_state ORDER BY 1")
    assert states == [(0, "OPEN"), (1, "DISCARDED"), (2, "OPEN")]
