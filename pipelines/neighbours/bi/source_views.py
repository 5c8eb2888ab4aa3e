"""Views of what the other systems told: orders and payments as they stand, and customers.

Owns the SQL, and which of several records about one thing stands: the latest version of an order,
and of a payment the end that it came to.
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
    text,
    time,
    whole,
)

_SALE: Final = text(
    "correlation_key", "what brings an order and its payments together", number=Number.PERHAPS
)

_ORDER_COLUMNS: Final[tuple[Column, ...]] = (
    text("order_id", "the order", number=Number.PERHAPS),
    _SALE,
    text("event_id", "its latest version: joins `order_line` and `order_tender`"),
    whole("version", "how often it changed"),
    text("channel", "where it was placed"),
    text("status", "how far it is"),
    text("client_id", "the customer, where known"),
    text("store_id", "the shop, for orders placed at a till"),
    CURRENCY,
    EXPONENT,
    minor("total_minor", "what it costs"),
    minor("certificates_minor", "of that, its certificate lines"),
    minor("tendered_minor", "what certificates were to pay of it"),
    flag("concerns_certificates", "whether this or an earlier version sells or spends one"),
    time("occurred_at", "when that version came about, by its writer"),
    day("day", "the day of that"),
    time("arrived_at", "when it came to Kafka"),
)
_PAYMENT_COLUMNS: Final[tuple[Column, ...]] = (
    _SALE,
    text("payment_id", "the payment operation"),
    text("type", "AUTHORIZATION, CAPTURE, VOID or REFUND"),
    text("status", "how it ended"),
    text("order_id", "the order that is paid", number=Number.PERHAPS),
    text("channel", "where it was made"),
    minor("amount_minor", "how much"),
    CURRENCY,
    EXPONENT,
    text("tender", "what was paid with"),
    text("certificate_id", "the certificate that it concerns", number=Number.YES),
    text("certificate_operation", "what it means for that"),
    text("authorization_id", "the hold that it captures"),
    text("original_payment_id", "the payment that is undone"),
    time("occurred_at", "when it was made, by its writer"),
    day("day", "the day of that"),
    time("arrived_at", "when it came to Kafka"),
)
# Both are filled in by us alone, with what narrows them.
_LATEST_ORDERS: Final = """
        WITH ranked AS (
            SELECT v.*,
                row_number() OVER (PARTITION BY order_id
                    ORDER BY version DESC, partition_no, record_offset) AS place,
                max(CASE WHEN concerns_certificates THEN 1 ELSE 0 END)
                    OVER (PARTITION BY order_id) AS concerned
            FROM order_version v{only}
        )
        SELECT order_id, correlation_key, event_id, version, channel, status, client_id, store_id,
            currency, exponent, total_minor, certificates_minor, tendered_minor,
            concerned = 1 AS concerns_certificates, occurred_at, day, arrived_at
        FROM ranked WHERE place = 1
    """
_ENDED_PAYMENTS: Final = """
        WITH ranked AS (
            SELECT e.*,
                row_number() OVER (PARTITION BY correlation_key, payment_id, type
                    ORDER BY CASE status WHEN 'SUCCEEDED' THEN 0 WHEN 'FAILED' THEN 1 ELSE 2 END,
                        partition_no, record_offset) AS place,
                max(certificate_id) OVER (PARTITION BY correlation_key, payment_id, type)
                    AS told_certificate,
                max(certificate_operation) OVER (PARTITION BY correlation_key, payment_id, type)
                    AS told_operation,
                max(authorization_id) OVER (PARTITION BY correlation_key, payment_id, type)
                    AS told_authorization,
                max(original_payment_id) OVER (PARTITION BY correlation_key, payment_id, type)
                    AS told_original
            FROM payment_event e{only}
        )
        SELECT correlation_key, payment_id, type, status, order_id, channel, amount_minor,
            currency, exponent, tender,
            coalesce(certificate_id, told_certificate) AS certificate_id,
            coalesce(certificate_operation, told_operation) AS certificate_operation,
            coalesce(authorization_id, told_authorization) AS authorization_id,
            coalesce(original_payment_id, told_original) AS original_payment_id,
            occurred_at, day, arrived_at
        FROM ranked WHERE place = 1
    """

_SALES_ORDER: Final = View(
    name="sales_order",
    about="Dimension: every order as its latest version has it. Earlier ones are in "
    "`order_version`.",
    columns=_ORDER_COLUMNS,
    sql=_LATEST_ORDERS.format(only=""),
)
_CERTIFICATE_ORDER: Final = View(
    name="certificate_order",
    about="The orders of `sales_order` that sell or spend a certificate in any of their versions: "
    "few of many, and found before the others are looked at.",
    columns=_ORDER_COLUMNS,
    sql=_LATEST_ORDERS.format(
        only="""
            WHERE order_id IN (SELECT order_id FROM order_version WHERE concerns_certificates)"""
    ),
)
_PAYMENT: Final = View(
    name="payment",
    about="Fact: every payment operation as it ended. An end is never taken back, and what one "
    "record of it leaves out another may say.",
    columns=_PAYMENT_COLUMNS,
    sql=_ENDED_PAYMENTS.format(only=""),
)
_CERTIFICATE_PAYMENT: Final = View(
    name="certificate_payment",
    about="The payments of `payment` whose sale concerns a certificate, by its order or by one of "
    "its payments.",
    columns=_PAYMENT_COLUMNS,
    sql=_ENDED_PAYMENTS.format(
        only="""
            WHERE correlation_key IN (
                SELECT correlation_key FROM order_version WHERE concerns_certificates
                UNION
                SELECT correlation_key FROM payment_event
                WHERE tender = 'GIFT_CERTIFICATE' OR certificate_id IS NOT NULL
            )"""
    ),
)
_CLIENT: Final = View(
    name="client",
    about="Dimension: every customer that an order or the CRM named.",
    columns=(
        text("client_id", "the customer"),
        day("first_day", "the day on which they were first named"),
        day("last_day", "the day on which they were last named"),
        whole("orders", "their orders that sell or spend certificates"),
        whole("certificates", "certificates that they bought"),
        whole("messages_sent", "messages that reached them"),
        whole("messages_failed", "messages that did not"),
    ),
    sql="""
        WITH named AS (
            SELECT client_id, day, 0 AS orders, 0 AS certificates,
                CASE WHEN outcome = 'SENT' THEN 1 ELSE 0 END AS sent,
                CASE WHEN outcome = 'FAILED' THEN 1 ELSE 0 END AS failed
            FROM client_record
            UNION ALL
            SELECT client_id, day, CASE WHEN concerns_certificates THEN 1 ELSE 0 END, 0, 0, 0
            FROM sales_order WHERE client_id IS NOT NULL
            UNION ALL
            SELECT client_id, changed_day, 0, 1, 0, 0
            FROM certificate WHERE client_id IS NOT NULL AND issued_at IS NOT NULL
        )
        SELECT client_id, min(day) AS first_day, max(day) AS last_day,
            CAST(sum(orders) AS BIGINT) AS orders,
            CAST(sum(certificates) AS BIGINT) AS certificates,
            CAST(sum(sent) AS BIGINT) AS messages_sent,
            CAST(sum(failed) AS BIGINT) AS messages_failed
        FROM named GROUP BY client_id
    """,
)

SOURCE_VIEWS: Final[tuple[View, ...]] = (
    _SALES_ORDER,
    _CERTIFICATE_ORDER,
    _PAYMENT,
    _CERTIFICATE_PAYMENT,
    _CLIENT,
)
