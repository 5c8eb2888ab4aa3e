"""Committing what was performed, or dropping it where the group went on without this worker.

A worker that slept through its session wakes with records in its hands whose partitions others have
by now. Kafka refuses its commit, and that is no fault: those others perform the records. Owns this
one decision; every other refusal ends the worker, as it should.
"""

import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields
from functools import wraps
from typing import Any, Final, Self

import structlog
from confluent_kafka import KafkaError, KafkaException

from pipelines.commit_watchdog import CommitWatchdog
from pipelines.faults import BrokerRefused
from pipelines.metrics.tally import Tally

with warnings.catch_warnings(record=True):
    from quixstreams.processing import ProcessingContext

_PUT_OUT: Final = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        # Also when this very process has just joined again, because the coordinator moved to
        # another broker. Where it is another process under this worker's name, the consumer's next
        # heartbeat says so, with an error that ends the worker.
        KafkaError.FENCED_INSTANCE_ID,
    }
)
"""How Kafka says so."""

_log = structlog.get_logger(__name__)


class Commits(ProcessingContext):
    """The library's commits, which may find that this worker is `put_out`.

    It then commits nothing, whatever Kafka would say to it, until its partitions are taken from it:
    its place in them is behind what it dropped, and to go on from there would leave that out.
    """

    told_within_s = 60.0
    """The consumer learns the same from its next heartbeat, a third of a session later."""

    watchdog: CommitWatchdog | None = None

    tally: Tally | None = None
    """Told what became of everything that was performed."""

    _put_out_s: float | None = None
    _given_up = False
    _reached = False
    _left_out = False

    @classmethod
    def instead_of(cls, context: ProcessingContext) -> Self:
        """The same context with these commits, which note every one that Kafka has taken."""
        kept = (each.name for each in fields(context) if each.init)
        commits = cls(**{name: getattr(context, name) for name in kept})
        commits.note_taken()
        return commits

    def note_taken(self) -> None:
        """Know from now on which commits Kafka took: with a transaction, and without one."""
        producer, consumer = self.producer, self.consumer
        producer.commit_transaction = self._noting(producer.commit_transaction)  # type: ignore[method-assign]  # every one of theirs
        consumer.commit = self._noting(consumer.commit)  # type: ignore[method-assign]  # likewise, of theirs

    def _noting(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(commit)
        def noted(*args: Any, **kwargs: Any) -> Any:
            answer = commit(*args, **kwargs)
            self._reached = True
            return answer

        return noted

    @property
    def put_out(self) -> bool:
        """Whether a commit was refused because others have the partitions."""
        return self._put_out_s is not None

    @property
    def left_out(self) -> bool:
        """Whether the library gave up its latest commit without a word, at a revoke."""
        return self._left_out

    def commit_checkpoint(self, force: bool = False, revoking: bool = False) -> None:
        """Commit when it is time, or by force; drop, where that may not be."""
        if self._given_up:
            return
        if self._put_out_s is None:
            before, started_s = self._checkpoint, time.monotonic()
            full = before is not None and not before.empty()
            self._reached = False
            try:
                with self.watchdog.watching() if self.watchdog else nullcontext():
                    super().commit_checkpoint(force, revoking)
                # Another checkpoint: this one was due, and is committed, or was given up because
                # the time for it ran out at a revoke. The library says neither.
                if full and self._checkpoint is not before:
                    self._tell(time.monotonic() - started_s)
                return
            except KafkaException as refused:
                if refused.args[0].code() not in _PUT_OUT:
                    raise
            _log.warning("the group went on without this worker: what it performed last is dropped")
            self._put_out_s = time.monotonic()
        self._drop(revoking=revoking)
        if time.monotonic() > self._put_out_s + self.told_within_s:
            raise BrokerRefused(
                "the group went on without this worker and does not say so to its consumer: this "
                "process ends, and nothing is lost; start it again"
            )

    def _tell(self, took_s: float) -> None:
        self._left_out = not self._reached
        if self.tally is not None and self._reached:
            self.tally.committed(took_s)
        elif self.tally is not None:
            self.tally.dropped()

    def give_up(self) -> None:
        """Partitions were taken from a worker that is about to end: it commits nothing any more.

        It may be in the group's next generation by then, and Kafka would take from it what it read
        in the one before, beside what the next owner makes of the same records.
        """
        self._given_up = True

    def begin_anew(self) -> None:
        """The partitions are gone, or are assigned anew; what was not committed is not ours."""
        self._drop(revoking=True)
        self._put_out_s = None
        self._left_out = False

    def _drop(self, *, revoking: bool) -> None:
        if self.tally is not None:
            self.tally.dropped()
        if self._checkpoint is not None and not self._checkpoint.empty():
            with self.watchdog.watching() if self.watchdog else nullcontext():
                self._checkpoint.close(revoking=revoking)
            self.init_checkpoint()  # type: ignore[no-untyped-call]  # theirs is untyped
