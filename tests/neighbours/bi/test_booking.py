"""When an event counts from, what is a repeat, and what takes a number out of its pool."""

from datetime import datetime

import pytest

from pipelines.faults import SettingsError
from pipelines.neighbours.bi.calendar import Calendar, epoch_ms, utc
from pipelines.neighbours.bi.readings import Readings
from pipelines.neighbours.bi.rows import StreamEventRow
from pipelines.topics import STREAM
from state.certificate import commands
from tests.neighbours.bi.mart_in_memory import MartUnderTest
from tests.neighbours.bi.told_topics import DAY_MS, FRAMING, NOON_MS, NUMBER, ToldTopics


def booked(told: ToldTopics) -> list[tuple[datetime, int]]:
    mart = MartUnderTest().begin().feed(told.records)
    return mart.rows(
        "SELECT booked_at, pool_change FROM stream_event ORDER BY record_key, sequence"
    )


def test_book_of_events_in_order_counts_each_from_when_it_happened() -> None:
    told = ToldTopics().load().pass_time(DAY_MS).reserve()
    assert booked(told) == [(utc(NOON_MS), 1), (utc(NOON_MS + DAY_MS), -1)]


def test_book_of_an_event_dated_before_its_forerunner_counts_it_with_that() -> None:
    told = ToldTopics().load()
    told.perform(NUMBER, commands.Lock(reason="x"), at_ms=NOON_MS - 40 * DAY_MS)
    assert [at for at, _ in booked(told)] == [utc(NOON_MS)] * 2


def test_book_of_an_event_dated_in_the_future_counts_it_from_its_arrival() -> None:
    """Else everything that follows on it would be booked in the year 9999, too."""
    told = ToldTopics().load()
    told.perform(NUMBER, commands.Lock(reason="x"), at_ms=253_402_300_799_999)
    told.pass_time(DAY_MS).perform(NUMBER, commands.Unlock(reason="x"))
    assert [at for at, _ in booked(told)] == [utc(NOON_MS), utc(NOON_MS), utc(NOON_MS + DAY_MS)]


def test_book_of_a_number_that_comes_back_puts_it_into_its_pool_again() -> None:
    told = ToldTopics().load().reserve().pass_time(2 * DAY_MS)
    reservation = "command-1"
    told.perform(NUMBER, commands.ExpireReservation(reservation_id=reservation))
    assert [change for _, change in booked(told)] == [1, -1, 1]


def test_book_of_a_second_event_at_a_sequence_lists_it_and_keeps_the_first() -> None:
    told = ToldTopics().load()
    loaded = told.records[0].value
    assert loaded is not None
    mart = MartUnderTest().begin().feed(told.records)
    forged = loaded.replace(b"event-0-0", b"event-9-9")
    mart.feed([told.add(STREAM, forged, key=NUMBER.encode())])
    assert mart.rows("SELECT code, record_offset FROM broken_record") == [("SEQUENCE_REPEATED", 1)]
    assert mart.rows("SELECT event_id FROM stream_event") == [("event-0-0",)]


def test_book_of_an_event_after_a_gap_takes_it_and_lists_the_gap() -> None:
    told = ToldTopics().load().reserve().issue()
    mart = MartUnderTest().begin().feed([told.records[0], *told.records[2:]])
    ((code, text),) = mart.rows("SELECT code, text FROM broken_record")
    assert (code, text) == ("SEQUENCE_GAP", "1 events of its key are missing before it")
    assert mart.rows("SELECT count(*) FROM stream_event") == [(len(told.records) - 1,)]


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", "2026-01-01"), ("Europe/Moscow", "2026-01-02"), ("America/New_York", "2026-01-01")],
)
def test_day_of_an_evening_is_that_of_the_zone(zone: str, day: str) -> None:
    evening = utc(NOON_MS + 9 * 3_600_000 + 1)
    assert Calendar(zone).day_of(evening).isoformat() == day


def test_calendar_of_a_zone_that_nobody_knows_is_refused() -> None:
    with pytest.raises(SettingsError, match="knows no time zone Mars/Olympus"):
        Calendar("Mars/Olympus")


@pytest.mark.parametrize("at_ms", [0, 1, NOON_MS, 253_402_300_799_999])
def test_utc_and_epoch_ms_are_each_others_inverse(at_ms: int) -> None:
    assert epoch_ms(utc(at_ms)) == at_ms


def test_day_of_the_last_moment_there_is_is_a_day_in_every_zone() -> None:
    assert Calendar("Pacific/Kiritimati").day_of(utc(253_402_300_799_999)).year == 9999


def test_readings_of_an_event_leave_its_booking_to_the_fold() -> None:
    told = ToldTopics().load()
    row = Readings(FRAMING, Calendar("UTC")).read(told.records[0])
    assert isinstance(row, StreamEventRow)
    assert (row.booked_at, row.pool_change) == (row.occurred_at, 0)
