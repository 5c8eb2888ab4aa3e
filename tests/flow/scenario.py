"""Drives the running service as the outside world does: records on topics and calls over HTTP.

Owns a scenario: one test's own pool, numbers and orders in a service that many tests share. Waits
are always for a condition with a deadline.
"""

import secrets
import string
from collections.abc import Iterator, Mapping
from typing import Final

from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.pool_record import pool_command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.stages.ingest import IngestRules, OrdersIngest, PaymentsIngest
from pipelines.stages.record import Incoming
from pipelines.topics import ALL_CLIENTS, ALL_PAYMENTS, ALL_SALES_ORDER, COMMANDS, FACTS, POOL
from pipelines.topology import policy_of
from state.certificate.commands import Action, Channel, Command, Load, Origin
from state.pool.commands import PoolCommand, TakeNext
from tests.flow.scenario_calls import ScenarioCalls
from tests.flow.service_under_test import Message, Service, now_ms
from tests.flow.source_messages import Delivery, Line, Order, Payment
from tests.flow.stream_event import StreamEvent

HOUR_MS: Final = 3_600_000
NOMINAL_MINOR: Final = 5_000_00

Told = Order | Payment | Delivery


class Scenario(ScenarioCalls):
    """One test's own corner of the service: a pool and ids that nobody else has."""

    def __init__(self, service: Service) -> None:
        self.tag = "".join(secrets.choice(string.ascii_uppercase) for _ in range(8))
        super().__init__(service, pool=f"POOL_{self.tag}")
        self.written: list[Message] = []
        self._numbers = self._ids(f"{self.tag}-")
        self._event_ids = self._ids(f"{self.tag}-event-")
        self._order_ids = self._ids(f"{self.tag}-order-")

    @staticmethod
    def _ids(prefix: str) -> Iterator[str]:
        return (f"{prefix}{position:04d}" for position in range(1, 100_000))

    def new_order_id(self) -> str:
        return next(self._order_ids)

    # What the world writes

    def tell(self, *told: Told, at_ms: int | None = None, trace: str | None = None) -> None:
        """Write orders, payments and deliveries to their topics, in this order."""
        messages = [self.message(each, at_ms=at_ms, trace=trace) for each in told]
        self.written += messages
        self.service.write(*messages)

    def message(
        self,
        told: Told,
        *,
        at_ms: int | None = None,
        trace: str | None = None,
        spoilt: Mapping[str, object] | None = None,
    ) -> Message:
        """The record of one order, payment or delivery, with a new event id.

        `spoilt` are fields that no producer of ours would write so.
        """
        made = told.record(next(self._event_ids), at_ms or now_ms())
        fields = {**made, **(spoilt or {})}
        encode = self.service.framing.encode
        match told:
            case Order():
                topic, key = ALL_SALES_ORDER, told.order_id
                value = encode(RecordName.SALES_ORDER, fields)
            case Payment():
                topic, key = ALL_PAYMENTS, told.order_id
                value = encode(RecordName.PAYMENT, fields, version=told.contract)
            case Delivery():
                topic, key = ALL_CLIENTS, "client"
                value = encode(RecordName.CLIENT, fields)
        headers = () if trace is None else (("traceparent", trace.encode()),)
        return Message(topic=topic, key=key.encode(), value=value, at_ms=at_ms, headers=headers)

    def tell_facts(self, *told: Order | Payment, at_ms: int) -> None:
        """Write what ingest made of orders and payments at an earlier time, as of that time.

        Waiting counts from when a fact was written, and the past cannot be written any other way.
        """
        for message in self.facts(*told, at_ms=at_ms):
            self.written.append(message)
            self.service.write(message)

    def facts(self, *told: Order | Payment, at_ms: int) -> list[Message]:
        """The records that ingest makes of orders and payments, not written yet."""
        rules = IngestRules(policy=policy_of(self.service.settings), accept_unmarked_payments=True)
        framing = self.service.framing
        facts: list[Message] = []
        for each in told:
            message = self.message(each, at_ms=at_ms)
            ingest = (OrdersIngest if isinstance(each, Order) else PaymentsIngest)(framing, rules)
            (fact,) = ingest(
                Incoming(
                    topic=message.topic.name,
                    partition=0,
                    offset=0,
                    key=message.key,
                    value=message.value,
                    headers=(),
                    timestamp_ms=at_ms,
                )
            )
            facts.append(Message(topic=FACTS, key=fact.key, value=fact.value, at_ms=at_ms))
        return facts

    def command(
        self,
        number: str,
        action: Action,
        *,
        command_id: str | None = None,
        origin: Origin = Origin.HTTP,
        later_ms: int = 0,
    ) -> str:
        """Write one command for a certificate as an outside program does; its id.

        It says that it is so much later than now: a deadline that has come, for example.
        """
        command = Command(
            command_id=command_id or next(self._event_ids),
            at_ms=now_ms() + later_ms,
            certificate_id=number,
            origin=origin,
            action=action,
            actor="test",
        )
        value = self.service.framing.encode(RecordName.COMMAND, command_to_record(command))
        self.service.write(Message(topic=COMMANDS, key=number.encode(), value=value))
        return command.command_id

    def load(self, count: int = 1) -> list[str]:
        """Put new numbers into the pool, in this order."""
        numbers = [next(self._numbers) for _ in range(count)]
        for number in numbers:
            # One by one: numbers of different partitions would reach the pool in any order.
            load = Load(pool=self.pool)
            self.command(number, load, command_id=f"load/{number}", origin=Origin.LOADER)
            self.await_story(number, "load")
        return numbers

    def load_many(self, count: int) -> list[str]:
        """Put new numbers into the pool at once, where they come in any order."""
        numbers = [next(self._numbers) for _ in range(count)]
        for number in numbers:
            load = Load(pool=self.pool)
            self.command(number, load, command_id=f"load/{number}", origin=Origin.LOADER)
        self.settle()
        assert all(self.story(number) == ["load"] for number in numbers)
        return numbers

    def take_until(self, until_ms: int, *, order_id: str | None = None) -> str:
        """Have the pool reserve its next number until a time of our choice; the request's id."""
        request_id = next(self._event_ids)
        take = TakeNext(
            request_id=request_id,
            body_digest=None,
            channel=Channel.ONLINE_STORE,
            order_id=order_id,
            reserved_until_ms=until_ms,
            low_mark=0,
            reply_to=None,
            actor="test",
        )
        command = PoolCommand(pool=self.pool, at_ms=now_ms(), action=take)
        encoded = pool_command_to_record(command)
        value = self.service.framing.encode(RecordName.POOL_COMMAND, encoded)
        self.service.write(Message(topic=POOL, key=self.pool.encode(), value=value))
        return request_id

    # What the stream tells

    def events(self, key: str) -> list[StreamEvent]:
        """The events read so far about a certificate or pool."""
        return self.service.events(key)

    def story(self, key: str) -> list[str]:
        """Their types, in order."""
        return [event.type for event in self.events(key)]

    def await_story(self, key: str, *types: str) -> StreamEvent:
        """Wait until the story ends in these event types; the last of them."""
        ending = list(types)
        self.service.log.until(
            lambda: self.story(key)[-len(ending) :] == ending,
            lambda: f"{key} should end in {ending}, and is {self.story(key)}",
        )
        return self.events(key)[-1]

    def settle(self) -> None:
        """Wait until nothing is under way any more."""
        self.service.settle()

    def notification(self, number: str) -> str:
        """The id of the latest notification."""
        requested = [e for e in self.events(number) if e.type == "notification.requested"]
        return str(requested[-1].payload["notification"]["id"])

    # Where most scenarios begin

    def sell(self, *, nominal_minor: int = NOMINAL_MINOR) -> str:
        """Load, reserve, order and pay one certificate; its number, once it can be spent."""
        self.load()
        order_id = self.new_order_id()
        number = self.reserve(order_id=order_id)
        self.tell(
            purchase(number, order_id, nominal_minor=nominal_minor),
            Payment(payment_id=f"{order_id}-pay", order_id=order_id, amount_minor=nominal_minor),
        )
        self.await_story(number, "issue", "notification.requested", "activate")
        return number

    def spend(self, number: str, amount_minor: int) -> str:
        """Pay goods of that price with the certificate; the order's id."""
        order_id = self.new_order_id()
        self.tell(goods(number, order_id, amount_minor), redemption(number, order_id, amount_minor))
        self.service.log.until(
            lambda: self.story(number)[-1] in ("redeem.partial", "redeem.full"),
            lambda: f"{number} should be redeemed, and is {self.story(number)}",
        )
        return order_id


def purchase(
    number: str,
    order_id: str,
    *,
    nominal_minor: int = NOMINAL_MINOR,
    status: str = "CONFIRMED",
    version: int = 1,
    channel: str = "ONLINE_STORE",
) -> Order:
    """An order of one certificate and nothing else."""
    return Order(
        order_id=order_id,
        total_minor=nominal_minor,
        lines=[Line(amount_minor=nominal_minor, number=number)],
        status=status,
        version=version,
        channel=channel,
        client_id=f"{order_id}-client",
    )


def goods(
    number: str, order_id: str, amount_minor: int, *, status: str = "COMPLETED", version: int = 1
) -> Order:
    """An order of goods that the certificate pays in full."""
    return Order(
        order_id=order_id,
        total_minor=amount_minor,
        lines=[Line(amount_minor=amount_minor)],
        tenders=[(number, amount_minor)],
        status=status,
        version=version,
    )


def redemption(number: str, order_id: str, amount_minor: int) -> Payment:
    """The payment of those goods with the certificate."""
    return Payment(
        payment_id=f"{order_id}-redeem",
        order_id=order_id,
        amount_minor=amount_minor,
        tender="GIFT_CERTIFICATE",
        number=number,
        operation="REDEMPTION",
    )
