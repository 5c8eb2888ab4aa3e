"""Views of one sale, side by side: what the orders say of it, the payments, and the stream.

Owns the SQL that the reconciliation compares. A sale is all that has one correlation key, in one
currency. Only sales that concern a certificate are looked at.
"""

from typing import Final

from pipelines.neighbours.bi.columns import (
    CURRENCY,
    EXPONENT,
    Number,
    View,
    flag,
    minor,
    text,
    time,
    total,
)

_SALE: Final = text("correlation_key", "the sale", number=Number.PERHAPS)
_NUMBER: Final = text("certificate_id", "the certificate", number=Number.YES)
_CHANNEL: Final = text("channel", "where it was made")
_ORDER: Final = text("order_id", "the order", number=Number.PERHAPS)
_SINCE: Final = time("since", "Kafka's time of the latest record behind it")

_SALE_ORDERED: Final = View(
    name="sale_ordered",
    about="What the orders say of a sale. Drafts (CREATED) bind nobody and are left out.",
    columns=(
        _SALE,
        CURRENCY,
        EXPONENT,
        _CHANNEL,
        _ORDER,
        flag("undone", "whether it was cancelled or returned"),
        total("total_minor", "what it costs"),
        total("goods_minor", "of that, what is no certificate"),
        _SINCE,
    ),
    sql="""
        SELECT correlation_key, currency, exponent, max(channel) AS channel,
            max(order_id) AS order_id,
            min(CASE WHEN status IN ('CANCELLED', 'RETURNED') THEN 1 ELSE 0 END) = 1 AS undone,
            CAST(sum(total_minor) AS DECIMAL(38,0)) AS total_minor,
            CAST(sum(greatest(total_minor - certificates_minor, 0)) AS DECIMAL(38,0))
                AS goods_minor,
            max(arrived_at) AS since
        FROM certificate_order WHERE status <> 'CREATED'
        GROUP BY correlation_key, currency, exponent
    """,
)
_SALE_PAID: Final = View(
    name="sale_paid",
    about="What the payments say of a sale: what was captured and not voided, and given back.",
    columns=(
        _SALE,
        CURRENCY,
        EXPONENT,
        _CHANNEL,
        _ORDER,
        total("money_minor", "captured in money"),
        total("spent_minor", "captured from certificates"),
        total("money_back_minor", "given back in money"),
        total("named_back_minor", "of that, for a certificate that the payment names"),
        total("spent_back_minor", "given back onto certificates"),
        _SINCE,
    ),
    sql="""
        WITH done AS (
            SELECT * FROM certificate_payment WHERE status = 'SUCCEEDED'
        ), promised AS (
            SELECT correlation_key, payment_id, amount_minor FROM done
            WHERE type = 'AUTHORIZATION'
        ), voided AS (
            SELECT DISTINCT c.correlation_key, c.payment_id
            FROM done v JOIN done c ON c.correlation_key = v.correlation_key
                AND c.payment_id = coalesce(v.original_payment_id, v.payment_id)
            LEFT JOIN promised a ON a.correlation_key = c.correlation_key
                AND a.payment_id = c.payment_id
            WHERE v.type = 'VOID' AND c.type = 'CAPTURE'
                AND coalesce(a.amount_minor, 0) <= c.amount_minor
        ), counted AS (
            SELECT d.*, CASE
                WHEN d.type = 'CAPTURE' AND v.payment_id IS NULL THEN 'IN'
                WHEN d.type = 'REFUND' THEN 'BACK'
                END AS way, d.tender = 'GIFT_CERTIFICATE' AS from_certificate
            FROM done d LEFT JOIN voided v
                ON v.correlation_key = d.correlation_key AND v.payment_id = d.payment_id
        )
        SELECT correlation_key, currency, exponent, max(channel) AS channel,
            max(order_id) AS order_id,
            CAST(sum(CASE WHEN way = 'IN' AND NOT from_certificate THEN amount_minor ELSE 0 END)
                AS DECIMAL(38,0)) AS money_minor,
            CAST(sum(CASE WHEN way = 'IN' AND from_certificate THEN amount_minor ELSE 0 END)
                AS DECIMAL(38,0)) AS spent_minor,
            CAST(sum(CASE WHEN way = 'BACK' AND NOT from_certificate THEN amount_minor ELSE 0 END)
                AS DECIMAL(38,0)) AS money_back_minor,
            CAST(sum(CASE WHEN way = 'BACK' AND NOT from_certificate
                AND certificate_id IS NOT NULL THEN amount_minor ELSE 0 END)
                AS DECIMAL(38,0)) AS named_back_minor,
            CAST(sum(CASE WHEN way = 'BACK' AND from_certificate THEN amount_minor ELSE 0 END)
                AS DECIMAL(38,0)) AS spent_back_minor,
            max(arrived_at) AS since
        FROM counted WHERE way IS NOT NULL
        GROUP BY correlation_key, currency, exponent
    """,
)
_SALE_ISSUED: Final = View(
    name="sale_issued",
    about="The certificates that a sale bought, as the stream tells.",
    columns=(
        _SALE,
        _NUMBER,
        CURRENCY,
        EXPONENT,
        text("channel", "the channel that sold it"),
        _ORDER,
        minor("issued_minor", "what it was issued for"),
        flag("activated", "whether it became spendable"),
        total("undone_minor", "what left it when its purchase was undone"),
        _SINCE,
    ),
    sql="""
        WITH undone AS (
            SELECT certificate_id, -sum(amount_minor) AS undone_minor, max(booked_at) AS since
            FROM ledger WHERE kind = 'PURCHASE_UNDONE' GROUP BY certificate_id
        )
        SELECT coalesce(e.correlation_id, e.order_id, e.certificate_id) AS correlation_key,
            e.certificate_id, e.currency, e.exponent, e.channel, e.order_id,
            e.amount_minor AS issued_minor, c.activated_at IS NOT NULL AS activated,
            CAST(coalesce(u.undone_minor, 0) AS DECIMAL(38,0)) AS undone_minor,
            greatest(e.arrived_at, u.since) AS since
        FROM stream_event e
        JOIN certificate c ON c.certificate_id = e.certificate_id
        LEFT JOIN undone u ON u.certificate_id = e.certificate_id
        WHERE e.entry_kind = 'ISSUE'
    """,
)
_SALE_SPENT: Final = View(
    name="sale_spent",
    about="What a sale took from each certificate and gave back, as the stream tells. Money "
    "captured over HTTP belongs to no sale until order and payment have confirmed it: it stands "
    "under the certificate's own name.",
    columns=(
        _SALE,
        _NUMBER,
        CURRENCY,
        EXPONENT,
        text("channel", "the channel that sold the certificate"),
        total("redeemed_minor", "what it took"),
        total("refunded_minor", "what it gave back"),
        flag("confirmed", "whether order and payment have confirmed a capture"),
        flag("captured", "whether this is money captured over HTTP, of any sale"),
        _SINCE,
    ),
    sql="""
        WITH bought AS (
            SELECT certificate_id, min(correlation_id) AS bought_by
            FROM ledger WHERE kind = 'ISSUE' GROUP BY certificate_id
        ), told AS (
            SELECT e.certificate_id, e.currency, e.exponent, e.channel, e.booked_at,
                e.entry_kind, e.amount_minor, e.correlation_id,
                e.event_type = 'capture' AND e.entry_kind IS NULL AS confirms,
                e.entry_kind = 'REDEEM' AND (e.correlation_id IS NULL
                    OR e.correlation_id = b.bought_by) AS over_http
            FROM stream_event e LEFT JOIN bought b ON b.certificate_id = e.certificate_id
            WHERE e.certificate_id IS NOT NULL AND (e.entry_kind IN ('REDEEM', 'REFUND')
                OR (e.event_type = 'capture' AND e.entry_kind IS NULL))
        ), keyed AS (
            SELECT told.*, coalesce(over_http, FALSE) AS captured,
                CASE WHEN coalesce(over_http, FALSE) THEN certificate_id
                    ELSE coalesce(correlation_id, certificate_id) END AS correlation_key
            FROM told
        )
        SELECT correlation_key, certificate_id, currency, exponent, max(channel) AS channel,
            CAST(-sum(CASE WHEN entry_kind = 'REDEEM' THEN amount_minor ELSE 0 END)
                AS DECIMAL(38,0)) AS redeemed_minor,
            CAST(sum(CASE WHEN entry_kind = 'REFUND' THEN amount_minor ELSE 0 END)
                AS DECIMAL(38,0)) AS refunded_minor,
            max(CASE WHEN confirms THEN 1 ELSE 0 END) = 1 AS confirmed,
            captured, max(booked_at) AS since
        FROM keyed GROUP BY correlation_key, certificate_id, currency, exponent, captured
    """,
)

SALE_VIEWS: Final[tuple[View, ...]] = (_SALE_ORDERED, _SALE_PAID, _SALE_ISSUED, _SALE_SPENT)
