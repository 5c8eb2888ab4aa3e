"""Many seeds, each a run of its own, in as many processes as there are.

Owns the spreading of the work and the sums. What a run does and how it is judged is `simulation`'s.
"""

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from typing import Final

from pipelines.progress import Advance, untold
from pipelines.simulation.shrink import Budget, shrunk
from pipelines.simulation.simulation import Run, plan_of, run
from pipelines.simulation.steps import Step, selected, text_of

_CHUNKS_EACH: Final = 40
"""Seeds go to a process in chunks, so many a process: long runs spread, and progress shows."""


@dataclass(slots=True, kw_only=True)
class Sums:
    """What all runs did, and those that broke a law."""

    runs: int = 0
    steps: int = 0
    commands: int = 0
    seconds: float = 0.0
    counters: Counter[str] = field(default_factory=Counter)
    failed: list[Run] = field(default_factory=list)

    def add(self, finished: Run) -> None:
        """Count one run in."""
        self.runs += 1
        self.steps += finished.steps
        self.commands += finished.commands
        self.counters += finished.counters
        if finished.breaches:
            self.failed.append(finished)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortest:
    """The shortest failing history that was found: the places of its steps, and its run."""

    seed: int
    steps: int
    only: str
    history: tuple[Step, ...]
    run: Run

    @property
    def command(self) -> str:
        """What performs it again."""
        return f"giftcert simulate --seed {self.seed} --steps {self.steps} --only {self.only}"


def simulate(
    seeds: Sequence[int],
    steps: int,
    *,
    processes: int = 1,
    keep_going: bool = False,
    advance: Advance = untold,
) -> Sums:
    """Run every seed; up to the first that breaks a law, unless it is told to keep going."""
    sums = Sums()
    started_s = time.monotonic()
    for finished in _runs(seeds, steps, processes):
        sums.add(finished)
        advance(sums.runs, len(seeds))
        if sums.failed and not keep_going:
            break
    sums.seconds = time.monotonic() - started_s
    return sums


def run_seed(seed: int, steps: int) -> Run:
    """One seed's run. What it told step by step is kept where it failed only."""
    finished = run(plan_of(seed, steps))
    return finished if finished.breaches else replace(finished, told=())


def replayed(seed: int, steps: int, only: frozenset[int]) -> tuple[list[Step], Run]:
    """The steps of these places, performed again."""
    plan = plan_of(seed, steps)
    chosen = selected(plan.steps, only)
    return chosen, run(plan, chosen)


def shortest(failed: Run, *, runs: int, seconds: float) -> Shortest:
    """The shortest history found that breaks the law that a run broke first."""
    plan = plan_of(failed.seed, failed.steps)
    law = failed.breaches[0].law
    ends_s = time.monotonic() + seconds

    def fails(steps: Sequence[Step]) -> bool:
        return any(breach.law == law for breach in run(plan, steps).breaches)

    budget = Budget(runs=runs, is_over=lambda: time.monotonic() > ends_s)
    history = shrunk(plan.steps, fails, budget)
    return Shortest(
        seed=failed.seed,
        steps=failed.steps,
        only=text_of([step.index for step in history]),
        history=tuple(history),
        run=run(plan, history),
    )


def _runs(seeds: Sequence[int], steps: int, processes: int) -> Iterator[Run]:
    if processes == 1 or len(seeds) == 1:
        for seed in seeds:
            yield run_seed(seed, steps)
        return
    size = max(len(seeds) // (processes * _CHUNKS_EACH), 1)
    chunks = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    # Spawned, not forked: a fork would take over the threads' locks of whoever shows progress.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare) as pool:
        under_way = [pool.submit(_run_chunk, chunk, steps) for chunk in chunks]
        try:
            yield from _finished(under_way)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finished(under_way: Sequence["Future[list[Run]]"]) -> Iterator[Run]:
    for future in as_completed(under_way):
        yield from future.result()


def _prepare() -> None:
    """Look for garbage between runs only: within one that takes a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _run_chunk(seeds: Sequence[int], steps: int) -> list[Run]:
    runs = []
    for seed in seeds:
        runs.append(run_seed(seed, steps))
        gc.collect()
    return runs
