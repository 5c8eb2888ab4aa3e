"""The queue behaves as a plain double-ended queue, whatever is asked of it in whatever order."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from state.pool.queue import Blocked, LowLevel, Offered
from tests.state.pool.test_queue import Pool

numbers = st.sampled_from([f"GC-{number:04}" for number in range(8)])
requests = st.integers(0, 30).map("request-{}".format)


class Queue(RuleBasedStateMachine):
    """The rules beside a deque and a dictionary of what each request was given."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool()
        self.free: deque[str] = deque()
        self.given: dict[str, str | None] = {}
        self.sequence = 0
        self.alerted = False
        self.mark = 0

    @rule(number=numbers)
    def a_number_comes(self, number: str) -> None:
        self.pool.add(number)
        if number not in self.free:
            self.free.append(number)
            self.alerted = self.alerted and len(self.free) <= self.mark

    @rule(number=numbers)
    def a_number_goes_another_way(self, number: str) -> None:
        self.pool.forget(number)
        if number in self.free:
            self.free.remove(number)

    @rule(request=requests, other=st.booleans(), mark=st.integers(0, 3), at_ms=st.integers(0, 99))
    def a_number_is_asked_for(self, request: str, other: bool, mark: int, at_ms: int) -> None:
        """`other`: what was given before was not free, so another one is wanted."""
        before = self.given.get(request)
        instead_of = before if other else None
        results = self.pool.take(request, instead_of=instead_of, low_mark=mark, at_ms=at_ms)
        fresh = request not in self.given or (instead_of is not None and before is not None)
        if fresh:
            self.given[request] = self.free.popleft() if self.free else None
        wanted = self.given[request]
        if wanted is None:
            (blocked,) = results
            assert isinstance(blocked, Blocked)
            self.sequence += fresh
            assert blocked.sequence == (self.sequence if fresh else None)
            return
        assert results[0] == Offered(certificate_id=wanted)
        self.mark = mark if fresh and instead_of is None else self.mark
        if fresh and len(self.free) < self.mark and not self.alerted:
            self.alerted = True
            self.sequence += 1
            (low,) = results[1:]
            assert isinstance(low, LowLevel)
            assert (low.sequence, low.level) == (self.sequence, len(self.free))
        else:
            assert len(results) == 1

    @rule(request=requests)
    def a_request_id_is_used_for_something_else(self, request: str) -> None:
        if request in self.given:
            (blocked,) = self.pool.take(request, body="another")
            assert isinstance(blocked, Blocked)
            assert blocked.sequence is None

    @invariant()
    def the_queue_holds_what_the_deque_holds(self) -> None:
        numbers_in_order = [number for _, number in sorted(self.pool.store.numbers.items())]
        assert numbers_in_order == list(self.free)
        assert self.pool.level == len(self.free)

    @invariant()
    def no_number_in_the_queue_is_also_where_it_was_forgotten(self) -> None:
        head = self.pool.store.head()
        assert all(head.first <= place < head.next_position for place in self.pool.store.numbers)


TestQueue = Queue.TestCase
TestQueue.settings = settings(stateful_step_count=40)


@given(st.lists(numbers, unique=True))
def test_pool_filled_once_is_emptied_in_the_same_order(order: list[str]) -> None:
    pool = Pool(*order)
    taken = [pool.take(f"request-{place}") for place in range(len(order))]
    assert taken == [(Offered(certificate_id=number),) for number in order]
    assert pool.level == 0
