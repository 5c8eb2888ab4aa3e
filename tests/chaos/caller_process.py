"""One caller: many customers at once, in a process that may be killed at any moment.

Owns the pace at which customers begin, and going on with those an earlier process left. Run as
`python -m tests.chaos.caller_process FILE`, FILE as `CallerPlan` says; SIGTERM lets no new customer
begin and ends it when the last one is done.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from pipelines.contracts.framing import framing_for
from pipelines.edge_client import RenewedToken
from pipelines.local.development_tokens import kept_tokens
from pipelines.settings import load_settings
from tests.chaos.edge_calls import EdgeCalls, Stuck
from tests.chaos.given_up import GivenUp
from tests.chaos.journal import Journal, LifeBegun, LifeEnded, Line, Started
from tests.chaos.life import Life
from tests.chaos.teller import Teller

_TOKEN_AGE_S = 900
_TOKEN_RENEWED_S = 600.0
_OPEN_MAX = 40


class CallerPlan(Struct, frozen=True, kw_only=True):
    """All that a caller is told.

    `data_dir` is where the token issuer keeps its things. `gives_up`: it also writes records in
    transactions that it gives up.
    """

    name: str
    seed: int
    lives_per_s: float
    urls: list[str]
    bootstrap: str
    data_dir: str
    journal: str
    gives_up: bool


class Caller:
    """The customers of one process."""

    def __init__(self, plan: CallerPlan) -> None:
        self._plan = plan
        self._journal = Journal(Path(plan.journal))
        self._journal.write(Started(at_ns=time.monotonic_ns(), process=os.getpid()))
        settings = load_settings({"bootstrap": plan.bootstrap})
        tokens = _Tokens(Path(plan.data_dir))
        # Which edge is asked, and how patiently, need not be the same in the next process.
        chance = random.Random()
        self._calls = EdgeCalls(plan.urls, tokens, self._journal, chance=chance)
        given_up = GivenUp(settings, plan.name) if plan.gives_up else None
        self._teller = Teller(settings, framing_for(settings), self._journal, given_up)
        self._left, self._begun = left_open(self._journal.kept)
        self._ending = asyncio.Event()

    async def run(self) -> None:
        """Live until told to end, and then until the last customer is done."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ending.set)
        living = {asyncio.create_task(self._live(name)) for name in self._left}
        while not self._ending.is_set():
            if len(living) < _OPEN_MAX:
                name = f"{self._plan.name}-{self._begun:06d}"
                self._begun += 1
                self._journal.write(LifeBegun(at_ns=time.monotonic_ns(), life=name))
                living.add(asyncio.create_task(self._live(name)))
            living = await self._reaped(living)
        if living:
            await asyncio.wait(living)
        for task in living:
            task.result()
        await self._calls.close()
        self._teller.close()
        self._journal.close()

    async def _reaped(self, living: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Those who still live after the pause between two customers; a bug in one ends us."""
        try:
            async with asyncio.timeout(1 / self._plan.lives_per_s):
                await self._ending.wait()
        except TimeoutError:
            pass
        for task in living:
            if task.done():
                task.result()
        return {task for task in living if not task.done()}

    async def _live(self, name: str) -> None:
        life = Life(name=name, seed=self._plan.seed, calls=self._calls, teller=self._teller)
        try:
            how = await life.run()
        except Stuck as stuck:
            how = f"stuck {stuck}"
        self._journal.write(LifeEnded(at_ns=time.monotonic_ns(), life=name, how=how))


class _Tokens:
    """A token for each client, renewed well before it ends, dated so that a slow clock takes it."""

    def __init__(self, data_dir: Path) -> None:
        self._issuer = kept_tokens(data_dir)
        self._renewed: dict[str, RenewedToken] = {}

    def __call__(self, client: str) -> str:
        if client not in self._renewed:
            self._renewed[client] = RenewedToken(
                lambda: self._issuer.issue(client, now_s=time.time() - _TOKEN_AGE_S).text,
                renewed_after_s=_TOKEN_RENEWED_S,
            )
        return self._renewed[client]()


def left_open(lines: Sequence[Line]) -> tuple[list[str], int]:
    """The customers an earlier process left, and how many have begun in all."""
    begun = [line.life for line in lines if isinstance(line, LifeBegun)]
    ended = {line.life for line in lines if isinstance(line, LifeEnded)}
    return [life for life in begun if life not in ended], len(begun)


def main() -> None:
    """Run the caller that the file describes."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=CallerPlan)

    async def run() -> None:
        await Caller(plan).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
