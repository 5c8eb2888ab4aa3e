"""All deliveries under way: one after the other for a certificate, and a bug in one ends all."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic

import pytest

from pipelines.last_turn import LastTurn
from pipelines.neighbours.crm import desk as desk_module
from pipelines.neighbours.crm.courier import Marks, NotOurs
from pipelines.neighbours.crm.desk import Begins, Delivers, Desk, Done, NotSent
from pipelines.neighbours.crm.outcome import Outcome, Sent
from pipelines.neighbours.crm.partition_work import Start
from pipelines.neighbours.records.clients import NotificationChannel
from tests.neighbours.crm.asked_messages import request
from tests.pipelines.told_time import ToldTime

SENT = Sent(channel=NotificationChannel.SMS)
WAIT_S = 30.0
HOLDS_UP = 9


class ToldCourier:
    """Delivers as a test says; knows who is under way."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.under_way: list[int] = []
        self.seen: list[tuple[int, list[int]]] = []
        self.let_go = Event()
        self.began = Event()

    async def deliver(self, start: Start, marks: Marks) -> Outcome:
        offset = start.request.offset
        self.seen.append((offset, list(self.under_way)))
        self.under_way.append(offset)
        self.began.set()
        try:
            while not self.let_go.is_set():
                await asyncio.sleep(0.001)
            if self.failure is not None:
                raise self.failure
            if not await marks.begin(start.request):
                raise NotOurs
            marks.not_sent(start.request)
            return SENT
        finally:
            # The end of a delivery that was given up takes its time, too.
            await asyncio.sleep(0.005)
            self.under_way.remove(offset)


@dataclass(slots=True)
class Ended:
    """That a desk has ended, and of what."""

    done: Event = field(default_factory=Event)
    failure: ZeroDivisionError | None = None


@contextmanager
def running(courier: Delivers, last_turn: LastTurn | None = None) -> Iterator[tuple[Desk, Ended]]:
    desk, ended = Desk(courier, last_turn or LastTurn(hangs_after_s=WAIT_S)), Ended()

    def run() -> None:
        try:
            asyncio.run(desk.run())
        except ZeroDivisionError as error:
            ended.failure = error
        finally:
            ended.done.set()

    thread = Thread(target=run)
    thread.start()
    try:
        yield desk, ended
    finally:
        desk.stop()
        thread.join(WAIT_S)
        assert not thread.is_alive()


def start(offset: int, number: str = "GC-00000042") -> Start:
    return Start(request=request(offset, number=number), doubtful=False)


@pytest.mark.parametrize("ours", [True, False])
def test_delivery_says_what_it_does_and_waits_for_the_answer(ours: bool) -> None:
    courier = ToldCourier()
    courier.let_go.set()
    with running(courier) as (desk, _):
        desk.start(start(7))
        begins = desk.said.get(timeout=WAIT_S)
        assert isinstance(begins, Begins)
        assert desk.said.empty()
        begins.answer(ours)
        if ours:
            assert desk.said.get(timeout=WAIT_S) == NotSent(request=request(7))
            assert desk.said.get(timeout=WAIT_S) == Done(request=request(7), outcome=SENT)
    assert desk.said.empty()


def test_delivery_of_one_certificate_waits_for_the_end_of_the_one_before() -> None:
    courier = ToldCourier()
    with running(courier) as (desk, _):
        desk.start(start(1))
        assert courier.began.wait(WAIT_S)
        courier.began.clear()
        desk.drop(request(1))
        desk.start(start(2))
        assert courier.began.wait(WAIT_S)
        desk.start(start(3, number="GC-00000043"))
        courier.let_go.set()
        said = [desk.said.get(timeout=WAIT_S) for _ in range(2)]
    assert {each.request.offset for each in said} == {2, 3}
    first, second, *_ = courier.seen
    assert (first, second) == ((1, []), (2, []))


def test_delivery_that_fails_by_a_bug_ends_all() -> None:
    courier = ToldCourier(failure=ZeroDivisionError())
    with running(courier) as (desk, ended):
        desk.start(start(1))
        courier.let_go.set()
        assert ended.done.wait(WAIT_S)
    assert isinstance(ended.failure, ZeroDivisionError)


class SlowCourier:
    """Waits for a gateway that is down, and then holds the whole event loop up."""

    def __init__(self) -> None:
        self.waits = Event()
        self.let_go = Event()

    async def deliver(self, start: Start, marks: Marks) -> Outcome:
        self.waits.set()
        if start.request.offset == HOLDS_UP:
            self.let_go.wait(WAIT_S)
            return SENT
        await asyncio.sleep(WAIT_S)
        raise AssertionError("it was given up before")


def turned(time: ToldTime, last_turn: LastTurn) -> bool:
    """Whether the loop turns, an hour later."""
    time.now_s += 3_600.0
    until_s, pause = monotonic() + WAIT_S, Event()
    while not last_turn.alive and monotonic() < until_s:
        pause.wait(0.01)
    return last_turn.alive


def test_delivery_that_waits_is_no_loop_that_hangs_and_one_that_holds_it_up_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desk_module, "_TURN_S", 0.01)
    time, courier = ToldTime(), SlowCourier()
    last_turn = LastTurn(hangs_after_s=60.0, clock=time)
    with running(courier, last_turn) as (desk, _):
        desk.start(start(1))
        assert courier.waits.wait(WAIT_S)
        assert turned(time, last_turn)
        courier.waits.clear()
        desk.start(start(HOLDS_UP, number="GC-00000043"))
        assert courier.waits.wait(WAIT_S)
        # Its loop is in there, and notes nothing.
        time.now_s += 3_600.0
        assert not last_turn.alive
        courier.let_go.set()
        assert turned(time, last_turn)


def test_desk_that_has_ended_does_nothing_any_more() -> None:
    courier = ToldCourier()
    with running(courier) as (desk, _):
        desk.stop()
    desk.start(start(1))
    desk.drop(request(1))
    desk.stop()
    assert courier.seen == []
