"""The worker's run time: the stream library with our guarantees made explicit.

Owns the subclass of the library's application, every option that correctness depends on, the
commit as soon as the inbox is drained, the emitting of records inside the transaction, and the dead
letter queue. It knows no rule of gift certificates.
"""

import signal
import threading
import time
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipelines.begin_reading import begin_reading
from pipelines.client_faults import client_fault, failures_as_faults, leave_to_the_end
from pipelines.commit_listeners import CommitListeners
from pipelines.commit_watchdog import CommitWatchdog
from pipelines.commits import Commits
from pipelines.contracts.broken import BrokenRecord
from pipelines.farewell import Farewell
from pipelines.faults import OperatorError
from pipelines.group_leaving import GroupLeaving
from pipelines.incoming_record import incoming_record
from pipelines.library_clients import LibraryClients
from pipelines.metrics.consumer_lag import ConsumerLag
from pipelines.metrics.tally import Tally
from pipelines.recovery.commit_notes import CommitNotes, commit_with
from pipelines.recovery.committed_gaps import refuse_gaps
from pipelines.recovery.kept_stores import KeptStores
from pipelines.recovery.log_places import Committed, LogPlaces, Place
from pipelines.recovery.recoveries import AssignedStore, Recoveries, RecoveryProgress
from pipelines.runtime_options import consumer_options, producer_options
from pipelines.runtime_store import KeptOptions
from pipelines.seeking import seek_patiently
from pipelines.settings import Settings
from pipelines.stage_deadlines import StageDeadlines
from pipelines.stages.record import Outgoing, StatefulStage, StatelessStage, dead_letter
from pipelines.store_positions import StorePositions
from pipelines.topics import STREAM, Role, Topic, group_name, topic_name
from pipelines.waiting_records import WaitingRecords
from state.stores.layout import DEADLINES

# A library that the stream library brings along warns of its own imports: the operator can do
# nothing about it, and on standard error it would be taken for trouble.
with warnings.catch_warnings(record=True):
    from confluent_kafka import OFFSET_BEGINNING, TopicPartition
    from quixstreams import Application
    from quixstreams.exceptions.assignment import PartitionAssignmentError
    from quixstreams.kafka.configuration import ConnectionConfig
    from quixstreams.state import DEFAULT_STATE_STORE_NAME, State

KeyState = State[bytes, bytes]

_HANGS_S: Final = 60.0
"""A silent loop hangs when it has been so for a transaction's life and this long: well after the
watchdogs would have ended a process whose client does not come back."""


class Worker(Application):
    """One process of a role: its consumer, its transaction, its stores."""

    farewell: Farewell | None = None
    """What a worker with callers does for them between being asked to stop and stopping."""

    def __init__(self, settings: Settings, role: Role) -> None:
        self.settings = settings
        self.role = role
        self.stores_lock = threading.RLock()
        self._consumed = self._stop_asked = False
        self._loop_turned_s = time.monotonic()
        self._doubtful_until_s = 0.0
        self._newly_assigned = True
        self._positions = StorePositions()
        self.tally, self.lag = Tally(), ConsumerLag()
        self._waiting = WaitingRecords(lambda: self._consumer)
        self._assigned = self._serving = False
        # "quixstreams" logs at INFO about its own loop; the root logger of `logs` decides.
        super().__init__(
            broker_address=ConnectionConfig.from_librdkafka_dict(
                settings.stream_library_config(), ignore_extras=False
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
            on_consumer_error=leave_to_the_end,
            on_processing_error=self._waiting.note_failed,
            consumer_extra_config={**consumer_options(settings), **self.lag.options()},
            producer_extra_config=producer_options(settings, role),
        )
        self._library_clients = LibraryClients(self)
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
        self._commits.tally = self.tally
        self._commits.watchdog = CommitWatchdog(settings.transaction_timeout_ms)
        # Who asks where the group is waits for a dead worker's open transaction, which Kafka ends
        # up to ten seconds after its time.
        self._assignment_watchdog = CommitWatchdog(settings.transaction_timeout_ms + 15_000)
        self._consumer.subscribe = self._subscribe  # type: ignore[method-assign, assignment]  # in the place of theirs
        seek = seek_patiently(self._consumer.seek)
        self._consumer.seek = seek  # type: ignore[method-assign, assignment]  # all of theirs
        self._leaving = GroupLeaving(self._consumer, at_stop=settings.on_stop == "leave")
        self._fault: OperatorError | None = None
        self._ended_by: BaseException | None = None
        self._idle_config = self._config
        self._busy_config = self._config.model_copy(update={"consumer_poll_timeout": 0.0})
        self._names: dict[str, str] = {}
        self.commit_listeners = CommitListeners()

    # Wiring

    def feed(self, topic: Topic, stage: StatelessStage) -> None:
        """Give a topic to a stage that remembers nothing."""

        def perform(
            value: bytes | None, key: bytes | None, timestamp_ms: int, headers: Any
        ) -> None:
            incoming = incoming_record(value, key, timestamp_ms, headers)
            try:
                outputs = stage(incoming)
            except BrokenRecord as error:
                outputs = [dead_letter(incoming, error)]
                self.tally.put_aside(incoming.topic, error.code)
            self._emit(outputs)
            self.tally.performed(incoming.topic, timestamp_ms)

        self.dataframe(self._bytes_topic(topic)).update(perform, metadata=True)

    def fold(self, topic: Topic, stage: StatefulStage) -> None:
        """Give a topic to a stage that keeps state, one store for it."""

        def perform(
            value: bytes | None, key: bytes | None, timestamp_ms: int, headers: Any, state: KeyState
        ) -> None:
            incoming = incoming_record(value, key, timestamp_ms, headers)
            deadlines = StageDeadlines(
                self._processing_context.checkpoint.get_store_transaction(
                    stream_id=incoming.topic, partition=incoming.partition
                ).as_state(prefix=DEADLINES)
            )
            try:
                outputs = stage(incoming, state, deadlines)
            except BrokenRecord as error:
                outputs = [dead_letter(incoming, error)]
                self.tally.put_aside(incoming.topic, error.code)
            self._emit(outputs)
            self.tally.performed(incoming.topic, timestamp_ms)

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
            if output.topic is STREAM:
                self.tally.published(output.headers)

    # The loop

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Work until stopped; an OperatorError when something is wrong that an operator mends."""
        try:
            with failures_as_faults(self.settings.bootstrap):
                ended = super().run(*args, **kwargs)
        except PartitionAssignmentError as error:
            if self._failed:
                if told := client_fault(self._ended_by, self.settings.bootstrap):
                    # What fails while the consumer is closed only follows from it.
                    raise told from self._ended_by
                cause = error.__cause__
                if isinstance(cause, OperatorError):
                    raise cause from error
                raise client_fault(cause, self.settings.bootstrap) or error from cause
            # The loop had ended well and all was committed. Partitions came while the consumer was
            # closing, and a closing one may no longer ask for their offsets; the next owner will.
            return None
        finally:
            # Its trace holds the stores, and so their locks.
            self._ended_by = None
        if self._fault is not None:
            raise self._fault
        # The library's last commit, after the loop's last turn.
        self._tell_listeners()
        return ended

    def _exception_handler(self, kind: Any, error: BaseException | None, trace: Any) -> Any:
        """Remember what ended the loop: the library forgets it over what fails behind it."""
        self._ended_by = error
        return super()._exception_handler(kind, error, trace)  # type: ignore[no-untyped-call]  # theirs is untyped

    def stop(self, fail: bool = False) -> None:
        """End the loop. The library forgets what it is told before its loop has begun: we do not.

        That is the half second of joining the group, in which a signal or a thread that failed at
        once would otherwise go unheard and the worker run on. A loop that serves turns on for a
        moment, for those who were asked before.
        """
        self._stop_asked = True
        if fail or self.farewell is None or not self.serving:
            super().stop(fail)

    def hand_over(self) -> None:
        """Give every partition to the others and go on without: the edge then only passes on."""
        self._leaving.ask()

    def _setup_signal_handlers(self) -> None:
        super()._setup_signal_handlers()  # type: ignore[no-untyped-call]  # theirs is untyped
        signal.signal(signal.SIGUSR1, lambda *_: self.hand_over())

    def _run_dataframe(self, sink: Any = None) -> None:
        super()._run_dataframe(sink)
        self._leaving.at_end(failed=self._failed)

    def _note_consumed(self, topic: str, partition: int, offset: int) -> None:
        self._consumed = True
        self._waiting.note_performed(topic, partition, offset)
        self._positions.note_performed(topic, partition, offset)

    def _process_message(self, dataframe_composed: Any) -> None:
        """Perform one record; with an empty inbox commit at once what was performed before.

        The library looks at its commit schedule only after a poll has returned. Polling without
        waiting while there is something to commit makes a burst share a commit and lets a lone
        request wait for none.
        """
        if self._stop_asked and (self.farewell is None or self.farewell.over()):
            super().stop(self._failed)
            return
        self._note_turn()
        if self._leaving.begun():
            # As after an assignment of nothing: this worker knows that others have everything.
            self._assigned = True
        self._note_commit()
        self._serving = self._assigned
        busy = not self._processing_context.checkpoint.empty()
        self._config = self._busy_config if busy else self._idle_config
        self._consumed = False
        with self._waiting.turn():
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
        self._tell_listeners()

    def _tell_listeners(self) -> None:
        empty = self._processing_context.checkpoint.empty()
        dropped = self._commits.put_out or self._commits.left_out
        self.commit_listeners.tell(dropped=dropped, empty=empty)

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
            self.tally.assigned(())
            super()._on_assign(consumer, topic_partitions)
            if self._stop_asked:
                # Whoever is about to go recovers nothing any more.
                super().stop(self._failed)
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
        refuse_gaps(committed, starts)
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
        self.tally.assigned(inputs)
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
        self._tell_listeners()
        self._begin_anew()

    def _on_lost(self, consumer: Any, topic_partitions: Any) -> None:
        self._serving = self._assigned = False
        # First: the library only closes the stores, and would try to commit to them later.
        self._begin_anew()
        with self.stores_lock:
            super()._on_lost(consumer, topic_partitions)

    def _begin_anew(self) -> None:
        """What was not committed is for the next owner."""
        self._waiting.forget()
        self.tally.assigned(())
        self._positions.note_dropped()
        self.commit_listeners.dropped()
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

    @property
    def loop_age_s(self) -> float:
        """How long ago the loop turned last; it does not turn while stores are recovered."""
        return time.monotonic() - self._loop_turned_s

    def recovery(self) -> RecoveryProgress:
        """How far the recovery of the stores is."""
        return self._recoveries.progress()

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
        """Whether nothing has failed and the loop turns: one that recovers or waits is alive.

        Silent for longer than the watchdogs let a commit or an assignment take, it hangs.
        """
        silent_s = time.monotonic() - self._loop_turned_s
        limit_s = self.settings.transaction_timeout_ms / 1_000 + _HANGS_S
        hangs = silent_s > limit_s and not self._state_manager.recovery_required
        return not self._failed and not hangs
