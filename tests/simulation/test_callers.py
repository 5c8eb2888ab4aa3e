"""Callers ask for as long as it takes: without an answer, over a dead edge, at the wrong one."""

from random import Random

from http_edge.api.models import CertificatePath, NextBody, NoParameters, ReasonBody, Reservation
from pipelines.simulation.errands import STORE, SUPPORT, Answered, Errand
from pipelines.simulation.neighbours import Neighbours
from pipelines.simulation.settling import drain, settle
from pipelines.simulation.universe import Universe
from pipelines.topics import COMMANDS, Role
from tests.simulation.forged import calm_climate


class World:
    """Two processors, a stock of numbers, and callers."""

    def __init__(self) -> None:
        self.universe = Universe(calm_climate())
        self.neighbours = Neighbours(self.universe)
        self.universe.attach(self.neighbours)
        self.universe.begin(Random(1))
        self.callers = self.neighbours.callers
        for _ in range(4):
            self.neighbours.desk.load(Random(3))
        self.perform()

    def perform(self) -> None:
        """All that is under way arrives, and is performed."""
        self.universe.network.deliver_all()
        for process in self.universe.service.awake():
            self.universe.service.hear_of_group(process, Random(1))
        drain(self.universe.service, Random(1))

    def hear(self) -> None:
        for process in self.universe.processes(Role.PROCESSOR):
            self.universe.hear(process)

    def take(self, key: str = "first") -> Errand:
        body = NextBody(pool="ELECTRONIC", order_id="o")
        errand = Errand(caller=STORE, operation="takeNext", path=NoParameters(), body=body, key=key)
        self.callers.start(errand, Random(1))
        return errand

    def lock(self, number: str) -> Errand:
        errand = Errand(
            caller=SUPPORT,
            operation="lock",
            path=CertificatePath(certificate_id=number),
            body=ReasonBody(reason="lost"),
            key=f"lock-{number}",
        )
        self.callers.start(errand, Random(1))
        return errand


def _reservation(errand: Errand) -> Reservation:
    assert errand.answer is not None
    assert isinstance(errand.answer.content, Reservation)
    return errand.answer.content


def test_a_caller_is_told_what_was_decided() -> None:
    world = World()
    errand = world.take()
    assert errand.answer is None
    world.perform()
    world.perform()
    world.hear()
    assert _reservation(errand).reservation_id == errand.request_id


def test_a_caller_whose_patience_ended_asks_again_and_gets_the_same_number() -> None:
    world = World()
    errand = world.take()
    assert world.callers.give_up(Random(1)) == "takeNext gets no answer in time"
    assert errand in world.callers.unanswered
    world.perform()
    world.callers.repeat_unanswered(Random(1))
    world.perform()
    world.hear()
    taken = [answer.content for answer in errand.answers]
    other = world.take("second")
    world.perform()
    world.hear()
    assert len(taken) == 1
    assert _reservation(other).certificate_id != _reservation(errand).certificate_id


def test_a_call_dies_with_its_edge_and_is_repeated_at_another() -> None:
    world = World()
    errand = world.take()
    dead = next(process for process in world.universe.processes(Role.PROCESSOR))
    for process in world.universe.processes(Role.PROCESSOR):
        world.universe.service.crash(process, lose_disk=False)
    assert not dead.alive
    assert errand in world.callers.unanswered
    settle(world.universe, Random(1))
    assert _reservation(errand).certificate_id


def test_a_call_at_the_wrong_edge_is_handed_on_to_the_owner() -> None:
    world = World()
    numbers = [record.key.decode() for record in world.universe.records(COMMANDS) if record.key]
    errands = [world.lock(number) for number in numbers[:12]]
    settle(world.universe, Random(1))
    assert all(errand.answer is not None for errand in errands)
    assert world.universe.counters["HTTP calls forwarded"] > 0


def test_the_first_definite_answer_is_handed_to_who_waits_for_it() -> None:
    world = World()
    told: list[Answered] = []
    errand = world.take()
    errand.then = told.append
    world.perform()
    world.hear()
    world.callers.start(errand, Random(1))
    world.perform()
    world.hear()
    assert len(errand.answers) == 2
    assert told == errand.answers[:1]
