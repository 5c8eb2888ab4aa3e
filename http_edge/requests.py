"""Asking the flow and waiting for its answer.

Owns the edge's own partition of the replies topic, and the callers that wait on it. A request that
is under way here is joined, not sent again; one that was decided before is answered from the log.
"""

import asyncio
import threading
from collections import defaultdict
from typing import Final
from uuid import uuid4

from confluent_kafka import Consumer, KafkaException, TopicPartition

from http_edge.problems import Problem, no_answer, overloaded, refusal
from pipelines.contracts.broken import BrokenRecord
from pipelines.contracts.framing import Framing
from pipelines.contracts.reply_record import Reply, reply_from_record
from pipelines.contracts.schemas import RecordName
from pipelines.outbox import Outbox
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import REPLIES, topic_name
from state.certificate.rejections import Rejection, RejectionCode

_WATERMARK_TIMEOUT_S: Final = 10.0

Waiting = asyncio.Future[Reply]


class Requests:
    """Sends commands and matches replies. `run` belongs in a thread of its own."""

    def __init__(self, settings: Settings, framing: Framing, outbox: Outbox) -> None:
        self.reply_to = uuid4().hex
        self._settings = settings
        self._framing = framing
        self._outbox = outbox
        self._waiting: dict[str, list[Waiting]] = defaultdict(list)
        self._digests: dict[str, str] = {}
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
        """Hand replies to their callers until stopped."""
        while not self._stopped.is_set():
            message = self._consumer.poll(0.2)
            if message is None:
                continue
            if message.error() is not None:
                if message.error().fatal():
                    raise KafkaException(message.error())
                continue
            try:
                reply = reply_from_record(self._framing.decode(RecordName.REPLY, message.value()))
            except BrokenRecord:
                # Only the processors write here; whoever else does gets no caller of ours.
                continue
            if reply.reply_to == self.reply_to:
                loop.call_soon_threadsafe(self._deliver, reply)
        self._consumer.close()

    def stop(self) -> None:
        """End `run` at its next turn."""
        self._stopped.set()

    async def ask(self, request_id: str, body_digest: str, output: Outgoing) -> Reply:
        """Send one request and wait for its outcome. Problem: refused, or no answer in time."""
        under_way = self._digests.get(request_id)
        if under_way is not None and under_way != body_digest:
            raise refusal(Rejection(code=RejectionCode.REQUEST_REUSED))
        loop = asyncio.get_running_loop()
        waiting: Waiting = loop.create_future()
        self._waiting[request_id].append(waiting)
        self._digests[request_id] = body_digest
        try:
            if under_way is None:
                self._send(output, request_id, loop)
            reply = await asyncio.wait_for(waiting, self._settings.reply_timeout_ms / 1000)
        except TimeoutError:
            raise no_answer() from None
        finally:
            self._forget(request_id, waiting)
        if reply.outcome.rejection is not None:
            raise refusal(reply.outcome.rejection)
        return reply

    def _send(self, output: Outgoing, request_id: str, loop: asyncio.AbstractEventLoop) -> None:
        def failed(_text: str) -> None:
            loop.call_soon_threadsafe(self._fail, request_id)

        try:
            self._outbox.send(output, failed)
        except BufferError:
            raise overloaded() from None

    def _forget(self, request_id: str, waiting: Waiting) -> None:
        callers = self._waiting[request_id]
        callers.remove(waiting)
        if not callers:
            del self._waiting[request_id]
            self._digests.pop(request_id, None)

    def _deliver(self, reply: Reply) -> None:
        for waiting in self._waiting.get(reply.outcome.command_id, ()):
            if not waiting.done():
                waiting.set_result(reply)

    def _fail(self, request_id: str) -> None:
        problem: Problem = no_answer()
        for waiting in self._waiting.get(request_id, ()):
            if not waiting.done():
                waiting.set_exception(problem)
