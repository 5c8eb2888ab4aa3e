"""Topics told record by record, as the systems around the mart would write them.

Owns a log in memory with offsets as Kafka gives them. Events of the stream come from the service's
own rules by way of the contract's bytes; orders and payments from the producer kit.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from pipelines.contracts.event_record import event_to_record, pool_event_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.bi.topic_record import TopicRecord
from pipelines.neighbours.records import orders, payments
from pipelines.neighbours.records.record import SourceRecord
from pipelines.topics import STREAM, Topic
from state.certificate import commands
from state.certificate.commands import Channel, Command, Origin
from state.certificate.events import EventType
from state.certificate.money import Money
from state.certificate.record import CertificateState, Status
from state.certificate.transition import transition

FRAMING = SingleObjectFraming()
NOON_MS = 1_767_268_800_000
"""2026-01-01 12:00 UTC."""
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
NUMBER, OTHER = "GC-0000-1234", "GC-0000-5678"
ONLINE, TILL = Channel.ONLINE_STORE, Channel.POS


@dataclass(slots=True, kw_only=True)
class ToldTopics:
    """A log. `now_ms` is the time of what is told next."""

    now_ms: int = NOON_MS
    records: list[TopicRecord] = field(default_factory=list)
    _ends: dict[tuple[str, int], int] = field(default_factory=dict)
    _states: dict[str, CertificateState] = field(default_factory=dict)
    _pool_events: int = 0

    def pass_time(self, span_ms: int) -> "ToldTopics":
        self.now_ms += span_ms
        return self

    def add(
        self,
        topic: Topic | str,
        value: bytes | None,
        *,
        key: bytes = b"key",
        partition: int = 0,
        headers: tuple[tuple[str, bytes | None], ...] = (),
        timestamp_ms: int | None = None,
    ) -> TopicRecord:
        """Any bytes, at the end of a partition."""
        name = topic if isinstance(topic, str) else topic.name
        offset = self._ends.get((name, partition), 0)
        self._ends[name, partition] = offset + 1
        record = TopicRecord(
            topic=name,
            partition=partition,
            offset=offset,
            key=key,
            value=value,
            headers=headers,
            timestamp_ms=self.now_ms if timestamp_ms is None else timestamp_ms,
        )
        self.records.append(record)
        return record

    def tell(self, record: SourceRecord, *, partition: int = 0) -> TopicRecord:
        """A record of the producer kit."""
        value = record.encode(FRAMING)
        return self.add(record.topic, value, key=record.key, partition=partition)

    def perform(
        self,
        number: str,
        action: commands.Action,
        *,
        at_ms: int | None = None,
        correlation_id: str | None = None,
        origin: Origin = Origin.FACT,
        partition: int = 0,
    ) -> list[TopicRecord]:
        """What the service publishes of a command."""
        state = self._states.get(number, CertificateState())
        command = Command(
            command_id=f"command-{len(self.records)}",
            at_ms=self.now_ms if at_ms is None else at_ms,
            certificate_id=number,
            origin=origin,
            action=action,
            correlation_id=correlation_id,
            actor="test",
        )
        step = transition(state, None, command)
        self._states[number] = step.state
        told = []
        for place, published in enumerate(step.published):
            event_id = f"event-{len(self.records)}-{place}"
            value = FRAMING.encode(
                RecordName.GIFT_CERTIFICATE_EVENT, event_to_record(published, command, event_id)
            )
            told.append(self.add(STREAM, value, key=number.encode(), partition=partition))
        return told

    def blocked(self, pool: str = "ELECTRONIC") -> None:
        """A checkout that found its pool empty."""
        self._pool_events += 1
        record = pool_event_record(
            event_id=f"pool-event-{self._pool_events}",
            event_type=EventType.ISSUE_BLOCKED,
            status=Status.ISSUE_BLOCKED,
            channel="POS",
            at_ms=self.now_ms,
            sequence=self._pool_events,
            causation_id="request",
            actor="test",
            code="POOL_EMPTY",
            text="the pool is empty",
        )
        value = FRAMING.encode(RecordName.GIFT_CERTIFICATE_EVENT, record)
        self.add(STREAM, value, key=pool.encode())

    def spoil(self, name: RecordName, **changes: object) -> "ToldTopics":
        """The latest record as the kit would not write it."""
        latest = self.records.pop()
        fields = FRAMING.decode(name, latest.value) | changes
        self.records.append(replace(latest, value=FRAMING.encode(name, fields)))
        return self

    # A certificate's life, as the service and the systems around it tell it

    def load(self, number: str = NUMBER, pool: str = "ELECTRONIC") -> "ToldTopics":
        self.perform(number, commands.Load(pool=pool))
        return self

    def reserve(self, number: str = NUMBER, channel: Channel = ONLINE) -> "ToldTopics":
        action = commands.Reserve(
            pool="ELECTRONIC", channel=channel, order_id=None, until_ms=self.now_ms + DAY_MS
        )
        self.perform(number, action, origin=Origin.HTTP)
        return self

    def issue(
        self,
        number: str = NUMBER,
        *,
        order_id: str = "sale-1",
        minor: int = 5_000_00,
        currency: str = "RUB",
        channel: Channel = ONLINE,
    ) -> "ToldTopics":
        action = commands.Issue(
            order_id=order_id,
            channel=channel,
            client_id="client-7",
            nominal=Money(amount_minor=minor, currency=currency),
            notification_channel=None,
        )
        self.perform(number, action, correlation_id=order_id)
        self.perform(number, commands.Activate(order_id=order_id), correlation_id=order_id)
        return self

    def redeem(
        self, minor: int, *, order_id: str = "basket-1", number: str = NUMBER, currency: str = "RUB"
    ) -> "ToldTopics":
        action = commands.Redeem(
            order_id=order_id,
            payment_id=f"{order_id}/paid",
            amount=Money(amount_minor=minor, currency=currency),
            authorization_id=None,
        )
        self.perform(number, action, correlation_id=order_id)
        return self

    def refund(
        self, minor: int, *, order_id: str = "basket-1", number: str = NUMBER
    ) -> "ToldTopics":
        action = commands.RefundToCertificate(
            order_id=order_id,
            payment_id=f"{order_id}/back",
            amount=Money(amount_minor=minor, currency="RUB"),
        )
        self.perform(number, action, correlation_id=order_id)
        return self

    def undo(self, *, order_id: str = "sale-1", number: str = NUMBER) -> "ToldTopics":
        action = commands.CancelPurchase(order_id=order_id)
        self.perform(number, action, correlation_id=order_id)
        return self

    def annul(self, number: str = NUMBER) -> "ToldTopics":
        self.perform(number, commands.Annul(reason="lost"), origin=Origin.HTTP)
        return self

    def captured_over_http(self, minor: int, *, number: str = NUMBER) -> "ToldTopics":
        """Money held and taken by HTTP calls, which name no correlation."""
        self.perform(number, commands.RevealCvc(key_id="key-1"), origin=Origin.HTTP)
        hold = f"command-{len(self.records)}"
        authorize = commands.Authorize(
            order_id="basket-1",
            amount=Money(amount_minor=minor, currency="RUB"),
            cvc_matches=True,
            cvc_version=1,
            accept_partial=False,
            expires_at_ms=self.now_ms + DAY_MS,
        )
        self.perform(number, authorize, origin=Origin.HTTP)
        self.perform(
            number, commands.Capture(authorization_id=hold, amount=None), origin=Origin.HTTP
        )
        return self

    def selling_order(
        self,
        *,
        order_id: str = "sale-1",
        number: str | None = NUMBER,
        minor: int = 5_000_00,
        goods_minor: int = 0,
        version: int = 1,
        status: str = "CONFIRMED",
        channel: Channel = ONLINE,
    ) -> "ToldTopics":
        lines: list[orders.GoodsLine | orders.CertificateLine] = [
            orders.CertificateLine(
                line_id="1", sku="GC", amount_minor=minor, certificate_id=number or NUMBER
            )
        ]
        if goods_minor:
            lines.append(orders.GoodsLine(line_id="2", sku="tea", amount_minor=goods_minor))
        order = orders.SalesOrder(
            order_id=order_id,
            version=version,
            at_ms=self.now_ms,
            channel=channel,
            status=orders.OrderStatus(status),
            currency="RUB",
            lines=lines,
            client_id="client-7",
        )
        self.tell(order.record())
        if number is None:
            told = FRAMING.decode(RecordName.SALES_ORDER, self.records[-1].value)
            bare = [{**line, "certificateId": None} for line in told["lines"]]
            self.spoil(RecordName.SALES_ORDER, lines=bare)
        return self

    def spending_order(
        self,
        minor: int,
        *,
        order_id: str = "basket-1",
        number: str = NUMBER,
        total_minor: int | None = None,
        version: int = 1,
        status: str = "COMPLETED",
        channel: Channel = TILL,
    ) -> "ToldTopics":
        cost_minor = minor if total_minor is None else total_minor
        order = orders.SalesOrder(
            order_id=order_id,
            version=version,
            at_ms=self.now_ms,
            channel=channel,
            status=orders.OrderStatus(status),
            currency="RUB",
            lines=[orders.GoodsLine(line_id="1", sku="tea", amount_minor=cost_minor)],
            tenders=[orders.CertificateTender(certificate_id=number, amount_minor=minor)],
        )
        self.tell(order.record())
        return self

    def payment(
        self,
        minor: int,
        *,
        order_id: str = "sale-1",
        kind: str = "CAPTURE",
        tender: str = "CARD",
        suffix: str = "paid",
        status: str = "SUCCEEDED",
        number: str | None = None,
        original: str | None = None,
        channel: Channel = ONLINE,
        version_1: bool = False,
    ) -> "ToldTopics":
        told = payments.PaymentVersion1(
            payment_id=f"{order_id}/{suffix}",
            order_id=order_id,
            at_ms=self.now_ms,
            channel=channel,
            type=payments.PaymentType(kind),
            amount_minor=minor,
            currency="RUB",
            tender=payments.Tender(tender),
            status=payments.PaymentStatus(status),
        )
        if not version_1:
            told = payments.Payment(
                payment_id=told.payment_id,
                order_id=order_id,
                at_ms=self.now_ms,
                channel=channel,
                type=told.type,
                amount_minor=minor,
                currency="RUB",
                tender=told.tender,
                status=told.status,
                certificate_id=number,
                operation=_operation(kind, tender) if number else None,
                original_payment_id=None if original is None else f"{order_id}/{original}",
                failure_reason="refused" if status == "FAILED" else None,
            )
        self.tell(told.record())
        return self


def _operation(kind: str, tender: str) -> payments.CertificateOperation:
    if kind == "REFUND":
        return payments.CertificateOperation.REFUND
    if tender == "GIFT_CERTIFICATE":
        return payments.CertificateOperation.REDEMPTION
    return payments.CertificateOperation.PURCHASE


def sold() -> ToldTopics:
    """A certificate of 5000.00 roubles, bought in the internet store and paid by card."""
    told = ToldTopics().load().reserve()
    told.selling_order().payment(5_000_00, number=NUMBER).issue()
    return told
