"""The worker's run time: the stream library with our guarantees made explicit.

Owns the subclass of the library's application, every option that correctness depends on, the
commit as soon as the inbox is drained, the emitting of records inside the transaction, and the dead
letter queue. It knows no rule of gift certificates.
"""

import logging
import threading
import time
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipelines.begin_reading import begin_reading
from pipelines.client_faults import client_fault, failures_as_faults
from pipelines.commit_watchdog import CommitWatchdog
from pipelines.commits import Commits
from pipelines.contracts.broken import BrokenRecord
from pipelines.faults import OperatorError, TopicDiffers
from pipelines.recovery.commit_notes import CommitNotes, commit_with
from pipelines.recovery.kept_stores import KeptStores
from pipelines.recovery.log_places import Committed, LogPlaces, Place
from pipelines.recovery.recoveries import AssignedStore, Recoveries
from pipelines.runtime_options import consumer_options, producer_options
from pipelines.runtime_store import KeptOptions
from pipelines.seeking import seek_patiently
from pipelines.settings import Settings
from pipelines.stages.record import (
    Incoming,
    Outgoing,
    StatefulStage,
    StatelessStage,
    dead_letter,
)
from pipelines.store_positions import StorePositions
from pipelines.topics import Role, Topic, group_name, topic_name
from state.stores.layout import DEADLINES, DeadlineEntry, deadline_key

# A library that the stream library brings along warns of its own imports: the operator can do
# nothing about it, and on standard error it would be taken for trouble.
with warnings.catch_warnings(record=True):
    from confluent_kafka import OFFSET_BEGINNING, TopicPartition
    from quixstreams import Application
    from quixstreams.context import message_context
    from quixstreams.exceptions.assignment import PartitionAssignmentError
    from quixstreams.kafka.configuration import ConnectionConfig
    from quixstreams.state import DEFAULT_STATE_STORE_NAME, State

KeyState = State[bytes, bytes]

_DEADLINE_VALUE: Final = b"\x01"
"""A deadline is all in its key; the value only says that it is there (and its version)."""


class Worker(Application):
    """One process of a role: its consumer, its transaction, its stores."""

    def __init__(self, settings: Settings, role: Role) -> None:
        self.settings = settings
        self.role = role
        self.stores_lock = threading.RLock()
        self._consumed = False
        self._stop_asked = False
        self._loop_turned_s = time.monotonic()
        self._doubtful_until_s = 0.0
        self._newly_assigned = True
        self._positions = StorePositions()
        self._assigned = False
        self._serving = False
        # "quixstreams" logs at INFO about its own loop; the root logger of `logs` decides.
        super().__init__(
            broker_address=ConnectionConfig.from_librdkafka_dict(
                settings.kafka_config(), ignore_extras=False
            ),
            consumer_group=group_name(role, settings),
            auto_offset_reset="earliest",
            commit_interval=settings.commit_interval_ms / 1000,
            commit_every=settings.commit_max_records,
            consumer_poll_timeout=settings.poll_timeout_ms / 1000,
            state_dir=settings.required_state_dir(),
            rocksdb_options=KeptOptions(
                block_cache_size=settings.block_cache_bytes,
                # Ours throws a damaged store away itself, for more kinds of damage.
                on_corrupted_recreate=False,
            ),
            loglevel=None,
            auto_create_topics=False,
            use_changelog_topics=True,
            auto_recover_from_source_offset_out_of_range=False,
            processing_guarantee=settings.quix_guarantee(),
            on_message_processed=self._note_consumed,
            on_processing_error=_leave_faults_to_the_end,
            consumer_extra_config=consumer_options(settings),
            producer_extra_config=producer_options(settings, role),
        )
        self._places = LogPlaces(settings)
        self._notes = CommitNotes()
        self._recoveries = Recoveries(
            settings, role, self._consumer, self._topic_manager, self._broker_availability_timeout
        )
        self._stores = self._state_manager = KeptStores.instead_of(
            self._state_manager, self._recoveries
        )
        self._processing_context.state_manager = self._stores
        self._producer.commit_transaction = commit_with(  # type: ignore[method-assign]  # every commit of theirs
            self._notes, self._producer.commit_transaction, lambda: self._producer.offsets
        )
        self._commits = self._processing_context = Commits.instead_of(self._processing_context)
        self._commits.told_within_s += settings.session_timeout_ms / 1_000
        self._commits.watchdog = CommitWatchdog(settings.transaction_timeout_ms)
        # Who asks where the group is waits for a dead worker's open transaction, which Kafka ends
        # up to ten seconds after its time.
        self._assignment_watchdog = CommitWatchdog(settings.transaction_timeout_ms + 15_000)
        self._consumer.subscribe = self._subscribe  # type: ignore[method-assign, assignment]  # in the place of theirs
        seek = seek_patiently(self._consumer.seek)
        self._consumer.seek = seek  # type: ignore[method-assign, assignment]  # all of theirs
        self._fault: OperatorError | None = None
        self._idle_config = self._config
        self._busy_config = self._config.model_copy(update={"consumer_poll_timeout": 0.0})
        self._names: dict[str, str] = {}

    # Wiring

    def feed(self, topic: Topic, stage: StatelessStage) -> None:
        """Give a topic to a stage that remembers nothing."""

        def perform(
            value: bytes | None, key: bytes | None, timestamp_ms: int, headers: Any
        ) -> None:
            incoming = _incoming(value, key, timestamp_ms, headers)
            try:
                outputs = stage(incoming)
            except BrokenRecord as error:
                outputs = [dead_letter(incoming, error)]
            self._emit(outputs)

        self.dataframe(self._bytes_topic(topic)).update(perform, metadata=True)

    def fold(self, topic: Topic, stage: StatefulStage) -> None:
        """Give a topic to a stage that keeps state, one store for it."""

        def perform(
            value: bytes | None, key: bytes | None, timestamp_ms: int, headers: Any, state: KeyState
        ) -> None:
            incoming = _incoming(value, key, timestamp_ms, headers)
            deadlines = _Deadlines(
                self._processing_context.checkpoint.get_store_transaction(
                    stream_id=incoming.topic, partition=incoming.partition
                ).as_state(prefix=DEADLINES)
            )
            try:
                outputs = stage(incoming, state, deadlines)
            except BrokenRecord as error:
                outputs = [dead_letter(incoming, error)]
            self._emit(outputs)

        self.dataframe(self._bytes_topic(topic)).update(perform, stateful=True, metadata=True)

    def _bytes_topic(self, topic: Topic) -> Any:
        return self.topic(
            topic_name(topic, self.settings),
            key_deserializer="bytes",
            value_deserializer="bytes",
            key_serializer="bytes",
            value_serializer="bytes",
        )

    def _emit(self, outputs: Iterable[Outgoing]) -> None:
        """Write records inside the open transaction."""
        for output in outputs:
            name = self._names.get(output.topic.name)
            if name is None:
                name = self._names[output.topic.name] = topic_name(output.topic, self.settings)
            self._producer.produce(
                topic=name,
                key=output.key,
                value=output.value,
                headers=list(output.headers),  # type: ignore[arg-type]  # one may have no value
                partition=output.partition,
            )

    # The loop

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Work until stopped; an OperatorError when something is wrong that an operator mends."""
        try:
            with failures_as_faults(self.settings.bootstrap):
                ended = super().run(*args, **kwargs)
        except PartitionAssignmentError as error:
            if self._failed:
                cause = error.__cause__
                if isinstance(cause, OperatorError):
                    raise cause from error
                raise client_fault(cause, self.settings.bootstrap) or error from cause
            # The loop had ended well and all was committed. Partitions came while the consumer was
            # closing, and a closing one may no longer ask for their offsets; the next owner will.
            return None
        if self._fault is not None:
            raise self._fault
        return ended

    def stop(self, fail: bool = False) -> None:
        """End the loop. The library forgets what it is told before its loop has begun: we do not.

        That is the half second of joining the group, in which a signal or a thread that failed at
        once would otherwise go unheard and the worker run on.
        """
        self._stop_asked = True
        super().stop(fail)

    def _note_consumed(self, topic: str, partition: int, offset: int) -> None:
        self._consumed = True
        self._positions.note_performed(topic, partition, offset)

    def _process_message(self, dataframe_composed: Any) -> None:
        """Perform one record; with an empty inbox commit at once what was performed before.

        The library looks at its commit schedule only after a poll has returned. Polling without
        waiting while there is something to commit makes a burst share a commit and lets a lone
        request wait for none.
        """
        if self._stop_asked:
            self._run_tracker.stop()  # type: ignore[no-untyped-call]  # theirs is untyped
            return
        self._note_turn()
        self._note_commit()
        self._serving = self._assigned
        busy = not self._processing_context.checkpoint.empty()
        self._config = self._busy_config if busy else self._idle_config
        self._consumed = False
        super()._process_message(dataframe_composed)  # type: ignore[no-untyped-call]  # theirs is untyped
        if busy and not self._consumed:
            self._processing_context.commit_checkpoint(force=True)
        self._note_commit()

    def _note_commit(self) -> None:
        """Tell readers how far the stores are: an empty checkpoint means all was committed."""
        if self._commits.put_out:
            self._positions.note_dropped()
        elif self._processing_context.checkpoint.empty():
            self._positions.note_committed()

    def _note_turn(self) -> None:
        """Remember that the loop is alive, and doubt what it holds after it was silent for long.

        A process that was stopped (SIGSTOP, a paused machine) may have lost its partitions without
        knowing. The first heartbeat after it wakes tells, and takes them away.
        """
        now_s = time.monotonic()
        silent = now_s - self._loop_turned_s > self._silence_s
        if silent and not self._newly_assigned:
            self._doubtful_until_s = now_s + self._silence_s
        # The loop does not turn while stores are recovered, which proves membership by itself.
        self._newly_assigned = False
        self._loop_turned_s = now_s

    @property
    def _silence_s(self) -> float:
        # Half a session: the last heartbeat may be a third of one older than the loop's last turn.
        return self.settings.session_timeout_ms / 2_000

    def _subscribe(self, topics: list[Any], **callbacks: Any) -> None:
        """Join the group without the library's buffer, which we have no use for.

        At each assignment it would ask Kafka once more for what was committed, for up to 30 s.
        """
        self._consumer._topics = {topic.name: topic for topic in topics}
        self._consumer._subscribe(topics=[topic.name for topic in topics], **callbacks)

    def _on_assign(self, consumer: Any, topic_partitions: Any) -> None:
        self._serving = False
        with self.stores_lock:
            self._positions.note_assigned(())
            super()._on_assign(consumer, topic_partitions)
            # Also with nothing assigned: this worker then knows that others have everything.
            self._assigned = self._newly_assigned = True

    def _assign_partitions(self, topic_partitions: Any) -> None:
        """Take partitions: find out where all stands, open the stores, and begin to read.

        In the place of the library's own, which asks for every partition by itself, opens a store
        as it finds it, and seeks in what it has begun to read.
        """
        known = self._topic_manager.non_changelog_topics
        inputs = [(each.topic, each.partition) for each in topic_partitions if each.topic in known]
        changelogs = self._changelogs_of(inputs)
        with self._assignment_watchdog.watching("where this worker's partitions stand"):
            committed = self._places.committed(self._consumer, inputs)
            starts = self._places.starts([*inputs, *changelogs.values()])
            logs = self._places.logs(changelogs, committed, starts)
        _refuse_gaps(committed, starts)
        self._recoveries.begin(
            [
                AssignedStore(
                    store=self._stores.kept(topic),
                    input_topic=topic,
                    changelog=changelog,
                    partition=partition,
                    log=logs[topic, partition],
                )
                for (topic, partition), (changelog, _) in changelogs.items()
            ]
        )
        self._notes.begin(changelogs, logs)
        self._begin_reading(
            committed, {place: logs[each].end for each, place in changelogs.items()}
        )
        self._positions.note_assigned(
            (topic, partition, each.offset or 0) for (topic, partition), each in committed.items()
        )
        self._run_tracker.timeout_refresh()  # type: ignore[no-untyped-call]  # theirs is untyped

    def _changelogs_of(self, inputs: Iterable[Place]) -> dict[Place, Place]:
        """The changelog partition of each input partition whose stage keeps state."""
        topics = self._topic_manager.changelog_topics
        return {
            (topic, partition): (topics[topic][DEFAULT_STATE_STORE_NAME].name, partition)
            for topic, partition in inputs
            if topic in topics
        }

    def _begin_reading(
        self, committed: Mapping[Place, Committed], ends: Mapping[Place, int]
    ) -> None:
        """Read inputs from where the group is, once the stores are whole."""
        inputs = [
            TopicPartition(*place, OFFSET_BEGINNING if each.offset is None else each.offset)
            for place, each in committed.items()
        ]
        changelogs = [TopicPartition(*place, end) for place, end in ends.items()]
        wait = self._recoveries.has_assignments
        begin_reading(self._consumer, inputs, changelogs, wait=wait)

    def _on_revoke(self, consumer: Any, topic_partitions: Any) -> None:
        self._serving = self._assigned = False
        giving_back = self._assignment_watchdog.watching("giving partitions back")
        with self.stores_lock, giving_back:
            super()._on_revoke(consumer, topic_partitions)
        self._begin_anew()

    def _on_lost(self, consumer: Any, topic_partitions: Any) -> None:
        self._serving = self._assigned = False
        # First: the library only closes the stores, and would try to commit to them later.
        self._begin_anew()
        with self.stores_lock:
            super()._on_lost(consumer, topic_partitions)

    def _begin_anew(self) -> None:
        """What was not committed is for the next owner."""
        self._positions.note_dropped()
        if self._failed:
            self._commits.give_up()
        else:
            self._commits.begin_anew()

    # What other threads may ask

    @property
    def serving(self) -> bool:
        """Whether the stores may be read: assigned, recovered, and the loop alive.

        A process that was stopped for longer than a session (SIGSTOP, a paused machine) may have
        lost its partitions without knowing; until its loop turns again nothing is read.
        """
        now_s = time.monotonic()
        recovering = bool(self._state_manager.recovery_required)
        alive = now_s - self._loop_turned_s < self._silence_s and now_s >= self._doubtful_until_s
        fit = self._fault is None and not self._commits.put_out
        return self._serving and not recovering and alive and fit

    def reached(self, topic: Topic, partition: int) -> int:
        """The first offset of an input that readers of the stores do not see the effect of yet."""
        return self._positions.reached(topic_name(topic, self.settings), partition)

    def performed(self, topic: Topic, partition: int) -> int:
        """The first offset of an input that was not performed, and so nobody can have seen."""
        return self._positions.performed(topic_name(topic, self.settings), partition)

    def partitions_of(self, topic: Topic) -> dict[int, Any]:
        """The open partitions of a stage's store, by number. Take `stores_lock` for a scan."""
        store = self._state_manager.get_store(stream_id=topic_name(topic, self.settings))
        return dict(store.partitions)

    def abort(self) -> None:
        """Stop, because another thread of the process met a bug; `alive` is false from then on.

        The record under way is finished, and what was performed is committed, as in every stop
        that is not the loop's own failure: it is right, whatever the other thread met.
        """
        self.stop(fail=True)

    def end_with(self, fault: OperatorError) -> None:
        """Stop, because another thread met a fault that an operator has to hear of."""
        self._fault = self._fault or fault
        self.abort()

    @property
    def alive(self) -> bool:
        """Whether nothing has failed: a worker that recovers or waits for Kafka is alive."""
        return not self._failed


class _Deadlines:
    """The deadlines of one partition, inside the open transaction."""

    def __init__(self, state: KeyState) -> None:
        self._state = state

    def add(self, entry: DeadlineEntry) -> None:
        self._state.set_bytes(deadline_key(entry), _DEADLINE_VALUE)

    def remove(self, entry: DeadlineEntry) -> None:
        self._state.delete(deadline_key(entry))


def _leave_faults_to_the_end(error: Exception, _row: object, log: logging.Logger) -> bool:
    """Never go on; what an operator mends is told once, in one line, when the program ends."""
    if not isinstance(error, OperatorError):
        log.exception("a record could not be performed")
    return False


def _refuse_gaps(committed: Mapping[Place, Committed], starts: Mapping[Place, int]) -> None:
    """Refuse to leave out records that were deleted before this group had read them."""
    for (topic, partition), each in committed.items():
        start = starts[topic, partition]
        if each.offset is not None and each.offset < start:
            raise TopicDiffers(
                f"{topic} partition {partition}: records {each.offset:,} to {start - 1:,} were "
                "deleted before they were read; find out what they were, then set the group's "
                f"offset to {start} with Kafka's kafka-consumer-groups"
            )


def _incoming(value: bytes | None, key: bytes | None, timestamp_ms: int, headers: Any) -> Incoming:
    context = message_context()
    return Incoming(
        topic=context.topic,
        partition=context.partition,
        offset=context.offset,
        key=key,
        value=value,
        headers=headers or (),
        timestamp_ms=timestamp_ms,
    )
