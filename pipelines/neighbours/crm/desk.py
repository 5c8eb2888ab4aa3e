"""All deliveries under way: one task each, on an event loop in a thread of its own.

Owns the tasks and the bridge to the thread that reads the stream: what it is told comes from there,
and what it has to say goes into a queue for there. Decides nothing about a delivery.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import Event
from typing import Final, Protocol, TypeAlias

from pipelines.last_turn import LastTurn
from pipelines.neighbours.crm.courier import Marks, NotOurs
from pipelines.neighbours.crm.outcome import Outcome
from pipelines.neighbours.crm.partition_work import Start
from pipelines.neighbours.crm.request import Request

_OPENING_S: Final = 10.0
_TURN_S: Final = 1.0
"""How often the event loop says that it turns, whatever its deliveries wait for."""


class Delivers(Protocol):
    """Who sees one message to its end; see `Courier`."""

    async def deliver(self, start: Start, marks: Marks) -> Outcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Begins:
    """A send is about to begin. It waits for `answer`: is that on record, and is it ours?"""

    request: Request
    answer: Callable[[bool], None] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """What began came to nothing."""

    request: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A delivery ended."""

    request: Request
    outcome: Outcome


Said: TypeAlias = Begins | NotSent | Done


class Desk:
    """Takes messages to be delivered. `start`, `drop` and `stop` are for other threads.

    `said` is where the thread that reads the stream finds what it has to put on record.
    """

    def __init__(self, courier: Delivers, last_turn: LastTurn) -> None:
        self.said: SimpleQueue[Said] = SimpleQueue()
        self._courier = courier
        self._last_turn = last_turn
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._opened = Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Deliver until stopped. Raises what one of the deliveries failed with: a bug."""
        self._loop = asyncio.get_running_loop()
        self._ending = self._loop.create_future()
        self._opened.set()
        try:
            while not self._ending.done():
                self._last_turn.note()
                await asyncio.wait([self._ending], timeout=_TURN_S)
            self._ending.result()
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, start: Start) -> None:
        """Begin a delivery, after one of the same certificate that was dropped has ended."""
        self._call(self._begin, start)

    def drop(self, request: Request) -> None:
        """Give a delivery up: nobody wants to hear of it any more."""
        self._call(self._give_up, request)

    def stop(self) -> None:
        """End `run`; may be called again, and before it has begun."""
        self._call(self._end)

    # On the loop

    def _begin(self, start: Start) -> None:
        certificate_id = start.request.certificate_id
        earlier = self._tasks.get(certificate_id)
        task = asyncio.create_task(self._deliver(start, earlier))
        self._tasks[certificate_id] = task
        task.add_done_callback(partial(self._forget, certificate_id))

    async def _deliver(self, start: Start, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            # Two at a time would both ask for a code, and the service knows only one of them.
            await asyncio.wait([earlier])
        try:
            outcome = await self._courier.deliver(start, _SaidMarks(self.said))
        except NotOurs:
            return
        self.said.put(Done(request=start.request, outcome=outcome))

    def _give_up(self, request: Request) -> None:
        task = self._tasks.get(request.certificate_id)
        if task is not None:
            task.cancel()

    def _forget(self, certificate_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(certificate_id) is task:
            del self._tasks[certificate_id]
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            self._end(failure)

    def _end(self, failure: BaseException | None = None) -> None:
        assert self._ending is not None, "it runs"
        if self._ending.done():
            return
        if failure is None:
            self._ending.set_result(None)
        else:
            self._ending.set_exception(failure)

    def _call(self, what: Callable[..., None], *arguments: object) -> None:
        """Have it done on the loop; a loop that has ended has nothing to do any more."""
        if not self._opened.wait(_OPENING_S) or self._loop is None or self._loop.is_closed():
            return
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:
            # It closed this very moment.
            return


class _SaidMarks:
    """The marks of a delivery, put into the queue."""

    def __init__(self, said: SimpleQueue[Said]) -> None:
        self._said = said

    async def begin(self, request: Request) -> bool:
        """Wait until it is on record that a send begins."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bool] = loop.create_future()

        def answer(ours: bool) -> None:
            def settle() -> None:
                if not answered.done():
                    answered.set_result(ours)

            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:
                # The loop has ended, and the delivery with it.
                return

        self._said.put(Begins(request=request, answer=answer))
        return await answered

    def not_sent(self, request: Request) -> None:
        """Say that it came to nothing."""
        self._said.put(NotSent(request=request))
