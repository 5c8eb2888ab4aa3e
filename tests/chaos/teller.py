"""How a caller writes source records: orders, payments, deliveries, once or again.

Owns the producers and what the journal says of each record. The event's id follows from the life
and its step, so what a successor writes again is the same event to the service.
"""

import asyncio
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from confluent_kafka import KafkaError, Message, Producer

from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.settings import Settings
from pipelines.topics import ALL_CLIENTS, ALL_PAYMENTS, ALL_SALES_ORDER, topic_name
from tests.chaos.given_up import GivenUp
from tests.chaos.journal import Journal, Telling, Told
from tests.flow.source_messages import Delivery, Order, Payment

_MINUTE_S: Final = 60.0
_GIVEN_UP_OF: Final = 4
"""Before one payment in so many, another amount is written in a transaction that is given up."""


class Teller:
    """Writes for one caller; `close` waits until Kafka has everything.

    With `given_up` some payments are preceded by what no reader may take for one.
    """

    def __init__(
        self,
        settings: Settings,
        framing: Framing,
        journal: Journal,
        given_up: GivenUp | None = None,
    ) -> None:
        self._given_up = given_up
        self._giving_up = asyncio.Lock()
        self._settings = settings
        self._framing = framing
        self._journal = journal
        self._told = {line.event for line in journal.kept if isinstance(line, Told)}
        self._stopped = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=self._serve, name="teller", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._producer.flush(_MINUTE_S)

    async def tell(
        self, life: str, step: str, told: Order | Payment | Delivery, *, twice: bool = False
    ) -> None:
        """Write one record, or the same twice, and wait until Kafka has it."""
        event = f"{life}/{step}"
        if event in self._told:
            return
        fields = told.record(event, time.time_ns() // 1_000_000)
        kept = {name: shown(value) for name, value in fields.items() if name != "notification"}
        self._journal.write(
            Telling(
                at_ns=time.monotonic_ns(),
                life=life,
                event=event,
                kind=type(told).__name__,
                fields=kept,
            )
        )
        if isinstance(told, Payment) and self._given_up is not None:
            await self._give_up(told, event, self._given_up)
        for _ in range(2 if twice else 1):
            await self._write(told, fields)
        self._told.add(event)
        self._journal.write(Told(at_ns=time.monotonic_ns(), event=event))

    async def _give_up(self, payment: Payment, event: str, given_up: GivenUp) -> None:
        """Write the payment with twice its amount, under the same event's id, and take it back."""
        if zlib.crc32(event.encode()) % _GIVEN_UP_OF:
            return
        other = replace(payment, amount_minor=2 * payment.amount_minor)
        place = self._encoded(other, other.record(event, time.time_ns() // 1_000_000))
        async with self._giving_up:
            await asyncio.to_thread(given_up.write, *place)

    def _encoded(
        self, told: Order | Payment | Delivery, fields: Mapping[str, object]
    ) -> tuple[str, str, bytes]:
        """Topic, key and value."""
        encode = self._framing.encode
        match told:
            case Order():
                topic, key = ALL_SALES_ORDER, told.order_id
                value = encode(RecordName.SALES_ORDER, fields)
            case Payment():
                topic, key = ALL_PAYMENTS, told.order_id
                value = encode(RecordName.PAYMENT, fields, version=told.contract)
            case Delivery():
                topic, key = ALL_CLIENTS, told.number
                value = encode(RecordName.CLIENT, fields)
        return topic_name(topic, self._settings), key, value

    async def _write(self, told: Order | Payment | Delivery, fields: Mapping[str, object]) -> None:
        topic, key, value = self._encoded(told, fields)
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()

        def delivered(error: KafkaError | None, _message: Message) -> None:
            loop.call_soon_threadsafe(_settle, written, error)

        self._producer.produce(topic, key=key, value=value, on_delivery=delivered)
        await written

    def _serve(self) -> None:
        while not self._stopped.is_set():
            self._producer.poll(0.05)


def _settle(written: asyncio.Future[None], error: KafkaError | None) -> None:
    if written.done():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(RuntimeError(f"Kafka did not take a source record: {error.str()}"))


def shown(value: Any) -> Any:
    """A field as the journal keeps it: amounts, which are bytes, as their number of 1/10000."""
    match value:
        case bytes():
            return int.from_bytes(value, "big", signed=True)
        case list():
            return [shown(each) for each in value]
        case dict():
            return {name: shown(each) for name, each in value.items()}
        case _:
            return value
