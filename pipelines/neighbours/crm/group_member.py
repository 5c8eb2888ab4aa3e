"""The CRM's process in its consumer group: what is read, and one transaction a commit.

Owns the consumer and the producer. A commit carries outcomes and places together, and Kafka takes
it only from the member that has the partitions, so a process that slept through a rebalance can
neither tell nor record anything. Must not know what an event or an outcome means.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from pipelines.acls.refusals import HELP, lacks_right
from pipelines.commit_watchdog import CommitWatchdog
from pipelines.contracts.framing import Framing
from pipelines.faults import BrokerRefused, BrokerUnreachable
from pipelines.kafka_clients import Consumer, Producer
from pipelines.neighbours.crm.group_words import (
    Committed,
    Given,
    NotCommitted,
    PutOut,
    ReadTo,
    Told,
)
from pipelines.neighbours.crm.progress_note import LONGEST_NOTE, Progress, note_of
from pipelines.neighbours.crm.request import StreamRecord
from pipelines.settings import Settings
from pipelines.topic_end import end_of
from pipelines.topics import STREAM, topic_name
from pipelines.tracing.trace_context import TRACEPARENT

_ANSWER_S: Final = 30.0
_BATCH: Final = 500
_PUT_OUT: Final = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)
_PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._MAX_POLL_EXCEEDED,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
"""What a broker that restarts or moves causes: the client goes on by itself when it is back."""

_log = structlog.get_logger(__name__)


class Owner(Protocol):
    """Who works on the partitions; see `Intake`."""

    def assigned(self, given: Mapping[int, Given]) -> None: ...

    def gone(self, member: "GroupMember | None", partitions: Collection[int]) -> None: ...


class GroupMember:
    """One member, from entry to exit of its `with`. Everything in one thread.

    BrokerFault where Kafka ends it: nothing is lost then, and a new process goes on.
    """

    def __init__(self, settings: Settings, group: str, framing: Framing, owner: Owner) -> None:
        self._settings = settings
        self._topic = topic_name(STREAM, settings)
        self._framing = framing
        self._owner = owner
        self._watchdog = CommitWatchdog(settings.transaction_timeout_ms)
        self._ended = False
        self._moves = 0
        self._consumer = Consumer(
            {
                **settings.kafka_config(),
                "client.id": f"giftcert-crm-{settings.worker_id}",
                "group.id": group,
                "group.instance.id": settings.worker_id,
                "partition.assignment.strategy": "range",
                "session.timeout.ms": settings.session_timeout_ms,
                "heartbeat.interval.ms": max(settings.session_timeout_ms // 3, 1),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # Also: what was committed is asked for behind a transaction that is being decided.
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "fetch.queue.backoff.ms": 10,
                "log_level": 0,
            }
        )
        self._producer = Producer(
            {
                **settings.kafka_config(),
                "client.id": f"giftcert-crm-{settings.worker_id}",
                "transactional.id": f"{group}-{settings.worker_id}",
                "transaction.timeout.ms": settings.transaction_timeout_ms,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": 0,
                "log_level": 0,
            }
        )

    def __enter__(self) -> "GroupMember":
        with self._explained("begin"):
            # Ends what an earlier life of this member had under way, before anything is read.
            self._producer.init_transactions(_ANSWER_S)
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        return self

    def __exit__(self, *_exception: object) -> None:
        # What there was to tell was told, or Kafka does not hear us any more.
        self._ended = True
        self._consumer.close()

    def read(self, timeout_s: float) -> Sequence[StreamRecord | ReadTo]:
        """What has come, or nothing after a moment."""
        with self._explained("read"):
            first = self._consumer.poll(timeout_s)
            if first is None:
                return []
            moves = self._moves
            messages = self._consumer.consume(_BATCH, 0)
            if self._moves == moves:
                # Else its partition went meanwhile, and whoever has it reads it again.
                messages = [first, *messages]
        return [read for message in messages if (read := self._read(message)) is not None]

    def commit(self, progress: Mapping[int, Progress], told: Sequence[Told]) -> None:
        """All of it, or nothing. PutOut, NotCommitted."""
        places = [self._place(partition, each) for partition, each in progress.items()]
        with self._watchdog.watching():
            try:
                self._producer.begin_transaction()
                for each in told:
                    self._write(each)
                self._producer.send_offsets_to_transaction(
                    places, self._consumer.consumer_group_metadata(), _ANSWER_S
                )
                self._commit_transaction()
            except KafkaException as error:
                self._abort(error)

    def _place(self, partition: int, progress: Progress) -> TopicPartition:
        note = note_of(progress)
        assert len(note) <= LONGEST_NOTE, "no stream has so much between one message and the next"
        return TopicPartition(self._topic, partition, progress.offset, metadata=note)

    def _write(self, told: Told) -> None:
        record = told.record
        headers = [] if told.trace is None else [(TRACEPARENT, told.trace)]
        self._producer.produce(
            topic_name(record.topic, self._settings),
            key=record.key,
            value=record.encode(self._framing),
            headers=headers,
        )

    def _commit_transaction(self) -> None:
        """Ask again while only the answer is missing: what Kafka did is not known before."""
        while True:
            try:
                self._producer.commit_transaction(_ANSWER_S)
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
            else:
                return

    def _abort(self, error: KafkaException) -> None:
        """Undo a transaction that failed. PutOut or NotCommitted; BrokerRefused when it cannot."""
        told = error.args[0]
        if told.fatal() or lacks_right(told):
            raise self._refused("commit", told) from error
        with self._explained("give a commit up"):
            self._producer.abort_transaction(_ANSWER_S)
        if told.code() in _PUT_OUT:
            raise PutOut(told.str()) from error
        raise NotCommitted(told.str()) from error

    def _read(self, message: Message) -> StreamRecord | ReadTo | None:
        error = message.error()
        if error is None:
            return StreamRecord(
                partition=message.partition(),
                offset=message.offset(),
                timestamp_ms=message.timestamp()[1],
                value=message.value(),
                headers=message.headers() or (),
            )
        if error.code() == KafkaError._PARTITION_EOF:
            return ReadTo(partition=message.partition())
        if error.fatal() or error.code() not in _PASSING:
            raise self._refused(f"read {self._topic}", error)
        _log.warning("Kafka does not give the stream for the moment", fault=error.str())
        return None

    # What the group says, inside `read`

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        committed = consumer.committed(partitions, _ANSWER_S) if partitions else []
        given: dict[int, Given] = {}
        starts = []
        for place in committed:
            if place.error is not None:
                raise BrokerUnreachable(
                    f"Kafka does not say what was committed of {self._topic}: {place.error.str()}"
                )
            known = place.offset >= 0
            given[place.partition] = Given(
                committed=Committed(offset=place.offset, note=place.metadata) if known else None,
                end=end_of(consumer, self._topic, place.partition, timeout_s=_ANSWER_S),
            )
            starts.append(
                TopicPartition(self._topic, place.partition, place.offset if known else 0)
            )
        self._owner.assigned(given)
        consumer.assign(starts)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._moves += 1
        member = None if self._ended else self
        self._owner.gone(member, [each.partition for each in partitions])
        consumer.unassign()

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._moves += 1
        self._owner.gone(None, [each.partition for each in partitions])
        consumer.unassign()

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise self._refused(doing, error.args[0]) from error

    def _refused(self, doing: str, error: KafkaError) -> BrokerRefused:
        if lacks_right(error):
            where = f"Kafka at {self._settings.bootstrap}"
            return BrokerRefused(f"{where} refused to {doing}: {error.str()}; {HELP}")
        return BrokerRefused(
            f"the Kafka client cannot {doing} ({error.name()}: {error.str()}; Kafka at "
            f"{self._settings.bootstrap}): this process ends, and nothing is lost; start it again"
        )


def now_ms() -> int:
    """The time of day."""
    return time.time_ns() // 1_000_000
