"""A consumer group and its topics in memory: what is on the stream, committed, and told.

Owns the truth that outlives a crash. A member that lost its place is refused, as Kafka does it.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock
from typing import Final

from pipelines.neighbours.crm.group_words import Committed, Given, PutOut, ReadTo, Told
from pipelines.neighbours.crm.intake import Intake
from pipelines.neighbours.crm.progress_note import Progress, note_of
from pipelines.neighbours.crm.request import StreamRecord

_MOMENT_S: Final = 0.002


class Kafka:
    """One stream, one group, and All_Clients."""

    def __init__(self, partitions: int = 1) -> None:
        self.log: dict[int, list[StreamRecord]] = {each: [] for each in range(partitions)}
        self.committed: dict[int, Committed] = {}
        self.told: list[Told] = []
        self.generation = 0
        self.commits = 0
        self.fails: list[Exception] = []
        self.lock = Lock()

    def write(self, *records: StreamRecord) -> None:
        """Events, each at the end of its partition."""
        for record in records:
            log = self.log[record.partition]
            log.append(
                StreamRecord(
                    partition=record.partition,
                    offset=len(log),
                    timestamp_ms=record.timestamp_ms,
                    value=record.value,
                    headers=record.headers,
                )
            )

    def outcomes(self) -> list[tuple[str, str, str | None]]:
        """What All_Clients says: certificate, outcome, reason's code."""
        found = []
        for told in self.told:
            delivery = told.record.value["delivery"]
            assert isinstance(delivery, Mapping)
            reason = delivery["reason"]
            code = None if reason is None else str(reason).partition(":")[0]
            found.append((str(delivery["certificateId"]), str(delivery["outcome"]), code))
        return found


class MemberInMemory:
    """One process in the group, for an intake; `join` gives it all partitions."""

    def __init__(self, kafka: Kafka, intake: Intake) -> None:
        self._kafka = kafka
        self._intake = intake
        self._generation = 0
        self._next: dict[int, int] = {}
        self._waiting: list[Callable[[], None]] = []
        self._idle = Event()
        self.rests = True
        self.before_commit: Callable[[], None] = lambda: None

    def join(self) -> None:
        """Take all partitions from whoever had them, at the next read."""
        self._waiting.append(self._assigned)

    def leave(self) -> None:
        """Be asked to give the partitions back, at the next read."""
        self._waiting.append(lambda: self._intake.gone(self, list(self._next)))

    def lose(self) -> None:
        """Be told that the partitions are gone, at the next read."""
        self._waiting.append(lambda: self._intake.gone(None, list(self._next)))

    def read(self, timeout_s: float) -> Sequence[StreamRecord | ReadTo]:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each()
        found: list[StreamRecord | ReadTo] = []
        for partition, start in self._next.items():
            log = self._kafka.log[partition]
            found += log[start:]
            if not self.rests:
                continue
            found.append(ReadTo(partition=partition))
        self._next = {partition: len(self._kafka.log[partition]) for partition in self._next}
        if len(found) == len(self._next):
            # Nothing has come: let the other thread work.
            self._idle.wait(min(timeout_s, _MOMENT_S))
        return found

    def commit(self, progress: Mapping[int, Progress], told: Sequence[Told]) -> None:
        self.before_commit()
        with self._kafka.lock:
            if self._kafka.fails:
                raise self._kafka.fails.pop(0)
            if self._generation != self._kafka.generation:
                raise PutOut("the generation is over")
            for partition, each in progress.items():
                self._kafka.committed[partition] = Committed(offset=each.offset, note=note_of(each))
            self._kafka.told += told
            self._kafka.commits += 1

    def _assigned(self) -> None:
        with self._kafka.lock:
            self._kafka.generation += 1
            self._generation = self._kafka.generation
        committed = {each: self._kafka.committed.get(each) for each in self._kafka.log}
        self._next = {
            partition: 0 if place is None else place.offset
            for partition, place in committed.items()
        }
        self._intake.assigned(
            {
                partition: Given(committed=place, end=len(self._kafka.log[partition]))
                for partition, place in committed.items()
            }
        )
