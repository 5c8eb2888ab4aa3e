"""The desk at which letters are resolved: one operator at a time, each step whole or not at all.

Owns the reading of the queue and the transactions that write what a retry causes together with the
resolution of its letter. The transactional id is the topic's, so whoever comes next ends what the
one before had under way, and only then reads: nobody resolves what another has resolved already.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NoReturn, Self

from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from pipelines.committed_reader import CommittedReader
from pipelines.dlq.letters import LetterQueue
from pipelines.faults import (
    BrokerRefused,
    BrokerUnreachable,
    OperatorError,
    TopicDiffers,
    TopicMissing,
)
from pipelines.kafka_admin import FoundTopic, KafkaAdmin
from pipelines.progress import Advance, untold
from pipelines.replay import read_to
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import DLQ, LARGEST_RECORD_BYTES, STATEFUL, topic_name

BATCH: Final = 100
"""Letters that one transaction resolves, at the most."""

BATCH_BYTES: Final = 8 * 1024 * 1024
"""After so many bytes of letters a transaction resolves no more: it has its time."""

_WRITTEN: Final = (*(topic for topics in STATEFUL.values() for topic in topics), DLQ)
_ANSWER_S: Final = 30.0
_REACHED_S: Final = 5.0
_FULL_QUEUE_S: Final = 0.05
_TIMED_OUT: Final = frozenset(
    {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN}
)
_FENCED: Final = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
)


class DeskTaken(OperatorError):
    """Another operator began after this one, and has the desk now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What resolves one letter: what is caused by it, and its resolution."""

    records: Sequence[Outgoing]
    resolution: Outgoing


def look_at_topics(settings: Settings) -> None:
    """See that the topics are there and fit the settings, as the desk does before it writes.

    TopicMissing, TopicDiffers, BrokerUnreachable, BrokerRefused.
    """
    # Answers within seconds and in one line, where nobody is there to answer.
    require_topics(KafkaAdmin(settings, timeout_s=_REACHED_S).topics(), settings)


def require_topics(found: Mapping[str, FoundTopic], settings: Settings) -> None:
    """Refuse topics that are missing or have not as many partitions as the settings say.

    With another number a record would be written where its key does not lead to.
    """
    names = [topic_name(topic, settings) for topic in _WRITTEN]
    missing = ", ".join(name for name in names if name not in found)
    if missing:
        raise TopicMissing(f"topics are missing: {missing}; run `giftcert topics apply`")
    for name in names:
        count = found[name].partitions
        if count != settings.partitions:
            raise TopicDiffers(
                f"{name} has {count} partitions and GIFTCERT_PARTITIONS says "
                f"{settings.partitions}: run this with the settings of the workers"
            )


def read_queue(
    settings: Settings, *, under_way: bool = False, advance: Advance = untold
) -> LetterQueue:
    """The queue as it is. With `under_way` also what is not committed yet, once it is.

    BrokerUnreachable, BrokerRefused, TopicMissing.
    """
    with CommittedReader(settings, DLQ) as reader:
        ends = _written(settings, reader.partitions) if under_way else reader.ends()
        total = sum(ends.values())
        queue = LetterQueue()
        for record in read_to(reader, ends):
            queue.take(record)
            advance(min(reader.read, total), total)
    return queue


def _written(settings: Settings, partitions: int) -> dict[int, int]:
    """Where each partition ends, open transactions included.

    A worker's open transaction hides what was resolved behind it, and so it is waited for.
    """
    admin = AdminClient({**settings.kafka_config(), "log_level": 0})
    name = topic_name(DLQ, settings)
    asked = {
        TopicPartition(name, partition): OffsetSpec.latest() for partition in range(partitions)
    }
    with _explained(settings):
        answers = admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_ANSWER_S
        )
        return {place.partition: answer.result().offset for place, answer in answers.items()}


class Desk:
    """The desk, taken from entry to exit of its `with`; DeskTaken once another takes it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        name = topic_name(DLQ, settings)
        self._producer = Producer(
            {
                **settings.kafka_config(),
                "client.id": f"{settings.worker_id}-dead-letters",
                "transactional.id": f"{name}-resolutions",
                "transaction.timeout.ms": settings.transaction_timeout_ms,
                "acks": "all",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "message.max.bytes": LARGEST_RECORD_BYTES,
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        look_at_topics(self._settings)
        with _explained(self._settings):
            # Ends what an earlier operator, perhaps a killed one, had under way.
            self._producer.init_transactions(_ANSWER_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is open: every step was committed, or will be dropped."""

    def queue(self, advance: Advance = untold) -> LetterQueue:
        """The queue, with everything that earlier operators did."""
        return read_queue(self._settings, under_way=True, advance=advance)

    def resolve(self, steps: Sequence[Step]) -> None:
        """Write all of these steps, or none."""
        with _explained(self._settings):
            self._producer.begin_transaction()
            try:
                for step in steps:
                    for record in (*step.records, step.resolution):
                        self._write(record)
                self._producer.commit_transaction(_ANSWER_S)
            except (KafkaException, KeyboardInterrupt) as failure:
                self._drop(failure)
                raise

    def _write(self, record: Outgoing) -> None:
        place = {} if record.partition is None else {"partition": record.partition}
        while True:
            try:
                self._producer.produce(
                    topic_name(record.topic, self._settings),
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    **place,
                )
            except BufferError:
                # More is waiting than the client keeps; what is full empties by itself.
                self._producer.poll(_FULL_QUEUE_S)
            else:
                return

    def _drop(self, failure: BaseException) -> None:
        """Undo the open transaction at once, where that is still ours to do."""
        if isinstance(failure, KafkaException) and failure.args[0].code() in _FENCED:
            return
        try:
            self._producer.abort_transaction(_ANSWER_S)
        except KafkaException:
            # It ends by itself after its time, or when the next one takes the desk.
            return


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        _explain(settings, error)


def _explain(settings: Settings, error: KafkaException) -> NoReturn:
    reason = error.args[0]
    where = f"Kafka at {settings.bootstrap}"
    if reason.code() in _FENCED:
        raise DeskTaken(
            "another `giftcert dlq` began after this one and goes on in its place: what this one "
            "had under way was not done; see `giftcert dlq list`"
        ) from error
    if reason.code() in _TIMED_OUT:
        raise BrokerUnreachable(
            f"{where} does not answer ({reason.str()}): what was under way is done or not, whole; "
            "see `giftcert dlq list`, and run this again"
        ) from error
    raise BrokerRefused(f"{where} refused: {reason.str()}") from error
