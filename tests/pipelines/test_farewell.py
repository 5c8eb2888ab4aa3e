"""Between being asked to stop and stopping, the loop turns on for those who wait for it."""

from types import SimpleNamespace

import pytest

from pipelines import farewell
from pipelines.farewell import LINGER_S, Farewell


class Edge:
    """Callers who wait, as an edge counts them."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        self.began = 0

    def farewell(self) -> Farewell:
        def begin() -> None:
            self.began += 1

        return Farewell(begin, lambda: self.waiting)


def test_nobody_waits_so_the_loop_ends_at_once() -> None:
    edge = Edge(0)
    assert edge.farewell().over()
    assert edge.began == 1


def test_loop_turns_on_until_the_last_caller_is_answered() -> None:
    edge = Edge(2)
    goodbye = edge.farewell()
    assert not goodbye.over()
    edge.waiting = 1
    assert not goodbye.over()
    edge.waiting = 0
    assert goodbye.over()
    assert edge.began == 1


def test_caller_who_is_never_answered_does_not_hold_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = [100.0]
    monkeypatch.setattr(farewell, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    goodbye = Edge(1).farewell()
    assert not goodbye.over()
    now_s[0] += LINGER_S - 0.01
    assert not goodbye.over()
    now_s[0] += 0.01
    assert goodbye.over()
