"""Work beside the asking thread, in threads that nobody has to wait for.

Owns the threads. They are daemons: who hangs on a dead connection must not keep the command alive.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import TypeVar

from pipelines.faults import OperatorError

_Answer = TypeVar("_Answer")


def beside(work: Callable[[], _Answer]) -> "Future[_Answer]":
    """Begin the work; its answer, or its OperatorError, is in the future. A bug shows its trace."""
    future: Future[_Answer] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except OperatorError as fault:
            future.set_exception(fault)

    threading.Thread(target=run, name="status", daemon=True).start()
    return future


def in_time(answer: "Future[_Answer]", deadline_s: float) -> _Answer | None:
    """The answer, if there is one by then (monotonic). Its OperatorError is raised."""
    try:
        return answer.result(max(0.0, deadline_s - time.monotonic()))
    except NotInTime:
        return None
