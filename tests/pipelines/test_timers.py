"""Timers: what is due is asked about, once in a while, and a full queue is no failure."""

import threading

import pytest

from pipelines.contracts.command_record import command_from_record
from pipelines.contracts.fact_record import fact_from_record
from pipelines.stages.record import Outgoing
from pipelines.timers import (
    ASK_AGAIN_AFTER_MS,
    BATCH,
    TimerLoop,
    deadline_fact,
    expiry_command,
)
from pipelines.topics import COMMANDS, FACTS
from state.certificate.commands import Action, ExpireHold, ExpireReservation, Origin
from state.correlation.facts import DeadlineReached, Policy
from state.stores.layout import DeadlineEntry
from state.stores.reader import StoreClosed
from tests.pipelines.stages.stage_in_memory import FRAMING, opened

NOW_MS = 1_735_689_600_123
POLICY = Policy(missing_after_ms=1, forget_after_ms=2)


def entry(number: int = 1, kind: str = "HOLD", at_ms: int = NOW_MS - 5) -> DeadlineEntry:
    return DeadlineEntry(
        at_ms=at_ms, message_key=f"GC-{number:04d}", kind=kind, subject=f"hold-{number}"
    )


class FakeStore:
    """The due deadlines, as a store of this process would list them."""

    def __init__(self, *entries: DeadlineEntry) -> None:
        self.entries = list(entries)
        self.closed = False
        self.limits: list[int] = []

    def due(self, now_ms: int, limit: int) -> list[DeadlineEntry]:
        if self.closed:
            raise StoreClosed
        self.limits.append(limit)
        return [each for each in sorted(self.entries) if each.at_ms <= now_ms][:limit]


class FakeOutbox:
    """Keeps what is sent, while there is room."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.room = 1_000_000

    def send(self, output: Outgoing) -> None:
        if len(self.sent) >= self.room:
            raise BufferError("the queue is full")
        self.sent.append(output)

    @property
    def keys(self) -> list[bytes | None]:
        return [output.key for output in self.sent]


def loop_over(store: FakeStore, outbox: FakeOutbox) -> TimerLoop:
    # A fake in place of the store of a running worker, of which a timer uses one method.
    return TimerLoop(store, expiry_command(FRAMING), outbox.send, 10)  # type: ignore[arg-type]  # a fake of the one method used


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("HOLD", ExpireHold(authorization_id="hold-1")),
        ("RESERVATION", ExpireReservation(reservation_id="hold-1")),
    ],
)
def test_due_deadline_of_a_certificate_asks_it(kind: str, action: Action) -> None:
    output = expiry_command(FRAMING)(entry(kind=kind), NOW_MS)
    assert (output.topic, output.key) == (COMMANDS, b"GC-0001")
    command = command_from_record(opened(output))
    assert (command.action, command.certificate_id) == (action, "GC-0001")
    assert (command.origin, command.at_ms, command.actor) == (Origin.TIMER, NOW_MS, "timer")
    assert command.reply_to is None


def test_due_deadline_of_a_correlation_is_a_fact_about_it() -> None:
    due = DeadlineEntry(at_ms=NOW_MS - 5, message_key="order-1", kind="CORRELATION", subject="")
    output = deadline_fact(FRAMING, POLICY)(due, NOW_MS)
    assert (output.topic, output.key) == (FACTS, b"order-1")
    fact = fact_from_record(opened(output))
    assert (fact.happening, fact.correlation_id) == (DeadlineReached(), "order-1")
    assert (fact.at_ms, fact.policy) == (NOW_MS, POLICY)


def test_question_about_the_longest_ids_is_a_readable_record() -> None:
    made = f"{'c' * 200}/issue/{'l' * 200}"
    due = DeadlineEntry(at_ms=1, message_key="GC-0001", kind="RESERVATION", subject=made)
    command = command_from_record(opened(expiry_command(FRAMING)(due, NOW_MS)))
    assert command.action == ExpireReservation(reservation_id=made)
    long = DeadlineEntry(at_ms=1, message_key="o" * 200, kind="CORRELATION", subject="")
    fact = fact_from_record(opened(deadline_fact(FRAMING, POLICY)(long, NOW_MS)))
    assert fact.correlation_id == "o" * 200


def test_look_asks_only_about_what_has_come() -> None:
    store = FakeStore(entry(1), entry(2, at_ms=NOW_MS), entry(3, at_ms=NOW_MS + 1))
    outbox = FakeOutbox()
    loop_over(store, outbox).look(NOW_MS)
    assert outbox.keys == [b"GC-0001", b"GC-0002"]


def test_look_asks_once_and_again_only_after_a_while() -> None:
    outbox = FakeOutbox()
    loop = loop_over(FakeStore(entry()), outbox)
    loop.look(NOW_MS)
    loop.look(NOW_MS + ASK_AGAIN_AFTER_MS - 1)
    assert len(outbox.sent) == 1
    loop.look(NOW_MS + ASK_AGAIN_AFTER_MS)
    assert len(outbox.sent) == 2
    assert command_from_record(opened(outbox.sent[1])).at_ms == NOW_MS + ASK_AGAIN_AFTER_MS


def test_look_asks_about_no_more_while_a_whole_batch_is_unanswered() -> None:
    """A backlog of deadlines comes out as fast as it is judged, and floods nothing."""
    store = FakeStore(*(entry(number) for number in range(BATCH)))
    outbox = FakeOutbox()
    loop = loop_over(store, outbox)
    loop.look(NOW_MS)
    store.entries.append(entry(9_999))
    loop.look(NOW_MS + 1)
    assert outbox.keys[BATCH:] == []
    del store.entries[0]
    loop.look(NOW_MS + 2)
    assert outbox.keys[BATCH:] == [b"GC-9999"]


def test_look_at_a_store_that_moves_waits_for_the_next_turn() -> None:
    store, outbox = FakeStore(entry()), FakeOutbox()
    loop = loop_over(store, outbox)
    store.closed = True
    loop.look(NOW_MS)
    assert outbox.sent == []
    store.closed = False
    loop.look(NOW_MS + 1)
    assert len(outbox.sent) == 1


def test_look_with_a_full_queue_goes_on_at_the_next_turn() -> None:
    """Kafka that does not answer for a while must not stop a worker by way of its timers."""
    outbox = FakeOutbox()
    loop = loop_over(FakeStore(entry(1), entry(2), entry(3)), outbox)
    outbox.room = 2
    loop.look(NOW_MS)
    assert outbox.keys == [b"GC-0001", b"GC-0002"]
    outbox.room = 10
    loop.look(NOW_MS + 1)
    assert outbox.keys == [b"GC-0001", b"GC-0002", b"GC-0003"]


def test_run_looks_until_stopped() -> None:
    asked = threading.Event()

    class Watched(FakeStore):
        def due(self, now_ms: int, limit: int) -> list[DeadlineEntry]:
            asked.set()
            return super().due(now_ms, limit)

    outbox = FakeOutbox()
    loop = loop_over(Watched(entry()), outbox)
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert asked.wait(10)
    loop.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert len(outbox.sent) == 1
