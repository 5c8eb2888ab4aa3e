"""Asking the flow and waiting for its answer.

Owns the edge's own partition of the replies topic, and the callers that wait on it. A request that
is under way here is joined, not sent again; one that was decided before is answered from the log.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from http_edge.api.problems import Problem, no_answer, overloaded, refusal, stopping
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.registry import RegistryFault
from pipelines.contracts.reply_record import Reply, reply_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerRefused
from pipelines.kafka_clients import Consumer
from pipelines.outbox import Outbox
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import REPLIES, topic_name

_WATERMARK_TIMEOUT_S: Final = 10.0

_PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
    }
)
"""What a broker that restarts or moves causes: the client goes on by itself when it is back."""

Waiting = asyncio.Future[Reply]
Asked = tuple[str, str | None]
"""A request's id and the digest of its content."""


class Requests:
    """Sends commands and matches replies. `run` belongs in a thread of its own."""

    def __init__(self, settings: Settings, framing: Framing, outbox: Outbox) -> None:
        self.reply_to = uuid4().hex
        self._settings = settings
        self._framing = framing
        self._outbox = outbox
        self._waiting: dict[Asked, list[Waiting]] = {}
        self._refusing = False
        self._stopped = threading.Event()
        self._consumer = Consumer(
            {
                **settings.kafka_config(),
                # No group is joined; the name only says in the broker's logs who reads.
                "group.id": f"{settings.processor_group}-replies-{self.reply_to}",
                "client.id": f"{settings.worker_id}-replies",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "fetch.queue.backoff.ms": 5,
            }
        )

    def open(self) -> None:
        """Stand at the end of the edge's partition before anything is asked."""
        partition = partition_of(self.reply_to.encode(), self._settings.partitions)
        where = TopicPartition(topic_name(REPLIES, self._settings), partition)
        _, end = self._consumer.get_watermark_offsets(where, timeout=_WATERMARK_TIMEOUT_S)
        where.offset = end
        self._consumer.assign([where])

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand replies to their callers until stopped. BrokerRefused: none can come any more."""
        try:
            self._read(loop)
        finally:
            self._consumer.close()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopped.is_set():
            message = self._consumer.poll(0.2)
            if message is None:
                continue
            self._check(message.error())
            reply = self._reply(message)
            if reply is not None:
                loop.call_soon_threadsafe(self._deliver, reply)

    def _check(self, error: KafkaError | None) -> None:
        """BrokerRefused for what does not pass by itself: replies would never be heard again."""
        if error is not None and (error.fatal() or error.code() not in _PASSING):
            raise BrokerRefused(
                f"Kafka at {self._settings.bootstrap} refused to read the replies: {error.str()}"
            )

    def _reply(self, message: Message) -> Reply | None:
        """The reply to one of our callers, if the message is one."""
        if message.error() is not None:
            return None
        try:
            reply = reply_from_record(self._framing.decode(RecordName.REPLY, message.value()))
        except BrokenRecord:
            # Only the processors write here; whoever else does gets no caller of ours.
            return None
        except RegistryFault:
            # By a schema that only the registry knows, which is away: no answer in time, and
            # whoever repeats the call has it from the log.
            return None
        return reply if reply.reply_to == self.reply_to else None

    def stop(self) -> None:
        """End `run` at its next turn."""
        self._stopped.set()

    def waiting(self) -> int:
        """How many requests wait for their outcome. From any thread."""
        return len(self._waiting)

    def refuse_new(self) -> None:
        """From now on ask nothing; whoever waits already still gets an answer that comes."""
        self._refusing = True

    def give_up(self) -> None:
        """Tell everyone who still waits that there is no answer in time."""
        for asked in list(self._waiting):
            self._fail(asked)

    async def ask(
        self, request_id: str, body_digest: str, output: Outgoing, timeout_s: float
    ) -> Reply:
        """Send one request and wait for its outcome. Problem: refused, or no answer in time."""
        if self._refusing:
            raise stopping()
        # Two contents under one id are the log's to judge: it knows which came first.
        asked = (request_id, body_digest)
        under_way = asked in self._waiting
        loop = asyncio.get_running_loop()
        waiting: Waiting = loop.create_future()
        self._waiting.setdefault(asked, []).append(waiting)
        try:
            if not under_way:
                self._send(output, asked, loop)
            reply = await asyncio.wait_for(waiting, timeout_s)
        except TimeoutError:
            raise no_answer() from None
        finally:
            self._forget(asked, waiting)
        if reply.outcome.rejection is not None:
            raise refusal(reply.outcome.rejection)
        return reply

    def _send(self, output: Outgoing, asked: Asked, loop: asyncio.AbstractEventLoop) -> None:
        def failed(_text: str) -> None:
            # On the outbox's thread, which outlives the loop: then nobody waits any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._fail, asked)

        try:
            self._outbox.send(output, failed)
        except (BufferError, KafkaException):
            raise overloaded() from None
        except BrokerRefused:
            # For good: the outbox has told the worker, which ends.
            raise stopping() from None

    def _forget(self, asked: Asked, waiting: Waiting) -> None:
        callers = self._waiting.get(asked, [])
        if waiting not in callers:
            # Answered: whoever waits for the same now asked anew.
            return
        callers.remove(waiting)
        if not callers:
            del self._waiting[asked]

    def _deliver(self, reply: Reply) -> None:
        """Answer who waits for this very content.

        A request that was given up may be answered late, when its id has come again with another
        content: what was decided about the first one must not reach the second one's caller.
        """
        outcome = reply.outcome
        for waiting in self._taken((outcome.command_id, outcome.body_digest)):
            if not waiting.done():
                waiting.set_result(reply)

    def _fail(self, asked: Asked) -> None:
        problem: Problem = no_answer()
        for waiting in self._taken(asked):
            if not waiting.done():
                waiting.set_exception(problem)

    def _taken(self, asked: Asked) -> Sequence[Waiting]:
        """Who waits for this, and from now on no longer waits.

        Nobody may join them once they are answered: that answer would never come again.
        """
        return self._waiting.pop(asked, ())
