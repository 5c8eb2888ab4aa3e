"""Those who call over HTTP: what they ask, where, how often, and what they were told.

Owns the calls that are made for errands. A caller who got no answer does not know whether it
happened and asks again with the same key, at any edge, for as long as it takes.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

from http_edge.api.problems import Problem, moving, no_answer, not_there_yet
from http_edge.asking.asking import Answer, Ask
from http_edge.asking.services import ElsewhereError
from http_edge.asking.store_position import StorePosition
from http_edge.handlers.code_calls import reveal_code
from http_edge.handlers.money_calls import authorize, capture, void_authorization
from http_edge.handlers.reading_calls import read_balance, read_certificate
from http_edge.handlers.reserving_calls import reserve_number, take_next
from http_edge.handlers.support_calls import annul, lock, notify, unlock
from pipelines.simulation.edge import SimulatedRequests, SimulatedServices, Waiting
from pipelines.simulation.errands import CALLS, Answered, Errand
from pipelines.simulation.process import Process
from pipelines.topics import COMMANDS, Role

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

_HANDLERS: Final[Mapping[str, Callable[[Any, Ask], Coroutine[Any, Any, Answer]]]] = {
    "takeNext": take_next,
    "takeNextByGet": take_next,
    "reserveNumber": reserve_number,
    "readCertificate": read_certificate,
    "readBalance": read_balance,
    "revealCode": reveal_code,
    "lock": lock,
    "unlock": unlock,
    "annul": annul,
    "notify": notify,
    "authorize": authorize,
    "capture": capture,
    "voidAuthorization": void_authorization,
}
_TRIES_MAX: Final = 60


@dataclass(slots=True, kw_only=True, eq=False)
class _UnderWay:
    """One call for an errand, in one edge. `abandoned`: nobody hears what it comes to."""

    errand: Errand
    process: Process
    coroutine: Coroutine[Any, Any, Answer]
    asked_at: int
    waiting: Waiting | None = None
    forwarded_by: Process | None = None
    abandoned: bool = False


class Callers:
    """Every call of a run."""

    def __init__(self, universe: "Universe") -> None:
        self._universe = universe
        self._edges: dict[str, SimulatedServices] = {}
        self._moment = 0
        self._under_way: list[_UnderWay] = []
        self.errands: list[Errand] = []
        self.unanswered: list[Errand] = []

    def start(self, errand: Errand, random: Random) -> bool:
        """Ask for an errand at some edge that listens; False: none does."""
        edges = [each for each in self._universe.processes(Role.PROCESSOR) if not each.paused]
        if errand.tries == 0:
            self.errands.append(errand)
        if not edges:
            self._ask_later(errand)
            return False
        self._call(errand, random.choice(edges))
        return True

    def _call(self, errand: Errand, process: Process, forwarded_by: Process | None = None) -> None:
        errand.tries += forwarded_by is None
        self._universe.counters["HTTP calls"] += 1
        services = self._edge(process)
        handler = _HANDLERS[errand.operation]
        assert errand.scope_fits, "the edge would refuse it at once"
        self._moment += 1
        call = _UnderWay(
            errand=errand,
            process=process,
            coroutine=handler(services, _ask(errand)),
            asked_at=self._moment,
            forwarded_by=forwarded_by,
        )
        self._under_way.append(call)
        self._go_on(call)

    def _edge(self, process: Process) -> SimulatedServices:
        services = self._edges.get(process.life)
        if services is None:
            services = self._edges[process.life] = SimulatedServices(self._universe, process)
        return services

    def _go_on(self, call: _UnderWay, problem: Problem | None = None) -> None:
        """Send a handler on until it waits again or has ended."""
        try:
            if problem is None:
                call.waiting = call.coroutine.send(None)
            else:
                call.waiting = call.coroutine.throw(problem)
        except StopIteration as ended:
            self._end(call, _answered(ended.value))
        except Problem as told:
            self._end(call, Answered(problem=told.kind.name))
        except ElsewhereError as elsewhere:
            self._forward(call, elsewhere)

    def _forward(self, call: _UnderWay, elsewhere: ElsewhereError) -> None:
        """Hand the call on to the owner, once: who is not the owner either says so."""
        owner: Any = elsewhere.place
        if call.forwarded_by is not None or owner is None or owner is call.process:
            self._end(call, Answered(problem=moving().kind.name))
        elif owner.paused or not owner.alive:
            self._end(call, Answered(problem=no_answer().kind.name))
        else:
            self._under_way.remove(call)
            self._universe.counters["HTTP calls forwarded"] += 1
            self._call(call.errand, owner, forwarded_by=call.process)

    def _end(self, call: _UnderWay, answered: Answered) -> None:
        self._under_way.remove(call)
        if call.abandoned:
            return
        errand = call.errand
        if not answered.definite:
            self._ask_later(errand)
            return
        self._moment += 1
        answered = replace(answered, asked_at=call.asked_at, told_at=self._moment)
        errand.answers.append(answered)
        if errand in self.unanswered:
            self.unanswered.remove(errand)
        self._universe.counters[f"{errand.operation}: {answered.problem or 'done'}"] += 1
        if len(errand.answers) == 1 and errand.then is not None:
            errand.then(answered)

    def _ask_later(self, errand: Errand) -> None:
        self._universe.counters["HTTP calls without an answer"] += 1
        if not errand.answers and errand not in self.unanswered:
            self.unanswered.append(errand)

    def hear(self, process: Process, payload: bytes) -> None:
        """A record of the replies came to an edge."""
        services = self._edges.get(process.life)
        if services is None:
            return
        requests = cast(SimulatedRequests, services.requests)
        for waiting in requests.taken(payload):
            for call in self._under_way:
                if call.waiting is waiting:
                    self._go_on(call)
                    break

    def look(self) -> None:
        """Send on those whose store has come as far as they wait for."""
        for call in list(self._under_way):
            waiting = call.waiting
            if waiting is None or waiting.position is None or call.process.paused:
                continue
            if self._edges[call.process.life].has_reached(waiting.position):
                self._go_on(call)

    def give_up(self, random: Random) -> str:
        """One caller's patience ends."""
        if not self._under_way:
            return "nobody waits for an answer"
        call = random.choice(self._under_way)
        self._time_out(call)
        return f"{call.errand.operation} gets no answer in time"

    def _time_out(self, call: _UnderWay) -> None:
        self._universe.counters["HTTP calls timed out"] += 1
        waits_for_store = call.waiting is not None and call.waiting.position is not None
        self._go_on(call, not_there_yet() if waits_for_store else no_answer())

    def process_died(self, process: Process) -> None:
        """Nothing that was under way in that edge is answered any more."""
        self._edges.pop(process.life, None)
        for call in list(self._under_way):
            if call.process is process:
                call.coroutine.close()
                self._end(call, Answered(problem=no_answer().kind.name))
            elif call.forwarded_by is process and not call.abandoned:
                # The owner goes on; there is nobody left to tell.
                call.abandoned = True
                self._ask_later(call.errand)

    def repeat_unanswered(self, random: Random) -> str:
        """Ask one of those again that nobody knows the outcome of."""
        if not self.unanswered:
            return "nothing is unanswered"
        errand = random.choice(self.unanswered)
        self.start(errand, random)
        return f"{errand.operation} once more, with the same key"

    def finish(self, random: Random) -> bool:
        """Whoever still waits has waited long enough; all without an answer ask again."""
        for call in list(self._under_way):
            self._time_out(call)
        # One a request: who asks two things under one name at once may be told of neither.
        asked = {
            each.request_id or id(each): each for each in self.unanswered if each.tries < _TRIES_MAX
        }
        for errand in asked.values():
            self.start(errand, random)
        return bool(asked)


def _ask(errand: Errand) -> Ask:
    return Ask(
        call=CALLS[errand.operation],
        caller=errand.caller,
        path=errand.path,
        query=errand.path,
        body=errand.body,
        request_id=errand.request_id,
        until_s=inf,
        authorization="",
        position=errand.position,
    )


def _answered(answer: Answer) -> Answered:
    position = answer.position
    at = None
    if position is not None and position.topic.endswith(COMMANDS.name):
        at = StorePosition(partition=position.partition, offset=position.offset)
    return Answered(problem=None, content=answer.content, position=at)
