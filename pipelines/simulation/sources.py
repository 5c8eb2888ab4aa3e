"""The records that other systems write: orders, payments, deliveries, and what is broken.

Owns their fields, keys and clocks. Amounts are encoded here, not by the service's own code, and the
records are not made by the producer kit: what it refuses has to come as well. What was written once
may be told again, byte for byte.
"""

from collections import deque
from random import Random
from typing import TYPE_CHECKING, Any, Final

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.partitioning import partition_of
from pipelines.simulation.orders import ADDRESS, Order, PaymentTold
from pipelines.simulation.told_amounts import amount_bytes
from pipelines.stages.record import Outgoing
from pipelines.topics import ALL_CLIENTS, ALL_PAYMENTS, ALL_SALES_ORDER, COMMANDS, POOL, Topic
from state.certificate.commands import Annul, Command, Origin
from state.pool.commands import Add, PoolCommand

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

_REMEMBERED: Final = 40
_DAY_MS: Final = 24 * 60 * 60 * 1000
_SKEWS_MS: Final = (0, 0, 0, 0, -5_000, 5_000, -40 * _DAY_MS, 2 * _DAY_MS)
"""How far the clocks of the sources are from ours."""


class Sources:
    """Everything that is written on the topics that are not ours, and what is broken on ours."""

    def __init__(self, universe: "Universe") -> None:
        self._universe = universe
        self._recent: deque[Outgoing] = deque(maxlen=_REMEMBERED)
        self._written = 0
        self.poison: set[bytes] = set()
        """Values that no stage can read, or that stand where they must not."""
        self.addresses = 0

    def order(self, order: Order, random: Random, *, status: str) -> None:
        """Tell the next version of an order."""
        order.version += random.choice((1, 1, 1, 3))
        order.status = status
        self._tell(
            ALL_SALES_ORDER, order.order_id, RecordName.SALES_ORDER, self._order(order), random
        )

    def _order(self, order: Order) -> dict[str, Any]:
        lines = [] if order.goods == 0 else [_line("goods", "GOODS", order.goods, order)]
        for sold in order.lines:
            line = _line(sold.line_id, "GIFT_CERTIFICATE", sold.amount, order)
            lines.append({**line, "certificateId": sold.number})
        notification = None
        if order.notification is not None:
            self.addresses += 1
            token = f"{ADDRESS}{self.addresses}"
            notification = {"channel": order.notification, "addressToken": token}
        return {
            "eventId": f"{order.order_id}/order/{order.version}",
            "eventTime": self._universe.now_ms,
            "orderId": order.order_id,
            "correlationId": order.correlation_id,
            "version": order.version,
            "channel": order.channel,
            "status": order.status,
            "clientId": order.client_id,
            "storeId": "shop-7",
            "currency": order.currency,
            "total": amount_bytes(order.total, order.currency),
            "lines": lines,
            "certificateTenders": [
                {"certificateId": number, "amount": amount_bytes(amount, order.currency)}
                for number, amount in order.tenders
            ],
            "notification": notification,
        }

    def payment(self, order: Order, payment: PaymentTold, random: Random) -> None:
        """Tell of a payment, by the version that its writer has."""
        self._written += 1
        record: dict[str, Any] = {
            "eventId": f"{payment.payment_id}/{payment.type}/{self._written}",
            "eventTime": self._universe.now_ms,
            "paymentId": payment.payment_id,
            "orderId": order.order_id,
            "correlationId": order.correlation_id,
            "channel": order.channel,
            "type": payment.type,
            "status": payment.status,
            "amount": amount_bytes(payment.amount, payment.currency),
            "currency": payment.currency,
            "tender": payment.tender,
        }
        if payment.version > 1:
            record |= {
                "certificateId": payment.certificate_id,
                "certificateOperation": payment.operation,
                "authorizationId": payment.authorization_id,
                "originalPaymentId": payment.about if payment.named else None,
                "failureReason": payment.failure_reason,
            }
        self._tell(
            ALL_PAYMENTS,
            payment.payment_id,
            RecordName.PAYMENT,
            record,
            random,
            version=payment.version,
        )

    def delivery(self, number: str, message: str, random: Random, *, sent: bool) -> None:
        """Tell how a message to a customer ended."""
        self._written += 1
        record = {
            "eventId": f"delivery-{self._written}",
            "eventTime": self._universe.now_ms,
            "clientId": "client",
            "correlationId": None,
            "delivery": {
                "certificateId": number,
                "notificationId": message,
                "channel": "SMS",
                "outcome": "SENT" if sent else "FAILED",
                "reason": None if sent else "no such address",
            },
        }
        self._tell(ALL_CLIENTS, number, RecordName.CLIENT, record, random)

    def again(self, random: Random) -> str:
        """Tell something again that was told before, with other words of the same in between."""
        if not self._recent:
            return "nothing was told yet"
        output = random.choice(self._recent)
        self._publish(output, random)
        return f"a record of {output.topic.name} is told again"

    def break_something(self, random: Random, number: str, pool: str) -> str:
        """Write what no stage can use: it must end in the DLQ, and change nothing."""
        self._written += 1
        mark = f"broken-{self._written}"
        what = random.choice(("bytes", "quantity", "negative", "key", "place", "pool key"))
        if what == "bytes":
            topic = random.choice((ALL_SALES_ORDER, ALL_PAYMENTS, ALL_CLIENTS, COMMANDS, POOL))
            key = {COMMANDS: number, POOL: pool}.get(topic, "anybody")
            self._break(topic, key, b"\xc3\x01no such fingerprint " + mark.encode())
        elif what in ("quantity", "negative"):
            self._break(ALL_SALES_ORDER, mark, self._broken_order(mark, number, what))
        elif what == "pool key":
            add = PoolCommand(
                pool="NOWHERE", at_ms=self._written, action=Add(certificate_id=number)
            )
            fields = pool_command_to_record(add)
            value = self._universe.framing.encode(RecordName.POOL_COMMAND, fields)
            self._break(POOL, pool, value)
        else:
            annul = Command(
                command_id=mark,
                at_ms=self._universe.now_ms,
                certificate_id=number,
                origin=Origin.HTTP,
                action=Annul(reason="it stands where it must not"),
            )
            value = self._universe.framing.encode(RecordName.COMMAND, command_to_record(annul))
            self._misplace(number, value, wrong_key=what == "key")
        return f"something broken is written ({what})"

    def _misplace(self, number: str, value: bytes, *, wrong_key: bool) -> None:
        """A good command under another's key, or in a partition that is not its key's."""
        partitions = self._universe.partitions
        if wrong_key or partitions == 1:
            self._break(COMMANDS, f"{number}-X", value)
            return
        right = partition_of(number.encode(), partitions)
        self._break(COMMANDS, number, value, partition=(right + 1) % partitions)

    def _broken_order(self, mark: str, number: str, what: str) -> bytes:
        order = Order(
            order_id=mark, correlation_id=None, channel="POS", currency="RUB", client_id=None
        )
        order.version, order.status = 1, "CONFIRMED"
        record = self._order(order)
        amount = amount_bytes(-100 if what == "negative" else 100, "RUB")
        line = _line("1", "GIFT_CERTIFICATE", 100, order)
        quantity = 2 if what == "quantity" else 1
        record["lines"] = [
            {**line, "certificateId": number, "quantity": quantity, "amount": amount}
        ]
        return self._universe.framing.encode(RecordName.SALES_ORDER, record)

    def _break(self, topic: Topic, key: str, value: bytes, *, partition: int | None = None) -> None:
        self.poison.add(value)
        self._universe.counters["broken records written"] += 1
        output = Outgoing(topic=topic, key=key.encode(), value=value, partition=partition)
        self._universe.publish(output)

    def _tell(
        self,
        topic: Topic,
        key: str,
        name: RecordName,
        record: dict[str, Any],
        random: Random,
        *,
        version: int | None = None,
    ) -> None:
        value = self._universe.framing.encode(name, record, version=version)
        output = Outgoing(topic=topic, key=key.encode(), value=value)
        self._recent.append(output)
        self._publish(output, random)

    def _publish(self, output: Outgoing, random: Random) -> None:
        self._universe.counters["source records"] += 1
        timestamp_ms = self._universe.now_ms + random.choice(_SKEWS_MS)
        self._universe.publish(output, timestamp_ms=timestamp_ms)


def _line(line_id: str, kind: str, amount: int, order: Order) -> dict[str, Any]:
    return {
        "lineId": line_id,
        "kind": kind,
        "sku": "sku-1",
        "quantity": 1,
        "amount": amount_bytes(amount, order.currency),
        "certificateId": None,
    }
