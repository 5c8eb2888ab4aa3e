"""Orders on a made-up All_SalesOrder: as messages that are read on, and as records at a place.

Owns the bytes; says what a broker would, a silent one too.
"""

from threading import Condition
from typing import Any, Final

from confluent_kafka import Message

from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerUnreachable
from pipelines.neighbours.records.clients import NotificationChannel
from pipelines.neighbours.records.orders import (
    CertificateLine,
    Channel,
    Notification,
    OrderStatus,
    SalesOrder,
)
from tests.neighbours.crm.asked_messages import AT_MS, FRAMING, NUMBER

_MOMENT_S: Final = 0.02
TOKEN: Final = "token-1"


def order(
    order_id: str = "42", *, version: int = 1, token: str | None = TOKEN, sells: bool = True
) -> bytes:
    """One version of an order."""
    notification = None
    if token is not None:
        notification = Notification(channel=NotificationChannel.SMS, address_token=token)
    told = SalesOrder(
        order_id=order_id,
        version=version,
        at_ms=AT_MS,
        channel=Channel.ONLINE_STORE,
        status=OrderStatus.CONFIRMED,
        currency="RUB",
        lines=[
            CertificateLine(line_id="1", sku="GC", amount_minor=1_500_00, certificate_id=NUMBER)
        ],
        client_id="client-7",
        notification=notification,
    )
    value: dict[str, Any] = {**told.record().value}
    if not sells:
        # The kit writes no such order; others may.
        value["lines"] = [{**value["lines"][0], "kind": "GOODS", "certificateId": None}]
    return FRAMING.encode(RecordName.SALES_ORDER, value)


class ToldMessage:
    """A record as the Kafka client gives it."""

    def __init__(self, value: bytes | None, partition: int, offset: int) -> None:
        self._value, self._partition, self._offset = value, partition, offset

    def value(self) -> bytes | None:
        return self._value

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset


class ToldOrders:
    """The topic: what was written, and how far the follower is given it."""

    def __init__(self) -> None:
        self.log: dict[int, list[bytes | None]] = {0: [], 1: []}
        self.next: dict[int, int] = {0: 0, 1: 0}
        self.begun_anew = False
        self.silent = False
        self.reads = 0
        self._written = Condition()

    def write(self, value: bytes | None, partition: int = 0) -> None:
        with self._written:
            self.log[partition].append(value)
            self._written.notify_all()

    def batch(self) -> list[Message]:
        """All that was not given yet, or nothing after a moment."""
        found: list[Any] = []
        with self._written:
            self._written.wait_for(lambda: self.next != self._lengths(), _MOMENT_S)
            for partition, log in self.log.items():
                start = self.next[partition]
                found += [
                    ToldMessage(value, partition, start + at)
                    for at, value in enumerate(log[start:])
                ]
            self.next = self._lengths()
        return found

    def _lengths(self) -> dict[int, int]:
        return {partition: len(log) for partition, log in self.log.items()}

    def look_for_partitions(self) -> None:
        """There are always two."""

    def ends(self) -> dict[int, int]:
        if self.silent:
            raise BrokerUnreachable("Kafka says nothing")
        return self._lengths()

    def value_at(self, partition: int, offset: int) -> bytes | None:
        if self.silent:
            raise BrokerUnreachable("Kafka gives nothing")
        self.reads += 1
        log = self.log[partition]
        return log[offset] if offset < len(log) else None
