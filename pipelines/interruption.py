"""How a command is told to stop: the first stop signal raises KeyboardInterrupt, the next wait.

Owns the signal handlers of a command that runs long. What follows the first signal is bounded in
time and must not be cut short itself: it stops what was started and says what was done.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_signals_interrupt() -> Iterator[None]:
    """For the main thread: from here to the end of the `with`, a stop signal interrupts once."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        ignore_stop_signals()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_stop_signals() -> None:
    """From here on a stop signal does nothing: the end has begun and is bounded in time."""
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
