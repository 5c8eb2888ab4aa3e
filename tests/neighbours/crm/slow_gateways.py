"""Shared by tests of a CRM on a group in memory: sold certificates, and slow gateways."""

import asyncio
from threading import Event

from pipelines.neighbours.crm.gateway import Message
from pipelines.neighbours.crm.request import StreamRecord
from tests.neighbours.crm.asked_messages import NUMBER, Life, stream_of
from tests.neighbours.crm.crm_fakes import FakeGateway
from tests.neighbours.crm.group_in_memory import Kafka

SENT = (NUMBER, "SENT", None)


def numbers(how_many: int) -> list[str]:
    return [f"GC-{position:08}" for position in range(how_many)]


def asked_for(*names: str, partition: int = 0) -> list[StreamRecord]:
    return stream_of(*(Life(name) for name in names), partition=partition)


def open_notes(kafka: Kafka) -> bool:
    return any(place.note for place in kafka.committed.values())


class HeldGateway(FakeGateway):
    """A gateway that keeps its callers waiting until it is let go, in any thread.

    `holds`: only the first so many of them.
    """

    def __init__(self, *words: object, deduplicates: bool = True, holds: int | None = None) -> None:
        super().__init__(*words, deduplicates=deduplicates)
        self._holds = holds
        self._came = 0
        self.let_go = Event()
        self.holding = Event()

    async def send(self, message: Message) -> None:
        self._came += 1
        if self._holds is None or self._came <= self._holds:
            self.holding.set()
            while not self.let_go.is_set():
                await asyncio.sleep(0.001)
        await super().send(message)


class SilentGateway(FakeGateway):
    """A gateway that takes the first message and is killed, with the CRM, before it says so."""

    def __init__(self, *, deduplicates: bool = True) -> None:
        super().__init__(deduplicates=deduplicates)
        self.silent = True

    async def send(self, message: Message) -> None:
        await super().send(message)
        while self.silent:
            await asyncio.sleep(0.001)
