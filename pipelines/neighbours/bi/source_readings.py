"""From the records of the other systems to their rows: orders, payments, and the CRM's word.

Owns what the mart keeps of them, and what is a broken one. Symbols of newer writers arrive as
UNKNOWN and are kept as that. An address, a token for one, and free text that may hold one are not
looked at.
"""

from collections.abc import Iterable
from typing import Any, Final

from pipelines.contracts.amounts import amount_to_minor
from pipelines.contracts.fact_record import MAX_ORDER_ROWS
from pipelines.contracts.fields import (
    MAX_MADE_ID_LENGTH,
    broken,
    certificate_number,
    count,
    identifier,
    instant,
    optional_certificate_number,
    optional_identifier,
)
from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.contracts.source_records import correlation_key
from pipelines.neighbours.bi.calendar import Calendar, utc
from pipelines.neighbours.bi.rows import (
    ClientRecordRow,
    OrderLineRow,
    OrderTenderRow,
    OrderVersionRow,
    PaymentEventRow,
)
from pipelines.neighbours.bi.stream_readings import arrival, customer, digits, readable
from pipelines.neighbours.bi.topic_record import OrderTold, TopicRecord

_LARGEST: Final = 2**63 - 1
_GIFT_CERTIFICATE: Final = "GIFT_CERTIFICATE"


class SourceReadings:
    """Reads the three topics that are not ours. Each method raises BrokenRecord."""

    def __init__(self, framing: Framing, calendar: Calendar) -> None:
        self._framing = framing
        self._day_of = calendar.day_of

    def order(self, record: TopicRecord) -> OrderTold:
        """One version of an order."""
        fields = self._framing.decode(RecordName.SALES_ORDER, record.value)
        event_id = identifier(fields, "eventId")
        currency = fields["currency"]
        exponent = digits(currency)
        occurred_at = utc(instant(fields, "eventTime"))
        sold = [line for line in fields["lines"] if line["kind"] == _GIFT_CERTIFICATE]
        if max(len(sold), len(fields["certificateTenders"])) > MAX_ORDER_ROWS:
            raise broken(f"more than {MAX_ORDER_ROWS} certificate lines or tenders")
        lines = tuple(
            OrderLineRow(
                event_id=event_id,
                line_no=place,
                line_id=readable(line["lineId"]),
                certificate_id=optional_certificate_number(line, "certificateId"),
                amount_minor=amount_to_minor(line["amount"], currency),
            )
            for place, line in enumerate(sold)
        )
        tenders = tuple(
            OrderTenderRow(
                event_id=event_id,
                tender_no=place,
                certificate_id=certificate_number(tender, "certificateId"),
                amount_minor=amount_to_minor(tender["amount"], currency),
            )
            for place, tender in enumerate(fields["certificateTenders"])
        )
        notification = fields["notification"]
        order = OrderVersionRow(
            event_id=event_id,
            partition_no=record.partition,
            record_offset=record.offset,
            arrived_at=arrival(record),
            occurred_at=occurred_at,
            day=self._day_of(occurred_at),
            order_id=identifier(fields, "orderId"),
            correlation_key=correlation_key(fields),
            version=count(fields, "version"),
            channel=fields["channel"],
            status=fields["status"],
            client_id=customer(optional_identifier(fields, "clientId")),
            store_id=optional_identifier(fields, "storeId"),
            currency=currency,
            exponent=exponent,
            total_minor=amount_to_minor(fields["total"], currency),
            certificates_minor=_sum(line.amount_minor for line in lines),
            tendered_minor=_sum(tender.amount_minor for tender in tenders),
            concerns_certificates=bool(lines or tenders),
            notification_channel=None if notification is None else notification["channel"],
        )
        return OrderTold(order=order, lines=lines, tenders=tenders)

    def payment(self, record: TopicRecord) -> PaymentEventRow:
        """One record of a payment, of version 1 or 2."""
        fields = self._framing.decode(RecordName.PAYMENT, record.value)
        currency = fields["currency"]
        occurred_at = utc(instant(fields, "eventTime"))
        return PaymentEventRow(
            event_id=identifier(fields, "eventId"),
            partition_no=record.partition,
            record_offset=record.offset,
            arrived_at=arrival(record),
            occurred_at=occurred_at,
            day=self._day_of(occurred_at),
            payment_id=identifier(fields, "paymentId"),
            order_id=identifier(fields, "orderId"),
            correlation_key=correlation_key(fields),
            channel=fields["channel"],
            type=fields["type"],
            status=fields["status"],
            amount_minor=amount_to_minor(fields["amount"], currency),
            currency=currency,
            exponent=digits(currency),
            tender=fields["tender"],
            certificate_id=optional_certificate_number(fields, "certificateId"),
            certificate_operation=fields["certificateOperation"],
            authorization_id=optional_identifier(fields, "authorizationId"),
            original_payment_id=optional_identifier(fields, "originalPaymentId"),
        )

    def client(self, record: TopicRecord) -> ClientRecordRow:
        """What the CRM says of a customer."""
        fields = self._framing.decode(RecordName.CLIENT, record.value)
        delivery: Any = fields["delivery"]
        occurred_at = utc(instant(fields, "eventTime"))
        told = delivery is not None
        return ClientRecordRow(
            event_id=identifier(fields, "eventId"),
            partition_no=record.partition,
            record_offset=record.offset,
            arrived_at=arrival(record),
            occurred_at=occurred_at,
            day=self._day_of(occurred_at),
            client_id=customer(identifier(fields, "clientId")) or "",
            correlation_id=optional_identifier(fields, "correlationId"),
            certificate_id=certificate_number(delivery, "certificateId") if told else None,
            notification_id=identifier(delivery, "notificationId", MAX_MADE_ID_LENGTH)
            if told
            else None,
            notification_channel=delivery["channel"] if told else None,
            outcome=delivery["outcome"] if told else None,
        )


def _sum(amounts_minor: Iterable[int]) -> int:
    total_minor = sum(amounts_minor)
    if total_minor > _LARGEST:
        raise broken("the amounts of an order sum to too much")
    return total_minor
