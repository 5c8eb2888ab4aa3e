"""Views that compare the stream with the orders and the payments, and list every difference.

Owns the checks. Each is a list of items; of each item the two sides, and what is wrong with it. A
difference is no breach of a law: a till that took a locked certificate all the same, or a payment
without its order, shows here and is somebody's work.
"""

from typing import Final

from pipelines.neighbours.bi.columns import (
    CURRENCY,
    EXPONENT,
    Column,
    Number,
    View,
    flag,
    text,
    time,
    total,
    whole,
)
from pipelines.neighbours.bi.sale_views import SALE_VIEWS

CHECKS: Final = {
    "ISSUED_BY_ORDER": "each certificate issued: its line on an order of that amount and channel",
    "ISSUED_BY_PAYMENT": "spendable certificates of a sale: the money that was captured for them",
    "REDEEMED_BY_ORDER": "what a sale took from a certificate: the tender on its order",
    "REDEEMED_BY_PAYMENT": "what a sale took from certificates: the payments by certificate",
    "REFUNDED_BY_PAYMENT": "what a sale gave back onto certificates: the refunds by certificate",
    "UNDONE_BY_PAYMENT": "certificates that were returned themselves: the money given back",
}
"""What is compared: the stream's side, and after the colon the other one."""

FINDINGS: Final = {
    "WITHOUT_ORDER": "the stream has it, no order does",
    "NOT_DONE": "an order asks for it, the stream has not done it",
    "AMOUNT_DIFFERS": "both have it, with different amounts",
    "CHANNEL_DIFFERS": "both have it, from different channels",
    "PAYMENT_MISSING": "the stream has it, the payments do not, or less",
    "PAYMENT_UNUSED": "the payments have it, the stream does not, or less",
    "NOT_CONFIRMED": "captured over HTTP; no order and payment have told of it",
}
"""What can be wrong with an item."""

_ITEM: Final[tuple[Column, ...]] = (
    text("check_name", "what is compared"),
    text("channel", "where the sale was made; where only the stream tells: the selling channel"),
    CURRENCY,
    EXPONENT,
    text(
        "correlation_key",
        "the sale; of money captured over HTTP: the certificate",
        number=Number.PERHAPS,
    ),
    text("order_id", "the order, where one is known", number=Number.PERHAPS),
    text("certificate_id", "the certificate, where the item is about one", number=Number.YES),
    total("stream_minor", "the stream's side"),
    total("source_minor", "the other side"),
    text("finding", "what is wrong; null: nothing"),
    time("since", "Kafka's time of the latest record behind it"),
)

_ISSUES_CHECKED: Final = View(
    name="issue_check",
    about="Each certificate that was issued, and each certificate line of an order.",
    columns=_ITEM,
    sql="""
        WITH line AS (
            SELECT o.correlation_key, o.currency, o.exponent, o.channel, o.order_id,
                o.status IN ('CANCELLED', 'RETURNED') AS undone, l.certificate_id,
                l.amount_minor, o.arrived_at AS since
            FROM certificate_order o JOIN order_line l ON l.event_id = o.event_id
            WHERE o.status <> 'CREATED'
        ), paired AS (
            SELECT coalesce(l.channel, s.channel) AS channel,
                coalesce(l.currency, s.currency) AS currency,
                coalesce(l.exponent, s.exponent) AS exponent,
                coalesce(l.correlation_key, s.correlation_key) AS correlation_key,
                coalesce(l.order_id, s.order_id) AS order_id,
                coalesce(l.certificate_id, s.certificate_id) AS certificate_id,
                coalesce(s.issued_minor, 0) AS stream_minor,
                CASE WHEN s.certificate_id IS NULL AND l.undone THEN 0
                    ELSE coalesce(l.amount_minor, 0) END AS source_minor,
                CASE
                    WHEN l.order_id IS NULL THEN 'WITHOUT_ORDER'
                    WHEN s.certificate_id IS NULL AND l.undone THEN NULL
                    WHEN s.certificate_id IS NULL THEN 'NOT_DONE'
                    WHEN s.issued_minor <> l.amount_minor THEN 'AMOUNT_DIFFERS'
                    WHEN s.channel <> l.channel THEN 'CHANNEL_DIFFERS'
                END AS finding,
                greatest(l.since, s.since) AS since
            FROM line l FULL JOIN sale_issued s
                ON s.correlation_key = l.correlation_key AND s.certificate_id = l.certificate_id
                AND s.currency = l.currency
        )
        SELECT 'ISSUED_BY_ORDER' AS check_name, coalesce(channel, 'NONE') AS channel, currency,
            exponent, correlation_key, order_id, certificate_id,
            CAST(stream_minor AS DECIMAL(38,0)) AS stream_minor,
            CAST(source_minor AS DECIMAL(38,0)) AS source_minor, finding, since
        FROM paired
    """,
)
_REDEMPTIONS_CHECKED: Final = View(
    name="redemption_check",
    about="Each certificate that a sale took money from, and each tender of an order. A capture "
    "over HTTP that order and payment have confirmed counts for their sale; what is left of the "
    "certificate's captures stands under its own name.",
    columns=_ITEM,
    sql="""
        WITH tender AS (
            SELECT o.correlation_key, o.currency, o.exponent, t.certificate_id,
                max(o.channel) AS channel, max(o.order_id) AS order_id,
                min(CASE WHEN o.status IN ('CANCELLED', 'RETURNED') THEN 1 ELSE 0 END) = 1
                    AS undone,
                sum(t.amount_minor) AS tender_minor, max(o.arrived_at) AS since
            FROM certificate_order o JOIN order_tender t ON t.event_id = o.event_id
            WHERE o.status <> 'CREATED'
            GROUP BY o.correlation_key, o.currency, o.exponent, t.certificate_id
        ), spent AS (
            SELECT * FROM sale_spent WHERE NOT captured AND (redeemed_minor <> 0 OR confirmed)
        ), paired AS (
            SELECT coalesce(t.channel, s.channel) AS channel,
                coalesce(t.currency, s.currency) AS currency,
                coalesce(t.exponent, s.exponent) AS exponent,
                coalesce(t.correlation_key, s.correlation_key) AS correlation_key,
                t.order_id,
                coalesce(t.certificate_id, s.certificate_id) AS certificate_id,
                coalesce(s.redeemed_minor, 0) AS redeemed_minor,
                CASE WHEN s.confirmed
                    THEN greatest(coalesce(t.tender_minor, 0) - coalesce(s.redeemed_minor, 0), 0)
                    ELSE 0 END AS confirmed_minor,
                t.tender_minor, t.undone, greatest(t.since, s.since) AS since
            FROM tender t FULL JOIN spent s
                ON s.correlation_key = t.correlation_key AND s.certificate_id = t.certificate_id
                AND s.currency = t.currency
        ), judged AS (
            SELECT paired.*, redeemed_minor + confirmed_minor AS stream_minor FROM paired
        ), confirmed AS (
            SELECT certificate_id, currency, sum(confirmed_minor) AS confirmed_minor
            FROM paired GROUP BY certificate_id, currency
        )
        SELECT 'REDEEMED_BY_ORDER' AS check_name, coalesce(channel, 'NONE') AS channel, currency,
            exponent, correlation_key, order_id, certificate_id,
            CAST(stream_minor AS DECIMAL(38,0)) AS stream_minor,
            CAST(CASE WHEN undone AND stream_minor = 0 THEN 0 ELSE coalesce(tender_minor, 0) END
                AS DECIMAL(38,0)) AS source_minor,
            CASE
                WHEN tender_minor IS NULL THEN 'WITHOUT_ORDER'
                WHEN undone AND stream_minor = 0 THEN NULL
                WHEN stream_minor = 0 THEN 'NOT_DONE'
                WHEN stream_minor <> tender_minor THEN 'AMOUNT_DIFFERS'
            END AS finding, since
        FROM judged
        UNION ALL
        SELECT 'REDEEMED_BY_ORDER', coalesce(c.channel, 'NONE'), c.currency, c.exponent,
            c.correlation_key, NULL, c.certificate_id,
            CAST(c.redeemed_minor - coalesce(f.confirmed_minor, 0) AS DECIMAL(38,0)),
            CAST(0 AS DECIMAL(38,0)), 'NOT_CONFIRMED', c.since
        FROM sale_spent c LEFT JOIN confirmed f
            ON f.certificate_id = c.certificate_id AND f.currency = c.currency
        WHERE c.captured AND c.redeemed_minor <> coalesce(f.confirmed_minor, 0)
    """,
)
_PAYMENTS_CHECKED: Final = View(
    name="payment_check",
    about="Each sale: what the stream issued, took, gave back and undid, beside its payments.",
    columns=_ITEM,
    sql="""
        WITH issued AS (
            SELECT correlation_key, currency, max(exponent) AS exponent, max(channel) AS channel,
                sum(CASE WHEN activated THEN issued_minor ELSE 0 END) AS active_minor,
                sum(undone_minor) AS undone_minor, max(since) AS since
            FROM sale_issued GROUP BY correlation_key, currency
        ), redeemed AS (
            SELECT correlation_key, currency, sum(stream_minor) AS redeemed_minor
            FROM redemption_check WHERE finding IS NULL OR finding <> 'NOT_CONFIRMED'
            GROUP BY correlation_key, currency
        ), refunded AS (
            SELECT correlation_key, currency, max(exponent) AS exponent, max(channel) AS channel,
                sum(refunded_minor) AS refunded_minor, max(since) AS since
            FROM sale_spent WHERE NOT captured GROUP BY correlation_key, currency
        ), sale AS (
            SELECT correlation_key, currency, max(exponent) AS exponent FROM (
                SELECT correlation_key, currency, exponent FROM sale_ordered
                UNION ALL SELECT correlation_key, currency, exponent FROM sale_paid
                UNION ALL SELECT correlation_key, currency, exponent FROM issued
                UNION ALL SELECT correlation_key, currency, exponent FROM refunded
            ) AS anywhere GROUP BY correlation_key, currency
        ), beside AS (
            SELECT s.correlation_key, s.currency, s.exponent,
                coalesce(o.channel, p.channel, i.channel, f.channel, 'NONE') AS channel,
                coalesce(o.order_id, p.order_id) AS order_id,
                coalesce(o.undone, FALSE) AS undone,
                coalesce(o.total_minor, 0) AS total_minor,
                coalesce(o.goods_minor, 0) AS goods_minor, o.order_id IS NULL AS no_order,
                coalesce(p.money_minor, 0) AS money_minor,
                coalesce(p.spent_minor, 0) AS spent_minor,
                coalesce(p.money_back_minor, 0) AS money_back_minor,
                coalesce(p.named_back_minor, 0) AS named_back_minor,
                coalesce(p.spent_back_minor, 0) AS spent_back_minor,
                coalesce(i.active_minor, 0) AS active_minor,
                coalesce(i.undone_minor, 0) AS undone_minor, i.since IS NULL AS not_issued,
                coalesce(r.redeemed_minor, 0) AS redeemed_minor,
                coalesce(f.refunded_minor, 0) AS refunded_minor,
                greatest(o.since, p.since, i.since, f.since) AS since
            FROM sale s
            LEFT JOIN sale_ordered o
                ON o.correlation_key = s.correlation_key AND o.currency = s.currency
            LEFT JOIN sale_paid p
                ON p.correlation_key = s.correlation_key AND p.currency = s.currency
            LEFT JOIN issued i ON i.correlation_key = s.correlation_key AND i.currency = s.currency
            LEFT JOIN redeemed r
                ON r.correlation_key = s.correlation_key AND r.currency = s.currency
            LEFT JOIN refunded f
                ON f.correlation_key = s.correlation_key AND f.currency = s.currency
        ), compared AS (
            SELECT 'ISSUED_BY_PAYMENT' AS check_name, beside.*, active_minor AS stream_minor,
                CASE WHEN no_order OR total_minor = goods_minor OR (undone AND not_issued)
                    OR money_minor + spent_minor < total_minor THEN 0
                    ELSE money_minor + spent_minor - goods_minor END AS source_minor
            FROM beside
            UNION ALL
            SELECT 'REDEEMED_BY_PAYMENT', beside.*, redeemed_minor, spent_minor FROM beside
            UNION ALL
            SELECT 'REFUNDED_BY_PAYMENT', beside.*, refunded_minor, spent_back_minor FROM beside
            UNION ALL
            SELECT 'UNDONE_BY_PAYMENT', beside.*, undone_minor, CASE
                WHEN not_issued THEN 0
                WHEN undone THEN greatest(
                    money_back_minor - greatest(goods_minor - spent_minor, 0), 0)
                ELSE named_back_minor END
            FROM beside
        )
        SELECT check_name, channel, currency, exponent, correlation_key, order_id,
            CAST(NULL AS VARCHAR) AS certificate_id,
            CAST(stream_minor AS DECIMAL(38,0)) AS stream_minor,
            CAST(source_minor AS DECIMAL(38,0)) AS source_minor,
            CASE WHEN stream_minor > source_minor THEN 'PAYMENT_MISSING'
                WHEN stream_minor < source_minor THEN 'PAYMENT_UNUSED' END AS finding, since
        FROM compared WHERE stream_minor <> 0 OR source_minor <> 0
    """,
)
_RECONCILIATION: Final = View(
    name="reconciliation",
    about="Every item of every check. Those with a finding are the differences.",
    columns=(
        *_ITEM,
        total("difference_minor", "the stream's side less the other"),
        flag(
            "under_way",
            "whether the latest record is younger than `mart_run.settle_minutes`: the other side "
            "may just not be there yet",
        ),
    ),
    sql="""
        SELECT item.*,
            CAST(stream_minor - source_minor AS DECIMAL(38,0)) AS difference_minor,
            coalesce(item.since > r.written_at - r.settle_minutes * INTERVAL '1 minute', FALSE)
                AS under_way
        FROM (
            SELECT * FROM issue_check
            UNION ALL SELECT * FROM redemption_check
            UNION ALL SELECT * FROM payment_check
        ) AS item CROSS JOIN mart_run r
    """,
)
_BY_CHANNEL: Final = View(
    name="reconciliation_by_channel",
    about="Both sides of every check, summed up by channel and currency.",
    columns=(
        text("check_name", "what is compared"),
        text("channel", "where the sales were made"),
        CURRENCY,
        EXPONENT,
        whole("items", "how many were compared"),
        total("stream_minor", "the stream's side"),
        total("source_minor", "the other side"),
        total("difference_minor", "the stream's side less the other"),
        whole("differences", "items with a finding"),
        whole("under_way", "of them, those that may just not be complete yet"),
    ),
    sql="""
        SELECT check_name, channel, currency, exponent, count(*) AS items,
            CAST(sum(stream_minor) AS DECIMAL(38,0)) AS stream_minor,
            CAST(sum(source_minor) AS DECIMAL(38,0)) AS source_minor,
            CAST(sum(difference_minor) AS DECIMAL(38,0)) AS difference_minor,
            count(finding) AS differences,
            count(CASE WHEN finding IS NOT NULL AND under_way THEN 1 END) AS under_way
        FROM reconciliation GROUP BY check_name, channel, currency, exponent
    """,
)

RECONCILIATION_VIEWS: Final[tuple[View, ...]] = (
    *SALE_VIEWS,
    _ISSUES_CHECKED,
    _REDEMPTIONS_CHECKED,
    _PAYMENTS_CHECKED,
    _RECONCILIATION,
    _BY_CHANNEL,
)
