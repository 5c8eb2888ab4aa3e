"""The stream application: both stages on Kafka, exactly once.

Owns every option that correctness depends on, and the way from the library's records to ours and
back. Only the library's public interface is used: a team can take this file as it is. There is no
stream-stream join and no expiry by the library: both topics are brought together in one topic under
one key, and one fold over it decides, by the clock of this process and the ticks of `ticks`.
"""

import logging
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, Final

from pipelines.client_faults import client_fault, failures_as_faults, leave_to_the_end
from pipelines.faults import OperatorError
from pipelines.library_clients import LibraryClients
from pipelines.neighbours.enrich.joining import Joining
from pipelines.neighbours.enrich.metrics import EnrichMetrics
from pipelines.neighbours.enrich.reading import AnyFraming, OrdersReader, PaymentsReader
from pipelines.neighbours.enrich.records import Destination, Given, Taken
from pipelines.neighbours.enrich.settings import EnrichSettings
from pipelines.neighbours.enrich.topics import EnrichTopics
from pipelines.runtime_store import WRITE_BUFFER_BYTES
from pipelines.settings import Settings
from pipelines.topics import LARGEST_RECORD_BYTES

# A library that the stream library brings along warns of its own imports.
with warnings.catch_warnings(record=True):
    from quixstreams import Application
    from quixstreams.context import message_context
    from quixstreams.dataframe import StreamingDataFrame
    from quixstreams.exceptions.assignment import PartitionAssignmentError
    from quixstreams.kafka.configuration import ConnectionConfig
    from quixstreams.models import SerializationContext, Serializer, Topic
    from quixstreams.state import State
    from quixstreams.state.rocksdb import RocksDBOptions

_STOP_AGAIN_S: Final = 0.2
_OUT_OF_GROUP_S: Final = 300.0
"""The client's own `max.poll.interval.ms`."""

_COMMIT_TRIES: Final = 6


def now_ms() -> int:
    """This machine's time."""
    return time.time_ns() // 1_000_000


def metrics_of(topics: EnrichTopics, settings: Settings) -> EnrichMetrics:
    """The figures of an enrichment of these topics."""
    return EnrichMetrics(
        (topics.orders, topics.payments, topics.join), hangs_after_s=_hangs_after_s(settings)
    )


def _hangs_after_s(settings: Settings) -> float:
    """For how long its loop may be silent, and more.

    The library tries both halves of a commit three times, for a transaction's life each. And a
    client that has not polled for five minutes, for whatever reason, is out of the group: it works
    for nobody. While a state is recovered it polls.
    """
    return _COMMIT_TRIES * settings.transaction_timeout_ms / 1_000 + _OUT_OF_GROUP_S


class _ValueOf(Serializer):
    """Writes the value of a record of ours."""

    def __call__(self, value: Given, ctx: SerializationContext) -> bytes:  # noqa: ARG002 - its name is theirs
        # A broken record may have none, and goes to the dead letters without one.
        return value.value  # type: ignore[return-value]  # the library hands None on as well


class Enrichment(Application):
    """The worker of the enrichment. Run it on the main thread: it takes the stop signals.

    There is one of a group at a time: a second one takes its place in the group and its transaction
    from it, whatever machine it is on, and the first one ends. So whoever begins has everything
    before it decided, and recovers a state to which nothing is added behind its back.
    """

    def __init__(
        self,
        settings: Settings,
        enrich: EnrichSettings,
        topics: EnrichTopics,
        framing: AnyFraming,
        *,
        metrics: EnrichMetrics | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._settings = settings
        self._metrics = metrics or metrics_of(topics, settings)
        self._clock = clock
        self._stop_asked = threading.Event()
        self._ended = threading.Event()
        self._broken = False
        super().__init__(
            broker_address=ConnectionConfig.from_librdkafka_dict(
                settings.stream_library_config(), ignore_extras=False
            ),
            consumer_group=topics.group,
            auto_offset_reset="earliest",
            commit_interval=settings.commit_interval_ms / 1000,
            commit_every=settings.commit_max_records,
            consumer_poll_timeout=settings.poll_timeout_ms / 1000,
            state_dir=settings.required_state_dir(),
            rocksdb_options=RocksDBOptions(
                block_cache_size=settings.block_cache_bytes, write_buffer_size=WRITE_BUFFER_BYTES
            ),
            loglevel=None,
            auto_create_topics=False,
            auto_recover_from_source_offset_out_of_range=False,
            processing_guarantee=settings.quix_guarantee(),
            on_consumer_error=leave_to_the_end,
            on_processing_error=_leave_faults_to_the_end,
            consumer_extra_config={
                **self._metrics.options(),
                **settings.beside_stream_library(),
                "isolation.level": "read_committed",
                "group.instance.id": topics.group,
                "client.id": settings.worker_id,
                "session.timeout.ms": settings.session_timeout_ms,
                "heartbeat.interval.ms": max(settings.session_timeout_ms // 3, 1),
                "fetch.wait.max.ms": 50,
            },
            producer_extra_config={
                **settings.beside_stream_library(),
                "transactional.id": topics.group,
                "transaction.timeout.ms": settings.transaction_timeout_ms,
                "acks": "all",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "message.max.bytes": LARGEST_RECORD_BYTES,
            },
        )
        self._library_clients = LibraryClients(self)
        self._destinations = {
            Destination.JOIN: self._bytes_topic(topics.join),
            Destination.OUTPUT: self._bytes_topic(topics.output),
            Destination.DEAD_LETTERS: self._bytes_topic(topics.dead_letters),
        }
        self._feed(topics.orders, OrdersReader(framing))
        self._feed(topics.payments, PaymentsReader(framing))
        self._fold(topics.join, Joining(framing, enrich.waits()))

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Work until stopped; an OperatorError when something is wrong that an operator mends."""
        threading.Thread(target=self._keep_stopping, name="stopping", daemon=True).start()
        try:
            with failures_as_faults(self._settings.bootstrap):
                return super().run(*args, **kwargs)
        except PartitionAssignmentError as error:
            if not self._broken:
                # All was committed, and partitions came while the consumer was closing: they are
                # the next worker's.
                return None
            cause = error.__cause__
            if isinstance(cause, OperatorError):
                raise cause from error
            raise client_fault(cause, self._settings.bootstrap) or error from cause
        finally:
            self._ended.set()

    def stop(self, fail: bool = False) -> None:
        """End the loop; the library calls it, too, where the loop has failed."""
        self._broken = self._broken or fail
        self._stop_asked.set()
        super().stop(fail)

    def _keep_stopping(self) -> None:
        """Ask again until the loop has ended: before it has begun the library forgets it."""
        self._stop_asked.wait()
        while not self._ended.wait(_STOP_AGAIN_S):
            super().stop()

    def _feed(self, topic: str, reader: OrdersReader | PaymentsReader) -> None:
        """Give a source topic to the first stage."""

        def perform(
            value: bytes | None, key: bytes | None, at_ms: int, headers: Any
        ) -> list[Given]:
            given = reader(_taken(value, key, at_ms, headers))
            self._metrics.performed(topic, given)
            return given

        self._write(
            self.dataframe(self._bytes_topic(topic)).apply(perform, expand=True, metadata=True)
        )

    def _fold(self, join: str, joining: Joining) -> None:
        """Give the join topic to the second stage."""

        def perform(
            value: bytes | None, key: bytes | None, at_ms: int, headers: Any, state: State[Any, Any]
        ) -> list[Given]:
            given = joining(_taken(value, key, at_ms, headers), state, self._clock())
            self._metrics.performed(join, given)
            return given

        self._write(
            self.dataframe(self._destinations[Destination.JOIN]).apply(
                perform, expand=True, metadata=True, stateful=True
            )
        )

    def _write(self, given: StreamingDataFrame) -> None:
        """Write each record to its topic, in the transaction of what it comes from."""
        given = given.set_timestamp(lambda each, *_: _time_of(each, self._clock))
        given = given.set_headers(lambda each, *_: list(each.headers))
        given.to_topic(
            lambda each, *_: self._destinations[each.destination], key=lambda each: each.key
        )

    def _bytes_topic(self, name: str) -> Topic:
        return self.topic(
            name,
            key_deserializer="bytes",
            value_deserializer="bytes",
            key_serializer="bytes",
            value_serializer=_ValueOf(),
        )


def _time_of(given: Given, clock: Callable[[], int]) -> int:
    return clock() if given.timestamp_ms is None else given.timestamp_ms


def _taken(value: bytes | None, key: bytes | None, at_ms: int, headers: Any) -> Taken:
    context = message_context()
    return Taken(
        topic=context.topic,
        partition=context.partition,
        offset=context.offset,
        key=key,
        value=value,
        headers=headers or (),
        timestamp_ms=at_ms,
    )


def _leave_faults_to_the_end(error: Exception, _row: object, log: logging.Logger) -> bool:
    """Never go on; what an operator mends is told once, in one line, when the program ends."""
    if not isinstance(error, OperatorError):
        log.exception("a record could not be performed")
    return False
