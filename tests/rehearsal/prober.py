"""Asks about every partition all the time, as customers do, and keeps when it was told what.

Owns the asking, in a thread with an event loop of its own. Each question is a call of its own that
begins at its time whether or not the ones before it are answered, so nothing that is slow or silent
can make it look away. What the answers amount to is judged elsewhere.
"""

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx

from tests.chaos.fleet import PARTITIONS
from tests.chaos.probes import probe_numbers, probe_orders

PATIENCE_S: Final = 8.0
"""Longer than an edge itself waits for an answer."""

_EXPLAIN_EVERY: Final = 5
_TOKEN_S: Final = 300.0
_END_S: Final = 30.0
SCOPES: Final = "certificates:read certificates:redeem certificates:support"


class Kind(StrEnum):
    """What is asked about a partition."""

    READ = "read"
    WRITE = "write"
    EXPLAIN = "explain"


GOOD: Final[Mapping[Kind, frozenset[int]]] = {
    Kind.READ: frozenset({200}),
    # A capture of a hold that never was: only the log can refuse it.
    Kind.WRITE: frozenset({409}),
    Kind.EXPLAIN: frozenset({200, 404}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question and what came of it. `status` 0: the connection failed, or nobody answered."""

    kind: Kind
    partition: int
    asked_ns: int
    told_ns: int
    status: int

    @property
    def good(self) -> bool:
        return self.status in GOOD[self.kind]


class Prober:
    """Asks from `start` to `stop`. Which edges are asked can be changed meanwhile."""

    def __init__(self, token: Callable[[], str], *, seed: int, interval_s: float) -> None:
        self.samples: list[Sample] = []
        self._interval_s = interval_s
        self._token = token
        self._chance = random.Random(seed)
        self._edges: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._failed: BaseException | None = None
        self._keys = itertools.count()
        self._numbers, self._orders = probe_numbers(), probe_orders()
        self._thread = threading.Thread(target=self._run, name="prober", daemon=True)

    def ask_at(self, edges: list[str]) -> None:
        """From now on ask these edges: what a load balancer sends calls to."""
        assert edges, "somebody must be asked"
        with self._lock:
            self._edges = tuple(edges)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End when what is under way is answered; raises what went wrong in asking, if anything."""
        self._stopped.set()
        self._thread.join(_END_S)
        if self._failed is not None:
            raise self._failed

    def heard_since(self, since_ns: int) -> list[Sample]:
        """What was asked since then and answered by now."""
        return [each for each in list(self.samples) if each.asked_ns >= since_ns]

    def _run(self) -> None:
        try:
            asyncio.run(self._ask_all())
        except BaseException as error:
            self._failed = error
            raise

    async def _ask_all(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        async with (
            httpx.AsyncClient(trust_env=False, limits=limits, timeout=PATIENCE_S) as client,
            asyncio.TaskGroup() as asking,
        ):
            headers, renewed_s = self._headers(), time.monotonic()
            for turn in itertools.count():
                if self._stopped.is_set():
                    return
                if time.monotonic() - renewed_s > _TOKEN_S:
                    headers, renewed_s = self._headers(), time.monotonic()
                for partition in range(PARTITIONS):
                    for kind in Kind:
                        if kind is Kind.EXPLAIN and turn % _EXPLAIN_EVERY:
                            continue
                        asking.create_task(self._ask(client, headers, kind, partition))
                    # Spread over the interval: who asks all at once measures his own queue.
                    await asyncio.sleep(self._interval_s / PARTITIONS)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}

    async def _ask(
        self, client: httpx.AsyncClient, headers: Mapping[str, str], kind: Kind, partition: int
    ) -> None:
        with self._lock:
            edge = self._chance.choice(self._edges)
        number = self._numbers[partition]
        asked_ns = time.monotonic_ns()
        try:
            match kind:
                case Kind.READ:
                    answer = await client.get(f"{edge}/certificates/{number}", headers=headers)
                case Kind.WRITE:
                    path = f"/certificates/{number}/authorizations/none/capture"
                    key = {"Idempotency-Key": f"rehearsal-{next(self._keys)}"}
                    answer = await client.post(f"{edge}{path}", headers={**headers, **key})
                case Kind.EXPLAIN:
                    path = f"/correlations/{self._orders[partition]}"
                    answer = await client.get(f"{edge}{path}", headers=headers)
            status = answer.status_code
        except httpx.TransportError:
            status = 0
        told_ns = time.monotonic_ns()
        self.samples.append(
            Sample(
                kind=kind,
                partition=partition,
                asked_ns=asked_ns,
                told_ns=told_ns,
                status=status,
            )
        )
