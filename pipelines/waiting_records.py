"""Records that cannot be read while the schema registry is away, and wait where they are.

Owns one thing of a worker's loop: a record whose schema nobody knows yet is no broken one. Its
partition is paused at it and tried again; everything else goes on. Nothing of it was performed, so
its place is not committed, and whoever has the partition next finds it there.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

import structlog
from confluent_kafka import TopicPartition

from pipelines.contracts.registry import RegistryFault
from pipelines.faults import OperatorError
from pipelines.tracing.trace_context import TraceContext

AGAIN_AFTER_S: Final = 3.0

_log = structlog.get_logger(__name__)


class Pausable(Protocol):
    """What of a consumer it takes."""

    def pause(self, partitions: list[TopicPartition]) -> None: ...

    def resume(self, partitions: list[TopicPartition]) -> None: ...

    def seek(self, partition: TopicPartition) -> None: ...


class Failed(Protocol):
    """The row that could not be performed, of which the library tells."""

    @property
    def topic(self) -> str: ...

    @property
    def partition(self) -> int: ...

    @property
    def offset(self) -> int: ...

    @property
    def headers(self) -> Any: ...


class WaitingRecords:
    """The records of one worker that wait. All in the loop's thread."""

    def __init__(
        self, consumer: Callable[[], Pausable], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._consumer = consumer
        self._clock = clock
        self._offsets: dict[tuple[str, int], int] = {}
        self._due_s: dict[tuple[str, int], float] = {}
        self._failed: tuple[str, int, int] | None = None

    def note_failed(self, error: Exception, row: Failed | None, log: logging.Logger) -> bool:
        """A record that could not be performed, for whatever reason: never go on behind it.

        What an operator mends is told once, in one line, when the program ends; or waits.
        """
        self._failed = None if row is None else (row.topic, row.partition, row.offset)
        if not isinstance(error, OperatorError):
            trace = None if row is None else TraceContext.of(row.headers or ())
            told = {} if trace is None else {"trace_id": trace.trace_id}
            with structlog.contextvars.bound_contextvars(**told):
                log.exception("a record could not be performed")
        return False

    def note_performed(self, topic: str, partition: int, offset: int) -> None:
        """A record was performed. One behind a waiting one would leave that out for ever."""
        waiting = self._offsets.pop((topic, partition), None)
        assert waiting is None or waiting == offset, f"{topic}/{partition}: {waiting} was left out"
        if waiting is not None:
            _log.info("the record that waited for its schema was performed", topic=topic)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One turn of the loop: a fault of the registry makes its record wait, and nothing else."""
        self._try_again()
        try:
            yield
        except RegistryFault as fault:
            failed, self._failed = self._failed, None
            if failed is None:
                raise
            self._wait(*failed, fault)

    def forget(self) -> None:
        """The partitions are gone, or come anew: whoever has them reads them from the commit."""
        self._offsets.clear()
        self._due_s.clear()

    def _try_again(self) -> None:
        if not self._due_s:
            return
        now_s = self._clock()
        for place in [place for place, due_s in self._due_s.items() if due_s <= now_s]:
            del self._due_s[place]
            topic, partition = place
            self._consumer().resume([TopicPartition(topic, partition)])
            # Last: what the client had at hand of the partition goes with it.
            self._consumer().seek(TopicPartition(topic, partition, self._offsets[place]))

    def _wait(self, topic: str, partition: int, offset: int, fault: RegistryFault) -> None:
        place = (topic, partition)
        if place not in self._offsets:
            _log.warning(
                "a record waits for its schema, and its partition with it",
                topic=topic,
                partition=partition,
                offset=offset,
                fault=str(fault),
            )
        self._consumer().pause([TopicPartition(topic, partition)])
        self._offsets[place] = offset
        self._due_s[place] = self._clock() + AGAIN_AFTER_S
