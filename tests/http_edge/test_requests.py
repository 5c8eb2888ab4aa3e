"""Asking the flow and waiting: joined, answered, refused, in time or not."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from http_edge.api.problems import Problem
from http_edge.asking import requests as module
from http_edge.asking.requests import Requests
from pipelines.contracts.framing import SingleObjectFraming
from pipelines.contracts.reply_record import Position, Reply, reply_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.faults import BrokerRefused
from pipelines.partitioning import partition_of
from pipelines.settings import Settings
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS
from state.certificate.rejections import RejectionCode, reject
from state.certificate.transition import Outcome

pytestmark = pytest.mark.anyio
SETTINGS = Settings(bootstrap="127.0.0.1:1", topic_prefix="here-", worker_id="processor-0")
HASTY_S = 0.001
FRAMING = SingleObjectFraming()
OUTPUT = Outgoing(topic=COMMANDS, key=b"GC-0001", value=b"a command")
OUTCOME = Outcome(
    command_id="r-1", certificate_id="GC-0001", body_digest="d", decided_at_ms=1, sequence=3
)
DEADLINE_S = 10


@dataclass
class FakeMessage:
    payload: bytes | None = None
    fault: KafkaError | None = None

    def value(self) -> bytes | None:
        return self.payload

    def error(self) -> KafkaError | None:
        return self.fault


class FakeConsumer:
    """A consumer of one partition: gives what it was fed, and can be waited for."""

    made: ClassVar[list["FakeConsumer"]] = []

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.assigned: list[TopicPartition] = []
        self.messages: list[FakeMessage] = []
        self.fed = threading.Condition()
        self.closed = False
        self.made.append(self)

    def get_watermark_offsets(self, where: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, 41

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = places

    def poll(self, timeout_s: float) -> FakeMessage | None:
        with self.fed:
            if not self.messages:
                self.fed.wait(timeout_s)
            return self.messages.pop(0) if self.messages else None

    def feed(self, *messages: FakeMessage) -> None:
        with self.fed:
            self.messages.extend(messages)
            self.fed.notify()

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeOutbox:
    """Keeps what is sent, and how to tell its sender of a failure."""

    sent: list[Outgoing] = field(default_factory=list)
    failures: list[Callable[[str], None]] = field(default_factory=list)
    fault: Exception | None = None

    def send(self, output: Outgoing, on_failure: Callable[[str], None]) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent.append(output)
        self.failures.append(on_failure)


class Edge:
    """Requests over fakes, with the thread that reads replies."""

    def __init__(self, settings: Settings) -> None:
        self.outbox = FakeOutbox()
        self.requests = Requests(settings, FRAMING, self.outbox)  # type: ignore[arg-type]  # a fake
        self.consumer = FakeConsumer.made[-1]
        self.error: BrokerRefused | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Read replies on a thread, for the loop that calls this."""
        loop = asyncio.get_running_loop()

        def run() -> None:
            try:
                self.requests.run(loop)
            except BrokerRefused as error:
                self.error = error

        self._thread = threading.Thread(target=run)
        self._thread.start()

    async def until_ended(self) -> None:
        """Wait for reading to end by itself."""
        assert self._thread is not None
        await asyncio.to_thread(self._thread.join, DEADLINE_S)
        assert not self._thread.is_alive(), "it reads on"

    def stop(self) -> None:
        self.requests.stop()
        if self._thread is not None:
            self._thread.join(DEADLINE_S)
            assert not self._thread.is_alive()

    def reply(self, outcome: Outcome, reply_to: str | None = None) -> None:
        position = Position(topic="t", partition=0, offset=0)
        reply = Reply(
            reply_to=reply_to or self.requests.reply_to, outcome=outcome, position=position
        )
        payload = FRAMING.encode(RecordName.REPLY, reply_to_record(reply))
        self.consumer.feed(FakeMessage(payload))

    def ask(
        self, request_id: str = "r-1", digest: str = "d", timeout_s: float = 5.0
    ) -> "asyncio.Task[Reply]":
        return asyncio.ensure_future(self.requests.ask(request_id, digest, OUTPUT, timeout_s))


@pytest.fixture
def consumers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeConsumer, "made", [])
    monkeypatch.setattr(module, "Consumer", FakeConsumer)


@pytest.fixture
def edge(consumers: None) -> Iterator[Edge]:
    edge = Edge(SETTINGS)
    yield edge
    edge.stop()


async def until_sent(edge: Edge, count: int) -> None:
    """Let what was begun go on until so many requests were sent."""
    async with asyncio.timeout(DEADLINE_S):
        while len(edge.outbox.sent) < count:
            await asyncio.sleep(0)


async def test_edge_stands_at_the_end_of_its_own_partition(edge: Edge) -> None:
    await asyncio.to_thread(edge.requests.open)
    (where,) = edge.consumer.assigned
    partition = partition_of(edge.requests.reply_to.encode(), SETTINGS.partitions)
    assert (where.topic, where.partition, where.offset) == (
        "here-GiftCertificates.Replies",
        partition,
        41,
    )
    assert edge.consumer.config["isolation.level"] == "read_committed"
    assert edge.consumer.config["enable.auto.commit"] is False


async def test_request_is_sent_and_answered(edge: Edge) -> None:
    edge.start()
    asked = edge.ask()
    await until_sent(edge, 1)
    edge.reply(OUTCOME)
    assert (await asked).outcome == OUTCOME
    assert edge.outbox.sent == [OUTPUT]


async def test_same_request_under_way_is_joined_and_sent_once(edge: Edge) -> None:
    edge.start()
    asked = [edge.ask() for _ in range(3)]
    await until_sent(edge, 1)
    edge.reply(OUTCOME)
    assert [reply.outcome for reply in await asyncio.gather(*asked)] == [OUTCOME] * 3
    assert len(edge.outbox.sent) == 1


async def test_request_after_an_answered_one_is_sent_again(edge: Edge) -> None:
    """Nothing is remembered here: the log gives the same answer again."""
    edge.start()
    for count in (1, 2):
        asked = edge.ask()
        await until_sent(edge, count)
        edge.reply(OUTCOME)
        await asked
    assert len(edge.outbox.sent) == 2


async def test_same_key_with_another_body_under_way_is_the_logs_to_judge(edge: Edge) -> None:
    """Which of the two came first is not known here, and they may be about two certificates."""
    edge.start()
    first, second = edge.ask(), edge.ask(digest="other")
    await until_sent(edge, 2)
    reused = reject(RejectionCode.REQUEST_REUSED)
    edge.reply(replace(OUTCOME, body_digest="other", rejection=reused))
    with pytest.raises(Problem) as caught:
        await second
    assert (caught.value.kind.status, caught.value.kind.name) == (422, "request-reused")
    edge.reply(OUTCOME)
    assert (await first).outcome == OUTCOME


async def test_refused_request_is_a_problem(edge: Edge) -> None:
    edge.start()
    asked = edge.ask()
    await until_sent(edge, 1)
    edge.reply(replace(OUTCOME, rejection=reject(RejectionCode.LOCKED)))
    with pytest.raises(Problem) as caught:
        await asked
    assert caught.value.kind.status == 423


async def test_request_without_an_answer_in_time_may_still_happen(edge: Edge) -> None:
    with pytest.raises(Problem) as caught:
        await edge.ask(timeout_s=HASTY_S)
    assert (caught.value.kind.status, caught.value.kind.name) == (504, "no-answer")


async def test_request_repeated_after_a_timeout_is_sent_again(edge: Edge) -> None:
    for count in (1, 2):
        with pytest.raises(Problem):
            await edge.ask(timeout_s=HASTY_S)
        assert len(edge.outbox.sent) == count


async def test_caller_with_less_patience_leaves_the_others_waiting(edge: Edge) -> None:
    """A call that was handed on has less time; one that joins it is not held to that."""
    edge.start()
    hasty, patient = edge.ask(timeout_s=HASTY_S), edge.ask()
    with pytest.raises(Problem) as caught:
        await hasty
    assert caught.value.kind.name == "no-answer"
    edge.reply(OUTCOME)
    assert (await patient).outcome == OUTCOME
    assert len(edge.outbox.sent) == 1


async def test_late_answer_nobody_waits_for_is_passed_over(edge: Edge) -> None:
    edge.start()
    edge.reply(replace(OUTCOME, command_id="gone"))
    asked = edge.ask()
    await until_sent(edge, 1)
    edge.reply(OUTCOME)
    assert (await asked).outcome == OUTCOME


@pytest.mark.parametrize("late", ["first", None])
async def test_late_answer_to_another_body_under_the_same_key_is_not_this_callers(
    edge: Edge, late: str | None
) -> None:
    """The first body's caller gave up; the key came again with a second one."""
    edge.start()
    asked = edge.ask(digest="second")
    await until_sent(edge, 1)
    edge.reply(replace(OUTCOME, body_digest=late, certificate_id="GC-9999"))
    edge.reply(
        replace(OUTCOME, body_digest="second", rejection=reject(RejectionCode.REQUEST_REUSED))
    )
    with pytest.raises(Problem) as caught:
        await asked
    assert caught.value.kind.name == "request-reused"


async def test_late_failure_of_another_body_under_the_same_key_is_not_this_callers(
    edge: Edge,
) -> None:
    """What Kafka did not take of the first body says nothing about the second."""
    edge.start()
    first = edge.ask(digest="first")
    await until_sent(edge, 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = edge.ask()
    await until_sent(edge, 2)
    await asyncio.to_thread(edge.outbox.failures[0], "timed out")
    edge.reply(OUTCOME)
    assert (await second).outcome == OUTCOME


async def test_request_that_comes_between_an_answer_and_its_telling_is_sent(edge: Edge) -> None:
    """Whoever joined then would wait for an answer that was given already."""
    edge.start()
    asked = edge.ask()
    await until_sent(edge, 1)
    position = Position(topic="t", partition=0, offset=0)
    again = edge.ask()
    edge.requests._deliver(
        Reply(reply_to=edge.requests.reply_to, outcome=OUTCOME, position=position)
    )
    await until_sent(edge, 2)
    edge.reply(OUTCOME)
    assert [each.outcome for each in await asyncio.gather(asked, again)] == [OUTCOME] * 2


async def test_answers_to_other_edges_and_broken_ones_are_passed_over(edge: Edge) -> None:
    """Partitions are shared by edges; only what is for this one counts."""
    edge.start()
    asked = edge.ask()
    await until_sent(edge, 1)
    edge.reply(replace(OUTCOME, sequence=99), reply_to="another-edge")
    edge.consumer.feed(
        FakeMessage(b"not a reply"),
        FakeMessage(None),
    )
    edge.reply(OUTCOME)
    assert (await asked).outcome.sequence == 3


async def test_request_that_kafka_did_not_take_is_answered_at_once(edge: Edge) -> None:
    """Not known to have failed, either: the same request may be repeated."""
    asked = [edge.ask(), edge.ask()]
    await until_sent(edge, 1)
    # As the outbox does, on a thread of its own.
    await asyncio.to_thread(edge.outbox.failures[0], "timed out")
    for each in asked:
        with pytest.raises(Problem) as caught:
            await each
        assert caught.value.kind.status == 504


async def test_request_with_a_full_outbox_is_to_be_repeated(edge: Edge) -> None:
    edge.outbox.fault = BufferError()
    with pytest.raises(Problem) as caught:
        await edge.ask()
    assert (caught.value.kind.status, caught.value.headers) == (503, {"Retry-After": "1"})
    edge.outbox.fault = None
    edge.start()
    asked = edge.ask()
    await until_sent(edge, 1)
    edge.reply(OUTCOME)
    assert (await asked).outcome == OUTCOME, "the refused one left nothing behind"


async def test_caller_that_goes_away_leaves_the_others_waiting(edge: Edge) -> None:
    edge.start()
    gone, stays = edge.ask(), edge.ask()
    await until_sent(edge, 1)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    edge.reply(OUTCOME)
    assert (await stays).outcome == OUTCOME


@pytest.mark.parametrize(
    "code",
    [
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    ],
)
async def test_error_that_passes_by_itself_does_not_end_reading(edge: Edge, code: int) -> None:
    """A broker that restarts: the client finds it again."""
    edge.start()
    asked = edge.ask()
    await until_sent(edge, 1)
    edge.consumer.feed(FakeMessage(fault=KafkaError(code)))
    edge.reply(OUTCOME)
    assert (await asked).outcome == OUTCOME


@pytest.mark.parametrize(
    "fault",
    [
        KafkaError(KafkaError._AUTO_OFFSET_RESET, "no such offset any more"),
        KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART),
        KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED),
        KafkaError(KafkaError._FATAL, "fenced", fatal=True),
    ],
    ids=["position lost", "no topic", "no right", "fatal"],
)
async def test_error_after_which_no_reply_comes_ends_reading_loudly(
    edge: Edge, fault: KafkaError
) -> None:
    """An edge that hears nothing would answer every request with 504, alive and ready."""
    edge.start()
    edge.consumer.feed(FakeMessage(fault=fault))
    await edge.until_ended()
    assert edge.error is not None
    assert "refused to read the replies" in str(edge.error)
    assert edge.consumer.closed


async def test_request_that_kafka_refuses_to_queue_is_to_be_repeated(edge: Edge) -> None:
    edge.outbox.fault = KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
    with pytest.raises(Problem) as caught:
        await edge.ask()
    assert (caught.value.kind.status, caught.value.headers) == (503, {"Retry-After": "1"})


async def test_request_after_the_outbox_ended_is_told_that_the_process_stops(edge: Edge) -> None:
    """Not that Kafka takes nothing for the moment: here it never does again."""
    edge.outbox.fault = BrokerRefused("Kafka takes nothing any more")
    with pytest.raises(Problem) as caught:
        await edge.ask()
    assert caught.value.kind.name == "stopping"


async def test_edge_that_stops_answers_whoever_waits_and_asks_nothing_new(edge: Edge) -> None:
    """First no new questions; what is under way may still be answered; then it is given up."""
    edge.start()
    asked, waits = edge.ask(), edge.ask("r-2")
    await until_sent(edge, 2)
    edge.requests.refuse_new()
    with pytest.raises(Problem) as refused:
        await edge.ask("r-3")
    assert (refused.value.kind.status, refused.value.kind.name) == (503, "stopping")
    edge.reply(OUTCOME)
    assert (await asked).outcome == OUTCOME
    edge.requests.give_up()
    with pytest.raises(Problem) as caught:
        await waits
    assert (caught.value.kind.status, caught.value.kind.name) == (504, "no-answer")
    assert len(edge.outbox.sent) == 2


async def test_stop_closes_the_consumer(edge: Edge) -> None:
    edge.start()
    edge.stop()
    assert edge.consumer.closed


def test_every_edge_has_a_name_of_its_own(consumers: None) -> None:
    assert Edge(SETTINGS).requests.reply_to != Edge(SETTINGS).requests.reply_to
