"""Threads beside a worker's loop: a bug in one of them stops the worker, it is never swallowed."""

import threading
from collections.abc import Callable


class Background:
    """Named threads that share one fate with the worker."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` in a thread until it returns."""

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._error = error
                self._on_failure()
                raise

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the threads, then raise what one of them failed with."""
        for thread in self._threads:
            thread.join(timeout_s)
        if self._error is not None:
            raise self._error
