"""Waiting, with an end: for what the stream must show, while everything else is still well.

Owns the threads of the demo and the checks made whenever the demo waits: a thread that ended by an
error, a record that Kafka did not take or a worker that died ends the waiting at once.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import monotonic
from types import TracebackType
from typing import Final, Self

from pipelines.demo.witness import Witness
from pipelines.faults import OperatorError

_LOOK_EVERY_S: Final = 0.5


class NothingComes(OperatorError):
    """The stream has been silent for too long."""


class Patience:
    """Runs threads and waits beside them. `checks` raise what went wrong elsewhere."""

    def __init__(
        self,
        witness: Witness,
        checks: tuple[Callable[[], None], ...],
        *,
        silence_max_s: float = 120.0,
    ) -> None:
        self._witness = witness
        self._checks = checks
        self._silence_max_s = silence_max_s
        self._stop = Event()
        self._threads: list[Future[None]] = []
        self._executor = ThreadPoolExecutor(thread_name_prefix="demo")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._executor.shutdown(wait=True)

    def start(self, work: Callable[[Event], None]) -> None:
        """Run something on a thread of its own until the demo ends; it is told by the event."""
        self._threads.append(self._executor.submit(work, self._stop))

    def check(self) -> None:
        """Raise what went wrong anywhere."""
        for thread in self._threads:
            if thread.done():
                thread.result()
        for check in self._checks:
            check()

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until `condition` holds. NothingComes when the stream falls silent before it."""
        began = monotonic()
        while not self._witness.wait_for(condition, _LOOK_EVERY_S):
            self.check()
            silent_s = min(self._witness.quiet_for_s(), monotonic() - began)
            if silent_s > self._silence_max_s:
                raise NothingComes(
                    f"nothing has come on the stream for {silent_s:.0f} s, while waiting for {what}"
                )

    def gives(self, condition: Callable[[], bool], *, within_s: float) -> bool:
        """Whether `condition` comes to hold while events still come, or soon after the last."""
        while not self._witness.wait_for(condition, _LOOK_EVERY_S):
            self.check()
            if self._witness.quiet_for_s() > within_s:
                return False
        return True

    def pause(self, seconds: float) -> None:
        """Let time pass, and look whether all is well."""
        self._stop.wait(seconds)
        self.check()
