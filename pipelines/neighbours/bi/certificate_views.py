"""Views of certificates and pools: as they are, as they were, and how long the numbers will last.

Owns the SQL. Everything is derived from the rows of `stream_event`.
"""

from typing import Final

from pipelines.neighbours.bi.columns import (
    CURRENCY,
    EXPONENT,
    Column,
    Number,
    View,
    day,
    flag,
    minor,
    small,
    text,
    time,
    whole,
)

_NUMBER: Final = text("certificate_id", "the certificate's number", number=Number.YES)
_POOL: Final = text("pool", "the pool")
_CHANNEL: Final = text("channel", "the channel that reserved or sold it")
_MONEY: Final[tuple[Column, ...]] = (
    CURRENCY,
    EXPONENT,
    minor("nominal_minor", "what it was issued for"),
    minor("remaining_minor", "what is on it, holds included"),
    minor("held_minor", "how much of that open holds set aside"),
)

_CERTIFICATE_KEY: Final = View(
    name="certificate_key",
    about="A name for each number that may be shown: where its first event lies on the stream. "
    "It is the same whenever the mart is made anew, and joins what hides the numbers.",
    columns=(_NUMBER, text("certificate_key", "`<partition>-<offset>`")),
    sql="""
        SELECT record_key AS certificate_id,
            CAST(partition_no AS VARCHAR) || '-' || CAST(record_offset AS VARCHAR)
                AS certificate_key
        FROM stream_event WHERE sequence = 1 AND record_key NOT LIKE 'correlation:%'
            AND translate(record_key, '0123456789', '') <> record_key
    """,
)
_CERTIFICATE: Final = View(
    name="certificate",
    about="Dimension: every number that was loaded, as it is now.",
    columns=(
        _NUMBER,
        _POOL,
        text("status", "its headline"),
        text("lifecycle", "what decides what is allowed"),
        flag("locked", "whether it is locked"),
        _CHANNEL,
        text("order_id", "the order that bought it", number=Number.PERHAPS),
        text("client_id", "the customer of that order"),
        *_MONEY,
        time("reserved_until", "until when it is reserved"),
        time("issued_at", "when it was issued"),
        time("activated_at", "when it became spendable"),
        time("expires_at", "when it stops being valid; null: no limit"),
        text("notification_id", "the latest message to the customer"),
        text("notification_channel", "how it was to be sent"),
        text("notification_status", "how far it has come"),
        time("locked_at", "since when it is locked"),
        whole("sequence", "its latest event"),
        time("changed_at", "when that was booked"),
        day("changed_day", "the day of that"),
    ),
    sql="""
        SELECT DISTINCT ON (certificate_id) certificate_id, pool, status, lifecycle, locked,
            channel, order_id, client_id, currency, exponent, nominal_minor, remaining_minor,
            held_minor, reserved_until, issued_at, activated_at, expires_at, notification_id,
            notification_channel, notification_status, locked_at, sequence,
            booked_at AS changed_at, day AS changed_day
        FROM stream_event WHERE certificate_id IS NOT NULL
        ORDER BY certificate_id, sequence DESC
    """,
)
_CERTIFICATE_HISTORY: Final = View(
    name="certificate_history",
    about="History of that dimension: one row for each event, with the time that it held for.",
    columns=(
        _NUMBER,
        whole("sequence", "the event that began it"),
        time("valid_from", "from when it was so"),
        time("valid_to", "until when; null: it still is"),
        text("event_type", "what happened"),
        _POOL,
        text("status", "its headline"),
        text("lifecycle", "what decides what is allowed"),
        flag("locked", "whether it was locked"),
        _CHANNEL,
        text("order_id", "the order that bought it", number=Number.PERHAPS),
        text("client_id", "the customer of that order"),
        *_MONEY,
    ),
    sql="""
        SELECT certificate_id, sequence, booked_at AS valid_from,
            lead(booked_at) OVER (PARTITION BY certificate_id ORDER BY sequence) AS valid_to,
            event_type, pool, status, lifecycle, locked, channel, order_id, client_id,
            currency, exponent, nominal_minor, remaining_minor, held_minor
        FROM stream_event WHERE certificate_id IS NOT NULL
    """,
)
_LEDGER: Final = View(
    name="ledger",
    about="Fact: every change of money or holds on a certificate.",
    columns=(
        text("event_id", "the event"),
        _NUMBER,
        whole("sequence", "its place among the certificate's events"),
        time("booked_at", "when it counts from"),
        day("day", "the day of that"),
        text("kind", "what changed the money"),
        minor("amount_minor", "by how much the balance changed; negative when money left"),
        minor("remaining_minor", "the balance after it"),
        minor("held_minor", "what is held after it"),
        CURRENCY,
        EXPONENT,
        _POOL,
        _CHANNEL,
        text("correlation_id", "key of the order and payments behind it", number=Number.PERHAPS),
    ),
    sql="""
        SELECT event_id, certificate_id, sequence, booked_at, day, entry_kind AS kind,
            amount_minor, remaining_minor, held_minor, currency, exponent, pool, channel,
            correlation_id
        FROM stream_event WHERE entry_kind IS NOT NULL
    """,
)
_BALANCE_DAILY: Final = View(
    name="balance_daily",
    about="Fact: what was on a certificate at the end of a day. A row for each day on which "
    "something happened to it; until its next row it stays so.",
    columns=(
        _NUMBER,
        day("day", "the day"),
        *_MONEY,
        text("lifecycle", "what decided what is allowed"),
        flag("locked", "whether it was locked"),
        _POOL,
        _CHANNEL,
    ),
    sql="""
        SELECT DISTINCT ON (certificate_id, day) certificate_id, day, currency, exponent,
            nominal_minor, remaining_minor, held_minor, lifecycle, locked, pool, channel
        FROM stream_event WHERE certificate_id IS NOT NULL AND currency IS NOT NULL
        ORDER BY certificate_id, day, sequence DESC
    """,
)
_NUMBERS_BY_POOL: Final = View(
    name="numbers_by_pool",
    about="All numbers of each pool, each counted once beside `loaded`: what the audit counts.",
    columns=(
        _POOL,
        whole("loaded", "numbers that were ever loaded"),
        whole("available", "free"),
        whole("reserved", "reserved"),
        whole("sold", "issued, and not ended"),
        whole("ended", "ended: annulled, or their purchase undone"),
    ),
    sql="""
        SELECT pool, count(*) AS loaded,
            count(CASE WHEN lifecycle = 'AVAILABLE' THEN 1 END) AS available,
            count(CASE WHEN lifecycle = 'RESERVED' THEN 1 END) AS reserved,
            count(CASE WHEN lifecycle NOT IN ('AVAILABLE', 'RESERVED', 'ANNULLED') THEN 1 END)
                AS sold,
            count(CASE WHEN lifecycle = 'ANNULLED' THEN 1 END) AS ended
        FROM certificate GROUP BY pool
    """,
)
_POOL_DAILY: Final = View(
    name="pool_daily",
    about="Fact: the free numbers of a pool at the end of a day on which something happened in it.",
    columns=(
        day("day", "the day"),
        _POOL,
        whole("loaded", "numbers that were loaded"),
        whole("reserved", "taken out for a checkout"),
        whole("released", "that came back"),
        whole("issued", "that were sold"),
        whole("blocked", "checkouts that found the pool empty"),
        whole("change", "by how much the free numbers changed"),
        whole("available", "free numbers at the end of the day"),
    ),
    sql="""
        SELECT day, pool, loaded, reserved, released, issued, blocked, change,
            CAST(sum(change) OVER (PARTITION BY pool ORDER BY day) AS BIGINT) AS available
        FROM (
            SELECT day, pool,
                count(CASE WHEN event_type = 'load' THEN 1 END) AS loaded,
                count(CASE WHEN event_type = 'reserve' THEN 1 END) AS reserved,
                count(CASE WHEN event_type = 'release' THEN 1 END) AS released,
                count(CASE WHEN event_type = 'issue' THEN 1 END) AS issued,
                count(CASE WHEN event_type = 'issue.blocked' THEN 1 END) AS blocked,
                CAST(sum(pool_change) AS BIGINT) AS change
            FROM stream_event WHERE pool IS NOT NULL
            GROUP BY day, pool
        ) AS each_day
    """,
)
_POOL_FORECAST: Final = View(
    name="pool_forecast",
    about="When each pool will be empty, should its numbers go as fast as in the last 7 or 28 "
    "days, whichever was faster. Loads do not count; numbers that came back do.",
    columns=(
        _POOL,
        whole("available", "free numbers now"),
        whole("taken_7", "that left in the last 7 days"),
        whole("taken_28", "that left in the last 28 days"),
        small("days_7", "the days that those are of; fewer than 7 in a young pool"),
        small("days_28", "the same for 28"),
        whole("days_left", "whole days until it is empty; null: none leave"),
        day("empty_on", "the day of that; null also where it is more than 10 years away"),
    ),
    sql="""
        WITH rate AS (
            SELECT p.pool, r.today, CAST(sum(p.change) AS BIGINT) AS available,
                CAST(sum(CASE WHEN p.day > r.today - 7 AND p.day <= r.today
                    THEN p.loaded - p.change ELSE 0 END) AS BIGINT) AS taken_7,
                CAST(sum(CASE WHEN p.day > r.today - 28 AND p.day <= r.today
                    THEN p.loaded - p.change ELSE 0 END) AS BIGINT) AS taken_28,
                least(7, greatest(1, r.today - min(p.day) + 1)) AS days_7,
                least(28, greatest(1, r.today - min(p.day) + 1)) AS days_28
            FROM pool_daily p CROSS JOIN mart_run r GROUP BY p.pool, r.today
        ), ahead AS (
            SELECT rate.*, CASE
                WHEN available <= 0 THEN 0
                WHEN taken_7 <= 0 AND taken_28 <= 0 THEN NULL
                WHEN taken_28 * days_7 > taken_7 * days_28
                    THEN (available * days_28 - mod(available * days_28, taken_28)) / taken_28
                ELSE (available * days_7 - mod(available * days_7, taken_7)) / taken_7
            END AS days_left FROM rate
        )
        SELECT pool, available, taken_7, taken_28, CAST(days_7 AS INTEGER) AS days_7,
            CAST(days_28 AS INTEGER) AS days_28, CAST(days_left AS BIGINT) AS days_left,
            CASE WHEN days_left <= 3653 THEN today + CAST(days_left AS INTEGER) END AS empty_on
        FROM ahead
    """,
)

CERTIFICATE_VIEWS: Final[tuple[View, ...]] = (
    _CERTIFICATE_KEY,
    _CERTIFICATE,
    _CERTIFICATE_HISTORY,
    _LEDGER,
    _BALANCE_DAILY,
    _NUMBERS_BY_POOL,
    _POOL_DAILY,
    _POOL_FORECAST,
)
