"""The way of records that are written outside a transaction: sources, edges, the loader, timers.

Owns what is under way. A writer's records of one key arrive in the order in which it wrote them;
across keys and writers any order may come about, and any record may come again later. What an edge
or a timer wrote may be lost with its process; what a source wrote never is.
"""

from collections import Counter, deque
from random import Random

from pipelines.simulation.climate import Climate
from pipelines.simulation.log import Log
from pipelines.stages.record import Outgoing

_Way = tuple[str, str, bytes | None]
"""Whose record (a life; nobody's is a source's), of which topic, under which key."""

_Sent = tuple[Outgoing, int]


class Network:
    """Records between their writers and the log."""

    def __init__(self, log: Log, climate: Climate, counters: Counter[str]) -> None:
        self._log = log
        self._climate = climate
        self._counters = counters
        self._ways: dict[_Way, deque[_Sent]] = {}
        self._again: list[tuple[str, _Sent]] = []

    def send(self, output: Outgoing, sender: str, timestamp_ms: int, random: Random) -> None:
        """Take one record on: to the log at once, or later."""
        way = (sender, output.topic.name, output.key)
        sent = (output, timestamp_ms)
        if random.random() < self._climate.duplicate:
            self._again.append((sender, sent))
        if way in self._ways or random.random() < self._climate.delay:
            self._ways.setdefault(way, deque()).append(sent)
            self._counters["records delayed"] += 1
        else:
            self._arrive(sent)

    def deliver(self, random: Random, count: int) -> int:
        """Let up to so many of those that were delayed arrive, of any writer and key."""
        arrived = 0
        while self._ways and arrived < count:
            way = random.choice(list(self._ways))
            self._arrive_next(way)
            arrived += 1
        return arrived

    def repeat(self, random: Random, count: int) -> int:
        """Let up to so many arrive that had arrived before, or will."""
        arrived = 0
        while self._again and arrived < count:
            _, sent = self._again.pop(random.randrange(len(self._again)))
            self._arrive(sent)
            self._counters["records duplicated"] += 1
            arrived += 1
        return arrived

    def deliver_all(self) -> int:
        """Let everything arrive that is under way; how much that was."""
        arrived = len(self._again)
        for way in list(self._ways):
            while way in self._ways:
                self._arrive_next(way)
                arrived += 1
        for _, sent in self._again:
            self._arrive(sent)
            self._counters["records duplicated"] += 1
        self._again.clear()
        return arrived

    def lose(self, sender: str, random: Random) -> int:
        """A process is gone: of each of its ways a part arrives, the rest never will."""
        lost = 0
        for way in [way for way in self._ways if way[0] == sender]:
            for _ in range(random.randint(0, len(self._ways[way]))):
                self._arrive_next(way)
            lost += len(self._ways.pop(way, ()))
        # What its producer would have sent again it does not send any more.
        self._again = [each for each in self._again if each[0] != sender]
        self._counters["records lost with their process"] += lost
        return lost

    def _arrive_next(self, way: _Way) -> None:
        waiting = self._ways[way]
        self._arrive(waiting.popleft())
        if not waiting:
            del self._ways[way]

    def _arrive(self, sent: _Sent) -> None:
        output, timestamp_ms = sent
        self._log.write(output, timestamp_ms=timestamp_ms)
