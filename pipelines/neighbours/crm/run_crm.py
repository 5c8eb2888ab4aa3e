"""The CRM as a process: its three threads from start to stop, and how one that fails ends all.

Owns the threads and the order in which they end: first no more of the stream, then the sends that
are under way, then their records, then everything else. What each does is its module's.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Final, Protocol

from pipelines.background import Background
from pipelines.contracts.framing import Framing
from pipelines.faults import OperatorError, TopicMissing
from pipelines.kafka_admin import KafkaAdmin
from pipelines.neighbours.crm.buyers import Buyers
from pipelines.neighbours.crm.desk import Desk
from pipelines.neighbours.crm.group_member import GroupMember
from pipelines.neighbours.crm.intake import Intake
from pipelines.neighbours.crm.order_log import FollowedOrders
from pipelines.neighbours.crm.order_places import OrderPlaces
from pipelines.settings import Settings
from pipelines.topics import ALL_CLIENTS, ALL_SALES_ORDER, STREAM, topic_name

_LOOK_UP_S: Final = 1.0
_ANSWER_S: Final = 10.0
_HANGS_S: Final = 300.0
_THREAD_END_S: Final = 6.0
"""More than the reading thread gives the sends that are under way."""

_BLOCKING_CALLS: Final = 32
"""Threads for what waits without the event loop: tokens of orders, and the issuer's."""


def hangs_after_s(settings: Settings) -> float:
    """For how long one of its three loops may be silent, and more.

    The one that reads the stream waits longest: its watchdog ends a commit a little after a
    transaction's life, and at an assignment Kafka is asked for each partition. A client that has
    not polled for five minutes is out of the group anyway. A gateway, a directory or an edge that
    is down is waited for by deliveries, and no loop with them.
    """
    return settings.transaction_timeout_ms / 1_000 + _HANGS_S


class Closes(Protocol):
    """What has connections that belong to the event loop."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmParts:
    """What the threads work with."""

    settings: Settings
    group: str
    framing: Framing
    desk: Desk
    intake: Intake
    places: OrderPlaces
    buyers: Buyers
    connections: Sequence[Closes]


def run_crm(parts: CrmParts) -> None:
    """Work until interrupted, or until something fails: then that is raised."""
    _require_topics(parts.settings)
    stop = Event()
    faults: list[OperatorError] = []

    def told(work: Callable[[], None]) -> Callable[[], None]:
        """What an operator can mend ends the process in one line, not in a traceback."""

        def run() -> None:
            try:
                work()
            except OperatorError as fault:
                faults.append(fault)
                stop.set()

        return run

    background = Background(on_failure=stop.set)
    background.start("deliveries", told(lambda: asyncio.run(_deliver(parts))))
    background.start("orders", told(lambda: _follow(parts, stop)))
    background.start("stream", told(lambda: _read(parts, stop)))
    try:
        while not stop.wait(_LOOK_UP_S):
            pass
    finally:
        stop.set()
        background.join(_THREAD_END_S)
    if faults:
        raise faults[0]


def _require_topics(settings: Settings) -> None:
    """TopicMissing, in one line, before anything is done."""
    there = KafkaAdmin(settings, timeout_s=_ANSWER_S).topics()
    needed = [topic_name(topic, settings) for topic in (STREAM, ALL_SALES_ORDER, ALL_CLIENTS)]
    missing = [name for name in needed if name not in there]
    if missing:
        raise TopicMissing(
            f"topics are missing: {', '.join(missing)}; run `giftcert topics apply`, "
            "or have the owner of an All_* topic make it"
        )


async def _deliver(parts: CrmParts) -> None:
    threads = ThreadPoolExecutor(_BLOCKING_CALLS, thread_name_prefix="crm")
    asyncio.get_running_loop().set_default_executor(threads)
    try:
        await parts.desk.run()
    finally:
        for connection in parts.connections:
            await connection.close()
        threads.shutdown(wait=False, cancel_futures=True)


def _follow(parts: CrmParts, stop: Event) -> None:
    read_on = False
    while not read_on:
        orders = FollowedOrders(parts.settings, parts.places.next_offsets())
        try:
            read_on = parts.buyers.follow(orders, stop)
        finally:
            orders.close()


def _read(parts: CrmParts, stop: Event) -> None:
    try:
        with GroupMember(parts.settings, parts.group, parts.framing, parts.intake) as member:
            try:
                while not stop.is_set():
                    parts.intake.turn(member)
                parts.intake.close(member)
            finally:
                parts.desk.stop()
    finally:
        # Also where the group was never joined: the deliveries' thread waits for this.
        parts.desk.stop()
