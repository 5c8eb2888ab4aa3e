"""What was once written to the topics for the golden stores: a life of some certificates.

Owns the story alone. It was played once, and what came of it is in `golden/inputs.json`: those
bytes are the truth, and this is how they came about.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.fact_record import fact_to_record
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.replay import FoldedPartition, fold_one
from pipelines.stages.certificates import CertificatesStage
from pipelines.stages.correlate import CorrelateStage
from pipelines.stages.index import IndexStage
from pipelines.stages.pool import PoolStage
from pipelines.stages.record import Incoming, Outgoing, StatefulStage
from pipelines.topics import COMMANDS, FACTS, INDEX, POOL, Topic
from state.certificate import commands as asked
from state.certificate.commands import Action, Channel, Command, NotificationChannel, Origin
from state.certificate.money import Money
from state.correlation import facts as told
from state.correlation.facts import Fact, Happening, OrderStatus, PaymentSeen, Policy, Tender
from state.pool.commands import PoolAction, PoolCommand, TakeNext

AT_MS: Final = 1_735_689_600_123
HOUR_MS: Final = 3_600_000
FRAMING: Final = SingleObjectFraming()
STAGES: Final[dict[Topic, StatefulStage]] = {
    COMMANDS: CertificatesStage(FRAMING, 1),
    POOL: PoolStage(FRAMING, 1),
    INDEX: IndexStage(FRAMING, 1),
    FACTS: CorrelateStage(FRAMING, 1),
}
POLICY: Final = Policy(missing_after_ms=24 * HOUR_MS, forget_after_ms=168 * HOUR_MS)


@dataclass
class Story:
    """Plays commands and facts through the stages, and keeps every record of their topics."""

    written: dict[Topic, list[tuple[bytes, bytes]]] = field(
        default_factory=lambda: {topic: [] for topic in STAGES}
    )
    _folded: dict[Topic, FoldedPartition] = field(
        default_factory=lambda: {topic: FoldedPartition() for topic in STAGES}
    )
    _minutes: int = 0

    def write(self, output: Outgoing) -> None:
        """Write a record and all that follows from it inside the service."""
        waiting = deque([output])
        while waiting:
            record = waiting.popleft()
            if record.topic not in STAGES:
                continue
            assert record.key is not None
            assert record.value is not None
            offset = len(self.written[record.topic])
            self.written[record.topic].append((record.key, record.value))
            given = incoming(record.topic, offset, record.key, record.value)
            folded = self._folded[record.topic]
            waiting.extend(fold_one(folded, given, STAGES[record.topic]))
            assert folded.broken == 0, "the story has no broken record"

    def command(
        self,
        number: str,
        command_id: str,
        action: Action,
        origin: Origin = Origin.HTTP,
        *,
        correlation_id: str | None = None,
    ) -> None:
        """One command for a certificate."""
        self._minutes += 1
        command = Command(
            command_id=command_id,
            at_ms=AT_MS + self._minutes * 60_000,
            certificate_id=number,
            origin=origin,
            action=action,
            correlation_id=correlation_id,
            actor="support-3" if origin is Origin.HTTP else None,
            reply_to="edge-0" if origin is Origin.HTTP else None,
            body_digest="9f86d081" if origin is Origin.HTTP else None,
        )
        value = FRAMING.encode(RecordName.COMMAND, command_to_record(command))
        self.write(Outgoing(topic=COMMANDS, key=number.encode(), value=value))

    def wait(self, hours: int) -> None:
        """Let time pass."""
        self._minutes += hours * 60

    def pool(self, action: PoolAction, pool: str = "ELECTRONIC") -> None:
        """One command for a pool."""
        self._minutes += 1
        command = PoolCommand(pool=pool, at_ms=AT_MS + self._minutes * 60_000, action=action)
        value = FRAMING.encode(RecordName.POOL_COMMAND, pool_command_to_record(command))
        self.write(Outgoing(topic=POOL, key=pool.encode(), value=value))

    def fact(self, correlation_id: str, fact_id: str, happening: Happening, at_ms: int) -> None:
        """One fact of a correlation."""
        fact = Fact(
            fact_id=fact_id,
            correlation_id=correlation_id,
            at_ms=at_ms,
            policy=POLICY,
            happening=happening,
        )
        value = FRAMING.encode(RecordName.FACT, fact_to_record(fact))
        self.write(Outgoing(topic=FACTS, key=correlation_id.encode(), value=value))


def incoming(topic: Topic, offset: int, key: bytes, value: bytes) -> Incoming:
    """A record of the only partition, written a minute after the one before."""
    return Incoming(
        topic=topic.name,
        partition=0,
        offset=offset,
        key=key,
        value=value,
        headers=(),
        timestamp_ms=AT_MS + offset * 60_000,
    )


def begin(story: Story) -> None:
    """What is in the stores of each version: every kind of record, and some in every state."""
    for index in range(1, 8):
        number = f"GC-{index:06d}"
        story.command(number, f"load/{number}", asked.Load(pool="ELECTRONIC"), Origin.LOADER)
    for index in range(1, 5):
        story.pool(_take(f"request-{index}", low_mark=6))
    story.pool(_take("request-5"), pool="PHYSICAL")
    _sell(story, "GC-000001", "order-1")
    _spend(story, "GC-000001")
    # Offered though it is sold: the request goes back to the pool.
    offered = asked.Reserve(
        pool="ELECTRONIC", channel=Channel.POS, order_id=None, until_ms=AT_MS + 9 * HOUR_MS
    )
    story.command("GC-000001", "request-6", offered)
    _sell(story, "GC-000003", "order-3")
    undone = asked.CancelPurchase(order_id="order-3")
    story.command("GC-000003", "order-3/undo", undone, Origin.FACT, correlation_id="order-3")
    story.command("GC-000004", "annul-1", asked.Annul(reason="damaged"))
    scanned = asked.ReserveNumber(
        channel=Channel.POS, order_id="order-7", until_ms=AT_MS + 8 * HOUR_MS
    )
    story.command("GC-000007", "scan-1", scanned)
    story.command("GC-000999", "none/1", _redeem("order-9", "payment-9", 100), Origin.FACT)
    _tell(story)


def go_on(story: Story) -> None:
    """What the same certificates, pools and correlations meet later, whatever version has them."""
    first = "GC-000001"
    story.command(first, "hold-1", _authorize("order-11", 300_00))
    story.command(first, "unlock-1", asked.Unlock(reason="found again"))
    story.command(first, "hold-4", _authorize("order-14", 100_00))
    story.command(
        first,
        "capture-2",
        asked.Capture(authorization_id="hold-2", amount=None, channel=Channel.POS),
    )
    returned = asked.RefundToCertificate(
        order_id="order-12", payment_id="refund-2", amount=_money(50_00)
    )
    story.command(first, "order-12/refund/2", returned, Origin.FACT)
    story.command(first, "reveal-2", asked.RevealCvc(key_id="2025-01"))
    story.wait(10)
    expired = asked.ExpireHold(authorization_id="hold-4")
    story.command(first, "expired", expired, Origin.TIMER)
    lapsed = asked.ExpireReservation(reservation_id="request-2")
    story.command("GC-000002", "lapsed", lapsed, Origin.TIMER)
    story.command("GC-000007", "scan-1", asked.Load(pool="ELECTRONIC"), Origin.LOADER)
    story.command("GC-000003", "annul-3", asked.Annul(reason="again"))
    story.command("GC-000999", "load/999", asked.Load(pool="ELECTRONIC"), Origin.LOADER)
    for request in ("request-2", "request-8", "request-9", "request-10"):
        story.pool(_take(request, low_mark=6))
    late = AT_MS + 30 * HOUR_MS
    story.fact("correlation-2", "timeout-2", told.DeadlineReached(), late)
    story.fact("correlation-2", "payment-22", _payment("payment-22", "order-22", 500_00), late)
    story.fact("correlation-3", "order-23", _order("order-23", number="GC-000012"), late)
    story.fact(
        "correlation-1", "order-21-3", _order("order-21", version=3, status="CANCELLED"), late
    )
    story.fact("correlation-4", "timeout-4", told.DeadlineReached(), AT_MS + 200 * HOUR_MS)


def played() -> Iterator[tuple[str, Topic, bytes, bytes]]:
    """The records of the whole story, each with the part that it belongs to."""
    story = Story()
    begin(story)
    lengths = {topic: len(records) for topic, records in story.written.items()}
    go_on(story)
    for topic, records in story.written.items():
        for place, (key, value) in enumerate(records):
            yield ("before" if place < lengths[topic] else "after"), topic, key, value


def _sell(story: Story, number: str, order_id: str) -> None:
    issue = asked.Issue(
        order_id=order_id,
        channel=Channel.ONLINE_STORE,
        client_id="client-7",
        nominal=_money(1_500_00),
        notification_channel=NotificationChannel.SMS,
    )
    story.command(number, f"{order_id}/issue/1", issue, Origin.FACT, correlation_id=order_id)
    activate = asked.Activate(order_id=order_id)
    story.command(number, f"{order_id}/activate/1", activate, Origin.FACT, correlation_id=order_id)


def _spend(story: Story, number: str) -> None:
    story.command(number, "reveal-1", asked.RevealCvc(key_id="2025-01"))
    sent = asked.NotificationResult(
        notification_id="order-1/issue/1", sent=False, reason="the mailbox is full"
    )
    story.command(number, "delivery-1", sent, Origin.FACT)
    story.command(number, "hold-1", _authorize("order-11", 300_00))
    story.command(number, "hold-2", _authorize("order-15", 200_00, channel=Channel.POS))
    story.command(number, "hold-3", _authorize("order-13", 100_00, right=False))
    some = asked.Capture(authorization_id="hold-1", amount=_money(250_00), channel=Channel.POS)
    story.command(number, "capture-1", some)
    story.command(
        number, "order-12/redeem/1", _redeem("order-12", "payment-2", 150_00), Origin.FACT
    )
    returned = asked.RefundToCertificate(
        order_id="order-12", payment_id="refund-1", amount=_money(20_00)
    )
    story.command(number, "order-12/refund/1", returned, Origin.FACT)
    story.command(number, "order-12/pending", asked.RefundPending(order_id="order-12"), Origin.FACT)
    again = asked.RequestNotification(notification_channel=NotificationChannel.EMAIL)
    story.command(number, "notify-1", again)
    overpaid = asked.RaiseAlert(code="OVERPAID", text="more was captured than the order costs")
    story.command(number, "order-1/alert/OVERPAID", overpaid, Origin.FACT)
    story.command(number, "lock-1", asked.Lock(reason="reported stolen"))


def _tell(story: Story) -> None:
    story.fact("correlation-1", "order-21-1", _order("order-21"), AT_MS)
    story.fact("correlation-1", "payment-21", _payment("payment-21", "order-21", 500_00), AT_MS)
    story.fact("correlation-2", "order-22", _order("order-22", number="GC-000011"), AT_MS)
    story.fact("correlation-3", "payment-23", _payment("payment-23", "order-23", 500_00), AT_MS)
    ordinary = told.OrdinaryOrderSeen(order_id="order-24", version=1, status=OrderStatus.CREATED)
    story.fact("correlation-4", "order-24", ordinary, AT_MS)
    story.fact("correlation-4", "payment-24", _payment("payment-24", "order-24", 70_00), AT_MS)


def _take(request_id: str, low_mark: int = 0) -> TakeNext:
    return TakeNext(
        request_id=request_id,
        body_digest="9f86d081",
        channel=Channel.ONLINE_STORE,
        order_id=request_id.replace("request", "order"),
        reserved_until_ms=AT_MS + 5 * HOUR_MS,
        low_mark=low_mark,
        reply_to="edge-0",
        actor="store",
    )


def _money(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency="RUB")


def _authorize(
    order_id: str, amount_minor: int, *, right: bool = True, channel: Channel | None = None
) -> asked.Authorize:
    return asked.Authorize(
        order_id=order_id,
        amount=_money(amount_minor),
        cvc_matches=right,
        cvc_version=1,
        accept_partial=False,
        expires_at_ms=AT_MS + 6 * HOUR_MS,
        channel=channel,
    )


def _redeem(order_id: str, payment_id: str, amount_minor: int) -> asked.Redeem:
    return asked.Redeem(
        order_id=order_id,
        payment_id=payment_id,
        amount=_money(amount_minor),
        authorization_id=None,
    )


def _order(
    order_id: str, *, number: str = "GC-000010", version: int = 1, status: str = "CONFIRMED"
) -> told.OrderSeen:
    line = told.CertificateLine(line_id="1", amount_minor=500_00, certificate_id=number)
    return told.OrderSeen(
        order_id=order_id,
        version=version,
        channel=Channel.ONLINE_STORE,
        status=OrderStatus(status),
        client_id="client-7",
        currency="RUB",
        total_minor=500_00,
        lines=(line,),
        tenders=(),
        notification_channel=NotificationChannel.SMS,
    )


def _payment(payment_id: str, order_id: str, amount_minor: int) -> PaymentSeen:
    return PaymentSeen(
        payment_id=payment_id,
        order_id=order_id,
        type=told.PaymentType.CAPTURE,
        status=told.PaymentStatus.SUCCEEDED,
        amount_minor=amount_minor,
        currency="RUB",
        tender=Tender.CARD,
    )
