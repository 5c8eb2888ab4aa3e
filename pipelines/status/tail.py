"""Follows a topic beside everything else: from some places to its end, and on as records come.

Owns the thread. What a record means is for who takes it; a topic that cannot be read is said, and
stops nobody.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import Message

from pipelines.committed_reader import CommittedReader
from pipelines.faults import OperatorError
from pipelines.settings import Settings
from pipelines.topics import Topic

_END_S: Final = 1.0


class Tail:
    """Takes every record in the order of its partition, one at a time, in a thread of its own.

    `starts` says where to begin, and is asked in that thread; without it, at the start.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        take: Callable[[Message], None],
        *,
        starts: Callable[[], Mapping[int, int]] = dict,
        timeout_s: float,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._take = take
        self._starts = starts
        self._timeout_s = timeout_s
        self._stopped = threading.Event()
        self._caught_up = threading.Event()
        self.fault = ""
        self._thread = threading.Thread(target=self._run, name=f"tail {topic.name}", daemon=True)
        self._thread.start()

    def caught_up(self, timeout_s: float) -> bool:
        """Whether everything that was there at its start is taken; waits so long for it."""
        return self._caught_up.wait(timeout_s)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take no more; `close` waits for it."""
        self._stopped.set()

    def close(self) -> None:
        """Stop. A client that waits for a dead broker is left behind: it ends with the process."""
        self.stop()
        self._thread.join(_END_S)

    def _run(self) -> None:
        try:
            self._follow()
        except OperatorError as fault:
            self.fault = str(fault)
            # Who waits for the end is told at once that none comes.
            self._caught_up.set()

    def _follow(self) -> None:
        with CommittedReader(
            self._settings, self._topic, starts=self._starts(), timeout_s=self._timeout_s
        ) as reader:
            ends = reader.ends()
            while not self._stopped.is_set():
                for message in reader.batch():
                    self._take(message)
                if not reader.owed(ends):
                    self._caught_up.set()
