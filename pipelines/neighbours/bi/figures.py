"""The queries behind a report's figures.

Owns which columns of which view are shown, and in what order. What they mean is the views' word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DIFFERENCES_MAX: Final = 10_000
"""So many differences a report holds; `export` has all."""

CANDIDATES_MAX: Final = 100
"""So many breakage candidates, those with the largest balances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One table of a report: the names of its columns, and the rest of the query for them."""

    columns: tuple[str, ...]
    rest: str

    @property
    def sql(self) -> str:
        """The whole query."""
        return f"SELECT {', '.join(self.columns)} {self.rest}"


def _figure(columns: str, rest: str) -> Figure:
    return Figure(columns=tuple(columns.split()), rest=rest)


FIGURES: Final[Mapping[str, Figure]] = MappingProxyType(
    {
        "offsets": _figure(
            "topic partition_no next_offset end_offset records newest_at",
            """
            FROM mart_position ORDER BY topic, partition_no
            """,
        ),
        "freshness": _figure(
            "topic partitions records repeats broken missing behind newest_at",
            """
            FROM freshness ORDER BY topic
            """,
        ),
        "gaps": _figure(
            "topic partition_no from_offset to_offset",
            """
            FROM mart_gap ORDER BY topic, partition_no, from_offset
            """,
        ),
        "money": _figure(
            "currency exponent pool certificates nominal_minor refunded_minor "
            "redeemed_minor annulled_minor remaining_minor held_minor "
            "unexplained_minor",
            """
            FROM money_by_pool ORDER BY currency, pool
            """,
        ),
        "numbers": _figure(
            "pool loaded available reserved sold ended",
            """
            FROM numbers_by_pool ORDER BY pool
            """,
        ),
        "days": _figure(
            "day channel currency exponent opening_minor issued_minor refunded_minor "
            "redeemed_minor annulled_minor closing_minor",
            """
            FROM liability_daily ORDER BY currency, channel, day
            """,
        ),
        "months": _figure(
            "month channel currency exponent opening_minor issued_minor "
            "refunded_minor redeemed_minor annulled_minor closing_minor",
            """
            FROM liability_monthly ORDER BY currency, channel, month
            """,
        ),
        "pools": _figure(
            "pool available taken_7 taken_28 days_7 days_28 days_left empty_on",
            """
            FROM pool_forecast ORDER BY pool
            """,
        ),
        "pool_days": _figure(
            "day pool loaded reserved released issued blocked available",
            """
            FROM pool_daily ORDER BY pool, day
            """,
        ),
        "idle": _figure(
            "currency exponent certificates remaining_minor longest_days",
            """
            FROM (SELECT currency, exponent, count(*) AS certificates,
            CAST(sum(remaining_minor) AS DECIMAL(38,0)) AS remaining_minor,
            max(idle_days) AS longest_days
            FROM breakage_candidate GROUP BY currency, exponent) AS summed
            ORDER BY currency
            """,
        ),
        "candidates": _figure(
            "certificate_id pool channel currency exponent nominal_minor "
            "remaining_minor moved_on idle_days expires_at",
            f"""
            FROM breakage_candidate
            ORDER BY remaining_minor DESC, idle_days DESC, certificate_id LIMIT {CANDIDATES_MAX}
            """,
        ),
        "channels": _figure(
            "check_name channel currency exponent items stream_minor source_minor "
            "difference_minor differences under_way",
            """
            FROM reconciliation_by_channel ORDER BY check_name, channel, currency
            """,
        ),
        "differences": _figure(
            "check_name channel currency exponent correlation_key order_id "
            "certificate_id stream_minor source_minor difference_minor finding "
            "under_way since",
            f"""
            FROM reconciliation WHERE finding IS NOT NULL
            ORDER BY under_way, check_name, since DESC NULLS LAST, correlation_key, certificate_id
            LIMIT {DIFFERENCES_MAX}
            """,
        ),
        "events": _figure(
            "event_type events last_7 latest",
            """
            FROM (SELECT e.event_type, CAST(sum(e.events) AS BIGINT) AS events,
            CAST(sum(CASE WHEN e.day > r.today - 7 THEN e.events ELSE 0 END) AS BIGINT) AS last_7,
            max(e.day) AS latest
            FROM event_daily e CROSS JOIN mart_run r
            GROUP BY e.event_type) AS counted
            ORDER BY event_type
            """,
        ),
        "alerts": _figure(
            "event_type reason_code channel events last_7 latest",
            """
            FROM (SELECT a.event_type, a.reason_code, a.channel,
            CAST(sum(a.events) AS BIGINT) AS events,
            CAST(sum(CASE WHEN a.day > r.today - 7 THEN a.events ELSE 0 END) AS BIGINT) AS last_7,
            max(a.day) AS latest
            FROM alert_daily a CROSS JOIN mart_run r
            GROUP BY a.event_type, a.reason_code, a.channel) AS counted
            ORDER BY event_type, events DESC, reason_code, channel
            """,
        ),
        "letters": _figure(
            "source_topic code letters open latest",
            """
            FROM (SELECT coalesce(source_topic, 'unknown') AS source_topic, code,
            count(*) AS letters, count(CASE WHEN state = 'OPEN' THEN 1 END) AS open,
            max(day) AS latest
            FROM dead_letter_state GROUP BY coalesce(source_topic, 'unknown'), code) AS counted
            ORDER BY source_topic, code
            """,
        ),
        "broken": _figure(
            "topic code records latest",
            """
            FROM (SELECT topic, code, count(*) AS records, max(arrived_at) AS latest
            FROM broken_record GROUP BY topic, code) AS counted
            ORDER BY topic, code
            """,
        ),
    }
)
