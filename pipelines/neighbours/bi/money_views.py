"""Views of money: what is owed to holders of certificates, how it moved, and what lies idle.

Owns the SQL. Shares nothing with the audit: that the figures agree is a test's to show.
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
    total,
    whole,
)

_MOVED: Final[tuple[Column, ...]] = (
    total("opening_minor", "owed before"),
    total("issued_minor", "+ issued"),
    total("refunded_minor", "+ given back onto certificates"),
    total("redeemed_minor", "- spent"),
    total("annulled_minor", "- ended without being spent: annulled, or the purchase undone"),
    total("closing_minor", "= owed after"),
)

_LIABILITY_DAILY: Final = View(
    name="liability_daily",
    about="Roll-forward: what was owed before a day, what moved, and what was owed after it. A row "
    "for each day on which money moved in that channel and currency.",
    columns=(
        day("day", "the day"),
        text("channel", "the channel that sold"),
        CURRENCY,
        EXPONENT,
        *_MOVED,
    ),
    sql="""
        WITH moved AS (
            SELECT day, coalesce(channel, 'NONE') AS channel, currency, exponent,
                CAST(sum(CASE WHEN kind = 'ISSUE' THEN amount_minor ELSE 0 END)
                    AS DECIMAL(38,0)) AS issued_minor,
                CAST(sum(CASE WHEN kind = 'REFUND' THEN amount_minor ELSE 0 END)
                    AS DECIMAL(38,0)) AS refunded_minor,
                CAST(-sum(CASE WHEN kind = 'REDEEM' THEN amount_minor ELSE 0 END)
                    AS DECIMAL(38,0)) AS redeemed_minor,
                CAST(-sum(CASE WHEN kind IN ('ANNUL', 'PURCHASE_UNDONE')
                    THEN amount_minor ELSE 0 END) AS DECIMAL(38,0)) AS annulled_minor
            FROM ledger
            WHERE kind IN ('ISSUE', 'REFUND', 'REDEEM', 'ANNUL', 'PURCHASE_UNDONE')
                AND currency IS NOT NULL
            GROUP BY day, coalesce(channel, 'NONE'), currency, exponent
        ), closed AS (
            SELECT moved.*,
                issued_minor + refunded_minor - redeemed_minor - annulled_minor AS net_minor,
                CAST(sum(issued_minor + refunded_minor - redeemed_minor - annulled_minor)
                    OVER (PARTITION BY channel, currency ORDER BY day)
                    AS DECIMAL(38,0)) AS closing_minor
            FROM moved
        )
        SELECT day, channel, currency, exponent,
            CAST(closing_minor - net_minor AS DECIMAL(38,0)) AS opening_minor,
            issued_minor, refunded_minor, redeemed_minor, annulled_minor, closing_minor
        FROM closed
    """,
)
_LIABILITY_MONTHLY: Final = View(
    name="liability_monthly",
    about="The same roll-forward by month.",
    columns=(
        day("month", "the first day of the month"),
        text("channel", "the channel that sold"),
        CURRENCY,
        EXPONENT,
        *_MOVED,
    ),
    sql="""
        WITH moved AS (
            SELECT CAST(date_trunc('month', day) AS DATE) AS month, channel, currency, exponent,
                sum(issued_minor) AS issued_minor, sum(refunded_minor) AS refunded_minor,
                sum(redeemed_minor) AS redeemed_minor, sum(annulled_minor) AS annulled_minor
            FROM liability_daily
            GROUP BY CAST(date_trunc('month', day) AS DATE), channel, currency, exponent
        ), closed AS (
            SELECT moved.*,
                issued_minor + refunded_minor - redeemed_minor - annulled_minor AS net_minor,
                sum(issued_minor + refunded_minor - redeemed_minor - annulled_minor)
                    OVER (PARTITION BY channel, currency ORDER BY month) AS closing_minor
            FROM moved
        )
        SELECT month, channel, currency, exponent,
            CAST(closing_minor - net_minor AS DECIMAL(38,0)) AS opening_minor,
            CAST(issued_minor AS DECIMAL(38,0)) AS issued_minor,
            CAST(refunded_minor AS DECIMAL(38,0)) AS refunded_minor,
            CAST(redeemed_minor AS DECIMAL(38,0)) AS redeemed_minor,
            CAST(annulled_minor AS DECIMAL(38,0)) AS annulled_minor,
            CAST(closing_minor AS DECIMAL(38,0)) AS closing_minor
        FROM closed
    """,
)
_MONEY_BY_POOL: Final = View(
    name="money_by_pool",
    about="All money by currency and pool, as the certificates show it now: the audit's figures, "
    "by SQL of its own.",
    columns=(
        CURRENCY,
        EXPONENT,
        text("pool", "the pool"),
        whole("certificates", "certificates that were ever issued"),
        total("nominal_minor", "what they were issued for"),
        total("refunded_minor", "+ given back onto them"),
        total("redeemed_minor", "- spent"),
        total("annulled_minor", "- ended without being spent"),
        total("remaining_minor", "= what is on them"),
        total("held_minor", "how much of that open holds set aside"),
        total("unexplained_minor", "by how much that sum is wrong: 0"),
    ),
    sql="""
        WITH moved AS (
            SELECT certificate_id,
                sum(CASE WHEN kind = 'REFUND' THEN amount_minor ELSE 0 END) AS refunded_minor,
                -sum(CASE WHEN kind = 'REDEEM' THEN amount_minor ELSE 0 END) AS redeemed_minor,
                -sum(CASE WHEN kind IN ('ANNUL', 'PURCHASE_UNDONE') THEN amount_minor ELSE 0 END)
                    AS annulled_minor
            FROM ledger GROUP BY certificate_id
        ), summed AS (
            SELECT c.currency, c.exponent, c.pool, count(*) AS certificates,
                CAST(sum(c.nominal_minor) AS DECIMAL(38,0)) AS nominal_minor,
                CAST(sum(coalesce(m.refunded_minor, 0)) AS DECIMAL(38,0)) AS refunded_minor,
                CAST(sum(coalesce(m.redeemed_minor, 0)) AS DECIMAL(38,0)) AS redeemed_minor,
                CAST(sum(coalesce(m.annulled_minor, 0)) AS DECIMAL(38,0)) AS annulled_minor,
                CAST(sum(c.remaining_minor) AS DECIMAL(38,0)) AS remaining_minor,
                CAST(sum(c.held_minor) AS DECIMAL(38,0)) AS held_minor
            FROM certificate c LEFT JOIN moved m ON m.certificate_id = c.certificate_id
            WHERE c.currency IS NOT NULL
            GROUP BY c.currency, c.exponent, c.pool
        )
        SELECT summed.*, CAST(remaining_minor - nominal_minor - refunded_minor + redeemed_minor
            + annulled_minor AS DECIMAL(38,0)) AS unexplained_minor
        FROM summed
    """,
)
_BREAKAGE: Final = View(
    name="breakage_candidate",
    about="Certificates with a balance on which no money has moved for long: how much of what is "
    "owed may never be asked for. How long is long is `mart_run.breakage_days`.",
    columns=(
        text("certificate_id", "the certificate's number", number=Number.YES),
        text("pool", "the pool it is from"),
        text("channel", "the channel that sold it"),
        CURRENCY,
        EXPONENT,
        minor("nominal_minor", "what it was issued for"),
        minor("remaining_minor", "what is still on it"),
        flag("locked", "whether it is locked"),
        time("issued_at", "when it was issued"),
        time("expires_at", "when it stops being valid; null: no limit"),
        day("moved_on", "the day on which its money moved last"),
        small("idle_days", "how many days ago that was"),
    ),
    sql="""
        SELECT c.certificate_id, c.pool, c.channel, c.currency, c.exponent, c.nominal_minor,
            c.remaining_minor, c.locked, c.issued_at, c.expires_at, m.moved_on,
            CAST(r.today - m.moved_on AS INTEGER) AS idle_days
        FROM certificate c
        JOIN (SELECT certificate_id, max(day) AS moved_on FROM ledger GROUP BY certificate_id) m
            ON m.certificate_id = c.certificate_id
        CROSS JOIN mart_run r
        WHERE c.remaining_minor > 0 AND r.today - m.moved_on >= r.breakage_days
    """,
)

MONEY_VIEWS: Final[tuple[View, ...]] = (
    _LIABILITY_DAILY,
    _LIABILITY_MONTHLY,
    _MONEY_BY_POOL,
    _BREAKAGE,
)
