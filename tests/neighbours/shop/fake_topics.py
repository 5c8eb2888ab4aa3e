"""Kafka and the service behind it, in memory: what is written is kept, and the stream answers.

Owns just enough of the service to tell a page what it would tell: a paid order issues its
certificate or spends its tenders, a returned one gives back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.contracts.amounts import amount_to_minor
from pipelines.contracts.schemas import RecordName
from pipelines.neighbours.records.record import SourceRecord
from pipelines.neighbours.shop.sale_writer import NotWritten
from pipelines.neighbours.shop.story import Seen
from pipelines.neighbours.shop.stream_memory import StreamMemory
from tests.neighbours.shop.fake_edge import Card, FakeEdge


def seen(event_type: str, **fields: Any) -> Seen:
    """An event; what is not given is absent."""
    known: dict[str, Any] = {
        "key": "GC-1",
        "sequence": 1,
        "event_type": event_type,
        "status": "ACTIVE",
        "channel": None,
        "at_ms": 0,
        "correlation_id": None,
        "reason_code": None,
        "amount_minor": None,
        "currency": "RUB",
        "certificate_id": None,
        "order_id": None,
        "remaining_minor": None,
        "held_minor": None,
        "pool": None,
    }
    return Seen(**{**known, **fields})


@dataclass
class FakeTopics:
    """Where the shop writes. `down`: so many writes fail before one is taken."""

    memory: StreamMemory
    edge: FakeEdge
    down: int = 0
    silent: bool = False
    refuses_with: str | None = None
    written: list[Mapping[str, Any]] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    _sequence: int = 0

    def write(self, records: Sequence[SourceRecord]) -> None:
        if self.down:
            self.down -= 1
            raise NotWritten("the broker is away")
        for record in records:
            self.written.append({**record.value, "record": record.name.value})
            again = record.event_id in self.event_ids
            self.event_ids.append(record.event_id)
            if record.name is RecordName.SALES_ORDER and not again and not self.silent:
                self.answer(record.value)

    def orders(self) -> list[Mapping[str, Any]]:
        return [each for each in self.written if each["record"] == "SalesOrder"]

    def payments(self) -> list[Mapping[str, Any]]:
        return [each for each in self.written if each["record"] == "Payment"]

    def answer(self, order: Mapping[str, Any]) -> None:
        """What the stream would say of an order."""
        if self.refuses_with is not None and order["status"] in ("CONFIRMED", "COMPLETED"):
            self._say("error", order, None, reason_code=self.refuses_with)
            return
        for line in order["lines"]:
            if line["certificateId"] is not None:
                self._answer_sale(order, line)
        for tender in order["certificateTenders"]:
            self._answer_tender(order, tender)

    def _answer_sale(self, order: Mapping[str, Any], line: Mapping[str, Any]) -> None:
        card = self.edge.cards[line["certificateId"]]
        match order["status"]:
            case "CONFIRMED" | "COMPLETED":
                card.state = "ACTIVE"
                card.balance_minor = amount_to_minor(line["amount"], order["currency"])
                for event in ("issue", "notification.requested", "activate"):
                    self._say(event, order, card, order_id=order["orderId"])
            case "CANCELLED":
                card.state = "AVAILABLE"
                self._say("release", order, card, pool=card.pool)
            case "RETURNED":
                card.state, card.balance_minor = "ANNULLED", 0
                self._say("refund", order, card, order_id=order["orderId"])
            case _:
                pass

    def _answer_tender(self, order: Mapping[str, Any], tender: Mapping[str, Any]) -> None:
        card = self.edge.cards[tender["certificateId"]]
        amount_minor = amount_to_minor(tender["amount"], order["currency"])
        if order["status"] == "RETURNED":
            card.balance_minor += amount_minor
            self._say("refund", order, card, amount_minor=amount_minor)
        else:
            card.balance_minor -= amount_minor
            card.held.clear()
            kind = "redeem.partial" if card.balance_minor else "redeem.full"
            self._say(kind, order, card, amount_minor=-amount_minor)

    def _say(
        self, event_type: str, order: Mapping[str, Any], card: Card | None, **fields: Any
    ) -> None:
        self._sequence += 1
        about = {} if card is None else _of(card)
        known = {**about, "at_ms": order["eventTime"], "correlation_id": order["orderId"]}
        self.memory.take(seen(event_type, sequence=self._sequence, **{**known, **fields}))


def _of(card: Card) -> dict[str, Any]:
    return {
        "key": card.number,
        "certificate_id": card.number,
        "remaining_minor": card.balance_minor,
        "held_minor": sum(card.held.values()),
    }
