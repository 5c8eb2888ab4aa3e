"""The tables of the mart: what the topics told, one row a record, and how far each was read.

Owns names, columns and their meaning. Rows are only ever added, but for the few of `mart_run` and
`mart_position`: a database in one file is slow to change and fast to grow. What reports read are
the views over these.
"""

from dataclasses import replace
from typing import Final

from pipelines.neighbours.bi.columns import (
    CURRENCY,
    EXPONENT,
    Column,
    Number,
    Table,
    day,
    flag,
    minor,
    small,
    text,
    time,
    whole,
)

_PARTITION: Final = small("partition_no", "partition of its topic where it lies", required=True)
_OFFSET: Final = whole("record_offset", "offset there", required=True)
_ARRIVED: Final = time("arrived_at", "Kafka's time of the record; null where it has none")
_PLACE: Final[tuple[Column, ...]] = (_PARTITION, _OFFSET, _ARRIVED)
_OCCURRED: Final = time("occurred_at", "when it happened, by its writer", required=True)
_SALE: Final = text(
    "correlation_key",
    "what brings an order and its payments together: their correlationId, else the order's id",
    number=Number.PERHAPS,
    required=True,
)
_NUMBER: Final = text("certificate_id", "the certificate's number", number=Number.YES)
_PAID_IN: Final = (replace(CURRENCY, required=True), replace(EXPONENT, required=True))
_EVENT_ID: Final = text("event_id", "id of the event; a repeat has the same", required=True)

META: Final = Table(
    name="mart_meta",
    about="What this mart is: its schema's version, the time zone of its days, the prefix of its "
    "topics. Fixed when it is made.",
    columns=(
        text("name", "what", required=True),
        text("value", "is what", required=True),
    ),
    key=("name",),
)
RUN: Final = Table(
    name="mart_run",
    about="One row: who keeps the mart in step, and when that was last done.",
    columns=(
        small("id", "always 1", required=True),
        text("writer", "the run that writes; a later run takes it over", required=True),
        time("written_at", "when the mart was last found or brought in step", required=True),
        day("today", "the day of that moment: what reports count back from", required=True),
        flag("caught_up", "whether all was read that the topics held then", required=True),
        small("breakage_days", "unmoved for so many days is a breakage candidate", required=True),
        small("settle_minutes", "a difference younger than this is still under way", required=True),
    ),
    key=("id",),
)
POSITION: Final = Table(
    name="mart_position",
    about="How far each partition was read, written in one transaction with the rows.",
    columns=(
        text("topic", "the topic, without the installation's prefix", required=True),
        _PARTITION,
        whole("next_offset", "the first offset that is not in the mart yet", required=True),
        whole("end_offset", "where the partition ended when it was last asked", required=True),
        whole("records", "records that were taken in", required=True),
        whole("repeats", "of them, those whose event was in the mart already", required=True),
        time("newest_at", "the latest Kafka time among them"),
    ),
    key=("topic", "partition_no"),
)
GAP: Final = Table(
    name="mart_gap",
    about="Records that Kafka had deleted by age before the mart came to read them.",
    columns=(
        text("topic", "the topic, without the installation's prefix", required=True),
        _PARTITION,
        whole("from_offset", "the first offset that is missing", required=True),
        whole("to_offset", "the first one that was there again", required=True),
    ),
    key=("topic", "partition_no", "from_offset"),
)
BROKEN: Final = Table(
    name="broken_record",
    about="Records that the mart could make nothing of. Nothing of their content is kept.",
    columns=(
        text("topic", "the topic, without the installation's prefix", required=True),
        *_PLACE,
        text(
            "code",
            "why: a code of the dead letters, or SEQUENCE_REPEATED, SEQUENCE_GAP",
            required=True,
        ),
        text("text", "why, for people", required=True),
    ),
    key=("topic", "partition_no", "record_offset"),
)

STREAM_EVENT: Final = Table(
    name="stream_event",
    about="Every event of GiftCertificates.Stream, with the certificate as it stands after it.",
    columns=(
        _EVENT_ID,
        *_PLACE,
        text(
            "record_key",
            "the record's key: a certificate's number, a pool, or `correlation:<id>`",
            number=Number.YES,
            required=True,
        ),
        whole("sequence", "1, 2, 3 … for each key", required=True),
        text("event_type", "what happened", required=True),
        text("headline", "the status that the event shows", required=True),
        _OCCURRED,
        time(
            "booked_at",
            "when it counts from: `occurred_at`, but not after it arrived, nor before what "
            "happened to that key earlier",
            required=True,
        ),
        day("day", "the day of `booked_at`", required=True),
        text("correlation_id", "key of the order and payments behind it", number=Number.PERHAPS),
        text("actor", "who asked, where a person or client did"),
        text("reason_code", "why, for programs"),
        text(
            "reason_text",
            "why, in the service's own words; what people or the CRM wrote is left out",
        ),
        replace(
            _NUMBER,
            about="the certificate; null for events of a pool or of a number nobody loaded",
        ),
        text("pool", "the pool it is from, or that the event is about"),
        text("status", "the certificate's own headline after the event"),
        text("lifecycle", "what decides what is allowed"),
        text("channel", "the channel that reserved or sold it; of a pool's event: that asked"),
        text("order_id", "the order that bought it", number=Number.PERHAPS),
        text("client_id", "the customer of that order"),
        CURRENCY,
        EXPONENT,
        minor("nominal_minor", "what it was issued for"),
        minor("remaining_minor", "what is on it, holds included"),
        minor("held_minor", "how much of that open holds set aside"),
        time("reserved_until", "until when it is reserved"),
        time("issued_at", "when it was issued"),
        time("activated_at", "when it became spendable"),
        time("expires_at", "when it stops being valid; null: no limit"),
        text("notification_id", "the latest message to the customer"),
        text("notification_channel", "how it was to be sent"),
        text("notification_status", "how far it has come"),
        flag("locked", "whether it is locked"),
        time("locked_at", "since when"),
        text("entry_kind", "what changed money, where the event is a ledger entry"),
        minor("amount_minor", "by how much the balance changed; negative when money left"),
        small("pool_change", "+1: one more free number in the pool, -1: one fewer", required=True),
    ),
    key=("event_id",),
    lookups=(("record_key", "sequence"), ("certificate_id", "sequence")),
)

ORDER_VERSION: Final = Table(
    name="order_version",
    about="Every version of every order on All_SalesOrder, in one row. Goods are a sum only; an "
    "address, or a token for one, is not taken in.",
    columns=(
        _EVENT_ID,
        *_PLACE,
        _OCCURRED,
        day("day", "the day of that", required=True),
        text("order_id", "the order", number=Number.PERHAPS, required=True),
        _SALE,
        whole("version", "grows with every change", required=True),
        text("channel", "where it was placed", required=True),
        text("status", "how far it is", required=True),
        text("client_id", "the customer, where known"),
        text("store_id", "the shop, for orders placed at a till"),
        *_PAID_IN,
        minor("total_minor", "what it costs", required=True),
        minor("certificates_minor", "of that, its certificate lines", required=True),
        minor("tendered_minor", "what certificates were to pay of it", required=True),
        flag("concerns_certificates", "whether it sells or spends one", required=True),
        text("notification_channel", "how its buyer wants to be told"),
    ),
    key=("event_id",),
    lookups=(("order_id", "version"), ("correlation_key",)),
)
ORDER_LINE: Final = Table(
    name="order_line",
    about="Lines that sell a certificate, of every version of every order.",
    columns=(
        replace(_EVENT_ID, about="the order's version"),
        small("line_no", "its place among them", required=True),
        text("line_id", "its id in the order", required=True),
        _NUMBER,
        minor("amount_minor", "what it costs: the nominal", required=True),
    ),
    key=("event_id", "line_no"),
    lookups=(("certificate_id",),),
)
ORDER_TENDER: Final = Table(
    name="order_tender",
    about="Certificates given in payment, of every version of every order.",
    columns=(
        replace(_EVENT_ID, about="the order's version"),
        small("tender_no", "its place among them", required=True),
        replace(_NUMBER, required=True),
        minor("amount_minor", "how much of the order it pays", required=True),
    ),
    key=("event_id", "tender_no"),
    lookups=(("certificate_id",),),
)
PAYMENT_EVENT: Final = Table(
    name="payment_event",
    about="Every record of All_Payments, of both versions.",
    columns=(
        _EVENT_ID,
        *_PLACE,
        _OCCURRED,
        day("day", "the day of that", required=True),
        text("payment_id", "the payment operation", required=True),
        text("order_id", "the order that is paid", number=Number.PERHAPS, required=True),
        _SALE,
        text("channel", "where it was made", required=True),
        text("type", "AUTHORIZATION, CAPTURE, VOID or REFUND", required=True),
        text("status", "how it ended", required=True),
        minor("amount_minor", "how much", required=True),
        *_PAID_IN,
        text("tender", "what was paid with", required=True),
        _NUMBER,
        text("certificate_operation", "what it means for the certificate"),
        text("authorization_id", "the hold that it captures"),
        text("original_payment_id", "the payment that is undone"),
    ),
    key=("event_id",),
    lookups=(("correlation_key",), ("payment_id",)),
)
CLIENT_RECORD: Final = Table(
    name="client_record",
    about="Every record of All_Clients: that the customer is known, and how a message went. Its "
    "reason is left out: it is free text, and might name an address.",
    columns=(
        _EVENT_ID,
        *_PLACE,
        _OCCURRED,
        day("day", "the day of that", required=True),
        text("client_id", "the customer", required=True),
        text("correlation_id", "the order it belongs to, where it does", number=Number.PERHAPS),
        _NUMBER,
        text("notification_id", "the message"),
        text("notification_channel", "how it was sent"),
        text("outcome", "SENT or FAILED"),
    ),
    key=("event_id",),
    lookups=(("client_id",),),
)
DEAD_LETTER: Final = Table(
    name="dead_letter",
    about="Every letter of GiftCertificates.DLQ: where the record was, and what is wrong with it.",
    columns=(
        *_PLACE,
        day("day", "the day on which it was put aside", required=True),
        text("source_topic", "the topic it was on, without the prefix"),
        small("source_partition", "where it was there"),
        whole("source_offset", "where it was there"),
        text("code", "why, for programs", required=True),
        text("text", "why, for people", required=True),
    ),
    key=("partition_no", "record_offset"),
)
DEAD_LETTER_RESOLUTION: Final = Table(
    name="dead_letter_resolution",
    about="What became of letters. The first word on a letter stands.",
    columns=(
        *_PLACE,
        whole("letter_offset", "the letter: its offset in the same partition", required=True),
        text("how", "RETRIED or DISCARDED", required=True),
    ),
    key=("partition_no", "record_offset"),
)

TABLES: Final[tuple[Table, ...]] = (
    STREAM_EVENT,
    ORDER_VERSION,
    ORDER_LINE,
    ORDER_TENDER,
    PAYMENT_EVENT,
    CLIENT_RECORD,
    DEAD_LETTER,
    DEAD_LETTER_RESOLUTION,
    BROKEN,
    GAP,
    POSITION,
    RUN,
    META,
)
