"""News from one thread to many pages: the last so many items, each with its number.

Owns the numbers, the bound and the waking of whoever waits. A page that comes back says the last
number it saw and goes on there. Must not know what the items are.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
_Wake = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class News(Generic[Item]):
    """What came after a number: the items, the last number, and whether some were forgotten."""

    items: tuple[Item, ...]
    last: int
    gap: bool


class Broadcast(Generic[Item]):
    """Items are published from any thread and awaited on event loops."""

    def __init__(self, kept_max: int) -> None:
        self._lock = Lock()
        self._kept: deque[Item] = deque(maxlen=kept_max)
        self._last = 0
        self._waiting: set[_Wake] = set()
        self._closed = False

    @property
    def last(self) -> int:
        """The number of the newest item; 0 before the first."""
        with self._lock:
            return self._last

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def publish(self, item: Item) -> None:
        """Tell everybody."""
        with self._lock:
            self._kept.append(item)
            self._last += 1
            self._wake()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._lock:
            self._closed = True
            self._wake()

    def since(self, number: int) -> News[Item]:
        """All that came after that number; one from an earlier life of the process means all."""
        with self._lock:
            first = self._last - len(self._kept)
            if number > self._last:
                number = 0
            begin = max(number, first)
            items = tuple(self._kept)[begin - first :]
            return News(items=items, last=self._last, gap=number < first)

    async def wait(self, number: int, timeout_s: float) -> None:
        """Return when something came after that number, at the end of the time, or when closed."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(event.set)

        with self._lock:
            if self._last > number or self._closed:
                return
            self._waiting.add(wake)
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return
        finally:
            with self._lock:
                self._waiting.discard(wake)

    def _wake(self) -> None:
        for wake in self._waiting:
            wake()
        self._waiting.clear()
