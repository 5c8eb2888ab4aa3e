"""A whole CRM but for its network: intake, desk and courier on a group in memory.

Owns one life of a process: it starts, turns, and is killed between any two steps.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from time import monotonic
from typing import Final

from pipelines.last_turn import LastTurn
from pipelines.neighbours.crm.courier import Courier
from pipelines.neighbours.crm.desk import Desk
from pipelines.neighbours.crm.intake import Intake
from pipelines.neighbours.crm.metrics import CrmMetrics
from pipelines.neighbours.crm.run_crm import Closes
from tests.neighbours.crm.asked_messages import FRAMING
from tests.neighbours.crm.crm_fakes import Clock
from tests.neighbours.crm.group_in_memory import Kafka, MemberInMemory
from tests.pipelines.told_time import ToldTime

_DEADLINE_S: Final = 30.0


class Crm:
    """One life. Nothing of it is heard any more once it was killed."""

    def __init__(
        self,
        kafka: Kafka,
        courier: Courier,
        *,
        metrics: CrmMetrics | None = None,
        ending_s: float = _DEADLINE_S,
        connections: Sequence[Closes] = (),
    ) -> None:
        self.kafka = kafka
        self.metrics = metrics or CrmMetrics()
        self.time = ToldTime()
        self.last_turn = LastTurn(hangs_after_s=60.0, clock=self.time)
        self.desk = Desk(courier, LastTurn(hangs_after_s=_DEADLINE_S))
        self.intake = Intake(
            self.desk, FRAMING, self.metrics, self.last_turn, now_ms=Clock(), ending_s=ending_s
        )
        self.member = MemberInMemory(kafka, self.intake)
        self._connections = connections
        self._thread = Thread(target=lambda: asyncio.run(self._deliver()), daemon=True)

    def start(self) -> None:
        """Begin, and join the group."""
        self._thread.start()
        self.member.join()

    async def _deliver(self) -> None:
        try:
            await self.desk.run()
        finally:
            for each in self._connections:
                await each.close()

    def turn(self) -> None:
        self.intake.turn(self.member)

    def until(self, condition: Callable[[], bool]) -> None:
        """Turn until something is true."""
        deadline_s = monotonic() + _DEADLINE_S
        while not condition():
            assert monotonic() < deadline_s, (self.kafka.outcomes(), self.kafka.committed)
            self.turn()

    def kill(self) -> None:
        """End at once: what was not committed never was."""
        self.desk.stop()
        self._thread.join(_DEADLINE_S)

    def stop(self) -> None:
        """End as told to."""
        self.intake.close(self.member)
        self.kill()


@contextmanager
def running(
    kafka: Kafka,
    courier: Courier,
    metrics: CrmMetrics | None = None,
    *,
    connections: Sequence[Closes] = (),
) -> Iterator[Crm]:
    """A CRM at work, killed at the end."""
    crm = Crm(kafka, courier, metrics=metrics, connections=connections)
    crm.start()
    try:
        yield crm
    finally:
        crm.kill()
