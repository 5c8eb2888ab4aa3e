"""Views of how the service and the mart itself are: events, alerts, dead letters, freshness.

Owns the SQL.
"""

from typing import Final

from pipelines.neighbours.bi.columns import View, day, flag, small, text, time, whole

_EVENT_DAILY: Final = View(
    name="event_daily",
    about="Fact: everything that happened, by day.",
    columns=(
        day("day", "the day"),
        text("event_type", "what happened"),
        text("channel", "the channel that it concerns; NONE: none"),
        whole("events", "how often"),
    ),
    sql="""
        SELECT day, event_type, coalesce(channel, 'NONE') AS channel, count(*) AS events
        FROM stream_event GROUP BY day, event_type, coalesce(channel, 'NONE')
    """,
)
_ALERT_DAILY: Final = View(
    name="alert_daily",
    about="Fact: alerts, refusals and checkouts without a number, by day.",
    columns=(
        day("day", "the day"),
        text("event_type", "alert, error or issue.blocked"),
        text("reason_code", "why, for programs"),
        text("channel", "the channel that it concerns; NONE: none"),
        whole("events", "how many"),
    ),
    sql="""
        SELECT day, event_type, coalesce(reason_code, 'NONE') AS reason_code,
            coalesce(channel, 'NONE') AS channel, count(*) AS events
        FROM stream_event WHERE event_type IN ('alert', 'error', 'issue.blocked')
        GROUP BY day, event_type, coalesce(reason_code, 'NONE'), coalesce(channel, 'NONE')
    """,
)
_DEAD_LETTER_STATE: Final = View(
    name="dead_letter_state",
    about="Every dead letter and what became of it. The mart remembers those that Kafka has "
    "deleted by age.",
    columns=(
        small("partition_no", "where the letter lies"),
        whole("record_offset", "where the letter lies"),
        time("arrived_at", "when it was put aside"),
        day("day", "the day of that"),
        text("source_topic", "the topic that the record was on"),
        small("source_partition", "where it was there"),
        whole("source_offset", "where it was there"),
        text("code", "why, for programs"),
        text("text", "why, for people"),
        text("state", "OPEN, RETRIED or DISCARDED"),
        time("resolved_at", "since when; null: it is open"),
    ),
    sql="""
        WITH first_word AS (
            SELECT DISTINCT ON (partition_no, letter_offset) partition_no, letter_offset, how,
                arrived_at
            FROM dead_letter_resolution
            ORDER BY partition_no, letter_offset, record_offset
        )
        SELECT l.partition_no, l.record_offset, l.arrived_at, l.day, l.source_topic,
            l.source_partition, l.source_offset, l.code, l.text,
            coalesce(w.how, 'OPEN') AS state, w.arrived_at AS resolved_at
        FROM dead_letter l LEFT JOIN first_word w
            ON w.partition_no = l.partition_no AND w.letter_offset = l.record_offset
    """,
)
_FRESHNESS: Final = View(
    name="freshness",
    about="How far each topic was read, and how old the latest of it is.",
    columns=(
        text("topic", "the topic, without the installation's prefix"),
        small("partitions", "its partitions"),
        whole("records", "records that were taken in"),
        whole("repeats", "of them, those whose event was in the mart already"),
        whole("broken", "of them, those that the mart could make nothing of"),
        whole("missing", "records that Kafka had deleted before they were read"),
        whole("behind", "offsets that were not read yet when the mart was last written"),
        time("newest_at", "the latest Kafka time among what was read"),
        time("written_at", "when the mart was last found or brought in step"),
        flag("caught_up", "whether all was read that the topics held then"),
    ),
    sql="""
        WITH broken AS (
            SELECT topic, count(DISTINCT CAST(partition_no AS VARCHAR) || '-'
                || CAST(record_offset AS VARCHAR)) AS broken
            FROM broken_record GROUP BY topic
        ), missing AS (
            SELECT topic, CAST(sum(to_offset - from_offset) AS BIGINT) AS missing
            FROM mart_gap GROUP BY topic
        )
        SELECT p.topic, CAST(count(*) AS INTEGER) AS partitions,
            CAST(sum(p.records) AS BIGINT) AS records, CAST(sum(p.repeats) AS BIGINT) AS repeats,
            coalesce(max(b.broken), 0) AS broken, coalesce(max(m.missing), 0) AS missing,
            CAST(sum(greatest(p.end_offset - p.next_offset, 0)) AS BIGINT) AS behind,
            max(p.newest_at) AS newest_at, max(r.written_at) AS written_at,
            max(CASE WHEN r.caught_up THEN 1 ELSE 0 END) = 1 AS caught_up
        FROM mart_position p CROSS JOIN mart_run r
        LEFT JOIN broken b ON b.topic = p.topic
        LEFT JOIN missing m ON m.topic = p.topic
        GROUP BY p.topic
    """,
)

SERVICE_VIEWS: Final[tuple[View, ...]] = (
    _EVENT_DAILY,
    _ALERT_DAILY,
    _DEAD_LETTER_STATE,
    _FRESHNESS,
)
