"""How a caller writes source records: orders, payments, deliveries, once or again.

Owns the producer and what the journal says of each record. The event's id follows from the life and
its step, so what a successor writes again is the same event to the service.
"""

import asyncio
import threading
import time
from typing import Any, Final

from confluent_kafka import KafkaError, Message, Producer

from pipelines.contracts.framing import Framing
from pipelines.contracts.schemas import RecordName
from pipelines.settings import Settings
from pipelines.topics import ALL_CLIENTS, ALL_PAYMENTS, ALL_SALES_ORDER, topic_name
from tests.chaos.journal import Journal, Telling, Told
from tests.flow.source_messages import Delivery, Order, Payment

_MINUTE_S: Final = 60.0


class Teller:
    """Writes for one caller; `close` waits until Kafka has everything."""

    def __init__(self, settings: Settings, framing: Framing, journal: Journal) -> None:
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
        for _ in range(2 if twice else 1):
            await self._write(told, fields)
        self._told.add(event)
        self._journal.write(Told(at_ns=time.monotonic_ns(), event=event))

    async def _write(self, told: Order | Payment | Delivery, fields: dict[str, Any]) -> None:
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
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()

        def delivered(error: KafkaError | None, _message: Message) -> None:
            loop.call_soon_threadsafe(_settle, written, error)

        self._producer.produce(
            topic_name(topic, self._settings), key=key, value=value, on_delivery=delivered
        )
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
