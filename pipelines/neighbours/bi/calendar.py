"""Moments and days: between Kafka's milliseconds, the mart's UTC times, and the days of a shop.

Owns when a day ends: at midnight of the mart's time zone. Reads no clock.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.faults import SettingsError

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the mart's times are UTC and have no zone
_QUARTERS_KEPT: Final = 4_096


def utc(at_ms: int) -> datetime:
    """The mart's time of epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def epoch_ms(at: datetime) -> int:
    """Epoch milliseconds of a time of the mart."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


class Calendar:
    """The days of one time zone. SettingsError when this machine does not know the zone."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.day_of: Callable[[datetime], date] = datetime.date
        """The day of a time of the mart."""
        if zone == "UTC":
            return
        try:
            found = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SettingsError(
                f"this machine knows no time zone {zone}: write it like Europe/Moscow"
            ) from error

        @lru_cache(maxsize=_QUARTERS_KEPT)
        def day_of_quarter(quarter: datetime) -> date:
            return quarter.replace(tzinfo=UTC).astimezone(found).date()

        # Midnight is on a quarter of an hour everywhere, so one answer serves a whole quarter.
        def day_of(at: datetime) -> date:
            quarter = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
            try:
                return day_of_quarter(quarter)
            except OverflowError:
                return at.date()  # The last day of the year 9999 has no next one.

        self.day_of = day_of
