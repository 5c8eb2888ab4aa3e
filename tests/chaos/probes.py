"""Whether the service serves: asked as a caller asks, about every partition.

Owns the questions. A processor's partition serves when a command about a number in it is decided
and answered; a correlator's when it says what it knows of an order. Broker health is asked of
Kafka itself.
"""

import asyncio
import random
import time
from contextlib import suppress
from itertools import count
from typing import Final

import httpx
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipelines.partitioning import partition_of
from tests.chaos.fleet import PARTITIONS, Fleet

PATIENCE_S: Final = 120.0
"""A service that does not serve for so long after a fault does not serve."""

_ONE_ANSWER_S: Final = 2.0
_PAUSE_S: Final = 0.1
_SCOPES: Final = "certificates:support certificates:redeem"


class NotServing(Exception):
    """Something does not answer within `PATIENCE_S`."""


def probe_numbers() -> list[str]:
    """A number in each partition, to be loaded into a pool of their own."""
    return [_in_partition("PROBE", each) for each in range(PARTITIONS)]


def probe_orders() -> list[str]:
    """An order's id in each partition, of which nobody has heard."""
    return [_in_partition("probe", each) for each in range(PARTITIONS)]


def _in_partition(stem: str, partition: int) -> str:
    names = (f"{stem}-{index:04d}" for index in count())
    return next(each for each in names if partition_of(each.encode(), PARTITIONS) == partition)


class Probes:
    """Asks through whatever edges there are. Each question is a request of its own."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._asked = count()

    def await_serving(self) -> int:
        """Wait until every partition of both roles is served; the time (monotonic, ns) it was.

        NotServing when that takes too long.
        """
        return asyncio.run(self._all_served())

    def await_whole(self) -> int:
        """Wait until also every worker is ready and every broker has every record."""
        deadline_s = time.monotonic() + PATIENCE_S
        while said := self._missing():
            if time.monotonic() > deadline_s:
                raise NotServing(said)
            time.sleep(_PAUSE_S)
        return self.await_serving()

    def _missing(self) -> str:
        if unready := self._fleet.unready():
            return f"not ready: {', '.join(unready)}"
        return self.behind()

    def behind(self) -> str:
        """What Kafka lacks: a broker, or a copy that is not in step; nothing when it is whole."""
        client = AdminClient({"bootstrap.servers": self._fleet.cluster.bootstrap, "log_level": 0})
        try:
            known = client.list_topics(timeout=_ONE_ANSWER_S)
        except KafkaException as error:
            return f"Kafka does not answer: {error}"
        lacking = [
            name
            for name, topic in known.topics.items()
            for partition in topic.partitions.values()
            if partition.leader < 0 or len(partition.isrs) < len(partition.replicas)
        ]
        return f"{len(lacking)} copies behind, one of {lacking[0]}" if lacking else ""

    async def _all_served(self) -> int:
        token = self._fleet.issuer.tokens.issue(
            "support", scope=_SCOPES, now_s=time.time() - 900
        ).text
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.gather(
                        *(self._decided(client, number) for number in probe_numbers()),
                        *(self._explained(client, each) for each in range(PARTITIONS)),
                    )
            except TimeoutError:
                raise NotServing("a partition is not served") from None
        return time.monotonic_ns()

    async def _decided(self, client: httpx.AsyncClient, number: str) -> None:
        """A capture of a hold that never was: refused, and only the log can refuse it."""
        key = f"probe-{number}-{next(self._asked)}"
        path = f"/certificates/{number}/authorizations/none/capture"
        await self._ask(client, "POST", path, {409}, {"Idempotency-Key": key})

    async def _explained(self, client: httpx.AsyncClient, partition: int) -> None:
        path = f"/correlations/{probe_orders()[partition]}"
        await self._ask(client, "GET", path, {200, 404}, {})

    async def _ask(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        awaited: set[int],
        headers: dict[str, str],
    ) -> None:
        """Ask one processor after another until one answers as it should."""
        while True:
            url = random.choice(self._fleet.urls("processor"))
            with suppress(httpx.TransportError):
                answer = await client.request(
                    method, f"{url}{path}", headers=headers, timeout=_ONE_ANSWER_S
                )
                if answer.status_code in awaited:
                    return
            await asyncio.sleep(_PAUSE_S)
