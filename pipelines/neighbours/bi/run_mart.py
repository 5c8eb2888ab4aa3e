"""Runs the mart: opens topics and database, catches up, and goes on until told to stop.

Owns the thin input and output around the keeper, and when the page is written anew.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from pipelines.contracts.framing import framing_for
from pipelines.faults import OperatorError
from pipelines.last_turn import LastTurn
from pipelines.neighbours.bi.keeper import Keeper
from pipelines.neighbours.bi.mart import Mart, MartTerms
from pipelines.neighbours.bi.metrics import BiMetrics
from pipelines.neighbours.bi.page import write_page
from pipelines.neighbours.bi.reader import MartReader
from pipelines.neighbours.bi.readings import Readings
from pipelines.neighbours.bi.report import Step, read_report, unnoted
from pipelines.neighbours.bi.settings import BiSettings
from pipelines.neighbours.bi.target import Target
from pipelines.progress import progress
from pipelines.settings import Settings

_LONGEST_STEP_S: Final = 1_800.0
"""Longer than any step on a mart that is of use: readers of BI wait half an hour at most."""

_log: Final = structlog.get_logger(__name__)


def hangs_after_s(told: BiSettings) -> float:
    """For how long a mart's loop may be silent, and more.

    A step is one batch, one transaction or one figure of the page; each may wait first for whoever
    has the mart open. However many there are, filling a mart anew is one step after the other, and
    a database that is away is asked again and again.
    """
    return told.wait_s + told.batch_ms / 1_000 + _LONGEST_STEP_S


def run_mart(
    settings: Settings,
    told: BiSettings,
    target: Target,
    last_turn: LastTurn,
    *,
    writer: str,
    until_caught_up: bool,
    metrics: BiMetrics | None = None,
) -> int:
    """Keep the mart until interrupted, or only till it has caught up; the records taken in.

    `writer` is this run's own name. An OperatorError when Kafka or the database does not let us.
    """
    framing = framing_for(settings)
    mart = Mart(target, _terms(settings, told), writer=writer)
    starts = mart.begin(_now_ms())
    page = None
    if told.page_dir is not None:
        page = Page(target, told.page_dir, every_s=told.page_s, step=last_turn.note)
    try:
        with MartReader(settings, starts) as reader:
            keeper = Keeper(
                reader,
                Readings(framing, mart.calendar, topic_prefix=settings.topic_prefix),
                mart,
                last_turn,
                batch_records=told.batch_records,
                batch_s=told.batch_ms / 1_000,
                metrics=metrics,
            )
            began_s = time.monotonic()
            with progress("filling the mart") as advance:
                keeper.catch_up(advance)
            _log.info(
                "the mart has caught up",
                mart=target.label,
                records=keeper.records,
                seconds=round(time.monotonic() - began_s, 1),
            )
            if page is not None:
                page.write()
            if not until_caught_up:
                keeper.run(page.turned if page is not None else _nothing)
            return keeper.records
    finally:
        framing.close()


class Page:
    """The page beside a running mart: written anew now and then.

    That is where something has changed, and seldom where nothing has, so that it says since when it
    is in step. It takes no more than a sixth of the run's time.
    """

    def __init__(
        self,
        target: Target,
        folder: Path,
        *,
        every_s: float,
        clock: Callable[[], float] = time.monotonic,
        step: Step = unnoted,
    ) -> None:
        self._target = target
        self._step = step
        self._folder = folder
        self._every_s = every_s
        self._clock = clock
        self._pause_s = every_s
        self._written_s = float("-inf")
        self._changed = True
        self._first = True

    def turned(self, changed: bool) -> None:
        """Learn that the mart was seen to, and whether something came in.

        A page that cannot be written for the moment does not stop the mart.
        """
        self._changed = self._changed or changed
        passed_s = self._clock() - self._written_s
        if passed_s >= (self._pause_s if self._changed else _SELDOM * self._pause_s):
            try:
                self.write()
            except OperatorError as fault:
                _log.warning("the page is not written anew", fault=str(fault))

    def write(self) -> None:
        """Write it now. OperatorError."""
        self._written_s = began_s = self._clock()
        report = read_report(self._target, full_numbers=False, step=self._step)
        write_page(report, self._folder, refresh_s=max(5, int(self._every_s)))
        self._step()
        # The first one also loads what draws the charts, and says nothing of those that follow.
        if not self._first:
            self._pause_s = max(self._every_s, _SHARE * (self._clock() - began_s))
        self._first = False
        self._changed = False


_SELDOM: Final = 20
_SHARE: Final = 5


def _terms(settings: Settings, told: BiSettings) -> MartTerms:
    return MartTerms(
        time_zone=told.time_zone,
        topic_prefix=settings.topic_prefix,
        breakage_days=told.breakage_days,
        settle_minutes=told.settle_minutes,
    )


def _nothing(_changed: bool) -> None:
    """Nobody wants to know."""


def _now_ms() -> int:
    return int(time.time() * 1_000)
