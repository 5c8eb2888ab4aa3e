"""A seeded load for crash tests: certificates bought, spent and refunded, with what must come out.

Owns its own bookkeeping of every balance, written by what it asked for and by nothing the service
said. It publishes facts only, at its own pace, and follows the stream to know what became active
and what came back: orders overtake one another, so money is spent again only once it is there.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Producer

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.framing import framing_for
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.orders import (
    CertificateLine,
    CertificateTender,
    Channel,
    GoodsLine,
    OrderStatus,
    SalesOrder,
)
from pipelines.neighbours.records.payments import PaymentType, PaymentVersion1, Tender
from pipelines.neighbours.records.record import SourceRecord
from pipelines.settings import Settings
from pipelines.topics import COMMANDS, STREAM, topic_name
from state.certificate.commands import Command, Load, Origin

CURRENCY = "RUB"


@dataclass(slots=True)
class Expected:
    """What must be true of one certificate at the end, in minor units."""

    nominal_minor: int
    remaining_minor: int
    refunds: int = 0


@dataclass
class CrashLoad:
    """Publishes the load and follows the stream, each in a thread of its own."""

    settings: Settings
    certificates: int
    seed: int
    pace_s: float
    expected: dict[str, Expected] = field(default_factory=dict)
    operations: int = 0
    events_expected: Counter[str] = field(default_factory=Counter)
    """How many events of each type the whole load must give."""
    seen: list[tuple[str, str, int, str]] = field(default_factory=list)
    """Every stream event the live reader saw: id, key, sequence, type."""

    def __post_init__(self) -> None:
        self._framing = framing_for(self.settings)
        self._random = random.Random(self.seed)
        self._active: set[str] = set()
        self._refunds: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "partitioner": "murmur2_random",
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
            }
        )
        self._reader = threading.Thread(target=self._follow, daemon=True)

    def run(self) -> None:
        """Publish everything, waiting for activation as a store would before it spends."""
        numbers = [f"GC-{index:07d}" for index in range(self.certificates)]
        for number in numbers:
            self._load(number)
        for number in numbers:
            self._buy(number)
        self._producer.flush()
        for _ in range(3):
            for number in numbers:
                self._spend_and_maybe_return(number)
        self._producer.flush()

    def await_events(self, timeout_s: float) -> None:
        """Wait until the live reader has seen every event that must come."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._counts != self.events_expected:
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"seen {self._counts}, expected {self.events_expected}"
                self._changed.wait(left_s)

    @contextmanager
    def publishing(self) -> Iterator[threading.Thread]:
        """Publish in a thread of its own and read along, until the block ends, however it ends."""
        publisher = threading.Thread(target=self.run, name="crash-load", daemon=True)
        self._reader.start()
        publisher.start()
        try:
            yield publisher
        finally:
            self._stopped.set()
            with self._changed:
                self._changed.notify_all()
            publisher.join()
            self._reader.join()

    def _expect(self, *types: str) -> None:
        self.events_expected.update(types)

    def _load(self, number: str) -> None:
        command = Command(
            command_id=f"load/{number}",
            at_ms=1,
            certificate_id=number,
            origin=Origin.LOADER,
            action=Load(pool="ELECTRONIC"),
        )
        value = self._framing.encode(RecordName.COMMAND, command_to_record(command))
        self._produce(COMMANDS.name, number, value)
        self._expect("load")

    def _buy(self, number: str) -> None:
        amount_minor = self._random.randrange(1_000, 100_000)
        self.expected[number] = Expected(nominal_minor=amount_minor, remaining_minor=amount_minor)
        order_id = f"buy-{number}"
        self._order(order_id, amount_minor, line=number)
        self._payment(f"pay-{number}", order_id, amount_minor, tender="CARD")
        # Nobody reserved the number: it is reserved and issued in one step.
        self._expect("reserve", "issue", "notification.requested", "activate")

    def _spend_and_maybe_return(self, number: str) -> None:
        known = self.expected[number]
        self._await_ready(number, known.refunds)
        if known.remaining_minor < 10:
            return
        amount_minor = self._random.randrange(1, known.remaining_minor + 1)
        order_id = f"spend-{number}-{self.operations}"
        self._order(order_id, amount_minor, tender=number)
        self._payment(f"p-{order_id}", order_id, amount_minor, tender="GIFT_CERTIFICATE")
        known.remaining_minor -= amount_minor
        self._expect("redeem.full" if known.remaining_minor == 0 else "redeem.partial")
        if self._random.random() < 0.3:
            self._order(order_id, amount_minor, tender=number, status="RETURNED", version=2)
            self._payment(
                f"r-{order_id}", order_id, amount_minor, tender="GIFT_CERTIFICATE", kind="REFUND"
            )
            known.remaining_minor += amount_minor
            known.refunds += 1
            # Which half comes first decides whether the other is announced: both are right.
            self._expect("refund")

    def _await_ready(self, number: str, refunds: int) -> None:
        """Until it can be spent, and all that was brought back is there to be spent again."""
        deadline = time.monotonic() + 120
        with self._changed:
            while number not in self._active or self._refunds[number] < refunds:
                left_s = deadline - time.monotonic()
                if self._stopped.is_set():
                    return
                assert left_s > 0, f"{number} did not become active, or its refund did not come"
                self._changed.wait(left_s)

    def _order(
        self,
        order_id: str,
        amount_minor: int,
        *,
        line: str | None = None,
        tender: str | None = None,
        status: str = "CONFIRMED",
        version: int = 1,
    ) -> None:
        sold = CertificateLine(
            line_id="1", sku="any", amount_minor=amount_minor, certificate_id=line
        )
        goods = GoodsLine(line_id="1", sku="any", amount_minor=amount_minor)
        order = SalesOrder(
            event_id=f"{order_id}-{version}",
            order_id=order_id,
            version=version,
            at_ms=1,
            channel=Channel.ONLINE_STORE,
            status=OrderStatus(status),
            currency=CURRENCY,
            lines=[goods if line is None else sold],
            tenders=[]
            if tender is None
            else [CertificateTender(certificate_id=tender, amount_minor=amount_minor)],
        )
        self._tell(order.record())

    def _payment(
        self,
        payment_id: str,
        order_id: str,
        amount_minor: int,
        *,
        tender: str,
        kind: str = "CAPTURE",
    ) -> None:
        """In version 1: what it concerns the service finds by the order."""
        payment = PaymentVersion1(
            event_id=payment_id,
            payment_id=payment_id,
            order_id=order_id,
            at_ms=1,
            channel=Channel.ONLINE_STORE,
            type=PaymentType(kind),
            amount_minor=amount_minor,
            currency=CURRENCY,
            tender=Tender(tender),
        )
        self._tell(payment.record())

    def _tell(self, record: SourceRecord) -> None:
        self._produce(record.topic.name, record.key.decode(), record.encode(self._framing))

    def _produce(self, topic: str, key: str, value: bytes) -> None:
        if self._stopped.is_set():
            return
        self._producer.produce(f"{self.settings.topic_prefix}{topic}", key=key, value=value)
        self._producer.poll(0)
        self.operations += 1
        # The pace spreads the load over the kills; it is a rate, not a wait for anything.
        self._stopped.wait(self.pace_s)

    def _follow(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings.bootstrap,
                "group.id": f"{self.settings.topic_prefix}live-reader",
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        consumer.subscribe([topic_name(STREAM, self.settings)])
        while not self._stopped.is_set():
            messages = consumer.consume(500, timeout=0.2)
            with self._changed:
                for message in messages:
                    assert message.error() is None, message.error()
                    self._note(message.key().decode(), message.value())
                self._changed.notify_all()
        consumer.close()

    def _note(self, key: str, value: bytes) -> None:
        event = self._framing.decode(RecordName.GIFT_CERTIFICATE_EVENT, value)
        kind = event["eventType"]
        self.seen.append((event["eventId"], key, event["sequence"], kind))
        if kind != "refund.pending":
            self._counts[kind] += 1
        if kind == "activate":
            self._active.add(key)
        elif kind == "refund":
            self._refunds[key] += 1
