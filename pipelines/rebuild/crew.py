"""Several processes that fold partitions side by side.

Owns the processes, what each is given at its start, and the counting of what all of them do. Must
not know what the work is.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Final, TypeVar

from pipelines.contracts.framing import framing_for
from pipelines.faults import OperatorError
from pipelines.progress import Advance
from pipelines.rebuild.dead_letters import Place
from pipelines.rebuild.folding import Workshop
from pipelines.rebuild.silent_framing import SilentFraming
from pipelines.settings import Settings

_LOOK_EVERY_S: Final = 0.2
_SHARE: Final = Path("/sys/fs/cgroup/cpu.max")
"""How much of the processors a container is given: microseconds of each so many."""

Task = TypeVar("Task")
Result = TypeVar("Result")
Work = Callable[[Workshop, Task], Result]


def usual_processes(share: Path = _SHARE) -> int:
    """As many as there are processors, and in a container no more than it is given of them."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    try:
        quota_us, period_us = share.read_text(encoding="ascii").split()
        return max(1, min(there, int(quota_us) // int(period_us)))
    except (OSError, ValueError):
        # No container, or one without a limit, which says `max`.
        return there


class _Given:
    """What a process of the crew has, from its start on."""

    shop: Workshop | None = None
    stopped: Any = None


class _StoppedError(Exception):
    """The crew is dismissed: nobody waits for this result."""


class Crew:
    """Performs tasks, each in one of `processes`; with one process, here."""

    def __init__(
        self, settings: Settings, dead: frozenset[Place], *, processes: int, advance: Advance
    ) -> None:
        self._settings = settings
        self._dead = dead
        self._processes = processes
        self._advance = advance
        self.done = 0
        self._total = 0

    def results(
        self, work: Work[Task, Result], tasks: Iterator[Task], *, total: int
    ) -> Iterator[Result]:
        """The results, in the order in which they come. `total` is what is to be counted.

        A task is only taken when a process is free for it.
        """
        self._total += total
        if self._processes <= 1:
            yield from self._here(work, tasks)
        else:
            yield from self._beside(work, tasks)

    def _here(self, work: Work[Task, Result], tasks: Iterator[Task]) -> Iterator[Result]:
        shop = _workshop(self._settings, self._dead, self._count)
        try:
            for task in tasks:
                yield work(shop, task)
        finally:
            shop.framing.close()

    def _beside(self, work: Work[Task, Result], tasks: Iterator[Task]) -> Iterator[Result]:
        # Not forked: a Kafka client does not live through that.
        context = multiprocessing.get_context("spawn")
        counted, stopped = context.SimpleQueue(), context.Event()
        crew = ProcessPoolExecutor(
            self._processes,
            mp_context=context,
            initializer=_begin,
            initargs=(self._settings, self._dead, counted, stopped),
        )
        try:
            yield from self._shared_out(crew, work, tasks, counted)
        except BrokenProcessPool as error:
            raise OperatorError(
                "a process that folded was ended from outside, perhaps for want of memory: use "
                "fewer --processes, or a machine with more"
            ) from error
        finally:
            stopped.set()
            crew.shutdown(wait=False, cancel_futures=True)

    def _shared_out(
        self,
        crew: ProcessPoolExecutor,
        work: Work[Task, Result],
        tasks: Iterator[Task],
        counted: Any,
    ) -> Iterator[Result]:
        waiting: set[Future[Result]] = set()
        left = True
        while left or waiting:
            while left and len(waiting) < self._processes:
                try:
                    task = next(tasks)
                except StopIteration:
                    left = False
                else:
                    waiting.add(crew.submit(_perform, work, task))
            done, waiting = wait(waiting, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED)
            while not counted.empty():
                self._count(counted.get())
            for each in done:
                yield each.result()

    def _count(self, more: int) -> None:
        self.done += more
        self._advance(min(self.done, self._total), self._total)


def _workshop(settings: Settings, dead: frozenset[Place], told: Callable[[int], None]) -> Workshop:
    framing = SilentFraming(framing_for(settings))
    return Workshop(settings=settings, framing=framing, dead=dead, told=told)


def _begin(settings: Settings, dead: frozenset[Place], counted: Any, stopped: Any) -> None:
    """Begin a process of the crew."""
    # Ctrl-C is told to every process of a terminal; the first of them says what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def told(more: int) -> None:
        if stopped.is_set():
            raise _StoppedError
        counted.put(more)

    _Given.shop = _workshop(settings, dead, told)


def _perform(work: Work[Task, Result], task: Task) -> Result:
    assert _Given.shop is not None, "a process of the crew has begun"
    return work(_Given.shop, task)
