"""Keeps a bounded number of rows under way, sends again what stays unanswered, gives up in time.

Owns that logic alone: sending, hearing and the clock are handed in. Sending a row again does no
harm: it is the same request, which has one outcome for ever.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from pipelines.loader.outcomes import NO_ANSWER, RowResult
from pipelines.progress import Advance

ROWS_UNDER_WAY: Final = 1_000
"""A quarter of a second of the service's work. Whoever asks it for a number meanwhile waits behind
them, once for the pool and once for the certificate; with fewer, its commits are too small."""

SILENCE_S: Final = 10.0
ATTEMPTS: Final = 3
_LISTEN_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the service answered to one row."""

    certificate_id: str
    result: RowResult


class Exchange(Protocol):
    """The service, as the loader talks to it."""

    def send(self, certificate_id: str, pool: str) -> None:
        """Ask for one number to be loaded."""
        ...

    def answers(self, timeout_s: float) -> Iterable[Answer]:
        """What has come, waiting that long for the first of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many rows may be under way, and when a silent service is asked again or given up.

    Each time nothing at all was heard for `silence_s`, what is under way is sent again; when that
    was done `attempts` - 1 times in a row to no answer, the load ends.
    """

    rows_under_way: int = ROWS_UNDER_WAY
    silence_s: float = SILENCE_S
    attempts: int = ATTEMPTS


class Window:
    """One run over the rows of a load. `results` grows as answers come.

    A row that has its result at the start is not sent.
    """

    def __init__(
        self,
        rows: dict[str, tuple[int, str]],
        exchange: Exchange,
        *,
        clock: Callable[[], float],
        patience: Patience | None = None,
        results: dict[str, RowResult] | None = None,
    ) -> None:
        self._rows = rows
        self._exchange = exchange
        self._clock = clock
        self._patience = Patience() if patience is None else patience
        self._under_way: set[str] = set()
        self.results: dict[str, RowResult] = {} if results is None else results

    def run(self, advance: Advance) -> None:
        """Send every row and hear every answer; what was not answered at the end is NO_ANSWER."""
        try:
            self._run(advance)
        finally:
            self.results.update(dict.fromkeys(self._under_way, NO_ANSWER))

    def _run(self, advance: Advance) -> None:
        unsent = iter([number for number in self._rows if number not in self.results])
        total = len(self._rows)
        heard_s = self._clock()
        tries_left = self._patience.attempts - 1
        while self._fill(unsent) or self._under_way:
            if self._hear():
                heard_s = self._clock()
                tries_left = self._patience.attempts - 1
                advance(len(self.results), total)
            elif self._clock() - heard_s >= self._patience.silence_s:
                if tries_left == 0:
                    return
                tries_left -= 1
                heard_s = self._clock()
                for number in self._under_way:
                    self._exchange.send(number, self._rows[number][1])

    def _fill(self, unsent: Iterator[str]) -> bool:
        """Send rows while there is room; whether any was sent."""
        sent = False
        while len(self._under_way) < self._patience.rows_under_way:
            number = next(unsent, None)
            if number is None:
                return sent
            self._under_way.add(number)
            self._exchange.send(number, self._rows[number][1])
            sent = True
        return sent

    def _hear(self) -> bool:
        """Take in what was answered; whether any of it was asked."""
        heard = False
        for answer in self._exchange.answers(_LISTEN_S):
            if answer.certificate_id in self._under_way:
                self._under_way.remove(answer.certificate_id)
                self.results[answer.certificate_id] = answer.result
                heard = True
        return heard
